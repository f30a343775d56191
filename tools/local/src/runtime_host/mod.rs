//! Runs functions as processes, as Lambda does.
//!
//! As in Lambda, a process serves one invocation at a time and is kept for the next one; as many are started as there
//! are invocations at the same time. A process that ends, or takes longer than its timeout, fails its invocation, and
//! another one takes its place at the next.

mod api;
mod process;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use andon_clock::Stopwatch;
use tokio::sync::Notify;

use self::process::Process;
use crate::event::{Event, Listener};

/// A function, and how it is run.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its binary.
    pub program: PathBuf,
    /// Arguments; functions of Lambda have none.
    pub arguments: Vec<String>,
    /// Variables of its environment, over those of ours.
    pub variables: BTreeMap<String, String>,
    /// The timeout of an invocation.
    pub timeout: Duration,
    /// The memory that it sees, MB. Not enforced.
    pub memory_mb: u32,
}

/// A reason why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no such function.
    #[error("there is no function `{0}`")]
    Unknown(String),
    /// No process of it came up.
    #[error("no process came up: {0}")]
    NotStarted(String),
    /// It answered with an error: that, in JSON.
    #[error("it answered with an error: {0}")]
    Failed(String),
    /// Its process ended.
    #[error("its process ended ({0})")]
    Died(String),
    /// It took too long, and its process was killed.
    #[error("no answer after {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// Runs functions and hands events to them. Clones are the same host; its processes end with the last one.
#[derive(Clone, Debug)]
pub struct RuntimeHost {
    pools: Arc<BTreeMap<String, Pool>>,
    listener: Listener,
}

/// The processes of one function.
#[derive(Debug)]
struct Pool {
    function: Function,
    idle: Mutex<Vec<Process>>,
    /// Told to those that are invoking.
    kill: Notify,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        // What is in there is whole at any time.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process that is ready: the last one that was used, so that what is not needed stays unused.
    fn kept(&self) -> Option<Process> {
        let mut idle = self.idle();
        idle.retain_mut(|process| !process.has_ended());
        idle.pop()
    }
}

impl RuntimeHost {
    /// A host of functions; none is started before it is needed.
    #[must_use]
    pub fn new(functions: impl IntoIterator<Item = Function>, listener: Listener) -> Self {
        let pools = functions.into_iter().map(|function| {
            let name = function.name.clone();
            (name, Pool { function, idle: Mutex::default(), kill: Notify::new() })
        });
        Self { pools: Arc::new(pools.collect()), listener }
    }

    /// Hands an event to a function and waits for its answer.
    ///
    /// # Errors
    /// See [`InvokeError`]. What the function did before may have taken place.
    pub async fn invoke(&self, name: &str, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let pool = self.pools.get(name).ok_or_else(|| InvokeError::Unknown(name.to_owned()))?;
        let since = Stopwatch::start();
        let answer = self.invoke_one(pool, event).await;
        self.listener.notify(Event::Invoked {
            function: name.to_owned(),
            duration: since.elapsed(),
            error: answer.as_ref().err().map(ToString::to_string),
        });
        answer
    }

    async fn invoke_one(&self, pool: &Pool, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let mut process = match pool.kept() {
            Some(process) => process,
            None => Process::start(&pool.function, &self.listener).await?,
        };
        let answer = process.invoke(event, pool.function.timeout, &pool.kill).await;
        if matches!(answer, Ok(_) | Err(InvokeError::Failed(_))) {
            pool.idle().push(process);
        }
        answer
    }

    /// Kills every process of a function that is working on an event, as machines do that fail.
    pub fn kill_invoking(&self, name: &str) {
        if let Some(pool) = self.pools.get(name) {
            pool.kill.notify_waiters();
        }
    }

    /// Ends the processes that are idle.
    pub fn down(&self) {
        for pool in self.pools.values() {
            pool.idle().clear();
        }
    }
}
