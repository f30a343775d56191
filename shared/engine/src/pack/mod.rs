//! The packed, versioned form of a key's state: what is stored between batches.
//!
//! A **head** holds everything but old panes of windows, and is written with every commit. Panes that are final go
//! to **segments**, which are never changed: a segment is written once, when enough final panes have gathered, and
//! is listed in the head until its last pane has left its window. Many small segments are merged into one. So a key
//! with wide windows costs a small head per batch and now and then a segment, not all its panes each time.
//!
//! Names are not stored: positions mean what the rule set that the head names says they mean, and a fingerprint
//! guards that.

mod bindings;
pub mod bytes;
mod head;
mod panes;
mod pending;
mod segments;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use segments::Segments;
pub use segments::{Segment, SegmentId};

use self::bytes::Reader;
use crate::compile::CompiledRules;
use crate::fold::KeyState;

/// The version that is written. Every version that was ever deployed stays readable.
const VERSION: u8 = 3;

/// Up to this version each pending point was written in full. It differs from version 1 in that it has a part about model
/// bindings at its end; since then a flag says whether there is one.
const LAST_VERSION_OF_LONG_POINTS: u8 = 2;

/// A key's state, packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Everything but what is in segments.
    pub head: Vec<u8>,
    /// The segments that did not exist before: to be stored before, or together with, the head.
    pub new_segments: Vec<Segment>,
    /// All segments that the head needs. Others of this key may be deleted once the head is stored.
    pub live_segments: Vec<SegmentId>,
}

/// Why a state could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpackError {
    /// Written by a version that is not known here.
    Version(u8),
    /// Fewer bytes than there should be.
    Truncated,
    /// Bytes that no version writes.
    Corrupt(&'static str),
    /// It was folded with a rule set that is not among those given.
    UnknownRuleSet {
        /// The start of that set, ms.
        start_ms: i64,
    },
    /// The rule set of that start means something else here than where the state was packed.
    OtherRules,
    /// A segment that the head needs is missing or is not what the head expects.
    Segment(SegmentId),
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "the state has version {version}; this program reads versions up to {VERSION}")
            }
            Self::Truncated => f.write_str("the state ends too early"),
            Self::Corrupt(what) => write!(f, "the state is corrupt: {what}"),
            Self::UnknownRuleSet { start_ms } => {
                write!(
                    f,
                    "the state was folded with the rule set that starts at {start_ms}, which is not known here"
                )
            }
            Self::OtherRules => {
                f.write_str("the state was folded with other rules than the set of that start holds")
            }
            Self::Segment(id) => write!(f, "segment {} of the state is missing or was changed", id.number),
        }
    }
}

impl std::error::Error for UnpackError {}

/// The segments that a head needs: to be read before it is unpacked.
///
/// # Errors
/// When the head was written by an unknown version or is damaged.
pub fn segments_of(head: &[u8]) -> Result<Vec<SegmentId>, UnpackError> {
    let mut reader = Reader(head);
    head::read_preamble(&mut reader)?;
    Ok(segments::read_list(&mut reader)?.ids().collect())
}

/// The start, ms, of the rule set that a head was folded with: it must be known before the head is unpacked.
///
/// # Errors
/// When the head was written by an unknown version or is damaged.
pub fn rule_set_of(head: &[u8]) -> Result<i64, UnpackError> {
    head::read_preamble(&mut Reader(head)).map(|preamble| preamble.start_ms)
}

impl KeyState {
    /// Packs the state.
    ///
    /// Moves final panes into a segment where enough have gathered; that changes where they are stored, and nothing
    /// that is decided.
    pub fn pack(&mut self) -> Packed {
        let new_segments: Vec<Segment> = segments::seal(self).into_iter().collect();
        Packed { head: head::write(self), new_segments, live_segments: self.segments.ids().collect() }
    }

    /// Unpacks the state of an equipment; `segment` gives the bytes of those that [`segments_of`] lists.
    ///
    /// # Errors
    /// When the rule set is not among those given or is another, or the bytes are not what [`KeyState::pack`] wrote.
    pub fn unpack<'a>(
        equipment: &str,
        rules: &CompiledRules,
        head: &[u8],
        segment: impl FnMut(SegmentId) -> Option<&'a [u8]>,
    ) -> Result<Self, UnpackError> {
        head::read(equipment, rules, head, segment)
    }
}
