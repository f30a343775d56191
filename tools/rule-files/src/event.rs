//! The events that both notations are read as, and the mistakes found on the way.

use std::borrow::Cow;
use std::ops::Range;

use andon_domain::{Finding, limits};

use crate::source::Source;

/// The help for a file without rules.
pub(crate) const EXAMPLE: &str =
    "a rule document begins with `rules:`, and below it a list of rules, each with `- id: ..`";

/// A style of writing a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`
    Block,
}

/// One step through a document: a map or list begins or ends, or a scalar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    Map,
    List,
    /// The end of the innermost map or list.
    End,
    Scalar(Cow<'a, str>, Style),
}

/// A finding with its bytes, as mistakes of the notation have them.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    /// Boxed, since it is the error of every step.
    pub(crate) finding: Box<Finding>,
    pub(crate) bytes: Range<usize>,
}

impl Mistake {
    pub(crate) fn new(code: &'static str, bytes: Range<usize>, message: impl Into<String>) -> Self {
        Self { finding: Box::new(Finding::error(code, Vec::new(), message)), bytes }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.finding.help = Some(help.into());
        self
    }
}

/// The notation of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    Yaml,
    Json,
}

impl Notation {
    /// The notation in which a text is read first: by the extension, else JSON where it begins as such.
    pub(crate) fn of(source: &Source) -> Self {
        let extension = source.name().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let mut start = source.text().chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'));
        let object = start.next() == Some('{') && matches!(start.next(), Some('"' | '}'));
        if object || extension.as_deref() == Some("json") { Self::Json } else { Self::Yaml }
    }
}

/// Refuses a text over the limit before anything else reads it.
pub(crate) fn check_length(text: &str) -> Result<(), Mistake> {
    if text.len() <= limits::DOCUMENT_BYTES {
        return Ok(());
    }
    let message =
        format!("the document is {} bytes long; the limit is {}", text.len(), limits::DOCUMENT_BYTES);
    Err(Mistake::new("too-large", 0..0, message).help("split the rules into several files in a directory"))
}
