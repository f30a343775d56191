//! The end of a state after a long silence of its machine, and the sequence numbers that outlive it.

use super::KeyState;
use crate::position::at;

impl KeyState {
    /// Returns whether every rule is in its default. Only then may the state be deleted: no operator waits for the end
    /// of an alarm.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        let rules = self.rules.plan.rules.iter().zip(&self.rule_states);
        rules
            .filter_map(|(planned, state)| {
                Some((at(&self.rules.set.rules, planned.rule, "rule of the plan")?, state))
            })
            .all(|(rule, state)| state.winner.state(rule) == rule.rule.default)
    }

    /// Continues the sequence numbers of an equipment whose state was deleted: the next transition of a rule gets the
    /// number after the given one. For a state before its first record.
    pub fn continue_sequences<'a>(&mut self, sequences: impl IntoIterator<Item = (&'a str, u64)>) {
        for (id, sequence) in sequences {
            let planned = self.rules.plan.rules.iter().position(|planned| {
                let rule = at(&self.rules.set.rules, planned.rule, "rule of the plan");
                rule.is_some_and(|rule| rule.rule.id == id)
            });
            match planned.and_then(|position| self.rule_states.get_mut(position)) {
                Some(state) => state.sequence = state.sequence.max(sequence),
                // A rule that is not in the plan may come back with a later rule set.
                None => {
                    self.retired_sequences.insert(id.into(), sequence);
                }
            }
        }
    }
}
