//! A naive reference of the fold: the meaning of every record, as plainly as it can be written down.
//!
//! It keeps every point forever and reads all of them at every evaluation. It finds the next instant or timer by a
//! search through all of them. Nothing is incremental, so that little can be wrong.
//!
//! - this file: records, arrivals and rule sets of a stream, and the end of the input;
//! - `key`: event time of one machine, instants, timers;
//! - `change`: the change of a machine to a new rule set;
//! - `binding`: score requests;
//! - `rule`: states, votes and the winner of one rule;
//! - `value`: expressions and windows;
//! - `set`: rule documents with everything filled in.

mod binding;
mod change;
mod key;
mod rule;
mod set;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use andon_domain::wire::{Message, MessageContent};
use andon_domain::{Reason, RuleDocument, ScoreRequest};

use key::Key;
use set::RuleSet;

/// The end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputEnd {
    /// Event time advances to the greatest mark in the whole input.
    Closed,
    /// Nothing is flushed.
    LeftOpen,
}

/// A change of the winning state of one rule on one equipment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NaiveTransition {
    /// The rule.
    pub rule_id: String,
    /// The equipment.
    pub equipment_id: String,
    /// 1, 2, 3, .. for this rule and equipment.
    pub sequence: u64,
    /// The winning state before.
    pub from: String,
    /// The winning state now; `None` when the rule was removed.
    pub to: Option<String>,
    /// Effective event time, ms.
    pub at: i64,
    /// The group that won; `None` where the default did.
    pub group: Option<String>,
    /// The version of the rule that decided.
    pub rule_version: u64,
}

/// The counts of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rejected points and messages by machine and reason. Unreadable messages and refused rule sets are under the empty
    /// name.
    pub rejected: BTreeMap<(String, Reason), u64>,
    /// Points whose timestamp was later than their arrival.
    pub points_from_future: u64,
    /// Points for which the bound on pending points raised the watermark.
    pub watermark_forced: u64,
}

impl Counts {
    pub(crate) fn reject(&mut self, equipment: &str, reason: Reason, number: u64) {
        if number > 0 {
            *self.rejected.entry((equipment.to_owned(), reason)).or_default() += number;
        }
    }

    /// Returns rejections by reason, over all machines, without the reasons that never occurred.
    #[must_use]
    pub fn by_reason(&self) -> BTreeMap<Reason, u64> {
        let mut sums = BTreeMap::new();
        for ((_, reason), number) in &self.rejected {
            *sums.entry(*reason).or_default() += number;
        }
        sums
    }
}

/// The bounds per machine, so that a test can reach them with few points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Maximum sources that are remembered.
    pub sources: usize,
    /// Maximum pending points.
    pub pending: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { sources: andon_domain::limits::SOURCES, pending: andon_domain::limits::PENDING_POINTS }
    }
}

/// The transitions, requests and counts of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayResult {
    /// The transitions, in the order of decision.
    pub transitions: Vec<NaiveTransition>,
    /// The score requests, in the order of decision. The bound on requests of one record does not apply.
    pub requests: Vec<ScoreRequest>,
    /// The counts.
    pub counts: Counts,
}

impl ReplayResult {
    /// Returns the transitions by (rule, machine), each list in the order of decision: the order between different
    /// rules or machines means nothing.
    #[must_use]
    pub fn by_rule_and_equipment(&self) -> BTreeMap<(String, String), Vec<NaiveTransition>> {
        let mut sorted: BTreeMap<_, Vec<NaiveTransition>> = BTreeMap::new();
        for transition in &self.transitions {
            let key = (transition.rule_id.clone(), transition.equipment_id.clone());
            sorted.entry(key).or_default().push(transition.clone());
        }
        sorted
    }
}

/// Replays lines under a rule set.
///
/// # Errors
/// When the rule set does not compile: the reason.
pub fn replay(rules: &RuleDocument, lines: &[String], end: InputEnd) -> Result<ReplayResult, String> {
    let mut naive = Naive::new(rules)?;
    for line in lines {
        naive.line(line);
    }
    if end == InputEnd::Closed {
        naive.close();
    }
    Ok(naive.into_result())
}

