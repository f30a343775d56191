//! Progress of a shard's sources, collected over batches and merged into its checkpoint.

use std::cell::RefCell;
use std::collections::BTreeMap;

use andon_domain::LookupMap;
use andon_ingest::{SequenceNumber, ShardId};

use super::batch::{Batch, StreamMessage};
use crate::limits;
use crate::ports::{Checkpoint, CheckpointStore, Clock, PortError, Saved, SourceMark};

/// Attempts to save one checkpoint. A conflict means that a concurrent invocation saved; the next batch writes the rest.
const SAVE_ATTEMPTS: usize = 3;

/// A writer of checkpoints: it collects the progress per shard that is not in a checkpoint yet.
#[derive(Debug, Default)]
pub(super) struct CheckpointWriter {
    shards: RefCell<BTreeMap<ShardId, UnsavedProgress>>,
}

#[derive(Clone, Debug, Default)]
struct UnsavedProgress {
    seen: Checkpoint,
    /// The time of the last attempt to save, ms.
    saved_ms: i64,
}

impl CheckpointWriter {
    /// Adds a batch: all of its messages, also those that were folded before.
    pub(super) fn observe_batch(
        &self,
        batch: &Batch<'_>,
        position: Option<SequenceNumber>,
        rejected: &BTreeMap<&'static str, u64>,
        late: &BTreeMap<String, u64>,
    ) {
        let mut shards = self.shards.borrow_mut();
        let seen = &mut shards.entry(batch.shard.clone()).or_default().seen;
        seen.position = seen.position.max(position);
        seen.arrival_ms = seen.arrival_ms.max(batch.arrival_ms);
        let (points, sources) = source_marks(&batch.messages);
        seen.points += points;
        for (source, mark) in sources {
            merge_source(&mut seen.sources, source, &mark);
        }
        for (source, count) in late {
            seen.sources.entry(source.clone()).or_default().late += count;
        }
        for (reason, count) in rejected {
            *seen.rejected.entry((*reason).to_owned()).or_default() += count;
        }
        forget_silent(&mut seen.sources);
    }

    /// Writes the checkpoint of a shard and returns it, unless the interval since the last one has not passed. After a
    /// batch with a tick it is always written: `tick` sees by it that ticks arrive.
    pub(super) async fn save(
        &self,
        ports: &(impl CheckpointStore + Clock),
        stream: &str,
        batch: &Batch<'_>,
        interval_ms: i64,
    ) -> Result<Option<Checkpoint>, PortError> {
        let now_ms = ports.now_ms();
        let ticked = batch.messages.iter().any(StreamMessage::is_tick);
        let taken = {
            let mut shards = self.shards.borrow_mut();
            let progress = shards.entry(batch.shard.clone()).or_default();
            if !ticked && now_ms.saturating_sub(progress.saved_ms) < interval_ms {
                return Ok(None);
            }
            progress.saved_ms = now_ms;
            std::mem::take(&mut progress.seen)
        };
        let shard = batch.shard.to_string();
        let saved = self.merge_into(ports, stream, &shard, &taken, now_ms).await;
        if !matches!(saved, Ok(Some(_))) {
            // The next batch writes it.
            let mut shards = self.shards.borrow_mut();
            merge(&mut shards.entry(batch.shard.clone()).or_default().seen, &taken);
        }
        saved
    }

    async fn merge_into(
        &self,
        ports: &impl CheckpointStore,
        stream: &str,
        shard: &str,
        taken: &Checkpoint,
        now_ms: i64,
    ) -> Result<Option<Checkpoint>, PortError> {
        for _ in 0..SAVE_ATTEMPTS {
            let mut checkpoint = ports.read_checkpoint(stream, shard).await?.unwrap_or_default();
            merge(&mut checkpoint, taken);
            checkpoint.revision += 1;
            checkpoint.written_ms = checkpoint.written_ms.max(now_ms);
            if ports.save_checkpoint(stream, shard, &checkpoint).await? == Saved::Done {
                return Ok(Some(checkpoint));
            }
        }
        Ok(None)
    }
}

/// Returns the number of points in messages, and the marks of their sources in the order of first appearance.
fn source_marks<'m>(messages: &'m [StreamMessage<'_>]) -> (u64, Vec<(&'m str, SourceMark)>) {
    let mut points = 0;
    let mut marks: Vec<(&str, SourceMark)> = Vec::new();
    let mut numbers: LookupMap<&str, usize> = LookupMap::default();
    for message in messages {
        for point in message.points().iter().filter(|point| !point.derived) {
            points += 1;
            let own_ms = point.timestamp_ms.min(message.arrival_ms);
            let ahead = u64::from(own_ms < point.timestamp_ms);
            let number = *numbers.entry(&point.source).or_insert(marks.len());
            match marks.get_mut(number) {
                Some((_, mark)) => {
                    mark.ahead += ahead;
                    if own_ms > mark.mark_ms {
                        mark.mark_ms = own_ms;
                        mark.last_ms = mark.last_ms.max(message.arrival_ms);
                    }
                }
                // Its first point.
                None => {
                    let mark = SourceMark { mark_ms: own_ms, last_ms: message.arrival_ms, ahead, late: 0 };
                    marks.push((&point.source, mark));
                }
            }
        }
    }
    (points, marks)
}

fn merge_source(into: &mut BTreeMap<String, SourceMark>, source: &str, mark: &SourceMark) {
    match into.get_mut(source) {
        Some(known) => {
            if mark.mark_ms > known.mark_ms {
                known.mark_ms = mark.mark_ms;
                known.last_ms = known.last_ms.max(mark.last_ms);
            }
            known.ahead += mark.ahead;
            known.late += mark.late;
        }
        None => {
            into.insert(source.to_owned(), *mark);
        }
    }
}

/// Merges a checkpoint into another. Positions, arrivals and marks never decrease; counters are added.
fn merge(into: &mut Checkpoint, from: &Checkpoint) {
    into.position = into.position.max(from.position);
    into.arrival_ms = into.arrival_ms.max(from.arrival_ms);
    into.points += from.points;
    for (reason, count) in &from.rejected {
        *into.rejected.entry(reason.clone()).or_default() += count;
    }
    for (source, mark) in &from.sources {
        merge_source(&mut into.sources, source, mark);
    }
    forget_silent(&mut into.sources);
}

/// Drops the sources that were silent longest, beyond [`limits::CHECKPOINT_SOURCES`].
fn forget_silent(sources: &mut BTreeMap<String, SourceMark>) {
    if sources.len() <= limits::CHECKPOINT_SOURCES {
        return;
    }
    let mut by_last: Vec<(i64, String)> =
        sources.iter().map(|(source, mark)| (mark.last_ms, source.clone())).collect();
    by_last.sort_unstable();
    for (_, source) in by_last.iter().take(sources.len() - limits::CHECKPOINT_SOURCES) {
        sources.remove(source);
    }
}
