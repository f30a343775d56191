//! A key as a table keeps it.

use std::collections::BTreeMap;

use andon_engine::{CompiledRules, KeyState, PackedState, SegmentId, UnpackError, segments_of};

/// The machine of the stored states.
pub(super) const EQUIPMENT: &str = "filler-1";

/// The stored state of a key: a head and its segments.
#[derive(Clone, Default)]
pub(super) struct StoredKey {
    pub(super) head: Vec<u8>,
    pub(super) segments: BTreeMap<SegmentId, Vec<u8>>,
}

impl StoredKey {
    /// Returns a head without segments.
    pub(super) fn of_head(head: &[u8]) -> Self {
        Self { head: head.to_vec(), segments: BTreeMap::new() }
    }

    /// Takes a packed state, and deletes the segments that it does not need.
    pub(super) fn store(&mut self, packed: PackedState) {
        self.head = packed.head;
        self.segments.extend(packed.new_segments.into_iter().map(|segment| (segment.id, segment.bytes)));
        self.segments.retain(|id, _| packed.live_segments.contains(id));
        assert_eq!(segments_of(&self.head), Ok(packed.live_segments));
    }

    /// Returns the state that is stored.
    pub(super) fn unpack(&self, rules: &CompiledRules) -> Result<KeyState, UnpackError> {
        let listed = segments_of(&self.head);
        let unpacked =
            KeyState::unpack(EQUIPMENT, rules, &self.head, |id| self.segments.get(&id).map(Vec::as_slice));
        assert!(unpacked.is_err() || listed.is_ok(), "unpacked, but its segments cannot be listed");
        unpacked
    }
}
