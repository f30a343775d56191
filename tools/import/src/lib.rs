//! Imports CSV exports of historians, SCADA systems, loggers and spreadsheets as event records: one JSON line for each
//! data point.
//!
//! [`import`] streams from a reader to a writer. It opens no files, prints nothing and reads no clock. Its memory is
//! bounded, whatever the length or damage of the input. The [`Summary`] lists assumptions, rejections with their reasons,
//! and how far the rows were out of order.
//!
//! The import drops nothing silently: exactly one count of the summary includes each row, and each cell of a row that was
//! read.

mod error;
mod header;
mod import;
mod input;
mod lines;
mod options;
mod plan;
mod reject;
mod render;
mod summary;
mod time;
mod value;
mod words;
mod zone;

pub use error::ImportError;
pub use import::import;
pub use options::{Delimiter, Field, Layout, Nulls, Options};
pub use reject::{Reason, Rejection};
pub use summary::{Assumption, Equipment, Summary, TagSummary};
pub use time::{TimeFormat, TimeFormatError};
pub use zone::{Zone, ZoneError};

/// Maximum bytes of a field in a CSV file.
pub const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Maximum bytes of a row in a CSV file, with its separators and quotes.
pub const MAX_ROW_BYTES: usize = 1024 * 1024;
/// Maximum columns of a CSV file.
pub const MAX_COLUMNS: usize = 10_000;
/// Maximum bytes of the name of a machine, tag, source or quality.
pub const MAX_NAME_BYTES: usize = 256;
/// Maximum bytes of a text value.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Maximum bytes of a list of data points (see [`Options::snapshot`]); a longer list continues on the next line.
pub const MAX_SNAPSHOT_BYTES: usize = 1024 * 1024;
/// Maximum tags, and maximum machines, that the summary lists. It counts the points of further ones together.
pub const MAX_SUMMARY_NAMES: usize = 10_000;
/// Maximum rejections that the summary keeps in full. It counts further ones by reason.
pub const MAX_REJECTIONS: usize = 20;

#[cfg(test)]
mod tests;
