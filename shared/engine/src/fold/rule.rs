//! The evaluation of one rule at one time: its entries step, its groups vote, its winner may change.

use andon_domain::Transition;
use compact_str::CompactString;

use super::entry::counts;
use super::timers::NEVER_MS;
use super::winner::Winner;
use super::{EntryState, KeyState, Outcome, explain};
use crate::compile::OperandCode;
use crate::compile::plan::PlanRule;
use crate::eval::{EvalContext, Trigger, Truth};
use crate::position::{at, at_mut, range, range_mut};

impl KeyState {
    /// Evaluates a rule at a time, or a binding: bindings are numbered behind the rules.
    #[inline]
    pub(super) fn evaluate(&mut self, rule: u32, t_ms: i64, trigger: Trigger, outcome: &mut Outcome) {
        let plan = &self.rules.plan;
        let Some(plan_rule) = plan.rules.get(rule as usize) else {
            return self.evaluate_binding(rule, t_ms, trigger, outcome);
        };
        let Some(compiled) = at(&self.rules.set.rules, plan_rule.rule, "rule of the plan") else { return };
        let slots = plan.slots_of(plan_rule, compiled);
        let context = self.rules.context(
            &compiled.code,
            slots,
            (&self.tags, &self.windows),
            self.first_instant_ms,
            (t_ms, trigger),
        );
        let tag_slot = |tag: u32| {
            let operands = compiled.code.operands.iter().zip(slots);
            operands.filter(|(operand, _)| operand.tag() == tag).find_map(|(operand, slot)| match operand {
                OperandCode::Window { .. } => at(&plan.windows, *slot, "window").map(|window| window.tag),
                OperandCode::Tag(_) | OperandCode::Absent { .. } => Some(*slot),
            })
        };
        let instant = self.scratch.instant;
        let touched = |slot: u32| at(&self.tags, slot, "tag").is_some_and(|tag| tag.touched == instant);
        let is_touched = |tag: u32| tag_slot(tag).is_some_and(touched);

        let first_entry = plan_rule.first_entry as usize;
        let first_group = plan_rule.first_group as usize;
        let of_rule = first_entry..first_entry + plan_rule.entries as usize;
        let groups = first_group..first_group + compiled.code.groups.len();
        let (winner, due_ms) = vote(
            &context,
            range_mut(&mut self.entries, of_rule.clone(), "entries of a rule"),
            range_mut(&mut self.all_conditions_false, groups, "groups of a rule"),
            is_touched,
        );
        self.timers.set(rule, due_ms);

        let Some(state) = at_mut(&mut self.rule_states, rule, "state of rule") else { return };
        if state.winner == winner {
            return;
        }
        let former = std::mem::replace(&mut state.winner, winner);
        let to = state.winner.state(compiled);
        if former.state(compiled) == to {
            return;
        }
        state.sequence = state.sequence.saturating_add(1);
        let entries = range(&self.entries, of_rule, "entries of a rule");
        let group = state.winner.group().and_then(|group| compiled.rule.groups.get(group));
        outcome.transitions.push(Transition {
            rule_id: CompactString::new(&compiled.rule.id),
            rule_version: compiled.rule.version,
            equipment_id: self.equipment.clone(),
            sequence: state.sequence,
            from: CompactString::new(former.state(compiled)),
            to: Some(CompactString::new(to)),
            at: t_ms,
            group: group.map(|group| CompactString::new(&group.id)),
            explanation: Some(explain::explain(
                &self.rules.set,
                compiled,
                &context,
                entries,
                (&former, &state.winner),
            )),
        });
    }

