//! The text of a file, and places in it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use andon_domain::{Finding, Severity};

/// A file as it was read: its name for people, and its text.
pub struct Source {
    name: String,
    text: String,
    ascii: bool,
    /// The byte at which each line starts; computed for the first place that is shown.
    line_starts: OnceLock<Vec<usize>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("bytes", &self.text.len()).finish()
    }
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        // A byte order mark is no part of the text: editors do not count it as a column either.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self { name: name.to_owned(), ascii: text.is_ascii(), text, line_starts: OnceLock::new() }
    }

    /// The name of the file, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let breaks = memchr::memchr_iter(b'\n', self.text.as_bytes());
            std::iter::once(0).chain(breaks.map(|at| at + 1)).collect()
        })
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.line_starts().partition_point(|start| *start <= byte).max(1)
    }

    /// The bytes of a line (from 1), without its line break.
    pub(crate) fn line_bytes(&self, line: usize) -> Range<usize> {
        let starts = self.line_starts();
        let start = starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = starts.get(line).map_or(self.text.len(), |next| next - 1);
        let end = match self.text.get(start..end) {
            Some(text) if text.ends_with('\r') => end - 1,
            _ => end,
        };
        start..end.max(start)
    }

    /// The line and the column of a byte, both from 1, the column in characters.
    pub(crate) fn line_column(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let start = self.line_bytes(line).start;
        let column = match self.text.get(start..byte) {
            Some(before) if !self.ascii => before.chars().count(),
            _ => byte.saturating_sub(start),
        };
        (line, column + 1)
    }

    /// The range moved to the borders of characters inside the text, with at least its start kept.
    pub(crate) fn clamp(&self, bytes: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(bytes.start);
        let end = self.text.ceil_char_boundary(bytes.end.min(self.text.len()));
        start..end.max(start)
    }

    /// The first line of a range: enough to find it, and no screenful.
    pub(crate) fn first_line(&self, bytes: Range<usize>) -> Range<usize> {
        let bytes = self.clamp(bytes);
        let text = self.text.get(bytes.clone()).unwrap_or_default();
        let first = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        bytes.start..bytes.start + first.len()
    }
}

/// A range of bytes in a file.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    bytes: Range<usize>,
}

impl Place {
    pub(crate) fn new(source: &Arc<Source>, bytes: Range<usize>) -> Self {
        Self { source: Arc::clone(source), bytes: source.clamp(bytes) }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The bytes of the text that are meant; empty where something is missing.
    #[must_use]
    pub fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// The line and the column of the first character, both from 1, the column in characters.
    #[must_use]
    pub fn start(&self) -> (usize, usize) {
        self.source.line_column(self.bytes.start)
    }

    /// The line and the column just after the last character.
    #[must_use]
    pub fn end(&self) -> (usize, usize) {
        self.source.line_column(self.bytes.end)
    }
}

/// A finding with the place in the text that it is about.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The finding. Its path begins at the top of the file of `place`.
    pub finding: Finding,
    /// The place in the text.
    pub place: Place,
}

/// The word for a severity in messages and in JSON.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// As in `rules.yaml:3:12: error[unknown-field]: ..`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place.start();
        let Finding { severity, code, message, help, .. } = &self.finding;
        let severity = severity_word(*severity);
        write!(f, "{}:{line}:{column}: {severity}[{code}]: {message}", self.place.source.name)?;
        match help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
