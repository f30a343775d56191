//! What can be set about evaluating.

/// What can be set about evaluating. The defaults are those of [`EvaluateSettings::default`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluateSettings {
    /// Name of the stream.
    pub stream: String,
    /// The ParallelizationFactor of the event source. Above 1, what stands under another partition key than its
    /// equipment is put back under the right one.
    pub lanes: u32,
    /// A state that is at rest may be deleted so long after its last record, ms. Longer than the stream's retention.
    pub state_ttl_ms: i64,
    /// Decisions stay readable so long, ms. Much less than a state is kept: when one has expired, versions begin anew, and a
    /// decision that is written over an old one of the same version is not heard of as a new one.
    pub outbox_ttl_ms: i64,
    /// A position in a shard is remembered so long, ms: more than the stream's retention.
    pub position_ttl_ms: i64,
    /// Most keys that a batch may begin: a flood of invented equipments slows the shard, it does not fill the table at
    /// once.
    pub new_keys_per_batch: usize,
    /// Checkpoints are written at most so often, ms.
    pub checkpoint_interval_ms: i64,
    /// Nothing is begun when less time than this is left, ms.
    pub reserve_ms: i64,
}

impl EvaluateSettings {
    /// The defaults for a stream.
    #[must_use]
    pub fn new(stream: impl Into<String>) -> Self {
        Self { stream: stream.into(), ..Self::default() }
    }

    /// When a state may be deleted that has its last record at a clock, s.
    pub(super) fn expiry_s(&self, clock_ms: i64) -> i64 {
        clock_ms.saturating_add(self.state_ttl_ms).div_euclid(1000)
    }

    /// When a decision may be deleted, s.
    pub(super) fn outbox_expiry_s(&self, clock_ms: i64) -> i64 {
        clock_ms.saturating_add(self.outbox_ttl_ms).div_euclid(1000)
    }
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            stream: String::new(),
            lanes: 1,
            state_ttl_ms: 30 * DAY_MS,
            outbox_ttl_ms: 8 * DAY_MS,
            position_ttl_ms: DAY_MS + 3_600_000,
            new_keys_per_batch: 500,
            checkpoint_interval_ms: 3000,
            reserve_ms: 1500,
        }
    }
}
