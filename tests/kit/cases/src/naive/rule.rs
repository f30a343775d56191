//! States, votes and the winner of one rule on one machine.

use std::collections::BTreeSet;

use super::NaiveTransition;
use super::set::{Condition, Group, Rule};
use super::value::{Memory, Moment};

/// A rule on a key.
#[derive(Clone, Debug)]
pub(super) struct RuleState {
    pub(super) rule: Rule,
    pub(super) winner: String,
    pub(super) sequence: u64,
    /// The states of the groups of the rule.
    pub(super) groups: Vec<GroupState>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct GroupState {
    pub(super) all_conditions_false: bool,
    /// The phases of the entries of the group.
    pub(super) entries: Vec<Phase>,
}

/// The phase of an entry. Times are effective ones, ms.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase {
    pub(super) active: bool,
    pub(super) since: Option<i64>,
    pub(super) count: u32,
    pub(super) releasable_since: Option<i64>,
}

impl GroupState {
    pub(super) fn new(group: &Group) -> Self {
        Self { all_conditions_false: false, entries: vec![Phase::default(); group.entries.len()] }
    }
}

impl RuleState {
    pub(super) fn new(rule: &Rule, sequence: u64) -> Self {
        Self {
            rule: rule.clone(),
            winner: rule.default.clone(),
            sequence,
            groups: rule.groups.iter().map(GroupState::new).collect(),
        }
    }

    /// Evaluates the rule. `touched` are the tags of the instant's points.
    pub(super) fn evaluate(
        &mut self,
        equipment: &str,
        memory: &Memory,
        now: Moment,
        touched: &BTreeSet<String>,
    ) -> Option<NaiveTransition> {
        for (group, state) in self.rule.groups.iter().zip(&mut self.groups) {
            let mut all_false = true;
            for (entry, phase) in group.entries.iter().zip(&mut state.entries) {
                let when = memory.truth(&entry.condition.when, now);
                all_false &= when == Some(false);
                let counts = !entry.when_tags.is_disjoint(touched);
                phase.step(&entry.condition, when, counts, memory, now);
            }
            if state.entries.iter().any(|phase| phase.active) {
                state.all_conditions_false = false;
            } else if all_false {
                state.all_conditions_false = true;
            }
        }
        let (winner, group) = self.vote();
        self.decide(equipment, Some(winner), group, now.at)
    }

    /// Returns the winning state and its group.
    fn vote(&self) -> (String, Option<String>) {
        let mut best: Option<(f64, &str, &str)> = None;
        for (group, state) in self.rule.groups.iter().zip(&self.groups) {
            let mut vote: Option<(f64, &str)> = None;
            for (entry, phase) in group.entries.iter().zip(&state.entries) {
                if phase.active && vote.is_none_or(|(weight, _)| entry.weight > weight) {
                    vote = Some((entry.weight, &entry.state));
                }
            }
            if state.all_conditions_false {
                vote = group.otherwise.as_deref().map(|otherwise| (group.weight, otherwise));
            }
            let heavier = |(weight, _): &(f64, &str)| best.is_none_or(|(heaviest, _, _)| *weight > heaviest);
            if let Some((weight, state)) = vote.filter(heavier) {
                best = Some((weight, state, &group.id));
            }
        }
        match best {
            Some((_, state, group)) => (state.to_owned(), Some(group.to_owned())),
            None => (self.rule.default.clone(), None),
        }
    }

    /// Returns the transition to a winner (`None`: the rule is removed), if it differs from the one before.
    pub(super) fn decide(
        &mut self,
        equipment: &str,
        winner: Option<String>,
        group: Option<String>,
        at: i64,
    ) -> Option<NaiveTransition> {
        if winner.as_ref() == Some(&self.winner) {
            return None;
        }
        self.sequence += 1;
        let from = std::mem::replace(&mut self.winner, winner.clone().unwrap_or_default());
        Some(NaiveTransition {
            rule_id: self.rule.id.clone(),
            equipment_id: equipment.to_owned(),
            sequence: self.sequence,
            from,
            to: winner,
            at,
            group,
            rule_version: self.rule.version,
        })
    }

    /// Returns every timer that the rule has at a time or later, ms.
    pub(super) fn timers(&self, memory: &Memory, from: i64) -> Vec<i64> {
        let mut timers = Vec::new();
        for (group, state) in self.rule.groups.iter().zip(&self.groups) {
            for (entry, phase) in group.entries.iter().zip(&state.entries) {
                let (hold_ms, keep_for_ms) = (entry.condition.hold_ms, entry.condition.keep_for_ms);
                timers.extend(phase.since.filter(|_| hold_ms > 0).map(|since| since + hold_ms));
                timers.extend(
                    phase.releasable_since.filter(|_| keep_for_ms > 0).map(|since| since + keep_for_ms),
                );
            }
        }
        for (tag, wait_ms) in &self.rule.absents {
            timers.extend(memory.silent_since(tag).map(|since| since + wait_ms));
        }
        for window in &self.rule.windows {
            // Newer points leave it later.
            let newest_first = memory.seen_by(window).iter().rev().map(|point| window.leaves_at(point.own));
            timers.extend(newest_first.take_while(|due| *due >= from));
        }
        timers.retain(|due| *due >= from);
        timers
    }
}

impl Phase {
    fn step(
        &mut self,
        condition: &Condition,
        when: Option<bool>,
        counts: bool,
        memory: &Memory,
        now: Moment,
    ) {
        if self.active {
            let until = condition.until.as_ref().map(|until| memory.truth(until, now));
            match (when, until) {
                (Some(true), _) | (_, Some(Some(false))) => self.releasable_since = None,
                (Some(false), None | Some(Some(true))) => {
                    let since = *self.releasable_since.get_or_insert(now.at);
                    if now.is_over(since, condition.keep_for_ms) {
                        *self = Self::default();
                    }
                }
                (Some(false), Some(None)) | (None, _) => {}
            }
            return;
        }
        match when {
            Some(false) => *self = Self::default(),
            Some(true) => {
                let since = *self.since.get_or_insert(now.at);
                if counts {
                    self.count = self.count.saturating_add(1);
                }
                let often_enough = condition.times.is_none_or(|times| self.count >= times);
                if now.is_over(since, condition.hold_ms) && often_enough {
                    *self = Self { active: true, ..Self::default() };
                }
            }
            None => {}
        }
    }
}
