//! One state entry: waiting, active, releasing. The state machine of the exact semantics, with time as an argument.

use crate::compile::EntryCode;
use crate::eval::{EvalContext, Trigger, Truth};

/// No time.
pub(crate) const NONE_MS: i64 = i64::MIN;

/// The phase of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryState {
    pub active: bool,
    /// The effective time, ms, since which the condition holds, or [`NONE_MS`]. An active entry keeps it for
    /// explanations only.
    pub since_ms: i64,
    /// Active: the effective time, ms, since which the state may be left, or [`NONE_MS`].
    pub releasable_since_ms: i64,
    /// Not active: the number of instants of the condition's tags at which it was true since `since_ms`.
    pub count: u32,
}

impl Default for EntryState {
    fn default() -> Self {
        Self { active: false, since_ms: NONE_MS, releasable_since_ms: NONE_MS, count: 0 }
    }
}

impl EntryState {
    /// Moves the entry on, and returns the truth of its condition. `counts` is whether this is an instant with a point
    /// of a tag of `when`.
    #[inline]
    pub(crate) fn step(&mut self, code: &EntryCode, context: &EvalContext<'_>, counts: bool) -> Truth {
        let when = context.truth(code.when);
        if self.active {
            self.step_active(code, context, when);
        } else {
            self.step_inactive(code, context, when, counts);
        }
        when
    }

    fn step_inactive(&mut self, code: &EntryCode, context: &EvalContext<'_>, when: Truth, counts: bool) {
        match when {
            Truth::Unknown => {}
            Truth::False => *self = Self::default(),
            Truth::True => {
                if self.since_ms == NONE_MS {
                    self.since_ms = context.t_ms;
                }
                if counts {
                    self.count = self.count.saturating_add(1);
                }
                let over = context.trigger.is_over(code.for_ms, self.since_ms, context.t_ms);
                if over && self.count >= code.times {
                    self.active = true;
                    self.count = 0;
                }
            }
        }
    }

    fn step_active(&mut self, code: &EntryCode, context: &EvalContext<'_>, when: Truth) {
        let until = code.until.map(|until| context.truth(until));
        if when == Truth::True || until == Some(Truth::False) {
            self.releasable_since_ms = NONE_MS;
        } else if when == Truth::False && matches!(until, None | Some(Truth::True)) {
            if self.releasable_since_ms == NONE_MS {
                self.releasable_since_ms = context.t_ms;
            }
            if context.trigger.is_over(code.keep_for_ms, self.releasable_since_ms, context.t_ms) {
                *self = Self::default();
            }
        }
    }

    /// Returns whether no wait of its own is running.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.releasable_since_ms == NONE_MS && (self.active || self.since_ms == NONE_MS)
    }

    /// Returns the end of its own wait, ms, if a wait is running that ends at or after `from_ms`.
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

/// Returns whether an evaluation counts for `times`: it must be an instant with a point of a tag of `when`.
pub(crate) fn counts(code: &EntryCode, trigger: Trigger, is_touched: impl Fn(u32) -> bool) -> bool {
    code.times > 0 && trigger == Trigger::Instant && code.when_tags.iter().any(|tag| is_touched(*tag))
}
