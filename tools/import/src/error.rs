//! What ends an import.

use std::{fmt, io};

use crate::MAX_ROW_BYTES;
use crate::reject::Rejection;

/// Why an import ended before the end of the file. The lines of the points before that have been written, except
/// after [`Write`](ImportError::Write).
#[derive(Debug)]
pub enum ImportError {
    /// The input cannot be read further.
    Read {
        /// The line after which it failed.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// The output cannot be written.
    Write(io::Error),
    /// There is nothing to read, or not in a form that can be read.
    Input(String),
    /// The header does not fit what was asked for.
    Header(String),
    /// The options contradict each other or are out of their bounds.
    Options(String),
    /// A row is longer than [`MAX_ROW_BYTES`].
    RowTooLong {
        /// The line on which it begins.
        line: u64,
    },
    /// Day and month cannot be told apart, or the year's century.
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
    Rejected(Box<Rejection>),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { line, source } => write!(f, "the input cannot be read after line {line}: {source}"),
            Self::Write(source) => write!(f, "the output cannot be written: {source}"),
            Self::Input(what) | Self::Header(what) | Self::Options(what) => f.write_str(what),
            Self::RowTooLong { line } => write!(
                f,
                "the row that begins on line {line} does not end within {MAX_ROW_BYTES} bytes; is a quote never closed?"
            ),
            Self::AmbiguousTime { line, column, found, option, formats } => {
                write!(f, "line {line}, column `{column}`: {found} can be read in more than one way; give ")?;
                for (n, format) in formats.iter().enumerate() {
                    write!(f, "{}{option} '{format}'", if n == 0 { "" } else { " or " })?;
                }
                Ok(())
            }
            Self::Rejected(rejection) => rejection.fmt(f),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write(source) => Some(source),
            _ => None,
        }
    }
}
