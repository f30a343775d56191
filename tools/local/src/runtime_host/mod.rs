//! Runs functions as processes, as Lambda does.
//!
//! As in Lambda, a process serves one invocation at a time and stays warm for the next. Each concurrent invocation has its
//! own process. A process that ends, or exceeds its timeout, fails its invocation; the next invocation starts a new one.

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

/// A function of the host, with its binary, environment, timeout and memory.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its binary.
    pub program: PathBuf,
    /// Arguments; functions of Lambda have none.
    pub arguments: Vec<String>,
    /// Environment variables, over the variables of this process.
    pub variables: BTreeMap<String, String>,
    /// The timeout of an invocation.
    pub timeout: Duration,
    /// The memory that the function sees, MB. Not enforced.
    pub memory_mb: u32,
}

/// A reason why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The host has no function of this name.
    #[error("there is no function `{0}`")]
    Unknown(String),
    /// No process of the function started.
    #[error("no process came up: {0}")]
    NotStarted(String),
    /// The function answered with an error, as JSON.
    #[error("it answered with an error: {0}")]
    Failed(String),
    /// The process of the function ended.
    #[error("its process ended ({0})")]
    Died(String),
    /// The invocation exceeded its timeout, and the host killed the process.
    #[error("no answer after {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// A host of functions. Clones share the host; its processes end with the last clone.
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

    /// Returns the idle process that was used last, so that surplus processes stay idle.
    fn kept(&self) -> Option<Process> {
        let mut idle = self.idle();
        idle.retain_mut(|process| !process.has_ended());
        idle.pop()
    }
}

impl RuntimeHost {
    /// Returns a host of functions. A process starts at the first invocation.
    #[must_use]
    pub fn new(functions: impl IntoIterator<Item = Function>, listener: Listener) -> Self {
        let pools = functions.into_iter().map(|function| {
            let name = function.name.clone();
            (name, Pool { function, idle: Mutex::default(), kill: Notify::new() })
        });
        Self { pools: Arc::new(pools.collect()), listener }
    }

    /// Invokes a function with an event and waits for its answer.
    ///
    /// # Errors
    /// See [`InvokeError`]. The function may have had effects before the error.
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

    /// Kills every process of a function that handles an event, as a failing machine does.
    pub fn kill_invoking(&self, name: &str) {
        if let Some(pool) = self.pools.get(name) {
            pool.kill.notify_waiters();
        }
    }

    /// Ends the idle processes.
    pub fn down(&self) {
        for pool in self.pools.values() {
            pool.idle().clear();
        }
    }
}
