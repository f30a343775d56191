//! Reads the shards of a stream, each in its own task.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use andon_clock::Stopwatch;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::deliver::deliver;
use super::{
    AFTER_ERROR, EVENT_BYTES, Invoke, ReadError, Reader, Shard, SourceRecord, SourceSettings, go_on_after,
};
use crate::event::Listener;

/// Wait between two listings of the shards.
const LOOK: Duration = Duration::from_secs(1);

/// Delivers all shards until the source stops.
pub(super) async fn hand_over<R: Reader, I: Invoke>(
    reader: Arc<R>,
    target: Arc<I>,
    settings: SourceSettings,
    listener: Listener,
    mut stop: watch::Receiver<bool>,
) {
    let mut workers: JoinSet<String> = JoinSet::new();
    let mut begun = BTreeSet::new();
    let mut finished = BTreeSet::new();
    loop {
        while let Some(worker) = workers.try_join_next() {
            finished.extend(worker.ok());
        }
        match reader.shards().await {
            Ok(listed) => {
                for id in ready(&listed, &begun, &finished) {
                    begun.insert(id.clone());
                    let worker = Worker {
                        reader: Arc::clone(&reader),
                        target: Arc::clone(&target),
                        settings,
                        listener: listener.clone(),
                        stop: stop.clone(),
                        shard: id,
                        from: None,
                        last: None,
                        ended: false,
                    };
                    workers.spawn(worker.run());
                }
            }
            Err(ReadError::Gone(error) | ReadError::Other(error)) => {
                listener.problem(format!("cannot list shards: {error}"));
            }
        }
        if !go_on_after(LOOK, &mut stop).await {
            break;
        }
    }
    while workers.join_next().await.is_some() {}
}

/// Returns the shards that are ready: their parents are delivered to the end. A parent that is neither listed nor begun
/// is older than the retention of the stream.
fn ready(listed: &[Shard], begun: &BTreeSet<String>, finished: &BTreeSet<String>) -> Vec<String> {
    let by_id: BTreeMap<&str, &Shard> = listed.iter().map(|shard| (shard.id.as_str(), shard)).collect();
    let is_over = |parent: &String| {
        finished.contains(parent) || (!begun.contains(parent) && !by_id.contains_key(parent.as_str()))
    };
    let new = by_id.values().filter(|shard| !begun.contains(&shard.id));
    new.filter(|shard| shard.parents.iter().all(is_over)).map(|shard| shard.id.clone()).collect()
}

/// A worker that delivers the records of one shard.
struct Worker<R, I> {
    reader: Arc<R>,
    target: Arc<I>,
    settings: SourceSettings,
    listener: Listener,
    stop: watch::Receiver<bool>,
    shard: String,
    /// Iterator of the next read.
    from: Option<String>,
    /// The last record that was read.
    last: Option<String>,
    /// True at the end of a closed shard.
    ended: bool,
}

impl<R: Reader, I: Invoke> Worker<R, I> {
    /// Runs to the end of the shard, or until the source stops. Returns the id of the shard.
    async fn run(mut self) -> String {
        let mut waiting = VecDeque::new();
        while !*self.stop.borrow() {
            self.gather(&mut waiting).await;
            let batch = take(&mut waiting, self.settings.batch_size);
            if !deliver(&batch, &*self.target, &mut self.stop).await {
                break;
            }
            if self.ended && waiting.is_empty() {
                return self.shard;
            }
        }
        // Told to end: the shard is not over, so nothing that came out of it may begin.
        std::future::pending::<()>().await;
        self.shard
    }

    /// Reads until a batch is full, or until the batch window has passed since the first record.
    async fn gather(&mut self, waiting: &mut VecDeque<SourceRecord>) {
        let mut since = (!waiting.is_empty()).then(Stopwatch::start);
        loop {
            let bytes: usize = waiting.iter().map(|record| record.json.len()).sum();
            let left = since.map(|since| self.settings.window.saturating_sub(since.elapsed()));
            let enough = waiting.len() >= self.settings.batch_size || bytes >= EVENT_BYTES;
            if enough || self.ended || left == Some(Duration::ZERO) || *self.stop.borrow() {
                return;
            }
            let pause = match self.read().await {
                Ok(records) if records.is_empty() => self.settings.idle,
                Ok(records) => {
                    waiting.extend(records);
                    since.get_or_insert_with(Stopwatch::start);
                    continue;
                }
                Err(ReadError::Gone(error)) => {
                    self.listener.problem(format!(
                        "the shard `{}` is gone, and with it what was not read of it: {error}",
                        self.shard
                    ));
                    self.ended = true;
                    return;
                }
                Err(ReadError::Other(error)) => {
                    self.listener.problem(format!("cannot read the shard `{}`: {error}", self.shard));
                    // The place may be too old by now.
                    self.from = None;
                    AFTER_ERROR
                }
            };
            if !self.ended && !go_on_after(left.map_or(pause, |left| pause.min(left)), &mut self.stop).await {
                return;
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<SourceRecord>, ReadError> {
        let from = match self.from.take() {
            Some(from) => from,
            None => self.reader.begin(&self.shard, self.last.as_deref()).await?,
        };
        let page = self.reader.read(&self.shard, &from).await?;
        self.ended = page.next.is_none();
        self.from = page.next;
        if let Some(last) = page.records.last() {
            self.last = Some(last.number.clone());
        }
        Ok(page.records)
    }
}

/// Returns the next batch, up to the maximum records and bytes.
fn take(waiting: &mut VecDeque<SourceRecord>, batch_size: usize) -> Vec<SourceRecord> {
    let mut batch = Vec::new();
    let mut bytes = 64;
    while let Some(record) = waiting.front() {
        bytes += record.json.len() + 1;
        if !batch.is_empty() && (batch.len() >= batch_size || bytes > EVENT_BYTES) {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parents: &[&str]) -> Shard {
        Shard { id: id.to_owned(), parents: parents.iter().map(ToString::to_string).collect() }
    }

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_shard_waits_for_its_parents_but_not_for_those_that_the_stream_has_forgotten() {
        let listed = [shard("a", &["z"]), shard("b", &["a"]), shard("c", &["a", "b"])];
        assert_eq!(ready(&listed, &set(&[]), &set(&[])), ["a"]);
        assert_eq!(ready(&listed, &set(&["a"]), &set(&[])), Vec::<String>::new());
        assert_eq!(ready(&listed, &set(&["a"]), &set(&["a"])), ["b"]);
        // No longer listed, but not over yet.
        assert_eq!(ready(&listed[1..2], &set(&["a"]), &set(&[])), Vec::<String>::new());
        assert_eq!(ready(&listed, &set(&["a", "b"]), &set(&["a", "b"])), ["c"]);
    }

    #[test]
    fn a_batch_has_no_more_records_and_bytes_than_it_may() {
        let record = |bytes: usize| SourceRecord { number: String::new(), json: "x".repeat(bytes) };
        let mut waiting: VecDeque<_> = (0..5).map(|_| record(10)).collect();
        assert_eq!(take(&mut waiting, 3).len(), 3);
        assert_eq!(take(&mut waiting, 3).len(), 2);
        let mut waiting: VecDeque<_> = (0..5).map(|_| record(2_500_000)).collect();
        assert_eq!(take(&mut waiting, 100).len(), 2);
    }
}
