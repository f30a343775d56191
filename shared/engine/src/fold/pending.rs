//! Points that wait for the watermark, by their effective timestamp.

use std::collections::BTreeMap;

use andon_model::Value;

/// What orders the points of one tag: (own timestamp, sent timestamp, sequence number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub own_ms: i64,
    pub sent_ms: i64,
    pub sequence_number: i64,
}

/// The tag of a pending point: one that the key's rules name, or another, whose name must be kept since a later
/// rule set may name it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PendingTag {
    Named(u32),
    /// Boxed, so that a pending point fits a line of the processor's cache.
    Unnamed(Box<str>),
}

/// A point that waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingPoint {
    pub rank: Rank,
    pub tag: PendingTag,
    pub value: Value,
}

/// The pending points of a key: instants by effective timestamp, the points of each in stream order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    instants: BTreeMap<i64, Vec<PendingPoint>>,
    count: usize,
    /// An emptied list, kept for its memory.
    spare: Vec<PendingPoint>,
}

impl Pending {
    #[inline]
    pub(crate) fn push(&mut self, effective_ms: i64, point: PendingPoint) {
        let spare = &mut self.spare;
        self.instants.entry(effective_ms).or_insert_with(|| std::mem::take(spare)).push(point);
        self.count += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The effective timestamp of the oldest instant.
    #[inline]
    pub(crate) fn first_ms(&self) -> Option<i64> {
        self.instants.first_key_value().map(|(effective_ms, _)| *effective_ms)
    }

    /// Takes the oldest instant, its points in stream order.
    pub(crate) fn pop(&mut self) -> Option<(i64, Vec<PendingPoint>)> {
        let (effective_ms, points) = self.instants.pop_first()?;
        self.count -= points.len();
        Some((effective_ms, points))
    }

    /// Gives the memory of an applied instant back.
    pub(crate) fn recycle(&mut self, mut points: Vec<PendingPoint>) {
        points.clear();
        if points.capacity() > self.spare.capacity() && points.capacity() <= 256 {
            self.spare = points;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &[PendingPoint])> {
        self.instants.iter().map(|(effective_ms, points)| (*effective_ms, points.as_slice()))
    }

    pub(crate) fn points_mut(&mut self) -> impl Iterator<Item = &mut PendingPoint> {
        self.instants.values_mut().flatten()
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.instants == other.instants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_point_fits_a_line_of_the_cache() {
        assert!(size_of::<PendingPoint>() <= 64, "{} bytes", size_of::<PendingPoint>());
    }
}
