//! Data points: one measured value of one tag of one machine.

use compact_str::CompactString;

/// A value of a sensor: never a list, an object or a non-finite number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// A text of at most [`crate::limits::TEXT_BYTES`] bytes.
    Text(CompactString),
}

/// A data point that borrows from its message.
///
/// Its names are valid (1 to 256 bytes, no control characters), its times are within [`crate::limits::TIMESTAMP_MS`],
/// its value is not malformed.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint<'a> {
    /// The event time as sent, ms.
    pub timestamp_ms: i64,
    /// The tag, such as `water_temperature`.
    pub tag: std::borrow::Cow<'a, str>,
    /// The value; `None` for null or absent.
    pub value: Option<Value>,
    /// True if the quality is `Ok` or missing.
    pub quality_ok: bool,
    /// `meta.sequenceNumber`, or 0.
    pub sequence_number: i64,
    /// True if the flags contain `Drv`: a score that this system added.
    pub derived: bool,
    /// `meta.createdAt`, ms, if given.
    pub created_at_ms: Option<i64>,
    /// `meta.sourceId`, or the empty source.
    pub source: std::borrow::Cow<'a, str>,
}
