//! Choices that a case is drawn from: without end from a seed, or bytes as far as they go.

use std::ops::{Bound, RangeBounds};

use fastrand::Rng;

/// A source of choices. The simulation and the properties draw from a seed, fuzzing from bytes: a change of one byte
/// changes one choice.
///
/// Bytes that are used up go on as zeros. A zero is the first of several things, the least number, `false`, and the
/// order as it was: the plainest choice should stand first.
#[derive(Clone, Debug)]
pub struct Choices(Source);

#[derive(Clone, Debug)]
enum Source {
    Seed(Rng),
    Bytes(std::vec::IntoIter<u8>),
}

/// Defines a draw of a number from a range, for each type of number.
macro_rules! numbers {
    ($($name:ident)+) => {$(
        #[doc = concat!("Returns a number of type `", stringify!($name), "` in a range that has a start or 0, and an end.")]
        pub fn $name(&mut self, range: impl RangeBounds<$name>) -> $name {
            let bytes = match &mut self.0 {
                Source::Seed(rng) => return rng.$name(range),
                Source::Bytes(bytes) => bytes,
            };
            let least = match range.start_bound() {
                Bound::Included(least) => *least,
                Bound::Excluded(before) => before.saturating_add(1),
                Bound::Unbounded => 0,
            };
            let greatest = match range.end_bound() {
                Bound::Included(greatest) => *greatest,
                Bound::Excluded(end) => end.saturating_sub(1),
                Bound::Unbounded => $name::MAX,
            };
            let most = greatest.saturating_sub(least).try_into().unwrap_or_default();
            // It is at most `most`, which came from this type.
            least.saturating_add(at_most(bytes, most).try_into().unwrap_or_default())
        }
    )+};
}

impl Choices {
    /// Returns a source that never ends. The same seed gives the same choices.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(Source::Seed(Rng::with_seed(seed)))
    }

    /// Returns a source of one byte for each choice, or more for a choice from more than 256 things.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Source::Bytes(Vec::from(bytes).into_iter()))
    }

    /// Returns whether only zeros are left. A seed is never used up.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        matches!(&self.0, Source::Bytes(bytes) if bytes.len() == 0)
    }

    numbers! { u8 u32 u64 usize i64 }

    /// Returns one of two.
    pub fn bool(&mut self) -> bool {
        match &mut self.0 {
            Source::Seed(rng) => rng.bool(),
            Source::Bytes(bytes) => at_most(bytes, 1) == 1,
        }
    }

    /// Returns true in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        match &mut self.0 {
            Source::Seed(rng) => rng.u8(..100) < percent,
            // The greatest bytes are true, so that a zero is not, unless all are.
            Source::Bytes(bytes) => {
                (u64::from(u8::MAX) - at_most(bytes, 255)) * 100 < 256 * u64::from(percent)
            }
        }
    }

    /// Returns one of some things; `None` if there are none.
    pub fn choice<I>(&mut self, of: I) -> Option<I::Item>
    where
        I: IntoIterator<IntoIter: ExactSizeIterator>,
    {
        let mut of = of.into_iter();
        match &mut self.0 {
            Source::Seed(rng) => rng.choice(of),
            Source::Bytes(bytes) => {
                let last = of.len().checked_sub(1)?;
                let index = at_most(bytes, u64::try_from(last).unwrap_or_default());
                of.nth(usize::try_from(index).unwrap_or_default())
            }
        }
    }

    /// Returns one of some things that are there.
    pub fn pick<T: Copy + Default>(&mut self, of: &[T]) -> T {
        self.choice(of).copied().unwrap_or_default()
    }

    /// Puts some things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        match &mut self.0 {
            Source::Seed(rng) => rng.shuffle(things),
            Source::Bytes(bytes) => {
                for index in 1..things.len() {
                    let back = at_most(bytes, u64::try_from(index).unwrap_or_default());
                    things.swap(index, index.saturating_sub(usize::try_from(back).unwrap_or_default()));
                }
            }
        }
    }

    /// Returns at most `most` bytes as they are.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        match &mut self.0 {
            Source::Seed(rng) => std::iter::repeat_with(|| rng.u8(..)).take(most).collect(),
            Source::Bytes(bytes) => bytes.by_ref().take(most).collect(),
        }
    }

    /// Returns a source for something that not every case has, so that all else of a seed is the same with it and
    /// without it. `None` for bytes: they are used one after the other.
    pub(crate) fn apart(&self, seed: impl FnOnce(&Rng) -> u64) -> Option<Self> {
        match &self.0 {
            Source::Seed(rng) => Some(Self::of_seed(seed(rng))),
            Source::Bytes(_) => None,
        }
    }
}

