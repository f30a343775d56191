//! The segments of a key: immutable stored panes, see [`crate::PackedState`].

use andon_domain::never;

/// Maximum live segments of a key. Each one is an item to read, so a further one is merged with all others.
pub(crate) const MOST_SEGMENTS: usize = 8;

/// The identity of a segment of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// 1, 2, 3, .. for this key.
    pub number: u64,
    /// CRC-32 of its bytes. Two writers of segment 7 write the same bytes, or two different segments.
    pub checksum: u32,
}

/// A list of the live segments of a key, with the panes that they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    /// Each with the time, ms, at which its last pane leaves its window; oldest first.
    pub live: Vec<(SegmentId, i64)>,
    /// For each window, the index of the newest pane in a segment. It may be shorter than the list of windows.
    pub sealed: Vec<Option<i64>>,
    pub last_number: u64,
}

impl Segments {
    pub(crate) fn ids(&self) -> impl Iterator<Item = SegmentId> {
        self.live.iter().map(|(id, _)| *id)
    }

    /// Returns the index of the newest pane of a window that is in a segment.
    pub(crate) fn sealed(&self, window: usize) -> Option<i64> {
        self.sealed.get(window).copied().flatten()
    }

    pub(crate) fn set_sealed(&mut self, window: usize, index: i64) {
        if self.sealed.len() <= window {
            self.sealed.resize(window + 1, None);
        }
        match self.sealed.get_mut(window) {
            Some(sealed) => *sealed = Some(index),
            None => never!("window {window} of {} after growing", self.sealed.len()),
        }
    }

    /// Forgets all segments, so that their panes count as unstored.
    pub(crate) fn clear(&mut self) {
        self.live.clear();
        self.sealed.clear();
    }

    /// Checks the invariants of the list of segments of a key with `windows` windows.
    pub(crate) fn check(&self, windows: usize) -> Result<(), String> {
        if self.live.len() > MOST_SEGMENTS {
            return Err(format!("{} segments are live; the limit is {MOST_SEGMENTS}", self.live.len()));
        }
        let numbers: Vec<u64> = self.ids().map(|id| id.number).collect();
        if !numbers.is_sorted() || numbers.last().is_some_and(|newest| *newest > self.last_number) {
            return Err(format!("segments {numbers:?} with {} as the last number", self.last_number));
        }
        if self.sealed.len() > windows {
            return Err(format!("{} windows have sealed panes; the plan has {windows}", self.sealed.len()));
        }
        Ok(())
    }
}
