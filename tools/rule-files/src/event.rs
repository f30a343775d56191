//! What both notations are read as: a flat sequence of events, each with its bytes.

use std::borrow::Cow;
use std::ops::Range;

use andon_domain::{Finding, limits};

use crate::json::JsonEvents;
use crate::source::Source;
use crate::yaml::YamlEvents;

/// Deepest nesting of maps and lists in a document. A rule needs eight; recursion over the tree ends here.
pub(crate) const NESTING: usize = 32;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`
    Block,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    Map,
    List,
    /// The end of the innermost map or list.
    End,
    Scalar(Cow<'a, str>, Style),
}

/// A finding that knows its bytes already, as mistakes of the notation do.
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

pub(crate) struct Events<'a> {
    inner: Inner<'a>,
    depth: usize,
}

#[allow(clippy::large_enum_variant, reason = "there is one of it per document")]
enum Inner<'a> {
    Yaml(YamlEvents<'a>),
    Json(JsonEvents<'a>),
}

impl<'a> Events<'a> {
    pub(crate) fn new(source: &'a Source, notation: Notation) -> Self {
        let inner = match notation {
            Notation::Yaml => Inner::Yaml(YamlEvents::new(source.text())),
            Notation::Json => Inner::Json(JsonEvents::new(source)),
        };
        Self { inner, depth: 0 }
    }

    /// The next event, or `None` after the end of the document.
    ///
    /// A mistake is the last thing that comes: what follows it cannot be trusted.
    pub(crate) fn next(&mut self) -> Result<Option<(Event<'a>, Range<usize>)>, Mistake> {
        let next = match &mut self.inner {
            Inner::Yaml(events) => events.next(),
            Inner::Json(events) => events.next(),
        }?;
        match &next {
            Some((Event::Map | Event::List, bytes)) => {
                self.depth += 1;
                if self.depth > NESTING {
                    let message = format!("maps and lists are nested deeper than {NESTING}");
                    return Err(Mistake::new("too-deep", bytes.start..bytes.start + 1, message));
                }
            }
            Some((Event::End, _)) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(next)
    }
}

/// Refuses what is too long before anything else is done with it.
pub(crate) fn check_length(text: &str) -> Result<(), Mistake> {
    if text.len() <= limits::DOCUMENT_BYTES {
        return Ok(());
    }
    let message =
        format!("the document is {} bytes long; the limit is {}", text.len(), limits::DOCUMENT_BYTES);
    Err(Mistake::new("too-large", 0..0, message).help("split the rules into several files in a directory"))
}
