//! Downsamples a series of numbers into a bounded number of buckets.

use std::cmp::Ordering;

use crate::numbers::float_count;

/// Points that lie close together: their extremes, and the first and the last with their times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
    pub(crate) points: u64,
}

impl Bucket {
    fn of(at_ms: i64, value: f64) -> Self {
        Self {
            first_ms: at_ms,
            last_ms: at_ms,
            first: value,
            last: value,
            min: value,
            max: value,
            sum: value,
            points: 1,
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.first_ms < self.first_ms {
            (self.first_ms, self.first) = (other.first_ms, other.first);
        }
        if other.last_ms >= self.last_ms {
            (self.last_ms, self.last) = (other.last_ms, other.last);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.points += other.points;
    }

    /// The mean; the last value where the sum is too great to be a number.
    pub(crate) fn mean(&self) -> f64 {
        let mean = self.sum / float_count(self.points);
        if mean.is_finite() { mean } else { self.last }
    }
}

/// Buckets in the order of time. A bucket is `2^shift` milliseconds wide, aligned to the epoch, and exists only if
/// a point fell into it; when there are too many, the width doubles and neighbours merge. Few points stay exact.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberSeries {
    buckets: Vec<Bucket>,
    shift: u32,
}

impl NumberSeries {
    pub(crate) fn push(&mut self, at_ms: i64, value: f64, most: usize) {
        let slot = at_ms >> self.shift;
        let point = Bucket::of(at_ms, value);
        match self.buckets.last_mut() {
            Some(last) if last.first_ms >> self.shift == slot => last.merge(&point),
            Some(last) if last.first_ms >> self.shift > slot => self.insert(slot, &point, most),
            _ => {
                self.buckets.push(point);
                self.shrink_to(most);
            }
        }
    }

    fn insert(&mut self, slot: i64, point: &Bucket, most: usize) {
        let shift = self.shift;
        match self.buckets.binary_search_by(|b| (b.first_ms >> shift).cmp(&slot)) {
            Ok(at) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    bucket.merge(point);
                }
            }
            Err(at) => {
                self.buckets.insert(at, *point);
                self.shrink_to(most);
            }
        }
    }

    /// Widens the buckets until there are no more than `most`.
    pub(crate) fn shrink_to(&mut self, most: usize) {
        while self.buckets.len() > most.max(1) && self.shift < 63 {
            self.shift += 1;
            let shift = self.shift;
            self.buckets.dedup_by(|later, kept| {
                let same = later.first_ms >> shift == kept.first_ms >> shift;
                if same {
                    kept.merge(later);
                }
                same
            });
        }
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub(crate) fn points(&self) -> u64 {
        self.buckets.iter().map(|b| b.points).sum()
    }

    pub(crate) fn extremes(&self) -> Option<(f64, f64)> {
        let min = self.buckets.iter().map(|b| b.min).min_by(order)?;
        let max = self.buckets.iter().map(|b| b.max).max_by(order)?;
        Some((min, max))
    }
}

fn order(a: &f64, b: &f64) -> Ordering {
    a.total_cmp(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: impl IntoIterator<Item = (i64, f64)>, most: usize) -> NumberSeries {
        let mut series = NumberSeries::default();
        points.into_iter().for_each(|(at, v)| series.push(at, v, most));
        series
    }

    #[test]
    fn few_points_stay_exact() {
        let s = series([(0, 1.0), (1_000_000_000, 2.0)], 10);
        assert_eq!(s.buckets(), [Bucket::of(0, 1.0), Bucket::of(1_000_000_000, 2.0)]);
    }

    #[test]
    fn many_points_keep_their_extremes_their_ends_and_their_number() {
        let s = series((0..100_000).map(|i| (i, if i == 54_321 { 999.0 } else { 1.0 })), 100);
        assert!(s.buckets().len() <= 100 && s.buckets().len() > 40, "{}", s.buckets().len());
        assert_eq!(s.extremes(), Some((1.0, 999.0)));
        assert_eq!(s.points(), 100_000);
        assert_eq!(s.buckets().first().unwrap().first_ms, 0);
        assert_eq!(s.buckets().last().unwrap().last_ms, 99_999);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let points: Vec<(i64, f64)> = (0..5_000_i32).map(|i| ((i * 7).into(), f64::from(i % 13))).collect();
        let mut shuffled = points.clone();
        shuffled.chunks_mut(9).for_each(<[_]>::reverse);
        assert_eq!(series(points, 64).buckets(), series(shuffled, 64).buckets());
    }

    #[test]
    fn times_at_both_ends_of_the_range_are_kept_apart() {
        let s = series([(i64::MIN, 1.0), (i64::MAX, 2.0), (0, 3.0)], 2);
        assert_eq!(s.points(), 3);
        assert_eq!(s.buckets().len(), 2);
        assert_eq!(series([(i64::MIN, 1.0), (i64::MAX, 2.0)], 1).points(), 2);
    }
}