/// Returns a number up to `most` from as few bytes as that needs, but one at least: a choice from one thing that came
/// to be one of two must not change the choices behind it.
fn at_most(bytes: &mut std::vec::IntoIter<u8>, most: u64) -> u64 {
    let (mut number, mut left) = (0, most);
    loop {
        number = number << 8 | u64::from(bytes.next().unwrap_or_default());
        left >>= 8;
        if left == 0 {
            return most.checked_add(1).map_or(number, |values| number % values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_drawn_from_as_by_its_generator() {
        let (mut choices, mut rng) = (Choices::of_seed(7), Rng::with_seed(7));
        for _ in 0..100 {
            assert_eq!(choices.u8(..20), rng.u8(..20));
            assert_eq!(choices.i64(-3..=900), rng.i64(-3..=900));
            assert_eq!(choices.bool(), rng.bool());
            assert_eq!(choices.chance(40), rng.u8(..100) < 40);
            assert_eq!(choices.choice(["a", "b", "c"]), rng.choice(["a", "b", "c"]));
            let (mut left, mut right) = ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]);
            choices.shuffle(&mut left);
            rng.shuffle(&mut right);
            assert_eq!(left, right);
        }
        assert!(!choices.is_used_up());
    }

    #[test]
    fn bytes_that_are_used_up_choose_the_plainest() {
        let mut choices = Choices::of_bytes(&[]);
        assert!(choices.is_used_up());
        assert_eq!((choices.u8(3..9), choices.usize(..=4), choices.i64(-5..5)), (3, 0, -5));
        assert_eq!((choices.bool(), choices.chance(99), choices.chance(100)), (false, false, true));
        assert_eq!((choices.pick(&[8, 9]), choices.choice([0_u8; 0]), choices.take(3)), (8, None, vec![]));
        let mut things = [1, 2, 3];
        choices.shuffle(&mut things);
        assert_eq!(things, [1, 2, 3]);
    }

    #[test]
    fn a_byte_is_a_choice_and_two_are_one_of_many() {
        let mut choices = Choices::of_bytes(&[7, 255, 254, 1, 2, 1, 9, 9]);
        assert_eq!(choices.u8(10..15), 12);
        assert_eq!((choices.chance(1), choices.chance(0)), (true, false));
        assert_eq!(choices.usize(..300), 0x0102);
        // A choice from one thing takes a byte too.
        assert_eq!((choices.pick(&["only"]), choices.u64(..10)), ("only", 9));
        assert_eq!(choices.take(5), [9]);
    }

    #[test]
    fn every_number_of_a_range_is_drawn_from_bytes() {
        let drawn = |byte| Choices::of_bytes(&[byte]).u8(5..=7);
        assert_eq!([0, 1, 2, 3].map(drawn), [5, 6, 7, 5]);
        assert_eq!(Choices::of_bytes(&[0xff; 8]).u64(..), u64::MAX);
        let chances = (0..=u8::MAX).filter(|byte| Choices::of_bytes(&[*byte]).chance(25));
        assert_eq!(chances.count(), 64);
    }
}
