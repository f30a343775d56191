//! One rule at one time: its entries move on, its groups vote, the winner may change.

use andon_domain::Transition;
use compact_str::CompactString;

use super::entry::counts;
use super::timers::NEVER_MS;
use super::{EntryState, KeyState, Outcome, explain};
use crate::compile::plan::PlanRule;
use crate::compile::{CompiledRule, Operand};
use crate::eval::{EvalContext, Trigger, Truth};

/// Who won last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Winner {
    /// No group: the rule's default.
    #[default]
    Default,
    /// A calm group with its `otherwise`.
    Otherwise(u16),
    /// An entry of a group; both by position.
    Entry(u16, u16),
    /// A state of an earlier version of the rule, by name, until the rule is evaluated again.
    Former(Box<str>),
}

/// What a rule remembers besides its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleState {
    pub winner: Winner,
    /// Of its last transition on this equipment; 0 before the first.
    pub sequence: u64,
    /// The last instant for which the rule was listed to be evaluated; means nothing between records.
    pub listed: u64,
}

impl Winner {
    /// The winning state.
    pub(crate) fn state<'a>(&'a self, rule: &'a CompiledRule) -> &'a str {
        let rule = &rule.rule;
        let group = |group: u16| rule.groups.get(usize::from(group));
        match self {
            Self::Default => &rule.default,
            Self::Otherwise(at) => {
                group(*at).and_then(|group| group.otherwise.as_deref()).unwrap_or_default()
            }
            Self::Entry(at, entry) => group(*at)
                .and_then(|group| group.states.get(usize::from(*entry)))
                .map(|entry| entry.state.as_str())
                .unwrap_or_default(),
            Self::Former(state) => state,
        }
    }

    /// The winning group.
    pub(crate) fn group(&self) -> Option<usize> {
        match self {
            Self::Otherwise(group) | Self::Entry(group, _) => Some(usize::from(*group)),
            Self::Default | Self::Former(_) => None,
        }
    }
}

