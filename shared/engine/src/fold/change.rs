//! A new rule set takes effect for a key: what keeps its state, what begins anew, what ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::{LookupMap, Transition};
use compact_str::CompactString;

use super::rule::{RuleState, Winner};
use super::{
    EntryState, FoldError, KeyState, NO_UNCHANGED_BAND, Outcome, PendingTag, PendingTagRef, Rules, TagState,
};
use crate::compile::plan::{PlanRule, WindowSpec};
use crate::compile::{CompiledRule, CompiledRules, RuleContext, RuleSet, entry_meaning, rule_meaning};
use crate::eval::Trigger;
use crate::window::Window;

/// What the old set left of one rule, by its id.
struct Before<'a> {
    compiled: &'a CompiledRule,
    state: RuleState,
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
            self.take_up(rules, outcome);
        }
        Ok(())
    }

    /// Replaces the rules of the key by those of the next set.
    fn take_up(&mut self, rules: Rules, outcome: &mut Outcome) {
        let t_ms = self.watermark_ms.max(self.last_ms);
        let fresh = Self::with_rules(&self.equipment, rules);
        let old = std::mem::replace(self, fresh);
        self.clock_ms = old.clock_ms;
        self.watermark_ms = old.watermark_ms;
        self.first_instant_ms = old.first_instant_ms;
        self.last_ms = old.last_ms;
        self.retired = old.retired.clone();
        self.asked = old.asked.clone();
        // Marks that were carried over are older than any instant to come.
        self.scratch = old.scratch.clone();

        let mut before = rules_before(&old);
        self.end_removed(&before, t_ms, outcome);
        self.keep_tags(&old, t_ms);
        self.keep_windows(&old);
        self.sources = old.sources.clone();
        self.name_pending(&old);

        let mut to_evaluate = Vec::new();
        let plan = Arc::clone(&self.rules.plan);
        let set = Arc::clone(&self.rules.set);
        let attributes = self.rules.attributes.clone();
        let facts = (old.facts(), RuleContext { set: &set, attributes: &attributes });
        for (position, plan_rule) in plan.rules.iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let Some(compiled) = set.rules.get(plan_rule.rule as usize) else { continue };
            match before.remove(compiled.rule.id.as_str()) {
                Some(before) => {
                    let changed =
                        rule_meaning(facts.0, &before.compiled.rule) != rule_meaning(facts.1, &compiled.rule);
                    self.keep_rule(position, plan_rule, compiled, &before, changed.then_some(facts));
                    if changed {
                        to_evaluate.push(position);
                    }
                }
                None => {
                    if let (Some(sequence), Some(state)) = (
                        self.retired.remove(compiled.rule.id.as_str()),
                        self.rule_states.get_mut(position as usize),
                    ) {
                        state.sequence = sequence;
                    }
                    to_evaluate.push(position);
                }
            }
        }
        to_evaluate.extend(self.keep_bindings(&old));
        if self.first_instant_ms.is_none() {
            // All rules are evaluated at the key's first instant, and all bindings looked at.
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

    /// Rules that the new set has not, or not for this equipment, end with a transition to nothing.
    fn end_removed(&mut self, before: &BTreeMap<&str, Before<'_>>, t_ms: i64, outcome: &mut Outcome) {
        let kept: LookupMap<&str, ()> = kept_ids(&self.rules.set, &self.rules.plan.rules);
        let mut removed: Vec<(&&str, &Before<'_>)> =
            before.iter().filter(|(id, _)| !kept.contains_key(**id)).collect();
        removed.sort_by_key(|(_, before)| &before.compiled.rule.id);
        for (id, before) in removed {
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
                self.retired.insert(CompactString::new(id), sequence);
            }
        }
    }

    /// Values and first-named times stay for the tags that the new set names too.
    fn keep_tags(&mut self, old: &Self, t_ms: i64) {
        for (slot, tag) in (0..).zip(&mut self.tags) {
            let known =
                old.rules.slot(self.rules.tag_name(slot)).and_then(|slot| old.tags.get(slot as usize));
            *tag = match known {
                Some(known) => TagState { unchanged_band: NO_UNCHANGED_BAND, ..known.clone() },
                None => TagState::unseen(t_ms),
            };
        }
    }

    /// Windows of the same tag and the same panes stay.
    fn keep_windows(&mut self, old: &Self) {
        let plan = &self.rules.plan;
        for (window, spec) in self.windows.iter_mut().zip(&plan.windows) {
            let old_tag = old.rules.slot(self.rules.tag_name(spec.tag));
            let old_spec = old_tag.map(|tag| WindowSpec { tag, ..*spec });
            let known = old_spec
                .and_then(|spec| old.rules.plan.windows.binary_search(&spec).ok())
                .and_then(|known| old.windows.get(known));
            *window = known.cloned().unwrap_or_else(Window::default);
        }
    }

    /// Pending points find their tags under the new plan, by name.
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

    /// A rule of the same id: its winner and sequence go on, so do its groups' calm and those entries whose meaning
    /// is as before.
    fn keep_rule(
        &mut self,
        position: u32,
        plan_rule: &PlanRule,
        compiled: &CompiledRule,
        before: &Before<'_>,
        changed: Option<(RuleContext<'_>, RuleContext<'_>)>,
    ) {
        let mut state = before.state.clone();
        let new_entries = self.entries.get_mut(plan_rule.first_entry as usize..).unwrap_or_default();
        let new_calm =
            self.all_conditions_false.get_mut(plan_rule.first_group as usize..).unwrap_or_default();
        if let Some(facts) = changed {
            state.winner = Winner::Former(before.state.winner.state(before.compiled).into());
            keep_groups(compiled, before, facts, new_entries, new_calm);
        } else {
            new_entries.iter_mut().zip(before.entries).for_each(|(new, old)| *new = *old);
            new_calm.iter_mut().zip(before.all_conditions_false).for_each(|(new, old)| *new = *old);
            self.timers.set(position, before.due_ms);
        }
        if let Some(kept) = self.rule_states.get_mut(position as usize) {
            *kept = state;
        }
    }
}

