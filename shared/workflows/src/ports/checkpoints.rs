//! How far each shard has been read, what its sources have said, and which ticks have been sent.

use std::collections::BTreeMap;

use andon_ingest::SequenceNumber;
use serde::{Deserialize, Serialize};

use super::PortError;

/// How far a shard was folded, and what was heard on it. Shown; decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// How often it was written.
    pub revision: u64,
    /// The greatest sequence number of a batch that was done.
    pub position: Option<SequenceNumber>,
    /// The greatest arrival, ms.
    pub arrival_ms: i64,
    /// When it was written, ms.
    pub written_ms: i64,
    /// Per source.
    pub sources: BTreeMap<String, SourceMark>,
    /// What was rejected so far, by reason. A retry counts again.
    pub rejected: BTreeMap<String, u64>,
    /// Points so far. A retry counts again.
    pub points: u64,
}

impl Checkpoint {
    /// The shard's watermark: the least mark of its sources, but for those that were silent for so long before the newest
    /// arrival. Shown; what rules go by is kept per key.
    #[must_use]
    pub fn watermark_ms(&self, idle_ms: i64) -> Option<i64> {
        let active =
            self.sources.values().filter(|mark| self.arrival_ms.saturating_sub(mark.last_ms) <= idle_ms);
        active.map(|mark| mark.mark_ms).min()
    }
}

/// What was heard of a source on a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceMark {
    /// The greatest own timestamp, ms.
    pub mark_ms: i64,
    /// The arrival of the record that raised it, ms.
    pub last_ms: i64,
    /// Points whose timestamp lay after their arrival.
    pub ahead: u64,
    /// Points rejected as late.
    pub late: u64,
}

/// How an attempt to save ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It took place, now or before.
    Done,
    /// Somebody else saved: read again, merge, try again.
    Conflict,
}

/// The table `checkpoints`.
///
/// Owed: reads and conditional writes of one shard's checkpoint are linearizable.
pub trait CheckpointStore {
    /// The checkpoint of a shard.
    async fn read_checkpoint(&self, stream: &str, shard: &str) -> Result<Option<Checkpoint>, PortError>;

    /// Writes it if and only if the stored revision is one less (0: none is stored).
    async fn save_checkpoint(
        &self,
        stream: &str,
        shard: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Saved, PortError>;

    /// All shards of a stream, by name.
    async fn checkpoints(&self, stream: &str) -> Result<Vec<(String, Checkpoint)>, PortError>;
}

/// Which ticks were sent and have not been seen to work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TickMemory {
    /// How often it was written.
    pub revision: u64,
    /// Per equipment: the due time that the tick was for, ms, and when it was sent, ms.
    pub sent: BTreeMap<String, (i64, i64)>,
    /// Per shard: the last tick sent to it: its sequence number as text, and when, ms.
    pub shards: BTreeMap<String, (String, i64)>,
    /// The start of the newest rule set whose change was made known to all keys, ms.
    pub announced_set_ms: Option<i64>,
    /// Where the announcing of a set stopped, to go on from there.
    pub announcing: Option<(i64, Option<String>)>,
}

/// Where [`TickMemory`] is kept between invocations: beside the checkpoints.
pub trait TickMemoryStore {
    /// The memory of a stream; empty where there is none.
    async fn recall(&self, stream: &str) -> Result<TickMemory, PortError>;

    /// Writes it if and only if the stored revision is one less (0: none is stored).
    async fn remember(&self, stream: &str, memory: &TickMemory) -> Result<Saved, PortError>;
}
