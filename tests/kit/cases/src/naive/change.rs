//! The change of one machine to a new rule set.

use std::collections::BTreeSet;

use super::ReplayResult;
use super::binding::BindingState;
use super::key::Key;
use super::rule::{GroupState, Phase, RuleState};
use super::set::{Binding, Group, Rule, RuleSet};
use super::value::{Moment, Tag};

impl Key {
    /// Takes up a rule set, before anything else is done with a record.
    pub(super) fn change_rules(&mut self, set: &RuleSet, result: &mut ReplayResult) {
        self.rules_start = set.start;
        self.settings = set.settings;
        let t = self.watermark.max(self.position.map(|position| position.at));
        let rules = set.rules_of(&self.equipment);
        let bindings = set.bindings_of(&self.equipment);
        // Removals come first.
        let old_rules = std::mem::take(&mut self.rules);
        let old_rules = self.remove_rules(old_rules, &rules, t, result);
        self.change_memory(&rules, &bindings, t);
        let now = t.map(|at| Moment { at, timer: false });
        self.position = self.position.max(now);
        let evaluated_at = now.filter(|_| self.memory.first_instant.is_some());
        self.replace_rules(&rules, &old_rules, evaluated_at, result);
        self.replace_bindings(&bindings, evaluated_at, result);
    }

    /// Returns the rules as they were, after the transitions of those that the new set does not have.
    fn remove_rules(
        &mut self,
        mut old: Vec<RuleState>,
        rules: &[Rule],
        t: Option<i64>,
        result: &mut ReplayResult,
    ) -> Vec<RuleState> {
        for state in &mut old {
            if rules.iter().any(|rule| rule.id == state.rule.id) {
                continue;
            }
            // A key without a time has had no instant: all its winners are the defaults.
            if let Some(t) = t.filter(|_| state.winner != state.rule.default) {
                result.transitions.extend(state.decide(&self.equipment, None, None, t));
            }
            self.removed.insert(state.rule.id.clone(), state.sequence);
        }
        old
    }

    /// Forgets the tags and windows that the new set does not name. Those that it newly names begin now.
    fn change_memory(&mut self, rules: &[Rule], bindings: &[Binding], t: Option<i64>) {
        let mut tags = std::mem::take(&mut self.memory.tags);
        let mut windows = std::mem::take(&mut self.memory.windows);
        let of_rules = rules.iter().map(|rule| (&rule.tags, &rule.windows));
        let of_bindings = bindings.iter().map(|binding| (&binding.tags, &binding.windows));
        for (named_tags, named_windows) in of_rules.chain(of_bindings) {
            for name in named_tags {
                if self.memory.tags.contains_key(name) {
                    continue;
                }
                let tag = tags.remove(name).unwrap_or(Tag { named: t, points: Vec::new() });
                self.memory.tags.insert(name.clone(), tag);
            }
            for window in named_windows {
                if self.memory.windows.contains_key(window) {
                    continue;
                }
                let points = self.memory.tags.get(&window.tag).map_or(0, |tag| tag.points.len());
                let unseen = windows.remove(window).unwrap_or(points);
                self.memory.windows.insert(window.clone(), unseen);
            }
        }
    }

    /// Puts the new rules in place, with the states of the old ones, and evaluates those that differ.
    fn replace_rules(
        &mut self,
        rules: &[Rule],
        old: &[RuleState],
        now: Option<Moment>,
        result: &mut ReplayResult,
    ) {
        for rule in rules {
            let before = old.iter().find(|state| state.rule.id == rule.id);
            let sequence = self.removed.get(&rule.id).copied().unwrap_or_default();
            let mut state = before.map_or(RuleState::new(rule, sequence), |before| RuleState {
                rule: rule.clone(),
                winner: before.winner.clone(),
                sequence: before.sequence,
                groups: rule.groups.iter().map(|group| carried(group, before)).collect(),
            });
            let is_other = before.is_none_or(|before| before.rule.differs(rule));
            if let Some(now) = now.filter(|_| is_other) {
                let transition = state.evaluate(&self.equipment, &self.memory, now, &rule.tags);
                result.transitions.extend(transition);
            }
            self.rules.push(state);
        }
    }

    /// Puts the new bindings in place, with the states of the old ones, and evaluates those that differ.
    fn replace_bindings(&mut self, bindings: &[Binding], now: Option<Moment>, result: &mut ReplayResult) {
        let old = std::mem::take(&mut self.bindings);
        let mut others = BTreeSet::new();
        for binding in bindings {
            let before = old.iter().find(|state| state.binding.id == binding.id);
            let same = before.filter(|before| !before.binding.differs(binding));
            if same.is_none() {
                others.insert(binding.id.clone());
            }
            let state = same.map_or(BindingState::new(binding), |before| BindingState {
                binding: binding.clone(),
                ..before.clone()
            });
            self.bindings.push(state);
        }
        if let Some(now) = now {
            self.evaluate_bindings(now, result, |state| others.contains(&state.binding.id));
        }
    }
}

/// Returns the state of a group that replaces one of the same id, if there was one.
fn carried(group: &Group, before: &RuleState) -> GroupState {
    let mut old = before.rule.groups.iter().zip(&before.groups);
    let Some((old_group, old_state)) = old.find(|(old, _)| old.id == group.id) else {
        return GroupState::new(group);
    };
    let mut phases: Vec<Option<Phase>> = vec![None; group.entries.len()];
    let mut others = Vec::new();
    // Entries that are as before keep their phase.
    for (old_entry, phase) in old_group.entries.iter().zip(&old_state.entries) {
        let same = group.entries.iter().zip(&mut phases).find(|(entry, taken)| {
            taken.is_none() && entry.state == old_entry.state && entry.condition == old_entry.condition
        });
        match same {
            Some((_, free)) => *free = Some(phase.clone()),
            None => others.push((old_entry, phase)),
        }
    }
    // Of the others, an active one stays active in an entry of its state that matched no other.
    for (old_entry, _) in others.into_iter().filter(|(_, phase)| phase.active) {
        let free = group
            .entries
            .iter()
            .zip(&mut phases)
            .find(|(entry, taken)| taken.is_none() && entry.state == old_entry.state);
        if let Some((_, free)) = free {
            *free = Some(Phase { active: true, ..Phase::default() });
        }
    }
    GroupState {
        all_conditions_false: old_state.all_conditions_false,
        entries: phases.into_iter().map(Option::unwrap_or_default).collect(),
    }
}
