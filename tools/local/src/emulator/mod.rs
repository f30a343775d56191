//! Runs an emulator of AWS as a child process: [ministack](https://pypi.org/project/ministack/), in Python.
//!
//! It is installed once, in a folder of its own under the user's cache. It listens on a free port of this machine only,
//! keeps everything in memory, and ends when its [`Emulator`] is dropped, or when this process ends or crashes.

mod install;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use andon_clock::Stopwatch;

use crate::event::Listener;
use crate::group::of_its_own;

/// The version that is installed.
pub const MINISTACK_VERSION: &str = "1.5.33";

/// Runs ministack until standard input ends: that is a pipe to us, so it also ends when we are killed.
const PROGRAM: &str = "\
import os, sys, threading

def until_the_end_of_input():
    while os.read(0, 4096):
        pass
    os._exit(0)

threading.Thread(target=until_the_end_of_input, daemon=True).start()
sys.argv = ['ministack']
from ministack.app import main
main()
";

/// Maximum wait for the emulator's first answer; two seconds are usual.
const START: Duration = Duration::from_secs(60);

/// A reason why there is no emulator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmulatorError {
    /// There is no usable Python.
    #[error(
        "the emulator needs python 3.10 or newer with `venv` and `pip`, and there is none ({0}); install it \
         (on Debian: `apt install python3-venv`), or name another endpoint"
    )]
    NoPython(String),
    /// It could not be installed.
    #[error("the emulator `ministack=={MINISTACK_VERSION}` cannot be installed: {0}")]
    NotInstalled(String),
    /// It was installed and did not start.
    #[error("the emulator does not start: {0}")]
    NotStarted(String),
}

/// A running emulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    folder: PathBuf,
    endpoint: String,
}

impl Emulator {
    /// Starts an emulator and waits until it answers; installs it first where it is not. The calling thread waits.
    ///
    /// # Errors
    /// See [`EmulatorError`].
    pub fn start(listener: &Listener) -> Result<Self, EmulatorError> {
        let python = install::python(listener)?;
        let mut last = String::new();
        // Another program may take the port that was free.
        for _ in 0..5 {
            match Self::try_start(&python) {
                Ok(emulator) => return Ok(emulator),
                Err(reason) => last = reason,
            }
        }
        Err(EmulatorError::NotStarted(last))
    }

    fn try_start(python: &Path) -> Result<Self, String> {
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let folder = std::env::temp_dir().join(format!("andon-emulator-{}-{port}", std::process::id()));
        let log = folder.join("log");
        let prepare = || -> io::Result<(File, File)> {
            fs::create_dir_all(&folder)?;
            let file = File::create(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) =
            prepare().map_err(|error| format!("cannot write `{}`: {error}", folder.display()))?;
        let mut command = Command::new(python);
        let process = of_its_own(&mut command)
            .args(["-c", PROGRAM])
            // What the user has set for other emulators must not change this one.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("GATEWAY_PORT", port.to_string())
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("LOG_LEVEL", "WARNING")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| format!("cannot run `{}`: {error}", python.display()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        // From here on, dropping it cleans up.
        let mut emulator = Self { process, folder, endpoint: format!("http://{address}") };
        let since = Stopwatch::start();
        loop {
            if is_healthy(address) {
                return Ok(emulator);
            }
            if let Ok(Some(status)) = emulator.process.try_wait() {
                return Err(format!("it ended with {status}:\n{}", tail(&log)));
            }
            if since.elapsed() > START {
                return Err(format!("no answer after {} s:\n{}", START.as_secs(), tail(&log)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the URL of the emulator, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It keeps nothing that would be lost.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Returns true if the health check of the emulator succeeds. It is the only request without a client.
fn is_healthy(address: SocketAddr) -> bool {
    let ask = || -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /_ministack/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut head = vec![0; 12];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head == b"HTTP/1.1 200")
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An emulator, or none where it cannot be had; on a build server it must be.
    fn started() -> Option<Emulator> {
        match Emulator::start(&Listener::silent()) {
            Ok(emulator) => Some(emulator),
            Err(error) if std::env::var_os("CI").is_none() => {
                eprintln!("SKIPPED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn an_emulator_answers_until_it_is_dropped_and_two_do_not_meet() {
        let (Some(one), Some(other)) = (started(), started()) else { return };
        assert_ne!(one.endpoint(), other.endpoint());
        let address: SocketAddr = one.endpoint().trim_start_matches("http://").parse().unwrap();
        let folder = one.folder.clone();
        assert!(is_healthy(address) && folder.exists());
        drop(one);
        assert!(!is_healthy(address) && !folder.exists());
    }

    #[test]
    fn an_emulator_ends_with_the_pipe_to_it() {
        let Some(mut emulator) = started() else { return };
        drop(emulator.process.stdin.take());
        let since = Stopwatch::start();
        while emulator.process.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < Duration::from_secs(10), "it is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
