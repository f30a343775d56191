//! The packed, versioned form of a key's state: the form that is stored between batches.
//!
//! A **head** holds everything except for old panes of windows, and is written with every commit. Final panes go to
//! **segments**, which never change. A segment is written once, when the head has many final panes. The head lists it
//! until its last pane has left its window. Many small segments are merged into one. So a key with wide windows costs a
//! small head for each batch and a segment now and then, not all its panes each time.
//!
//! Names are not stored. The head names the rule set that gives positions their meaning, and a fingerprint guards this
//! meaning.

mod bindings;
pub mod bytes;
mod delta;
mod head;
mod invariants;
mod panes;
mod pending;
mod segments;
mod value;

#[cfg(test)]
mod tests;

pub use segments::Segment;

use self::bytes::Reader;
use crate::compile::CompiledRules;
use crate::fold::KeyState;
pub use crate::state::SegmentId;

/// The version that this program writes. Every deployed version stays readable.
const VERSION: u8 = 3;

/// The last version with pending points in full. In contrast to version 1, it always ends with a part for model
/// bindings. Later versions have a flag for this part.
const LAST_VERSION_OF_LONG_POINTS: u8 = 2;

/// A packed state of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedState {
    /// Everything except for the panes in segments.
    pub head: Vec<u8>,
    /// The new segments. The caller stores them before the head, or together with it.
    pub new_segments: Vec<Segment>,
    /// All segments that the head needs. Other segments of this key may be deleted once the head is stored.
    pub live_segments: Vec<SegmentId>,
}

/// The reason why a state could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// A later version of the program wrote it.
    #[error("the state has version {0}; this program reads versions up to {VERSION}")]
    Version(u8),
    /// It has too few bytes.
    #[error("the state ends too early")]
    Truncated,
    /// It has bytes that no version writes.
    #[error("the state is corrupt: {0}")]
    Corrupt(&'static str),
    /// It was folded with a rule set that is not among the given ones.
    #[error("the state was folded with the rule set that starts at {start_ms}, which is not known here")]
    UnknownRuleSet {
        /// The start of that set, ms.
        start_ms: i64,
    },
    /// The rule set of that start has another meaning than the one that the state was packed with.
    #[error("the state was folded with other rules than the set of that start holds")]
    OtherRules,
    /// A segment that the head needs is missing or has other bytes.
    #[error("segment {} of the state is missing or was changed", .0.number)]
    Segment(SegmentId),
}

/// Returns the segments that a head needs. The caller reads them before it unpacks the head.
///
/// # Errors
/// When an unknown version wrote the head, or it is damaged.
pub fn segments_of(head: &[u8]) -> Result<Vec<SegmentId>, UnpackError> {
    let mut reader = Reader(head);
    head::read_preamble(&mut reader)?;
    Ok(segments::read_list(&mut reader)?.ids().collect())
}

/// Returns the start, ms, of the rule set that a head was folded with. The caller loads the set before it unpacks the
/// head.
///
/// # Errors
/// When an unknown version wrote the head, or it is damaged.
pub fn rule_set_of(head: &[u8]) -> Result<i64, UnpackError> {
    head::read_preamble(&mut Reader(head)).map(|preamble| preamble.start_ms)
}

impl KeyState {
    /// Packs the state.
    ///
    /// Moves final panes into a segment if they are many. This changes their place, and no decision.
    pub fn pack(&mut self) -> PackedState {
        let new_segments: Vec<Segment> = segments::seal(self).into_iter().collect();
        PackedState { head: head::write(self), new_segments, live_segments: self.segments.ids().collect() }
    }

    /// Unpacks the state of an equipment. `segment` returns the bytes of the segments that [`segments_of`] lists.
    ///
    /// # Errors
    /// When the rule set is not among the given ones or has changed, or when [`KeyState::pack`] did not write the
    /// bytes.
    pub fn unpack<'a>(
        equipment: &str,
        rules: &CompiledRules,
        head: &[u8],
        segment: impl FnMut(SegmentId) -> Option<&'a [u8]>,
    ) -> Result<Self, UnpackError> {
        head::read(equipment, rules, head, segment)
    }
}
