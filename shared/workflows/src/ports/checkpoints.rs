//! Checkpoints: the progress of each shard and its sources; and the ticks under way.

use std::collections::BTreeMap;

use andon_ingest::SequenceNumber;
use serde::{Deserialize, Serialize};

use super::PortError;

/// A checkpoint of a shard: its progress and its sources. It is shown and decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of writes.
    pub revision: u64,
    /// The greatest sequence number that is done.
    pub position: Option<SequenceNumber>,
    /// The greatest arrival, ms.
    pub arrival_ms: i64,
    /// The time at which it was written, ms.
    pub written_ms: i64,
    /// The marks by source.
    pub sources: BTreeMap<String, SourceMark>,
    /// Rejected points and messages so far, by reason. A redelivered record counts again.
    pub rejected: BTreeMap<String, u64>,
    /// Points so far. A redelivered record counts again.
    pub points: u64,
}

impl Checkpoint {
    /// Returns the watermark of the shard, ms: the smallest mark of the sources that were not idle before the newest
    /// arrival. It is shown; rules use the watermark of their key.
    #[must_use]
    pub fn watermark_ms(&self, idle_ms: i64) -> Option<i64> {
        let active =
            self.sources.values().filter(|mark| self.arrival_ms.saturating_sub(mark.last_ms) <= idle_ms);
        active.map(|mark| mark.mark_ms).min()
    }
}

/// A mark of a source on a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceMark {
    /// The greatest timestamp of the source, ms.
    pub mark_ms: i64,
    /// The arrival of the record that raised the mark, ms.
    pub last_ms: i64,
    /// Points with a timestamp after their arrival.
    pub ahead: u64,
    /// Points rejected as late.
    pub late: u64,
}

/// A result of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The content is stored, now or before.
    Done,
    /// A concurrent writer saved: read again, merge, try again.
    Conflict,
}

/// The table `checkpoints`.
///
/// Duty: reads and conditional writes of one shard's checkpoint are linearizable.
pub trait CheckpointStore {
    /// Returns the checkpoint of a shard.
    async fn read_checkpoint(&self, stream: &str, shard: &str) -> Result<Option<Checkpoint>, PortError>;

    /// Writes a checkpoint if and only if the stored revision is one less (0: none is stored).
    async fn save_checkpoint(
        &self,
        stream: &str,
        shard: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Saved, PortError>;

    /// Returns the checkpoints of all shards of a stream, by name.
    async fn checkpoints(&self, stream: &str) -> Result<Vec<(String, Checkpoint)>, PortError>;
}

/// The memory of `tick`: the ticks under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TickMemory {
    /// The number of writes.
    pub revision: u64,
    /// By key: the due time of the tick, ms, and the time at which it was sent, ms.
    pub sent: BTreeMap<String, (i64, i64)>,
    /// By shard: the oldest tick that it has not folded: its sequence number as text, and the time at which it was sent,
    /// ms.
    pub shards: BTreeMap<String, (String, i64)>,
    /// The start of the newest rule set that was announced to all keys, ms.
    pub announced_set_ms: Option<i64>,
    /// The start of the set that is being announced, ms, and the page from which the announcement continues.
    pub announcing: Option<(i64, Option<String>)>,
}

/// The store of [`TickMemory`] between invocations: beside the checkpoints.
pub trait TickMemoryStore {
    /// Returns the memory of a stream; empty if there is none.
    async fn recall(&self, stream: &str) -> Result<TickMemory, PortError>;

    /// Writes a memory if and only if the stored revision is one less (0: none is stored).
    async fn remember(&self, stream: &str, memory: &TickMemory) -> Result<Saved, PortError>;
}