/// The reference, fed one line at a time.
#[derive(Clone, Debug)]
pub struct Naive {
    /// By increasing start.
    sets: Vec<RuleSet>,
    keys: BTreeMap<String, Key>,
    bounds: Bounds,
    greatest_mark: Option<i64>,
    result: ReplayResult,
}

impl Naive {
    /// Returns a reference that starts with a rule set and knows no machine.
    ///
    /// # Errors
    /// When the rule set does not compile: the reason.
    pub fn new(rules: &RuleDocument) -> Result<Self, String> {
        Ok(Self {
            sets: vec![RuleSet::compile(rules, i64::MIN)?],
            keys: BTreeMap::new(),
            bounds: Bounds::default(),
            greatest_mark: None,
            result: ReplayResult::default(),
        })
    }

    /// Returns the same with other bounds.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Takes one line of the stream: a record, bare or in an envelope, or a rule set.
    pub fn line(&mut self, line: &str) {
        let message = Message::read(line.as_bytes());
        let malformed = u64::try_from(message.rejections.len()).unwrap_or(u64::MAX);
        self.result.counts.reject("", Reason::Malformed, malformed + message.unlisted_rejections);
        let arrival = message.arrival_or_greatest_ms();
        match (message.content, arrival) {
            (MessageContent::One(equipment, point), Some(arrival)) => {
                self.record(&equipment, arrival, &[point]);
            }
            (MessageContent::Several(by_equipment), Some(arrival)) => {
                for (equipment, points) in by_equipment {
                    self.record(&equipment, arrival, &points);
                }
            }
            (MessageContent::Tick(equipment), arrival) => {
                // The arrival of a bare tick is the clock of its key; on a new key it does nothing.
                let clock = self.keys.get(equipment.as_ref()).map(Key::clock);
                if let Some(arrival) = arrival.or(clock) {
                    self.record(&equipment, arrival, &[]);
                }
            }
            (MessageContent::Rules(json), Some(start)) => self.rules(json, start),
            (
                MessageContent::Nothing
                | MessageContent::Rules(_)
                | MessageContent::One(..)
                | MessageContent::Several(_),
                _,
            ) => {}
        }
    }

    /// Ends the input: for every machine, event time advances to the greatest mark in the whole input.
    pub fn close(&mut self) {
        let Some(mark) = self.greatest_mark else { return };
        for key in self.keys.values_mut() {
            key.close(mark, &mut self.result);
        }
    }

    /// Returns the watermark of a machine, ms; `None` while it has none.
    #[must_use]
    pub fn watermark_ms(&self, equipment: &str) -> Option<i64> {
        self.keys.get(equipment).and_then(Key::watermark)
    }

    /// Returns the transitions, requests and counts so far.
    #[must_use]
    pub fn result(&self) -> &ReplayResult {
        &self.result
    }

    /// Returns the transitions, requests and counts.
    #[must_use]
    pub fn into_result(self) -> ReplayResult {
        self.result
    }

    fn record(&mut self, equipment: &str, arrival: i64, points: &[andon_domain::DataPoint<'_>]) {
        let due: Vec<&RuleSet> = self.sets.iter().take_while(|set| set.start <= arrival).collect();
        let Some(newest) = due.last() else { return };
        let key = self
            .keys
            .entry(equipment.to_owned())
            .or_insert_with(|| Key::new(equipment, arrival, newest, self.bounds));
        for set in due {
            if set.start > key.rules_start() {
                key.change_rules(set, &mut self.result);
            }
        }
        let greatest = key.record(arrival, points, &mut self.result);
        self.greatest_mark = self.greatest_mark.max(greatest);
    }

    fn rules(&mut self, json: &str, start: i64) {
        let known = self.sets.iter().any(|set| start <= set.start);
        let set = serde_json::from_str::<RuleDocument>(json)
            .map_err(|error| error.to_string())
            .and_then(|document| RuleSet::compile(&document, start));
        match set {
            Ok(set) if !known => self.sets.push(set),
            _ => self.result.counts.reject("", Reason::RulesRefused, 1),
        }
    }
}
