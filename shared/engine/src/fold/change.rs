//! A new rule set takes effect for a key: some state is kept, some begins anew, some rules end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use andon_domain::Transition;
use compact_str::CompactString;

use super::winner::{RuleState, Winner};
use super::{EntryState, FoldError, KeyState, Outcome, PendingTag, PendingTagRef, Rules};
use crate::compile::plan::{PlanRule, WindowSpec};
use crate::compile::{CompiledRule, CompiledRules, RuleContext, entry_meaning, rule_meaning};
use crate::eval::Trigger;
use crate::position::{at, at_mut, position, range, range_mut};
use crate::state::TagState;
use crate::window::Window;

/// A rule of the old set, with its state.
struct FormerRule<'a> {
    compiled: &'a CompiledRule,
    state: &'a RuleState,
    entries: &'a [EntryState],
    all_conditions_false: &'a [bool],
    due_ms: i64,
}

impl KeyState {
    /// Takes up every set that is due at an arrival, one after the other.
    #[inline]
    pub(super) fn change_rules(
        &mut self,
        rules: &CompiledRules,
        arrival_ms: i64,
        outcome: &mut Outcome,
    ) -> Result<(), FoldError> {
        let due = rules.due(self.rules.set.start_ms(), arrival_ms);
        if due.is_empty() {
            return Ok(());
        }
        // Plans first: a set that cannot serve this equipment must leave the state as it was.
        let due: Vec<Rules> =
            due.iter().map(|set| Ok(Rules::new(set, &self.equipment)?)).collect::<Result<_, FoldError>>()?;
        for rules in due {
            self.activate(rules, outcome);
        }
        Ok(())
    }

    /// Replaces the rules of the key by those of the next set.
    fn activate(&mut self, rules: Rules, outcome: &mut Outcome) {
        let t_ms = self.watermark_ms.max(self.last_ms);
        let fresh = Self::with_rules(&self.equipment, rules);
        let old = std::mem::replace(self, fresh);
        self.clock_ms = old.clock_ms;
        self.watermark_ms = old.watermark_ms;
        self.first_instant_ms = old.first_instant_ms;
        self.last_ms = old.last_ms;
        self.retired_sequences = old.retired_sequences.clone();
        self.retired_requests_ms = old.retired_requests_ms.clone();
        // Marks of the old state are older than any instant to come.
        self.scratch = old.scratch.clone();

        let mut before = rules_before(&old);
        self.end_removed(&before, t_ms, outcome);
        self.keep_tags(&old, t_ms);
        self.keep_windows(&old);
        self.sources = old.sources.clone();
        self.name_pending(&old);
        let mut to_evaluate = self.keep_rules(&old, &mut before);
        to_evaluate.extend(self.keep_bindings(&old));
        if self.first_instant_ms.is_none() {
            // The key's first instant evaluates all rules and bindings.
            return;
        }
        // As at an instant with a point of every tag.
        self.scratch.begin();
        let instant = self.scratch.instant;
        self.tags.iter_mut().for_each(|tag| tag.touched = instant);
        for rule in to_evaluate {
            self.evaluate(rule, t_ms, Trigger::Instant, outcome);
        }
    }

    /// Takes over the state of the old set's rules. Returns the positions of new and changed ones, to be evaluated.
    fn keep_rules(&mut self, old: &Self, before: &mut BTreeMap<&str, FormerRule<'_>>) -> Vec<u32> {
        let mut to_evaluate = Vec::new();
        let plan = Arc::clone(&self.rules.plan);
        let set = Arc::clone(&self.rules.set);
        let attributes = self.rules.attributes.clone();
        let contexts = (old.rule_context(), RuleContext { set: &set, attributes: &attributes });
        for (position, plan_rule) in (0..).zip(&plan.rules) {
            let Some(compiled) = at(&set.rules, plan_rule.rule, "new rule") else { continue };
            match before.remove(compiled.rule.id.as_str()) {
                Some(before) => {
                    let changed = rule_meaning(contexts.0, &before.compiled.rule)
                        != rule_meaning(contexts.1, &compiled.rule);
                    self.keep_rule(position, plan_rule, compiled, &before, changed.then_some(contexts));
                    if changed {
                        to_evaluate.push(position);
                    }
                }
                None => {
                    if let Some(sequence) = self.retired_sequences.remove(compiled.rule.id.as_str())
                        && let Some(state) = at_mut(&mut self.rule_states, position, "state of new rule")
                    {
                        state.sequence = sequence;
                    }
                    to_evaluate.push(position);
                }
            }
        }
        to_evaluate
    }