    /// Returns the time at which a rule is due, from the state alone: its first timer at or after the watermark.
    pub(crate) fn due_from_state_ms(&self, plan_rule: &PlanRule) -> i64 {
        let first_entry = plan_rule.first_entry as usize;
        let of_rule = first_entry..first_entry + plan_rule.entries as usize;
        let entries = range(&self.entries, of_rule, "entries of a rule");
        // Most rules of a key with many rules are at rest: their code need not be read.
        let at_rest = !plan_rule.timed && entries.iter().all(EntryState::is_at_rest);
        if self.first_instant_ms.is_none() || at_rest {
            return NEVER_MS;
        }
        let Some(compiled) = at(&self.rules.set.rules, plan_rule.rule, "rule of the plan") else {
            return NEVER_MS;
        };
        let context = self.rules.context(
            &compiled.code,
            self.rules.plan.slots_of(plan_rule, compiled),
            (&self.tags, &self.windows),
            self.first_instant_ms,
            (self.watermark_ms, Trigger::Instant),
        );
        let waits = entries.iter().zip(&compiled.code.entries);
        let waits = waits.filter_map(|(entry, code)| entry.due_ms(code, self.watermark_ms));
        waits.fold(timed_due_ms(&context, self.watermark_ms), i64::min)
    }
}

/// Moves all entries of a rule on. Returns the winner of the groups' votes, and the time at which the rule is due next.
///
/// On a tie of weights the earlier entry wins in its group, and the earlier group in the rule.
#[inline]
fn vote(
    context: &EvalContext<'_>,
    entries: &mut [EntryState],
    all_conditions_false: &mut [bool],
    is_touched: impl Fn(u32) -> bool,
) -> (Winner, i64) {
    let next_due_from_ms = context.trigger.next_due_from(context.t_ms);
    let mut due_ms = NEVER_MS;
    let mut winner: Option<(f64, Winner)> = None;
    let mut codes = context.code.entries.iter();
    let mut entries = entries.iter_mut();
    // Positions fit 16 bits: validation bounds groups and entries by `limits::RULE_ENTRIES`.
    for ((group_index, group), all_conditions_false) in
        (0_u16..).zip(&context.code.groups).zip(all_conditions_false)
    {
        let mut vote: Option<(f64, u16)> = None;
        let mut all_false = true;
        let of_group = codes.by_ref().zip(entries.by_ref()).take(group.entries as usize);
        for (entry_index, (code, entry)) in (0_u16..).zip(of_group) {
            let when = entry.step(code, context, counts(code, context.trigger, &is_touched));
            all_false &= when == Truth::False;
            if entry.active && vote.is_none_or(|(weight, _)| code.weight > weight) {
                vote = Some((code.weight, entry_index));
            }
            if let Some(entry_due_ms) = entry.due_ms(code, next_due_from_ms) {
                due_ms = due_ms.min(entry_due_ms);
            }
        }
        if vote.is_some() {
            *all_conditions_false = false;
        } else if all_false {
            *all_conditions_false = true;
        }
        let vote = match vote {
            Some((weight, entry)) => Some((weight, Winner::Entry(group_index, entry))),
            None if *all_conditions_false && group.has_otherwise => {
                Some((group.weight, Winner::Otherwise(group_index)))
            }
            None => None,
        };
        if let Some((weight, vote)) = vote
            && winner.as_ref().is_none_or(|(greatest, _)| weight > *greatest)
        {
            winner = Some((weight, vote));
        }
    }
    if context.code.timed {
        due_ms = due_ms.min(timed_due_ms(context, next_due_from_ms));
    }
    // Without a vote the default wins.
    (winner.map_or(Winner::Default, |(_, winner)| winner), due_ms)
}

/// Returns the time at which the first window or `absent` of a rule needs an evaluation, at or after `from_ms`.
fn timed_due_ms(context: &EvalContext<'_>, from_ms: i64) -> i64 {
    let mut due_ms = NEVER_MS;
    for (position, (operand, slot)) in (0..).zip(context.code.operands.iter().zip(context.slots)) {
        let due = match operand {
            OperandCode::Tag(_) => None,
            OperandCode::Window { .. } => {
                let window = at(context.windows, *slot, "window").zip(at(context.specs, *slot, "window"));
                window.and_then(|(window, spec)| window.next_expiry_ms(*spec, from_ms))
            }
            OperandCode::Absent { wait_ms, .. } => context
                .silent_since_ms(position)
                .map(|since_ms| since_ms + wait_ms)
                .filter(|due_ms| *due_ms >= from_ms),
        };
        due_ms = due_ms.min(due.unwrap_or(NEVER_MS));
    }
    due_ms
}
