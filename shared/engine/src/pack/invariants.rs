//! The invariants of a packed state.

use super::{PackedState, SegmentId};
use crate::compile::CompiledRules;
use crate::compile::plan::ensure;
use crate::fold::KeyState;

impl KeyState {
    /// Checks the invariants of this state right after [`KeyState::pack`] returned `packed`. `segment` gives the bytes
    /// of segments that were stored before; new ones are in `packed`.
    ///
    /// - The head lists the live segments, and the new one is among them.
    /// - The state that is unpacked from it keeps [`KeyState::check_invariants`].
    /// - That state packs to the same bytes, without a further segment.
    ///
    /// # Errors
    /// The broken invariant, with the values that break it.
    pub fn check_packed<'a>(
        &self,
        rules: &CompiledRules,
        packed: &'a PackedState,
        mut segment: impl FnMut(SegmentId) -> Option<&'a [u8]>,
    ) -> Result<(), String> {
        let listed = super::segments_of(&packed.head).map_err(|error| error.to_string())?;
        ensure(listed == packed.live_segments, || {
            format!("the head lists the segments {listed:?}; live are {:?}", packed.live_segments)
        })?;
        let new = |id: SegmentId| {
            packed.new_segments.iter().find(|new| new.id == id).map(|new| new.bytes.as_slice())
        };
        ensure(packed.new_segments.iter().all(|new| listed.contains(&new.id)), || {
            "a new segment is not listed".to_owned()
        })?;
        let find = |id: SegmentId| new(id).or_else(|| segment(id));
        let mut back = Self::unpack(&self.equipment, rules, &packed.head, find)
            .map_err(|error| format!("`{}`: its own head is unreadable: {error}", self.equipment))?;
        back.check_invariants().map_err(|broken| format!("unpacked: {broken}"))?;
        let again = back.pack();
        ensure(again.new_segments.is_empty() && again.live_segments == packed.live_segments, || {
            format!(
                "packed again, the segments are {:?} with {} new ones; expected {:?}",
                again.live_segments,
                again.new_segments.len(),
                packed.live_segments
            )
        })?;
        ensure(again.head == packed.head, || {
            format!("`{}`: packed again, the head is other bytes", self.equipment)
        })
    }
}
