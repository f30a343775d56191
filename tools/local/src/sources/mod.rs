//! Reads the shards of a stream and invokes a function with their records, as Lambda's event source mappings do.
//!
//! A source reads every shard from its oldest record (`TRIM_HORIZON`) and delivers it in order, one batch at a time. It
//! retries a batch until the function has processed it: from the record that the function names in `batchItemFailures`, or
//! in halves if the whole invocation fails. It skips no record. A child shard of a split or a merge waits until its parents
//! are delivered to their end.
//!
//! The event sources of the emulator do not keep these promises, so this crate has its own.

mod deliver;
mod dynamodb;
mod kinesis;
mod queue;
mod schedule;
mod shards;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::dynamodb::DynamoDbReader;
pub use self::kinesis::KinesisReader;
pub use self::queue::{Mailbox, QueueMessage, QueueReader};
use crate::event::Listener;
use crate::runtime_host::{InvokeError, RuntimeHost};

/// Maximum bytes of an invocation's event, as in Lambda.
const EVENT_BYTES: usize = 6 << 20;

/// Wait after a failed read.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Wait between two polls of an empty queue.
const PAUSE: Duration = Duration::from_millis(100);

/// The settings of an event source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Maximum records of a batch.
    pub batch_size: usize,
    /// The batch window.
    pub window: Duration,
    /// Wait between two polls of an idle shard. Kinesis allows five reads a second per shard.
    pub idle: Duration,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// Its parent shards.
    pub parents: Vec<String>,
}

/// A record of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Its sequence number.
    pub number: String,
    /// JSON, an item of `Records`.
    pub json: String,
}

/// The records of one read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, in order.
    pub records: Vec<SourceRecord>,
    /// Iterator of the next read; `None` at the end of a closed shard.
    pub next: Option<String>,
}

/// A reason for a failed read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The stream or shard does not exist, or no longer exists.
    Gone(String),
    /// A transient fault: a retry may succeed.
    Other(String),
}

/// A reader of the shards of a stream.
pub trait Reader: Send + Sync + 'static {
    /// Lists all shards, open and closed.
    fn shards(&self) -> impl Future<Output = Result<Vec<Shard>, ReadError>> + Send;

    /// Returns an iterator behind a record, or at the oldest record.
    fn begin(
        &self,
        shard: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<String, ReadError>> + Send;

    /// Reads the next records of a shard.
    fn read(&self, shard: &str, from: &str) -> impl Future<Output = Result<Page, ReadError>> + Send;
}

/// A function that accepts events.
pub trait Invoke: Send + Sync + 'static {
    /// Invokes the function with an event and waits for the answer.
    fn invoke(&self, event: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, InvokeError>> + Send;
}

/// A function of a host.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host of the function.
    pub host: RuntimeHost,
    /// Its name.
    pub function: String,
}

impl Invoke for Target {
    async fn invoke(&self, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        self.host.invoke(&self.function, event).await
    }
}

/// A running event source. [`Source::stop`] stops it in order; a drop ends it at once.
#[derive(Debug)]
pub struct Source {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Maximum wait for the current batches when a source stops.
const END: Duration = Duration::from_secs(5);

impl Source {
    /// Starts a source from a stream to a function.
    pub fn stream(
        reader: impl Reader,
        target: impl Invoke,
        settings: SourceSettings,
        listener: Listener,
    ) -> Self {
        Self::spawn(|stop| shards::hand_over(Arc::new(reader), Arc::new(target), settings, listener, stop))
    }

    /// Starts a source from a queue to a function.
    pub fn queue(mailbox: impl Mailbox, target: impl Invoke, listener: Listener) -> Self {
        Self::spawn(|stop| queue::hand_over(Arc::new(mailbox), Arc::new(target), listener, stop))
    }

    /// Invokes a function now and once a minute.
    pub fn every_minute(target: impl Invoke) -> Self {
        Self::spawn(|stop| schedule::every(Duration::from_secs(60), target, stop))
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(run(stopped)) }
    }

    /// Requests the end of the source. Several sources end concurrently.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Ends the source after its current batches.
    pub async fn down(mut self) {
        self.stop();
        // What has not ended by then is cut off, as by a failure.
        let _ = tokio::time::timeout(END, &mut self.task).await;
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits, and returns false if the source must stop.
async fn go_on_after(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => !*stop.borrow(),
        _ = stop.changed() => false,
    }
}
