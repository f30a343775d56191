//! Records a series of named values (states, texts, booleans) as changes.

use crate::escape::head;
use crate::limits;
use crate::numbers::index;

/// A change of value, or several that lie close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// Time of the (first) change.
    pub(crate) at_ms: i64,
    /// Time of the newest point that it covers.
    pub(crate) end_ms: i64,
    /// Value after it (after the last of several).
    pub(crate) value: u8,
    pub(crate) changes: u32,
    /// Values seen, one bit each.
    pub(crate) seen: u64,
}

impl Change {
    fn to(at_ms: i64, value: u8) -> Self {
        Self { at_ms, end_ms: at_ms, value, changes: 1, seen: 1 << (value & 63) }
    }

    fn absorb(&mut self, later: &Self) {
        self.end_ms = self.end_ms.max(later.end_ms);
        self.value = later.value;
        self.changes = self.changes.saturating_add(later.changes);
        self.seen |= later.seen;
    }
}

/// Changes in the order of time. As in a series of numbers, changes within `2^shift` milliseconds merge when there
/// are too many; how many there were and which values is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strip {
    values: Vec<String>,
    changes: Vec<Change>,
    shift: u32,
}

impl Strip {
    pub(crate) fn push(&mut self, at_ms: i64, value: &str, most: usize) {
        let value = self.id(value);
        let shift = self.shift;
        let next = Change::to(at_ms, value);
        let last_place = self.changes.len().checked_sub(1);
        match self.changes.last_mut() {
            Some(last) if at_ms < last.end_ms => self.insert(&next),
            Some(last) if last.value == value => {
                last.end_ms = at_ms;
                return;
            }
            // Of two values at one time the later one holds.
            Some(last) if last.at_ms == at_ms && last.changes == 1 => {
                *last = next;
                self.forget_if_no_change(last_place);
                return;
            }
            Some(last) if last.at_ms >> shift == at_ms >> shift && shift > 0 => {
                last.absorb(&next);
                return;
            }
            _ => self.changes.push(next),
        }
        self.shrink_to(most);
    }

    fn forget_if_no_change(&mut self, place: Option<usize>) {
        let Some(place) = place else { return };
        let before = place.checked_sub(1).and_then(|p| self.changes.get(p)).map(|c| c.value);
        if before.is_some() && before == self.changes.get(place).map(|c| c.value) {
            self.changes.remove(place);
        }
    }

    /// A point that comes after newer ones: cuts the value that was thought to hold at its time.
    fn insert(&mut self, late: &Change) {
        let place = self.changes.partition_point(|c| c.at_ms <= late.at_ms);
        let Some(before) = place.checked_sub(1).and_then(|p| self.changes.get_mut(p)) else {
            // Before everything: only a change if what follows is another value.
            match self.changes.first_mut() {
                Some(first) if first.value == late.value && first.changes == 1 => first.at_ms = late.at_ms,
                _ => self.changes.insert(0, *late),
            }
            return;
        };
        if before.value == late.value && before.changes == 1 {
            return;
        }
        if before.changes > 1 && late.at_ms <= before.end_ms {
            before.changes = before.changes.saturating_add(1);
            before.seen |= late.seen;
            return;
        }
        let seen_again = (late.at_ms < before.end_ms).then(|| Change::to(before.end_ms, before.value));
        before.end_ms = before.end_ms.min(late.at_ms);
        self.changes.insert(place, *late);
        match (seen_again, self.changes.get(place + 1)) {
            (Some(again), _) => self.changes.insert(place + 1, again),
            (None, Some(after)) if after.value == late.value && after.changes == 1 => {
                self.changes.remove(place + 1);
            }
            _ => {}
        }
    }

    fn id(&mut self, value: &str) -> u8 {
        let value = head(value, limits::VALUE_BYTES);
        let known = self.values.iter().position(|v| v == value);
        let place = known.unwrap_or_else(|| {
            if self.values.len() < limits::STRIP_VALUES - 1 {
                self.values.push(value.to_owned());
                self.values.len() - 1
            } else {
                limits::STRIP_VALUES - 1
            }
        });
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    /// Merges changes until there are no more than `most`.
    pub(crate) fn shrink_to(&mut self, most: usize) {
        while self.changes.len() > most.max(1) && self.shift < 63 {
            self.shift += 1;
            let shift = self.shift;
            self.changes.dedup_by(|later, kept| {
                let same = later.at_ms >> shift == kept.at_ms >> shift;
                if same {
                    kept.absorb(later);
                }
                same
            });
        }
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The text of a value.
    pub(crate) fn value(&self, id: u8) -> &str {
        self.values.get(index(u32::from(id))).map_or("other values", String::as_str)
    }

    /// Returns all values, in the order of their first change.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    /// The values of a mask, in the order in which they first came.
    pub(crate) fn values_in(&self, seen: u64) -> impl Iterator<Item = &str> {
        (0..64_u8).filter(move |id| seen >> id & 1 == 1).map(|id| self.value(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(points: &[(i64, &str)], most: usize) -> Strip {
        let mut strip = Strip::default();
        points.iter().for_each(|(at, v)| strip.push(*at, v, most));
        strip
    }

    fn read(strip: &Strip) -> Vec<(i64, &str)> {
        strip.changes().iter().map(|c| (c.at_ms, strip.value(c.value))).collect()
    }

    #[test]
    fn only_changes_are_kept() {
        let s = strip(&[(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "a")], 10);
        assert_eq!(read(&s), [(0, "a"), (2, "b"), (4, "a")]);
    }

    #[test]
    fn a_late_point_cuts_the_value_that_held_around_it() {
        let s = strip(&[(0, "a"), (20, "a"), (15, "b")], 10);
        assert_eq!(read(&s), [(0, "a"), (15, "b"), (20, "a")]);
    }

    #[test]
    fn a_late_point_of_the_value_that_follows_moves_the_change_back() {
        let s = strip(&[(0, "a"), (20, "b"), (30, "b"), (15, "b")], 10);
        assert_eq!(read(&s), [(0, "a"), (15, "b")]);
        let s = strip(&[(10, "a"), (20, "b"), (5, "a")], 10);
        assert_eq!(read(&s), [(5, "a"), (20, "b")]);
    }

    #[test]
    fn of_two_values_at_one_time_the_later_one_holds() {
        assert_eq!(read(&strip(&[(0, "a"), (5, "b"), (5, "c")], 10)), [(0, "a"), (5, "c")]);
        assert_eq!(read(&strip(&[(0, "a"), (5, "b"), (5, "a")], 10)), [(0, "a")]);
    }

    #[test]
    fn many_changes_merge_and_are_still_counted() {
        let mut s = Strip::default();
        (0..10_000).zip(["a", "b", "c"].iter().cycle()).for_each(|(at, v)| s.push(at, v, 50));
        assert!(s.changes().len() <= 50);
        assert_eq!(s.changes().iter().map(|c| c.changes).sum::<u32>(), 10_000);
        assert_eq!(s.values_in(s.changes()[3].seen).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn values_beyond_the_bound_are_other_values() {
        let mut s = Strip::default();
        (0..500).for_each(|i| s.push(i, &format!("v{i}"), 1_000));
        assert_eq!(s.value(s.changes().last().unwrap().value), "other values");
        assert_eq!(s.changes().len(), 64);
    }
}