/// The rules of the old set by id.
fn rules_before(old: &KeyState) -> BTreeMap<&str, Before<'_>> {
    let mut before = BTreeMap::new();
    for (position, plan_rule) in old.rules.plan.rules.iter().enumerate() {
        let Some(compiled) = old.rules.set.rules.get(plan_rule.rule as usize) else { continue };
        let first_entry = plan_rule.first_entry as usize;
        let first_group = plan_rule.first_group as usize;
        let entries = old.entries.get(first_entry..first_entry + compiled.code.entries.len());
        let all_conditions_false =
            old.all_conditions_false.get(first_group..first_group + compiled.rule.groups.len());
        before.insert(
            compiled.rule.id.as_str(),
            Before {
                compiled,
                state: old.rule_states.get(position).cloned().unwrap_or_default(),
                entries: entries.unwrap_or_default(),
                all_conditions_false: all_conditions_false.unwrap_or_default(),
                due_ms: old.timers.due_ms(u32::try_from(position).unwrap_or(u32::MAX)),
            },
        );
    }
    before
}

fn kept_ids<'a>(set: &'a RuleSet, rules: &[PlanRule]) -> LookupMap<&'a str, ()> {
    let compiled = rules.iter().filter_map(|rule| set.rules.get(rule.rule as usize));
    compiled.map(|compiled| (compiled.rule.id.as_str(), ())).collect()
}

/// Group by group of the same id: entries of the same state and meaning keep their phase; of the other entries, an
/// active one stays active if there is one of its state that matched no other, in order.
fn keep_groups(
    compiled: &CompiledRule,
    before: &Before<'_>,
    (old_facts, new_facts): (RuleContext<'_>, RuleContext<'_>),
    new_entries: &mut [EntryState],
    new_calm: &mut [bool],
) {
    let (rule, old_rule) = (&compiled.rule, &before.compiled.rule);
    let mut new_states = new_entries.iter_mut();
    for (group, all_conditions_false) in rule.groups.iter().zip(new_calm) {
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
        let Some((old_index, old_group, old_first_entry)) = found else { continue };
        *all_conditions_false = before.all_conditions_false.get(old_index).copied().unwrap_or_default();
        let old_states = before.entries.get(old_first_entry..).unwrap_or_default();
        let mut unmatched = Vec::new();
        let meanings: Vec<String> =
            group.states.iter().map(|entry| entry_meaning(new_facts, rule, entry)).collect();
        for (old_entry, old_state) in old_group.states.iter().zip(old_states) {
            let meaning = entry_meaning(old_facts, old_rule, old_entry);
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
            if let Some(heir) = heir {
                *heir = EntryState { active: true, since_ms: old_state.since_ms, ..EntryState::default() };
            }
        }
    }
}
