//! Runs one process of a function, with the endpoint of its runtime API.

use std::io::{BufRead as _, BufReader, Read};
use std::net::Ipv4Addr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use andon_clock::{Stopwatch, now_ms};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::{self, Api, Invocation};
use super::{Function, InvokeError};
use crate::event::{Event, Listener};
use crate::group::of_its_own;

/// Timeout of the init phase, until the process asks for its first event: as in Lambda.
const INIT: Duration = Duration::from_secs(10);

/// Interval of checks whether a process has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A process that is ready or working. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    events: mpsc::Sender<Invocation>,
    server: JoinHandle<()>,
    arn: String,
}

impl Process {
    /// Starts a process, and waits until it asks for an event.
    pub(super) async fn start(function: &Function, listener: &Listener) -> Result<Self, InvokeError> {
        let not_started = |reason: String| InvokeError::NotStarted(reason);
        let since = Stopwatch::start();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let socket = socket.map_err(|error| not_started(format!("no port for it: {error}")))?;
        let address = socket.local_addr().map_err(|error| not_started(error.to_string()))?;
        let mut command = Command::new(&function.program);
        let mut child = of_its_own(&mut command)
            .args(&function.arguments)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .envs(&function.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(format!("cannot run `{}`: {error}", function.program.display())))?;
        forward(child.stdout.take(), &function.name, listener);
        forward(child.stderr.take(), &function.name, listener);
        let (events, next_events) = mpsc::channel(1);
        let api = Arc::new(Api::new(next_events));
        let server = tokio::spawn(api::serve(socket, Arc::clone(&api)));
        // From here on, dropping it cleans up.
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{}", function.name);
        let mut process = Self { child, events, server, arn };
        tokio::select! {
            () = api.ready() => {}
            status = process.ended() => {
                let said = api.init_error().unwrap_or_default();
                return Err(not_started(format!("it ended with {status} {said}").trim_end().to_owned()));
            }
            () = sleep(INIT) => {
                return Err(not_started(format!("it asked for no event within {} s", INIT.as_secs())));
            }
        }
        listener.notify(Event::Started { function: function.name.clone(), after: since.elapsed() });
        Ok(process)
    }

    /// Returns true if the process has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Hands it an event and waits for its answer. After [`InvokeError::Died`] and [`InvokeError::TimedOut`] it is of no
    /// further use.
    pub(super) async fn invoke(
        &mut self,
        event: Vec<u8>,
        longest: Duration,
        kill: &Notify,
    ) -> Result<Vec<u8>, InvokeError> {
        let (reply, answer) = oneshot::channel();
        let longest_ms = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = now_ms().saturating_add(longest_ms);
        let invocation = Invocation::new(event, deadline_ms, self.arn.clone(), reply);
        if self.events.send(invocation).await.is_err() {
            return Err(InvokeError::Died("its endpoint is gone".to_owned()));
        }
        let killed = async {
            kill.notified().await;
        };
        tokio::select! {
            // An answer that is there counts, whatever else has happened.
            biased;
            answer = answer => match answer {
                Ok(answer) => answer.map(Into::into).map_err(InvokeError::Failed),
                Err(_) => Err(InvokeError::Died("its endpoint is gone".to_owned())),
            },
            status = self.ended() => Err(InvokeError::Died(status)),
            () = killed => Err(InvokeError::Died("killed".to_owned())),
            () = sleep(longest) => Err(InvokeError::TimedOut(longest)),
        }
    }

    /// Waits until it has ended; how.
    async fn ended(&mut self) -> String {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return ended_with(status),
                Ok(None) => sleep(LOOK).await,
                Err(error) => return error.to_string(),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.server.abort();
    }
}

fn ended_with(status: ExitStatus) -> String {
    status.to_string()
}

/// Tells every line of a pipe until its end.
fn forward(pipe: Option<impl Read + Send + 'static>, function: &str, listener: &Listener) {
    let Some(pipe) = pipe else { return };
    let (function, listener) = (function.to_owned(), listener.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            listener.notify(Event::Line { function: function.clone(), line });
        }
    });
}
