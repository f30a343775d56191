//! Findings: mistakes and doubts in a rule document with their places, for `check`, for editors, for the rule store.

use std::fmt;
use std::ops::Range;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is rejected.
    Error,
    /// The document is valid, but probably not what its author intends.
    Warning,
}

/// One step from the top of a document to a place in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathSegment {
    /// A field or a key of a map.
    Key(String),
    /// An item of a list, from 0.
    Item(usize),
}

impl From<&str> for PathSegment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for PathSegment {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

/// A mistake or doubt in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// A stable name in kebab case, such as `unknown-field`.
    pub code: &'static str,
    /// The path from the top of the document to the value.
    pub path: Vec<PathSegment>,
    /// A range of bytes inside that value, if it is an expression and the finding is about a part of it.
    pub within: Option<Range<usize>>,
    /// The text found, and the text expected.
    pub message: String,
    /// A proposal to fix it.
    pub help: Option<String>,
}

impl Finding {
    /// Returns an error at a place.
    #[must_use]
    pub fn error(code: &'static str, path: Vec<PathSegment>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, path, within: None, message: message.into(), help: None }
    }

    /// Returns a warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, path: Vec<PathSegment>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// Returns the same finding with a proposal.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the same finding for a part of the text.
    #[must_use]
    pub fn within(mut self, bytes: Range<usize>) -> Self {
        self.within = Some(bytes);
        self
    }
}

/// As in `rules[0].groups[1].states[0].when: unknown function ..`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path.iter().enumerate() {
            match step {
                PathSegment::Key(key) if index > 0 => write!(f, ".{key}")?,
                PathSegment::Key(key) => f.write_str(key)?,
                PathSegment::Item(item) => write!(f, "[{item}]")?,
            }
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
