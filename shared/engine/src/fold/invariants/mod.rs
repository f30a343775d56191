//! The invariants of a state between records.

#[cfg(test)]
mod tests;

use andon_domain::limits;

use super::{EntryState, KeyState, NEVER_MS, NONE_MS, RuleState, Winner};
use crate::compile::CompiledRule;
use crate::compile::plan::{PlanRule, ensure};
use crate::state::MOST_SEGMENTS;

impl KeyState {
    /// Checks the invariants of a state between two records, and returns the first broken one.
    ///
    /// | part | invariant |
    /// | --- | --- |
    /// | plan | every position is in range; lists are sorted; the fingerprint is that of the set |
    /// | lengths | tags, windows, entries, groups, rules, bindings and timers are as many as in the plan |
    /// | time | first instant <= last instant or timer <= watermark <= clock; the watermark is at least that of the sources |
    /// | sources | at most [`limits::SOURCES`], each id once; mark <= arrival <= clock |
    /// | pending | instants are later than the watermark; counts, names and unpacked points fit |
    /// | tags | own timestamp <= sent and effective timestamp <= last instant |
    /// | windows | panes are ordered, not after the watermark, bounded; their counts fit |
    /// | entries | no wait begins after the watermark; an active entry has its begin and counts nothing |
    /// | rules | the winner is a state of the rule that is active or `otherwise` |
    /// | timers | no timer is later than the due time that the state gives: it may be early, never late |
    /// | removed | no removed rule or binding is in the plan |
    ///
    /// It does not hold after [`KeyState::close`], which passes the watermark, nor for a state unpacked from bytes that
    /// [`KeyState::pack`] did not write.
    ///
    /// # Errors
    /// The broken invariant, with the values that break it.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.check_parts().map_err(|broken| format!("`{}`: {broken}", self.equipment))
    }

    fn check_parts(&self) -> Result<(), String> {
        self.rules.plan.check(&self.rules.set)?;
        self.check_lengths()?;
        self.check_time()?;
        self.pending.check(self.tags.len(), self.watermark_ms)?;
        self.check_tags()?;
        self.segments.check(self.windows.len())?;
        // Panes of each live segment, which may have left the window since, and those of the head.
        let stored = i64::try_from(MOST_SEGMENTS).unwrap_or(i64::MAX) + 1;
        for (position, (window, spec)) in self.windows.iter().zip(&self.rules.plan.windows).enumerate() {
            let most = stored.saturating_mul(spec.panes.saturating_add(1));
            window
                .check(*spec, self.watermark_ms, most)
                .map_err(|broken| format!("window {position}: {broken}"))?;
        }
        for (position, planned) in (0..).zip(&self.rules.plan.rules) {
            self.check_rule(position, planned).map_err(|broken| format!("rule {position}: {broken}"))?;
        }
        self.check_bindings()?;
        self.timers.check(self.rule_states.len() + self.bindings.len())
    }

    fn check_lengths(&self) -> Result<(), String> {
        let plan = &self.rules.plan;
        for (what, length, planned) in [
            ("tags", self.tags.len(), plan.tags.len()),
            ("windows", self.windows.len(), plan.windows.len()),
            ("entries", self.entries.len(), plan.entry_count),
            ("groups", self.all_conditions_false.len(), plan.group_count),
            ("rules", self.rule_states.len(), plan.rules.len()),
            ("bindings", self.bindings.len(), plan.bindings.len()),
        ] {
            ensure(length == planned, || format!("{length} {what}; the plan has {planned}"))?;
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), String> {
        let (watermark_ms, clock_ms) = (self.watermark_ms, self.clock_ms);
        ensure(watermark_ms <= clock_ms, || {
            format!("the watermark {watermark_ms} is after the clock {clock_ms}")
        })?;
        ensure(
            self.last_ms <= watermark_ms && self.first_instant_ms.is_none_or(|first| first <= self.last_ms),
            || {
                format!(
                    "instants are from {:?} to {}; the watermark is {watermark_ms}",
                    self.first_instant_ms, self.last_ms
                )
            },
        )?;
        let sources = &self.sources.0;
        ensure(sources.len() <= limits::SOURCES, || format!("{} sources", sources.len()))?;
        for (index, source) in sources.iter().enumerate() {
            let again = sources.iter().take(index).any(|other| other.id == source.id);
            ensure(!again && source.mark_ms <= source.last_ms && source.last_ms <= clock_ms, || {
                format!("{source:?} at the clock {clock_ms}; it comes twice: {again}")
            })?;
        }
        if clock_ms != i64::MIN {
            let by_sources_ms = self.sources.watermark_ms(&self.rules.set.times, clock_ms);
            ensure(by_sources_ms <= watermark_ms, || {
                format!("the watermark is {watermark_ms}; that of the sources is {by_sources_ms}")
            })?;
        }
        Ok(())
    }

    fn check_tags(&self) -> Result<(), String> {
        for (slot, tag) in self.tags.iter().enumerate() {
            ensure(tag.named_since_ms <= self.watermark_ms, || {
                format!(
                    "tag {slot} is named since {}; the watermark is {}",
                    tag.named_since_ms, self.watermark_ms
                )
            })?;
            let Some(newest) = &tag.newest else { continue };
            let (own_ms, sent_ms) = (newest.order.own_ms, newest.order.sent_ms);
            let fits = own_ms <= sent_ms
                && own_ms <= newest.effective_ms
                && newest.effective_ms <= self.last_ms
                && self.first_instant_ms.is_some_and(|first_ms| first_ms <= newest.effective_ms);
            ensure(fits, || {
                format!(
                    "tag {slot} has {newest:?}; instants are from {:?} to {}",
                    self.first_instant_ms, self.last_ms
                )
            })?;
        }
        Ok(())
    }

    fn check_rule(&self, position: u32, planned: &PlanRule) -> Result<(), String> {
        let Some(compiled) = self.rules.set.rules.get(planned.rule as usize) else {
            return Err(format!("the plan names rule {}", planned.rule));
        };
        let first_entry = planned.first_entry as usize;
        let entries =
            self.entries.get(first_entry..first_entry + planned.entries as usize).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            self.check_entry(entry).map_err(|broken| format!("entry {index}: {broken}"))?;
        }
        let first_group = planned.first_group as usize;
        let groups = first_group..first_group + compiled.code.groups.len();
        let all_false = self.all_conditions_false.get(groups).unwrap_or_default();
        let mut of_groups = entries.iter();
        for (index, (group, all_false)) in compiled.code.groups.iter().zip(all_false).enumerate() {
            let of_group = of_groups.by_ref().take(group.entries as usize);
            let active = of_group.filter(|entry| entry.active).count();
            ensure(active == 0 || !*all_false, || {
                format!("group {index} has {active} active entries, and all its conditions are false")
            })?;
        }
        let state = self.rule_states.get(position as usize);
        ensure(state.is_some_and(|state| winner_votes(state, compiled, entries, all_false)), || {
            format!("{state:?} with {entries:?} and groups {all_false:?}")
        })?;
        let id = compiled.rule.id.as_str();
        ensure(!self.retired_sequences.contains_key(id), || format!("`{id}` is removed and in the plan"))?;
        let (due_ms, true_ms) = (self.timers.due_ms(position), self.due_from_state_ms(planned));
        ensure(due_ms <= true_ms, || format!("the timer is at {due_ms}; the state is due at {true_ms}"))
    }

    fn check_entry(&self, entry: &EntryState) -> Result<(), String> {
        let begins = entry.since_ms.max(entry.releasable_since_ms) <= self.watermark_ms;
        let phase = if entry.active {
            entry.since_ms != NONE_MS && entry.count == 0
        } else {
            entry.releasable_since_ms == NONE_MS && (entry.since_ms != NONE_MS || entry.count == 0)
        };
        ensure(begins && phase, || format!("{entry:?} at the watermark {}", self.watermark_ms))
    }

    fn check_bindings(&self) -> Result<(), String> {
        let bindings = self.bindings.iter().zip(&self.rules.plan.bindings);
        for (position, (state, planned)) in (self.rule_states.len()..).zip(bindings) {
            let due_ms = u32::try_from(position).map_or(NEVER_MS, |position| self.timers.due_ms(position));
            let requested = state.requested_ms.is_none_or(|at_ms| at_ms <= self.watermark_ms);
            ensure(requested && due_ms == state.due_ms, || {
                format!("binding {position} is {state:?} with a timer at {due_ms}")
            })?;
            let id =
                self.rules.set.bindings.get(planned.binding as usize).map(|known| known.binding.id.as_str());
            ensure(id.is_some_and(|id| !self.retired_requests_ms.contains_key(id)), || {
                format!("binding {id:?} is removed and in the plan")
            })?;
        }
        Ok(())
    }
}

/// Returns whether the winner of a rule is a state that its group votes for.
fn winner_votes(
    state: &RuleState,
    compiled: &CompiledRule,
    entries: &[EntryState],
    all_conditions_false: &[bool],
) -> bool {
    let groups = &compiled.rule.groups;
    match &state.winner {
        Winner::Default | Winner::Former(_) => true,
        Winner::Otherwise(group) => {
            let group = usize::from(*group);
            groups.get(group).is_some_and(|group| group.otherwise.is_some())
                && all_conditions_false.get(group) == Some(&true)
        }
        Winner::Entry(group, entry) => {
            let (group, entry) = (usize::from(*group), usize::from(*entry));
            let before: usize = groups.iter().take(group).map(|group| group.states.len()).sum();
            groups.get(group).is_some_and(|group| entry < group.states.len())
                && entries.get(before + entry).is_some_and(|entry| entry.active)
        }
    }
}
