//! Rejected rows and cells, with their reasons.

use std::fmt;

/// A reason to reject a row or a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The row has more or fewer fields than the header.
    FieldCount,
    /// A cell that is used is not UTF-8.
    NotUtf8,
    /// A field is longer than [`MAX_FIELD_BYTES`](crate::MAX_FIELD_BYTES).
    FieldTooLong,
    /// The row repeats the header, as in concatenated files.
    RepeatedHeader,
    /// The time is missing.
    NoTime,
    /// The time cannot be read.
    BadTime,
    /// The arrival time cannot be read.
    BadArrival,
    /// The equipment is missing, too long or has control characters.
    BadEquipment,
    /// The source is too long or has control characters.
    BadSource,
    /// The quality is too long or has control characters.
    BadQuality,
    /// The tag is missing, too long or has control characters.
    BadTag,
    /// A number whose commas and points can be read in two ways, or not in the way that was chosen.
    AmbiguousNumber,
    /// An infinite number, or one that is too great.
    NotFinite,
    /// A text longer than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES).
    TextTooLong,
}

impl Reason {
    /// Returns true if the reason rejects one cell of a row in the wide layout and keeps the rest of the row. In the long
    /// layout a rejected cell rejects its row.
    pub fn is_of_a_cell(self) -> bool {
        matches!(self, Self::AmbiguousNumber | Self::NotFinite | Self::TextTooLong)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FieldCount => "wrong number of fields",
            Self::NotUtf8 => "not UTF-8",
            Self::FieldTooLong => "field too long",
            Self::RepeatedHeader => "header repeated",
            Self::NoTime => "no time",
            Self::BadTime => "time not understood",
            Self::BadArrival => "arrival time not understood",
            Self::BadEquipment => "no valid machine",
            Self::BadSource => "no valid source",
            Self::BadQuality => "no valid quality",
            Self::BadTag => "no valid tag",
            Self::AmbiguousNumber => "ambiguous number",
            Self::NotFinite => "number not finite",
            Self::TextTooLong => "text too long",
        })
    }
}

/// A rejected row or cell. Its `Display` is one sentence with all fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// The column, if the reason lies in one.
    pub column: Option<String>,
    /// The reason.
    pub reason: Reason,
    /// The text found, shortened if it is long.
    pub found: String,
    /// The text expected.
    pub expected: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}: found {}; expected {}", self.reason, self.found, self.expected)
    }
}

/// Renders a cell for a message: in backticks, on one line, cut at 60 characters.
pub(crate) fn shown(cell: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    // Enough bytes for the characters, so that a long cell is not decoded whole.
    let head = cell.get(..CHARACTERS * 4).unwrap_or(cell);
    let text = String::from_utf8_lossy(head);
    let mut out = String::from("`");
    out.extend(text.chars().take(CHARACTERS).map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    out.push('`');
    if text.chars().count() > CHARACTERS || head.len() < cell.len() {
        out.push_str(&format!(" and so on, {} bytes", cell.len()));
    }
    out
}
