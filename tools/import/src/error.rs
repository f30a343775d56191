//! Errors that end an import.

use std::io;

use crate::MAX_ROW_BYTES;
use crate::reject::Rejection;

/// An error that ended an import before the end of the file. The lines of the points before that have been written, except
/// after [`Write`](ImportError::Write).
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read further.
    #[error("the input cannot be read after line {line}: {source}")]
    Read {
        /// The line after which it failed.
        line: u64,
        /// The error of the reader.
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The input is empty, or has a form that the import cannot read.
    #[error("{0}")]
    Input(String),
    /// The header does not fit the options.
    #[error("{0}")]
    Header(String),
    /// The options contradict each other or are out of their bounds.
    #[error("{0}")]
    Options(String),
    /// A row is longer than [`MAX_ROW_BYTES`].
    #[error(
        "the row that begins on line {line} does not end within {MAX_ROW_BYTES} bytes; is a quote never closed?"
    )]
    RowTooLong {
        /// The line on which it begins.
        line: u64,
    },
    /// Day and month cannot be told apart, or the year's century.
    #[error(
        "line {line}, column `{column}`: {found} can be read in more than one way; give {}",
        choices(option, formats)
    )]
    AmbiguousTime {
        /// The line of the time.
        line: u64,
        /// Its column.
        column: String,
        /// The time as it stands.
        found: String,
        /// The option that takes one: `--time-format` or `--arrival-format`.
        option: &'static str,
        /// The formats of which one must be given.
        formats: Vec<String>,
    },
    /// The first row or cell that was rejected, with [`Options::strict`](crate::Options::strict).
    #[error("{0}")]
    Rejected(Box<Rejection>),
}

/// Lists the formats of which one must be given, as options.
fn choices(option: &str, formats: &[String]) -> String {
    let choices: Vec<String> = formats.iter().map(|format| format!("{option} '{format}'")).collect();
    choices.join(" or ")
}
