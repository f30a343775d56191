//! What a shard's sources have said, gathered over batches and merged into its checkpoint.

use std::cell::RefCell;
use std::collections::BTreeMap;

use andon_domain::LookupMap;
use andon_ingest::{SequenceNumber, ShardId};

use super::batch::{Batch, StreamMessage};
use crate::limits;
use crate::ports::{Checkpoint, CheckpointStore, Clock, PortError, Saved, SourceMark};

/// What was seen and is not in a checkpoint yet, per shard, and when the last one was written.
#[derive(Debug, Default)]
pub(super) struct CheckpointWriter {
    shards: RefCell<BTreeMap<ShardId, Gathered>>,
}

#[derive(Clone, Debug, Default)]
struct Gathered {
    seen: Checkpoint,
    saved_ms: i64,
}

impl CheckpointWriter {
    /// Adds a batch: all of it, also what was folded before.
    pub(super) fn hear(
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
        let (points, sources) = heard(&batch.messages);
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

    /// Writes what was gathered for a shard, unless that was done a moment ago. A batch with a tick is always written:
    /// it is how the sender of ticks sees that they arrive. Answers what was written.
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
            let gathered = shards.entry(batch.shard.clone()).or_default();
            if !ticked && now_ms.saturating_sub(gathered.saved_ms) < interval_ms {
                return Ok(None);
            }
            gathered.saved_ms = now_ms;
            std::mem::take(&mut gathered.seen)
        };
        let shard = batch.shard.to_string();
        let saved = self.merge_into(ports, stream, &shard, &taken, now_ms).await;
        if !matches!(saved, Ok(Some(_))) {
            // Next time.
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
        for _ in 0..3 {
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

/// The points of a batch, and what its sources say in it, in the order in which they come up.
fn heard<'m>(messages: &'m [StreamMessage<'_>]) -> (u64, Vec<(&'m str, SourceMark)>) {
    let mut points = 0;
    let mut marks: Vec<(&str, SourceMark)> = Vec::new();
    let mut places: LookupMap<&str, usize> = LookupMap::default();
    for message in messages {
        for point in message.points().iter().filter(|point| !point.derived) {
            points += 1;
            let own_ms = point.timestamp_ms.min(message.arrival_ms);
            let ahead = u64::from(own_ms < point.timestamp_ms);
            let place = *places.entry(&point.source).or_insert(marks.len());
            match marks.get_mut(place) {
                Some((_, mark)) => {
                    mark.ahead += ahead;
                    if own_ms > mark.mark_ms {
                        mark.mark_ms = own_ms;
                        mark.last_ms = mark.last_ms.max(message.arrival_ms);
                    }
                }
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

/// Nothing goes back: positions, arrivals and marks are the greater of both, counts are added.
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

/// Keeps the sources that were heard last.
fn forget_silent(sources: &mut BTreeMap<String, SourceMark>) {
    if sources.len() <= limits::CHECKPOINT_SOURCES {
        return;
    }
    let mut heard: Vec<(i64, String)> =
        sources.iter().map(|(source, mark)| (mark.last_ms, source.clone())).collect();
    heard.sort_unstable();
    for (_, source) in heard.iter().take(sources.len() - limits::CHECKPOINT_SOURCES) {
        sources.remove(source);
    }
}
