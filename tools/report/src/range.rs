//! The time range of a page.

use crate::numbers::float;

/// A range from the first to the last time shown, milliseconds since the epoch; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl Range {
    pub(crate) fn new(start_ms: i64, end_ms: i64) -> Self {
        let start_ms = start_ms.min(i64::MAX - 1);
        Self { start_ms, end_ms: end_ms.max(start_ms + 1) }
    }

    pub(crate) fn width_ms(&self) -> i64 {
        self.end_ms.saturating_sub(self.start_ms)
    }

    /// Returns the position of a time, from 0 (start) to 1 (end). Times outside clamp to the ends.
    pub(crate) fn fraction(&self, at_ms: i64) -> f64 {
        let at = at_ms.clamp(self.start_ms, self.end_ms);
        float(at.saturating_sub(self.start_ms)) / float(self.width_ms())
    }

    pub(crate) fn contains(&self, at_ms: i64) -> bool {
        (self.start_ms..=self.end_ms).contains(&at_ms)
    }
}

/// The range that is worth showing, and how many points lie outside of it.
///
/// One sender with a wrong clock (1970, 2100) would squeeze everything else into a line. Where leaving out at most
/// a hundredth of the points makes the range twenty times shorter, they are left out.
///
/// `points` are (first, last, number) of each bucket of each series.
pub(crate) fn worth_showing(points: &mut [(i64, i64, u64)], start_ms: i64, end_ms: i64) -> (Range, u64) {
    let full = Range::new(start_ms, end_ms);
    let total: u64 = points.iter().map(|p| p.2).sum();
    if total < 20 {
        return (full, 0);
    }
    let spare = (total / 100).max(3);
    points.sort_unstable();
    let beyond_spare = |sum: &mut u64, n: u64| {
        *sum += n;
        *sum > spare
    };
    let mut before = 0;
    let core_start = points.iter().find(|p| beyond_spare(&mut before, p.2)).map_or(start_ms, |p| p.0);
    points.sort_unstable_by_key(|p| (p.1, p.0));
    let mut after = 0;
    let core_end = points.iter().rev().find(|p| beyond_spare(&mut after, p.2)).map_or(end_ms, |p| p.1);

    // What lies close to the core belongs to it.
    let margin = Range::new(core_start, core_end).width_ms() / 2;
    let near = |at: i64| at >= core_start.saturating_sub(margin) && at <= core_end.saturating_add(margin);
    let shown = points.iter().filter(|p| near(p.0) && near(p.1));
    let (first, last) = shown.fold((core_start, core_end), |(a, b), p| (a.min(p.0), b.max(p.1)));
    let first = if near(start_ms) { first.min(start_ms) } else { first };
    let last = if near(end_ms) { last.max(end_ms) } else { last };
    let worth = Range::new(first, last);
    if worth.width_ms() >= full.width_ms() / 20 {
        return (full, 0);
    }
    let outside = points.iter().filter(|p| !(worth.contains(p.0) && worth.contains(p.1))).map(|p| p.2).sum();
    (worth, outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_of_a_wrong_clock_does_not_squeeze_the_rest() {
        let mut points: Vec<(i64, i64, u64)> = (0..100).map(|i| (1_000_000 + i, 1_000_000 + i, 1)).collect();
        points.push((0, 0, 1));
        points.push((900_000_000, 900_000_000, 1));
        let (range, outside) = worth_showing(&mut points, 0, 900_000_000);
        assert_eq!(range, Range::new(1_000_000, 1_000_099));
        assert_eq!(outside, 2);
    }

    #[test]
    fn a_long_silence_is_shown_as_it_is() {
        let mut points: Vec<(i64, i64, u64)> = (0..100).map(|i| (i, i, 1)).collect();
        points.extend((0..100).map(|i| (1_000_000 + i, 1_000_000 + i, 1)));
        assert_eq!(worth_showing(&mut points, 0, 1_000_100), (Range::new(0, 1_000_100), 0));
    }

    #[test]
    fn a_range_is_never_empty_and_fractions_stay_inside() {
        let range = Range::new(5, 5);
        assert_eq!(range.width_ms(), 1);
        let range = Range::new(i64::MIN, i64::MAX);
        assert_eq!(range.fraction(i64::MAX), 1.0);
        assert_eq!(Range::new(i64::MAX, i64::MAX).fraction(0), 0.0);
    }
}
