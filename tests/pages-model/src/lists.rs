//! Short lists in one word each, so that a state of the model is small and quick to compare.

/// A machine of the model; its hash is its number.
pub type MachineId = u8;
/// A record of the model, by its place in the world's list.
pub type RecordId = u8;

/// A list of up to 16 records, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Records(u64);

impl Records {
    /// Adds a record at the end.
    pub fn push(&mut self, record: RecordId) {
        self.0 |= (u64::from(record) + 1) << (4 * self.len());
    }

    /// Returns how many records the list has.
    pub fn len(self) -> u8 {
        u8::try_from((67 - self.0.leading_zeros()) / 4).unwrap_or(16)
    }

    /// Returns whether the list has no record.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the record at a place.
    pub fn get(self, at: u8) -> Option<RecordId> {
        let nibble = self.0.checked_shr(4 * u32::from(at)).unwrap_or(0) & 15;
        u8::try_from(nibble).ok()?.checked_sub(1)
    }

    /// Walks over the records in order.
    pub fn iter(self) -> impl Iterator<Item = RecordId> {
        (0..16).map_while(move |at| self.get(at))
    }

    /// Returns whether the list has the record.
    pub fn contains(self, record: RecordId) -> bool {
        self.iter().any(|other| other == record)
    }
}

/// A state change that a commit decided: an identity (machine, number) and its content (the record).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decision {
    /// Machine whose state changed.
    pub machine: MachineId,
    /// Number of the state change within its machine, from 1.
    pub number: u8,
    /// Record that led to it.
    pub record: RecordId,
}

/// A list of up to five decisions, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decisions(u64);

impl Decisions {
    /// Adds a decision at the end.
    pub fn push(&mut self, decision: Decision) {
        let word = 1 << 11
            | u64::from(decision.machine) << 8
            | u64::from(decision.number) << 4
            | u64::from(decision.record);
        self.0 |= word << (12 * self.len());
    }

    /// Returns how many decisions the list has.
    pub fn len(self) -> u32 {
        (75 - self.0.leading_zeros()) / 12
    }

    /// Returns whether the list has no decision.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Walks over the decisions in order.
    pub fn iter(self) -> impl Iterator<Item = Decision> {
        (0..self.len()).map(move |at| {
            let word = self.0 >> (12 * at);
            let part = |shift: u32, mask: u64| u8::try_from(word >> shift & mask).unwrap_or(0);
            Decision { machine: part(8, 7), number: part(4, 15), record: part(0, 15) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_what_was_pushed_in_order() {
        let mut records = Records::default();
        for record in [3, 0, 14, 3] {
            records.push(record);
        }
        assert_eq!(records.iter().collect::<Vec<_>>(), [3, 0, 14, 3]);
        assert_eq!(records.len(), 4);
        let mut decisions = Decisions::default();
        let all: Vec<Decision> =
            (0..5).map(|n| Decision { machine: n % 3, number: n + 1, record: 2 * n }).collect();
        for decision in &all {
            decisions.push(*decision);
        }
        assert_eq!(decisions.iter().collect::<Vec<_>>(), all);
        assert_eq!(Decisions::default().len() + u32::from(Records::default().len()), 0);
    }
}
