//! The parts of a key's state that evaluation and packing need without the fold.

mod segments;
mod tag;

pub use segments::SegmentId;
pub(crate) use segments::{MOST_SEGMENTS, Segments};
pub(crate) use tag::{Newest, PointOrder, TagState};
