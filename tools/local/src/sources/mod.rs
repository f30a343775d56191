//! Event sources: from the shards of a stream to invocations of a function, as Lambda's event source mappings do it.
//!
//! Every shard is read from its oldest record on, and handed over in order, one batch at a time. A batch comes again
//! until it is done: from the record that the function names in `batchItemFailures`, or in halves where the function
//! fails as a whole. Nothing is ever left out. A shard that came out of a split or a merge waits until its parents have
//! been handed over to their end.
//!
//! They are made here since the emulator's own do not keep these promises.

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

/// Largest event of an invocation, in bytes: as in Lambda.
const EVENT_BYTES: usize = 6 << 20;

/// Wait after a read that failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Between two looks at a queue that had nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// The settings of an event source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Most records of a batch.
    pub batch_size: usize,
    /// The batch window.
    pub window: Duration,
    /// Between two looks at a shard that has had nothing new. A shard of Kinesis may be read five times a second.
    pub idle: Duration,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shards that it came out of.
    pub parents: Vec<String>,
}

/// A record, as it stands in an event.
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
    /// In order.
    pub records: Vec<SourceRecord>,
    /// Iterator of the next read; `None` at the end of a closed shard.
    pub next: Option<String>,
}

/// A reason why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The stream or shard is not there, or no longer.
    Gone(String),
    /// Trying again may help.
    Other(String),
}

/// Reads the shards of a stream.
pub trait Reader: Send + Sync + 'static {
    /// All shards, open and closed.
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

/// Takes events.
pub trait Invoke: Send + Sync + 'static {
    /// Hands over an event and waits for the answer.
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

/// A running event source. [`Source::stop`] stops it; dropped, it ends at once.
#[derive(Debug)]
pub struct Source {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Longest wait for the current batches when a source stops.
const END: Duration = Duration::from_secs(5);

impl Source {
    /// Hands a stream over to a function.
    pub fn stream(
        reader: impl Reader,
        target: impl Invoke,
        settings: SourceSettings,
        listener: Listener,
    ) -> Self {
        Self::spawn(|stop| shards::hand_over(Arc::new(reader), Arc::new(target), settings, listener, stop))
    }

    /// Hands a queue over to a function.
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

    /// Tells it to end. Told to several, they end side by side.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Ends it after the batches that are under way.
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

/// Waits; answers whether to go on.
async fn go_on_after(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => !*stop.borrow(),
        _ = stop.changed() => false,
    }
}