    /// Ends the rules that the new set lacks, or does not apply to this equipment, with a transition to nothing.
    fn end_removed(&mut self, before: &BTreeMap<&str, FormerRule<'_>>, t_ms: i64, outcome: &mut Outcome) {
        let kept: BTreeSet<&str> = self
            .rules
            .plan
            .rules
            .iter()
            .filter_map(|planned| {
                let rule = at(&self.rules.set.rules, planned.rule, "new rule")?;
                Some(rule.rule.id.as_str())
            })
            .collect();
        // By id, as they stand in the map.
        for (id, before) in before.iter().filter(|(id, _)| !kept.contains(**id)) {
            let mut sequence = before.state.sequence;
            let winner = before.state.winner.state(before.compiled);
            if winner != before.compiled.rule.default {
                sequence = sequence.saturating_add(1);
                outcome.transitions.push(Transition {
                    rule_id: CompactString::new(id),
                    rule_version: before.compiled.rule.version,
                    equipment_id: self.equipment.clone(),
                    sequence,
                    from: CompactString::new(winner),
                    to: None,
                    at: t_ms,
                    group: None,
                    explanation: None,
                });
            }
            if sequence > 0 {
                self.retired_sequences.insert(CompactString::new(id), sequence);
            }
        }
    }

    /// Keeps the newest point and the first-named time of the tags that the old set names too.
    fn keep_tags(&mut self, old: &Self, t_ms: i64) {
        for (slot, tag) in (0..).zip(&mut self.tags) {
            let old_slot = old.rules.slot(self.rules.tag_name(slot));
            *tag = match old_slot.and_then(|slot| at(&old.tags, slot, "old tag")) {
                Some(old) => TagState { unchanged_band: TagState::NO_UNCHANGED_BAND, ..old.clone() },
                None => TagState::unseen(t_ms),
            };
        }
    }

    /// Keeps the windows over the same tag with the same panes.
    fn keep_windows(&mut self, old: &Self) {
        let plan = &self.rules.plan;
        for (window, spec) in self.windows.iter_mut().zip(&plan.windows) {
            let old_tag = old.rules.slot(self.rules.tag_name(spec.tag));
            let old_spec = old_tag.map(|tag| WindowSpec { tag, ..*spec });
            let old_window = old_spec.and_then(|spec| old.rules.plan.windows.binary_search(&spec).ok());
            *window = old_window
                .and_then(|window| at(&old.windows, position(window), "old window"))
                .cloned()
                .unwrap_or_else(Window::default);
        }
    }

    /// Gives the pending points their tags under the new plan, by name.
    fn name_pending(&mut self, old: &Self) {
        let rules = &self.rules;
        self.pending = old.pending.renamed(|tag| {
            let name = match tag {
                PendingTagRef::Unnamed(name) => name,
                PendingTagRef::Named(slot) => old.rules.tag_name(slot),
            };
            match rules.slot(name) {
                Some(slot) => PendingTag::Named(slot),
                None => PendingTag::Unnamed(name.into()),
            }
        });
    }

    /// Keeps the winner and the sequence number of a rule with the same id. Of a changed rule, groups and entries with
    /// the same meaning keep their state.
    fn keep_rule(
        &mut self,
        rule: u32,
        plan_rule: &PlanRule,
        compiled: &CompiledRule,
        before: &FormerRule<'_>,
        changed: Option<(RuleContext<'_>, RuleContext<'_>)>,
    ) {
        let first_entry = plan_rule.first_entry as usize;
        let entries = first_entry..first_entry + compiled.code.entries.len();
        let entries = range_mut(&mut self.entries, entries, "entries of a new rule");
        let first_group = plan_rule.first_group as usize;
        let groups = first_group..first_group + compiled.code.groups.len();
        let all_false = range_mut(&mut self.all_conditions_false, groups, "groups of a new rule");
        let mut state = before.state.clone();
        if let Some(contexts) = changed {
            state.winner = Winner::Former(before.state.winner.state(before.compiled).into());
            keep_groups(compiled, before, contexts, entries, all_false);
        } else {
            entries.iter_mut().zip(before.entries).for_each(|(new, old)| *new = *old);
            all_false.iter_mut().zip(before.all_conditions_false).for_each(|(new, old)| *new = *old);
            self.timers.set(rule, before.due_ms);
        }
        if let Some(new) = at_mut(&mut self.rule_states, rule, "state of a kept rule") {
            *new = state;
        }
    }
}

