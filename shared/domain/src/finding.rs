//! What is wrong or doubtful in a rule document, and where: for `check`, for editors, for the rule store.

use std::fmt;
use std::ops::Range;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// Legal, but surely not meant.
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

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name in kebab case, such as `unknown-field`.
    pub code: &'static str,
    /// The way from the top of the document to the value meant.
    pub path: Vec<PathSegment>,
    /// The bytes meant inside that value, where it is a text (an expression) and only part of it is meant.
    pub within: Option<Range<usize>>,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    /// An error at a place.
    #[must_use]
    pub fn error(code: &'static str, path: Vec<PathSegment>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, path, within: None, message: message.into(), help: None }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, path: Vec<PathSegment>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the part of the text that is meant.
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