/// A position as a winner holds it; a rule has at most a thousand groups and entries.
fn small(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

impl KeyState {
    /// Evaluates a rule at a time, or looks at a binding: these stand behind the rules.
    #[inline]
    pub(super) fn evaluate(&mut self, rule: u32, t_ms: i64, moment: Trigger, outcome: &mut Outcome) {
        let plan = &self.rules.plan;
        let Some(plan_rule) = plan.rules.get(rule as usize) else {
            return self.look(rule, t_ms, moment, outcome);
        };
        let Some(compiled) = self.rules.set.rules.get(plan_rule.rule as usize) else { return };
        let slots = plan.slots_of(plan_rule, compiled);
        let scene = EvalContext {
            code: &compiled.code,
            slots,
            tags: &self.tags,
            windows: &self.windows,
            specs: &plan.windows,
            attributes: &self.rules.attributes,
            t_ms,
            moment,
            first_instant_ms: self.first_instant_ms,
        };
        let tag_slot = |tag: u32| {
            let operands = compiled.code.operands.iter().zip(slots);
            operands.filter(|(operand, _)| operand.tag() == tag).find_map(|(operand, slot)| match operand {
                Operand::Window { .. } => plan.windows.get(*slot as usize).map(|window| window.tag),
                Operand::Tag(_) | Operand::Absent { .. } => Some(*slot),
            })
        };
        let instant = self.scratch.instant;
        let touched = |slot: u32| self.tags.get(slot as usize).is_some_and(|tag| tag.touched == instant);
        let is_touched = |tag: u32| tag_slot(tag).is_some_and(touched);

        let next_due_from_ms = moment.next_due_from(t_ms);
        let mut due_ms = NEVER_MS;
        let mut winner: Option<(f64, Winner)> = None;
        let mut codes = compiled.code.entries.iter();
        let mut entries =
            self.entries.get_mut(plan_rule.first_entry as usize..).unwrap_or_default().iter_mut();
        let all_conditions_false =
            self.all_conditions_false.get_mut(plan_rule.first_group as usize..).unwrap_or_default();
        for ((group_index, group), all_conditions_false) in
            compiled.code.groups.iter().enumerate().zip(all_conditions_false)
        {
            let mut vote: Option<(f64, usize)> = None;
            let mut all_false = true;
            for (entry_index, (code, entry)) in
                codes.by_ref().zip(entries.by_ref()).take(group.entries as usize).enumerate()
            {
                let when = entry.step(code, &scene, counts(code, moment, is_touched));
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
                Some((weight, entry)) => Some((weight, Winner::Entry(small(group_index), small(entry)))),
                None if *all_conditions_false && group.has_otherwise => {
                    Some((group.weight, Winner::Otherwise(small(group_index))))
                }
                None => None,
            };
            if let Some((weight, vote)) = vote
                && winner.as_ref().is_none_or(|(greatest, _)| weight > *greatest)
            {
                winner = Some((weight, vote));
            }
        }
        if compiled.code.timed {
            due_ms = due_ms.min(timed_due_ms(&scene, next_due_from_ms));
        }
        self.timers.set(rule, due_ms);

        let winner = winner.map_or(Winner::Default, |(_, winner)| winner);
        let Some(state) = self.rule_states.get_mut(rule as usize) else { return };
        if state.winner == winner {
            return;
        }
        if state.winner.state(compiled) == winner.state(compiled) {
            state.winner = winner;
            return;
        }
        state.sequence = state.sequence.saturating_add(1);
        let entries = self.entries.get(plan_rule.first_entry as usize..).unwrap_or_default();
        outcome.transitions.push(Transition {
            rule_id: CompactString::new(&compiled.rule.id),
            rule_version: compiled.rule.version,
            equipment_id: self.equipment.clone(),
            sequence: state.sequence,
            from: CompactString::new(state.winner.state(compiled)),
            to: Some(CompactString::new(winner.state(compiled))),
            at: t_ms,
            group: winner
                .group()
                .and_then(|group| compiled.rule.groups.get(group))
                .map(|group| CompactString::new(&group.id)),
            explanation: Some(explain::explain(
                &self.rules.set,
                compiled,
                &scene,
                entries,
                &state.winner,
                &winner,
            )),
        });
        state.winner = winner;
    }

    /// When a rule is due, from the state alone: its timers at or after the watermark.
    pub(crate) fn due_from_state_ms(&self, plan_rule: &PlanRule) -> i64 {
        let plan = &self.rules.plan;
        let first_entry = plan_rule.first_entry as usize;
        let entries =
            self.entries.get(first_entry..first_entry + plan_rule.entries as usize).unwrap_or_default();
        // Most rules of a key with many are at rest: their code need not be looked at.
        let at_rest = !plan_rule.timed && entries.iter().all(EntryState::is_at_rest);
        if self.first_instant_ms.is_none() || at_rest {
            return NEVER_MS;
        }
        let Some(compiled) = self.rules.set.rules.get(plan_rule.rule as usize) else { return NEVER_MS };
        let scene = EvalContext {
            code: &compiled.code,
            slots: plan.slots_of(plan_rule, compiled),
            tags: &self.tags,
            windows: &self.windows,
            specs: &plan.windows,
            attributes: &self.rules.attributes,
            t_ms: self.watermark_ms,
            moment: Trigger::Instant,
            first_instant_ms: self.first_instant_ms,
        };
        let waits = entries.iter().zip(&compiled.code.entries);
        let waits = waits.filter_map(|(entry, code)| entry.due_ms(code, self.watermark_ms));
        waits.fold(timed_due_ms(&scene, self.watermark_ms), i64::min)
    }
}

/// When the first of a rule's windows or `absent`s asks for an evaluation, at or after `from_ms`.
fn timed_due_ms(scene: &EvalContext<'_>, from_ms: i64) -> i64 {
    let mut due_ms = NEVER_MS;
    for (position, (operand, slot)) in scene.code.operands.iter().zip(scene.slots).enumerate() {
        let due = match operand {
            Operand::Tag(_) => None,
            Operand::Window { .. } => {
                let slot = *slot as usize;
                let window = scene.windows.get(slot).zip(scene.specs.get(slot));
                window.and_then(|(window, spec)| window.next_expiry_ms(*spec, from_ms))
            }
            Operand::Absent { wait_ms, .. } => u32::try_from(position)
                .ok()
                .and_then(|operand| scene.silent_since_ms(operand))
                .map(|since_ms| since_ms + wait_ms)
                .filter(|due_ms| *due_ms >= from_ms),
        };
        due_ms = due_ms.min(due.unwrap_or(NEVER_MS));
    }
    due_ms
}
