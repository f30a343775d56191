//! Data points: one measured value of one tag of one equipment.

use compact_str::CompactString;

/// A value that a sensor sent: never a list, an object or a non-finite number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// A text of at most [`crate::limits::TEXT_BYTES`] bytes.
    Text(CompactString),
}

/// A data point as it came, borrowing from the message where it can.
///
/// Its names are checked (1 to 256 bytes, no control characters), its times are within
/// [`crate::limits::TIMESTAMP_MS`], its value is not malformed.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint<'a> {
    /// Event time as sent, ms.
    pub timestamp_ms: i64,
    /// The tag, such as `water_temperature`.
    pub tag: std::borrow::Cow<'a, str>,
    /// The value; `None` for null or absent.
    pub value: Option<Value>,
    /// Whether the quality is `Ok` (a missing quality is).
    pub quality_ok: bool,
    /// `meta.sequenceNumber`, or 0.
    pub sequence_number: i64,
    /// Whether the flags contain `Drv`: a score that this system itself added.
    pub derived: bool,
    /// `meta.createdAt`, ms, where given.
    pub created_at_ms: Option<i64>,
    /// `meta.sourceId`, or the empty source.
    pub source: std::borrow::Cow<'a, str>,
}
