//! When each rule must be looked at again: a heap that is re-armed lazily.
//!
//! A rule's due time moves with almost every evaluation, mostly to later. Moving it in the heap each time would
//! cost more than to let an early entry come up once, find the rule not due, and go back in at its true time. So
//! an entry may be early, never late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No timer.
pub(crate) const NEVER_MS: i64 = i64::MAX;

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// When the rule is due, ms.
    due_ms: i64,
    /// The time of its one valid entry in the heap.
    armed_ms: i64,
}

/// The timers of all rules of a key.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    /// The first time in the heap: every record asks for it.
    first_ms: i64,
    of_rule: Vec<Timer>,
    /// (time, position of the rule).
    heap: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Timers {
    /// Timers of so many rules, none of them due.
    pub(crate) fn new(rules: usize) -> Self {
        Self {
            first_ms: NEVER_MS,
            of_rule: vec![Timer { due_ms: NEVER_MS, armed_ms: NEVER_MS }; rules],
            heap: BinaryHeap::new(),
        }
    }

    /// Sets when a rule is due.
    #[inline]
    pub(crate) fn set(&mut self, rule: u32, due_ms: i64) {
        let Some(timer) = self.of_rule.get_mut(rule as usize) else { return };
        timer.due_ms = due_ms;
        if due_ms < timer.armed_ms {
            timer.armed_ms = due_ms;
            self.first_ms = self.first_ms.min(due_ms);
            self.heap.push(Reverse((due_ms, rule)));
        }
    }

    /// When a rule is due.
    pub(crate) fn due_ms(&self, rule: u32) -> i64 {
        self.of_rule.get(rule as usize).map_or(NEVER_MS, |timer| timer.due_ms)
    }

    /// Takes the earliest rule that is due before a time, by (time, position).
    #[inline]
    pub(crate) fn pop_before(&mut self, before_ms: i64) -> Option<(i64, u32)> {
        if self.first_ms >= before_ms { None } else { self.pop_armed_before(before_ms) }
    }

    /// As `pop_before`, where the heap has something before that time.
    fn pop_armed_before(&mut self, before_ms: i64) -> Option<(i64, u32)> {
        while self.first_ms < before_ms {
            let Reverse((at_ms, rule)) = self.heap.pop()?;
            self.first_ms = self.heap.peek().map_or(NEVER_MS, |Reverse((at_ms, _))| *at_ms);
            let Some(timer) = self.of_rule.get_mut(rule as usize) else { continue };
            if timer.armed_ms != at_ms {
                continue;
            }
            timer.armed_ms = NEVER_MS;
            if timer.due_ms == at_ms {
                timer.due_ms = NEVER_MS;
                return Some((at_ms, rule));
            }
            let due_ms = timer.due_ms;
            self.set(rule, due_ms);
        }
        None
    }

    /// When the first rule is due.
    pub(crate) fn first_due_ms(&self) -> Option<i64> {
        self.of_rule.iter().map(|timer| timer.due_ms).min().filter(|due_ms| *due_ms != NEVER_MS)
    }
}
