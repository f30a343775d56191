//! Imports CSV exports of historians, SCADA systems, loggers and spreadsheets as event records: one JSON line for each
//! data point.
//!
//! [`import`] streams from a reader to a writer. It opens no files, prints nothing and reads no clock. Its memory is
//! bounded, whatever the length or damage of the input. The [`Summary`] lists assumptions, rejections with their reasons,
//! and how far the rows were out of order.
//!
//! Nothing is dropped without a word: each row, and each cell of a row that was read, ends up in exactly one of the
//! summary's counts.

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

/// The longest field of a CSV file that is read, in bytes.
pub const MAX_FIELD_BYTES: usize = 64 * 1024;
/// The longest row of a CSV file that is read, in bytes, with its separators and quotes.
pub const MAX_ROW_BYTES: usize = 1024 * 1024;
/// The greatest number of columns of a CSV file.
pub const MAX_COLUMNS: usize = 10_000;
/// The longest name of an equipment, a tag, a source or a quality, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The longest text value, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;
/// A list of data points (see [`Options::snapshot`]) is continued on a next line where it would pass this many bytes.
pub const MAX_SNAPSHOT_BYTES: usize = 1024 * 1024;
/// The summary lists up to this many tags and this many machines; the points of more are counted
/// together.
pub const MAX_SUMMARY_NAMES: usize = 10_000;
/// The summary keeps this many rejections in full; more are counted by reason.
pub const MAX_REJECTIONS: usize = 20;

#[cfg(test)]
mod tests;