/// Returns the rules of the old set by id.
fn rules_before(old: &KeyState) -> BTreeMap<&str, FormerRule<'_>> {
    let mut before = BTreeMap::new();
    for (position, plan_rule) in (0..).zip(&old.rules.plan.rules) {
        let Some(compiled) = at(&old.rules.set.rules, plan_rule.rule, "old rule") else { continue };
        let Some(state) = at(&old.rule_states, position, "state of an old rule") else { continue };
        let first_entry = plan_rule.first_entry as usize;
        let entries = first_entry..first_entry + compiled.code.entries.len();
        let first_group = plan_rule.first_group as usize;
        let groups = first_group..first_group + compiled.code.groups.len();
        before.insert(
            compiled.rule.id.as_str(),
            FormerRule {
                compiled,
                state,
                entries: range(&old.entries, entries, "entries of an old rule"),
                all_conditions_false: range(&old.all_conditions_false, groups, "groups of an old rule"),
                due_ms: old.timers.due_ms(position),
            },
        );
    }
    before
}

/// Keeps states group by group of the same id.
///
/// Entries of the same state and meaning keep their phase. Of the other old entries, an active one hands its activity
/// to the first new entry of its state that matched no old one.
fn keep_groups(
    compiled: &CompiledRule,
    before: &FormerRule<'_>,
    (old_context, new_context): (RuleContext<'_>, RuleContext<'_>),
    new_entries: &mut [EntryState],
    new_all_false: &mut [bool],
) {
    let (rule, old_rule) = (&compiled.rule, &before.compiled.rule);
    let mut new_states = new_entries.iter_mut();
    for (group, all_conditions_false) in rule.groups.iter().zip(new_all_false) {
        let mut slots: Vec<Option<&mut EntryState>> =
            new_states.by_ref().take(group.states.len()).map(Some).collect();
        let mut old_first_entry = 0;
        let mut found = None;
        for (index, old_group) in old_rule.groups.iter().enumerate() {
            if old_group.id == group.id {
                found = Some((index, old_group, old_first_entry));
            }
            old_first_entry += old_group.states.len();
        }
        // A group with a new id begins anew.
        let Some((old_index, old_group, old_first_entry)) = found else { continue };
        if let Some(old) = at(before.all_conditions_false, position(old_index), "old group") {
            *all_conditions_false = *old;
        }
        let old_states = old_first_entry..old_first_entry + old_group.states.len();
        let old_states = range(before.entries, old_states, "entries of an old group");
        let mut unmatched = Vec::new();
        let meanings: Vec<String> =
            group.states.iter().map(|entry| entry_meaning(new_context, rule, entry)).collect();
        for (old_entry, old_state) in old_group.states.iter().zip(old_states) {
            let meaning = entry_meaning(old_context, old_rule, old_entry);
            let same =
                group.states.iter().zip(&meanings).zip(&mut slots).find_map(|((entry, of_new), slot)| {
                    if entry.state == old_entry.state && *of_new == meaning { slot.take() } else { None }
                });
            match same {
                Some(slot) => *slot = *old_state,
                None => unmatched.push((old_entry, old_state)),
            }
        }
        for (old_entry, old_state) in unmatched.into_iter().filter(|(_, state)| state.active) {
            let heir =
                group.states.iter().zip(&mut slots).find_map(|(entry, slot)| {
                    if entry.state == old_entry.state { slot.take() } else { None }
                });
            // A state that the new group lacks is left.
            if let Some(heir) = heir {
                *heir = EntryState { active: true, since_ms: old_state.since_ms, ..EntryState::default() };
            }
        }
    }
}
