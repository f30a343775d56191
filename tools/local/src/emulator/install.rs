//! Installs the emulator once, in its own folder under the user's cache.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{EmulatorError, MINISTACK_VERSION};
use crate::event::Listener;

/// The packages of the emulator, with pinned versions for repeatable installs.
const PACKAGES: [&str; 17] = [
    "ministack==1.5.33",
    "botocore==1.43.106",
    "defusedxml==0.7.1",
    "graphql-core==3.2.12",
    "h11==0.16.0",
    "h2==4.4.1",
    "hpack==4.2.0",
    "Hypercorn==0.18.0",
    "hyperframe==6.1.0",
    "jmespath==1.1.0",
    "jsonata-python==0.7.1",
    "priority==2.0.0",
    "python-dateutil==2.9.0.post0",
    "PyYAML==6.0.4",
    "six==1.17.0",
    "urllib3==2.8.0",
    "wsproto==1.3.2",
];

/// Names under which Python may be found.
const PYTHONS: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Fails where Python is too old, or cannot make an environment with pip.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// The Python that has the emulator, installed now where it is not yet.
pub(super) fn python(listener: &Listener) -> Result<PathBuf, EmulatorError> {
    let cache = cache_folder()
        .ok_or_else(|| EmulatorError::NotInstalled("neither XDG_CACHE_HOME nor HOME is set".to_owned()))?;
    let ours = cache.join("andon");
    let folder = ours.join(format!("ministack-{MINISTACK_VERSION}"));
    let python = folder.join("bin").join("python");
    // Written last, so what has it is whole.
    let mark = folder.join("installed");
    if mark.exists() {
        return Ok(python);
    }
    let failed =
        |what: &Path, error: io::Error| EmulatorError::NotInstalled(format!("`{}`: {error}", what.display()));
    let lock_path = ours.join("ministack.lock");
    fs::create_dir_all(&ours).map_err(|error| failed(&ours, error))?;
    let lock = File::create(&lock_path).map_err(|error| failed(&lock_path, error))?;
    // Who comes second waits here until it is there.
    lock.lock().map_err(|error| failed(&lock_path, error))?;
    if mark.exists() {
        return Ok(python);
    }
    let system = find_python()?;
    listener.step(format!(
        "installing the emulator ministack {MINISTACK_VERSION} from PyPI into {}, once",
        folder.display()
    ));
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&folder, error)),
        _ => {}
    }
    run(Command::new(system).args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    fs::write(&mark, MINISTACK_VERSION).map_err(|error| failed(&mark, error))?;
    Ok(python)
}

fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(named("HOME")?.join(".cache")))
}

fn find_python() -> Result<&'static str, EmulatorError> {
    let works = |name: &&str| {
        let probe = Command::new(name)
            .args(["-c", PROBE])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.is_ok_and(|status| status.success())
    };
    PYTHONS.into_iter().find(works).ok_or_else(|| {
        EmulatorError::NoPython(format!("tried {}", PYTHONS.map(|name| format!("`{name}`")).join(", ")))
    })
}

/// Runs a command to its end. The error holds the output of a failed command.
fn run(command: &mut Command) -> Result<(), EmulatorError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| EmulatorError::NotInstalled(format!("cannot run `{program}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(EmulatorError::NotInstalled(format!("`{program}` ended with {}:\n{}", output.status, said.trim())))
}
