//! Counts the lines and points of a shift.

/// Counts of the lines and points of a shift so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines: every point once, and the redelivered ones again.
    pub lines: u64,
    /// Bytes, line ends included.
    pub bytes: u64,
    /// Data points that were measured. Those in a gateway's backlog count although they are not written yet.
    pub points: u64,
    /// Lines that came late out of a gateway's backlog.
    pub backlog: u64,
    /// Lines that came a second time.
    pub redelivered: u64,
    /// Lines that were broken on the way.
    pub malformed: u64,
    /// Points that are stamped later than they arrived.
    pub ahead: u64,
}
