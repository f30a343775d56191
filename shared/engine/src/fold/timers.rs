//! The due times of rules and bindings: a heap that is re-armed lazily.
//!
//! The due time of a rule moves with almost every evaluation, mostly to a later time. To move it in the heap each time
//! costs more than to pop an early entry once and to push it again at its true time. So an entry of the heap may be
//! early, never late.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use andon_domain::never;

use crate::compile::plan::ensure;
use crate::position::{at, at_mut, position};

/// The due time of a rule without a timer.
pub(crate) const NEVER_MS: i64 = i64::MAX;

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// The due time, ms.
    due_ms: i64,
    /// The time, ms, of its one valid entry in the heap.
    armed_ms: i64,
}

/// The timers of all rules and bindings of a key.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    /// The first time in the heap, ms: every record reads it.
    first_ms: i64,
    of_rule: Vec<Timer>,
    /// (time in ms, position of the rule).
    heap: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Timers {
    /// Returns the timers of a number of rules, none of them due.
    pub(crate) fn new(rules: usize) -> Self {
        Self {
            first_ms: NEVER_MS,
            of_rule: vec![Timer { due_ms: NEVER_MS, armed_ms: NEVER_MS }; rules],
            heap: BinaryHeap::new(),
        }
    }

    /// Sets the due time of a rule.
    #[inline]
    pub(crate) fn set(&mut self, rule: u32, due_ms: i64) {
        let Some(timer) = at_mut(&mut self.of_rule, rule, "timer of rule") else { return };
        timer.due_ms = due_ms;
        if due_ms < timer.armed_ms {
            timer.armed_ms = due_ms;
            self.first_ms = self.first_ms.min(due_ms);
            self.heap.push(Reverse((due_ms, rule)));
        }
    }

    /// Returns the due time of a rule, ms; [`NEVER_MS`] if it is not due.
    pub(crate) fn due_ms(&self, rule: u32) -> i64 {
        at(&self.of_rule, rule, "timer of rule").map_or(NEVER_MS, |timer| timer.due_ms)
    }

    /// Takes the earliest rule that is due before a time, by (time, position).
    #[inline]
    pub(crate) fn pop_before(&mut self, before_ms: i64) -> Option<(i64, u32)> {
        if self.first_ms >= before_ms { None } else { self.pop_armed_before(before_ms) }
    }

    /// As `pop_before`, when the heap has an entry before that time.
    fn pop_armed_before(&mut self, before_ms: i64) -> Option<(i64, u32)> {
        while self.first_ms < before_ms {
            let Some(Reverse((at_ms, rule))) = self.heap.pop() else {
                never!("the heap is empty, and its first time is {}", self.first_ms);
                self.first_ms = NEVER_MS;
                return None;
            };
            self.first_ms = self.heap.peek().map_or(NEVER_MS, |Reverse((at_ms, _))| *at_ms);
            let Some(timer) = at_mut(&mut self.of_rule, rule, "timer of rule") else { continue };
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

    /// Returns the first due time of all rules, ms.
    pub(crate) fn first_due_ms(&self) -> Option<i64> {
        self.of_rule.iter().map(|timer| timer.due_ms).min().filter(|due_ms| *due_ms != NEVER_MS)
    }

    /// Checks the invariants of the timers of `rules` rules and bindings.
    ///
    /// Each due rule has an entry in the heap, at its due time or earlier, and the first time is that of the heap.
    pub(crate) fn check(&self, rules: usize) -> Result<(), String> {
        ensure(self.of_rule.len() == rules, || format!("{} timers of {rules} rules", self.of_rule.len()))?;
        let first_ms = self.heap.peek().map_or(NEVER_MS, |Reverse((at_ms, _))| *at_ms);
        ensure(self.first_ms == first_ms, || {
            format!("the first timer is at {}; the heap begins at {first_ms}", self.first_ms)
        })?;
        let entries: BTreeSet<(i64, u32)> = self.heap.iter().map(|Reverse(entry)| *entry).collect();
        for (rule, timer) in self.of_rule.iter().enumerate() {
            let in_heap = timer.armed_ms == NEVER_MS || entries.contains(&(timer.armed_ms, position(rule)));
            ensure(in_heap && timer.armed_ms <= timer.due_ms, || {
                format!("rule {rule} has {timer:?}; its entry is in the heap: {in_heap}")
            })?;
        }
        Ok(())
    }
}
