//! One state entry: waiting, active, releasing. The state machine of the law, with time as an argument.

use crate::compile::EntryCode;
use crate::eval::{EvalContext, Trigger, Truth};

/// No time.
pub(crate) const NONE_MS: i64 = i64::MIN;

/// The phase of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryState {
    pub active: bool,
    /// Not active: since when the condition holds, or [`NONE_MS`]. Active: since when it had held when the state
    /// was entered; decides nothing then, but explains.
    pub since_ms: i64,
    /// Active: since when the state may be left, or [`NONE_MS`].
    pub releasable_since_ms: i64,
    /// Not active: instants of the condition's tags at which it was true since `since_ms`.
    pub count: u32,
}

impl Default for EntryState {
    fn default() -> Self {
        Self { active: false, since_ms: NONE_MS, releasable_since_ms: NONE_MS, count: 0 }
    }
}

impl EntryState {
    /// Moves the entry on, and answers what its condition is now. `counts`: whether this is an instant with a point
    /// of a tag of `when`.
    #[inline]
    pub(crate) fn step(&mut self, code: &EntryCode, scene: &EvalContext<'_>, counts: bool) -> Truth {
        let when = scene.truth(code.when);
        if self.active {
            self.step_active(code, scene, when);
        } else {
            self.step_inactive(code, scene, when, counts);
        }
        when
    }

    fn step_inactive(&mut self, code: &EntryCode, scene: &EvalContext<'_>, when: Truth, counts: bool) {
        match when {
            Truth::Unknown => {}
            Truth::False => *self = Self::default(),
            Truth::True => {
                if self.since_ms == NONE_MS {
                    self.since_ms = scene.t_ms;
                }
                if counts {
                    self.count = self.count.saturating_add(1);
                }
                let over = scene.moment.is_over(code.for_ms, self.since_ms, scene.t_ms);
                if over && self.count >= code.times {
                    self.active = true;
                    self.count = 0;
                }
            }
        }
    }

    fn step_active(&mut self, code: &EntryCode, scene: &EvalContext<'_>, when: Truth) {
        let until = code.until.map(|until| scene.truth(until));
        if when == Truth::True || until == Some(Truth::False) {
            self.releasable_since_ms = NONE_MS;
        } else if when == Truth::False && matches!(until, None | Some(Truth::True)) {
            if self.releasable_since_ms == NONE_MS {
                self.releasable_since_ms = scene.t_ms;
            }
            if scene.moment.is_over(code.keep_for_ms, self.releasable_since_ms, scene.t_ms) {
                *self = Self::default();
            }
        }
    }

    /// Whether no wait of its own is running.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.releasable_since_ms == NONE_MS && (self.active || self.since_ms == NONE_MS)
    }

    /// When its own wait ends, if one is running that ends at or after `from_ms`.
    #[inline]
    pub(crate) fn due_ms(&self, code: &EntryCode, from_ms: i64) -> Option<i64> {
        let (begin_ms, wait_ms) = if self.active {
            (self.releasable_since_ms, code.keep_for_ms)
        } else {
            (self.since_ms, code.for_ms)
        };
        let due_ms = begin_ms.saturating_add(wait_ms);
        (begin_ms != NONE_MS && wait_ms > 0 && due_ms >= from_ms).then_some(due_ms)
    }
}

/// Whether an evaluation counts for `times`: an instant with a point of one of the tags of `when`.
pub(crate) fn counts(code: &EntryCode, moment: Trigger, is_touched: impl Fn(u32) -> bool) -> bool {
    code.times > 0 && moment == Trigger::Instant && code.when_tags.iter().any(|tag| is_touched(*tag))
}
