//! Settings of `evaluate`.

/// Settings of `evaluate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluateSettings {
    /// Name of the stream.
    pub stream: String,
    /// ParallelizationFactor of the event source. Above 1, messages under another partition key than their machine are
    /// written back under the right one.
    pub parallelization_factor: u32,
    /// Time from the last record of a state at rest to its expiry, ms. Longer than the stream's retention.
    pub state_ttl_ms: i64,
    /// Time for which outbox items stay readable, ms. Much shorter than `state_ttl_ms`: after a state expired, versions
    /// begin anew, and an item written over an old one of the same version would not be delivered as a new one.
    pub outbox_ttl_ms: i64,
    /// Time for which a position in a shard is kept, ms. Longer than the stream's retention.
    pub position_ttl_ms: i64,
    /// Maximum number of new keys per batch. A flood of invented machines slows the shard; it does not fill the table at
    /// once.
    pub new_keys_per_batch: usize,
    /// Minimum time between two checkpoints of a shard, ms.
    pub checkpoint_interval_ms: i64,
    /// Minimum time left before the deadline for a round or a commit to start, ms.
    pub reserve_ms: i64,
}

impl EvaluateSettings {
    /// Returns the defaults for a stream.
    #[must_use]
    pub fn new(stream: impl Into<String>) -> Self {
        Self { stream: stream.into(), ..Self::default() }
    }

    /// Returns the expiry of a state with its last record at a clock, s.
    pub(super) fn expiry_s(&self, clock_ms: i64) -> i64 {
        clock_ms.saturating_add(self.state_ttl_ms).div_euclid(1000)
    }

    /// Returns the expiry of an outbox item, s.
    pub(super) fn outbox_expiry_s(&self, clock_ms: i64) -> i64 {
        clock_ms.saturating_add(self.outbox_ttl_ms).div_euclid(1000)
    }
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            stream: String::new(),
            parallelization_factor: 1,
            state_ttl_ms: 30 * DAY_MS,
            outbox_ttl_ms: 8 * DAY_MS,
            position_ttl_ms: DAY_MS + 3_600_000,
            new_keys_per_batch: 500,
            checkpoint_interval_ms: 3000,
            reserve_ms: 1500,
        }
    }
}
