//! What outlives a state that was forgotten because its equipment was silent for long.

use super::KeyState;

impl KeyState {
    /// Whether every rule is in its default: only then may the state be forgotten, since nobody waits to hear that an
    /// alarm is over.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        let rules = self.rules.plan.rules.iter().zip(&self.rule_states);
        rules
            .filter_map(|(planned, state)| Some((self.rules.set.rules.get(planned.rule as usize)?, state)))
            .all(|(rule, state)| state.winner.state(rule) == rule.rule.default)
    }

    /// Continues the sequences of an equipment whose state was forgotten: the next transition of a rule gets the number
    /// after the one given. For a state before its first record.
    pub fn continue_sequences<'a>(&mut self, sequences: impl IntoIterator<Item = (&'a str, u64)>) {
        for (id, sequence) in sequences {
            let planned = self.rules.plan.rules.iter().position(|planned| {
                let rule = self.rules.set.rules.get(planned.rule as usize);
                rule.is_some_and(|rule| rule.rule.id == id)
            });
            match planned.and_then(|position| self.rule_states.get_mut(position)) {
                Some(state) => state.sequence = state.sequence.max(sequence),
                None => {
                    self.retired.insert(id.into(), sequence);
                }
            }
        }
    }
}
