//! The plan of a seed, besides the faults of single effects.

use andon_domain::{FailureWord, Millis, ModelEndpoint, OnFailure};
use fastrand::Rng;

use super::executor::Faults;

/// A plan of a seed.
#[derive(Debug)]
pub(super) struct Plan {
    pub faults: Faults,
    /// Concurrent batches per shard.
    pub parallelization_factor: usize,
    /// Whether children are read before their parents are drained.
    pub impatient: bool,
    /// Time for which a state at rest is kept, ms.
    pub state_ttl_ms: i64,
    /// The faults of keys.
    pub key_faults: Vec<KeyFault>,
    /// The lines before which all sources are silent, and the length of the silence, ms.
    pub silences: Vec<(usize, i64)>,
    pub republish: Republish,
    /// Whether a tag has enough points for the panes of its windows to go into segments.
    pub flows: bool,
    /// Records under another partition key than their machine, in thousandths.
    pub strangers: u32,
    /// Items in a page of an answer.
    pub page: usize,
    /// The models; `None`: score requests stay in the queue.
    pub models: Option<Models>,
}

/// The models of a seed. All bindings use one endpoint.
#[derive(Debug)]
pub(super) struct Models {
    /// The health of the endpoint until it is fixed.
    pub health: Health,
    /// The line before which the endpoint is fixed.
    pub until: usize,
    pub rows: u32,
    pub retries: u32,
    pub too_old_ms: i64,
    pub on_failure: OnFailure,
    pub cache_ms: Option<i64>,
    /// The timeout of an asynchronous endpoint, ms; `None`: a real-time endpoint.
    pub later_ms: Option<i64>,
}

/// The health of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Healthy,
    /// An answer takes as long as the timeout allows.
    Slow,
    /// Half of the calls fail.
    Failing,
    /// It never answers.
    Dead,
}

impl Models {
    /// Creates models with a generator of their own, so that the rest of the seed is the same without them.
    fn new(seed: u64, lines: usize) -> Option<Self> {
        let mut rng = Rng::with_seed(seed ^ 0x656e_7269_6368);
        if rng.u8(..10) >= 6 {
            return None;
        }
        Some(Self {
            health: rng
                .choice([Health::Healthy, Health::Slow, Health::Failing, Health::Dead])
                .unwrap_or(Health::Healthy),
            until: rng.usize(..2 * lines.max(1)),
            rows: rng.choice([1, 1, 3, 100]).unwrap_or(1),
            retries: rng.u32(..4),
            too_old_ms: rng.choice([20_000, 600_000]).unwrap_or(600_000),
            on_failure: match rng.u8(..3) {
                0 => OnFailure::Value(-1.0),
                1 => OnFailure::Word(FailureWord::Bad),
                _ => OnFailure::Word(FailureWord::Nothing),
            },
            cache_ms: rng.bool().then_some(30_000),
            later_ms: (rng.u8(..10) < 3).then_some(20_000),
        })
    }

    /// Sets the options of an endpoint.
    pub(super) fn settle(&self, endpoint: &mut ModelEndpoint) {
        endpoint.rows = self.rows;
        endpoint.retries = self.retries;
        endpoint.too_old = Millis(self.too_old_ms);
        endpoint.on_failure = self.on_failure;
        endpoint.cache = self.cache_ms.map(Millis);
        endpoint.asynchronous = self.later_ms.is_some();
        endpoint.timeout = self.later_ms.map(Millis);
    }
}

/// A key that cannot be folded for a while.
#[derive(Debug)]
pub(super) struct KeyFault {
    /// The line before which it begins.
    pub from: usize,
    /// The line before which it is fixed.
    pub until: usize,
    pub kind: KeyFaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFaultKind {
    /// Its commits are refused.
    Refused,
    /// The segments of its state are missing.
    SegmentsLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Republish {
    Never,
    /// Concurrently: it may overtake `publish`.
    Early,
    /// After everything was published.
    Late,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

impl Plan {
    pub(super) fn new(seed: u64, rng: &mut Rng, lines: usize) -> Self {
        let faults = Faults {
            crash: rng.u32(..15),
            throttle: rng.u32(..40),
            lost_answer: rng.u32(..40),
            stall: rng.u32(..10),
        };
        let (short, flows) = (rng.bool(), rng.bool());
        let ttl_ms = match (short, flows) {
            (true, false) => 1000 * rng.i64(3..30),
            // Longer than any window.
            (true, true) => MINUTE_MS * rng.i64(9..20),
            (false, _) => 30 * DAY_MS,
        };
        let mut key_faults = Vec::new();
        let mut from = 0;
        while rng.u8(..10) < 7 && key_faults.len() < 3 {
            from += rng.usize(1..60);
            let until = from + rng.usize(5..40);
            let kind = if rng.u8(..10) < 7 { KeyFaultKind::Refused } else { KeyFaultKind::SegmentsLost };
            key_faults.push(KeyFault { from, until, kind });
            from = until;
        }
        let mut long = false;
        let mut silences = Vec::new();
        for _ in 0..2 {
            if rng.u8(..10) >= 3 {
                continue;
            }
            // One silence is long enough for states to expire, none for rule sets to be dropped.
            let for_ms = match rng.bool() {
                _ if short => rng.i64(ttl_ms / 2..4 * ttl_ms),
                true if !std::mem::replace(&mut long, true) => 31 * DAY_MS,
                _ => DAY_MS * 13 / 12,
            };
            silences.push((rng.usize(..lines.max(1)), for_ms));
        }
        Self {
            faults,
            parallelization_factor: rng.usize(1..4),
            impatient: rng.bool(),
            state_ttl_ms: ttl_ms,
            key_faults,
            silences,
            republish: match rng.u8(..8) {
                0 | 1 => Republish::Early,
                2 | 3 => Republish::Late,
                _ => Republish::Never,
            },
            flows,
            strangers: rng.choice([0, 0, 50, 150]).unwrap_or_default(),
            page: rng.usize(2..50),
            models: Models::new(seed, lines),
        }
    }
}
