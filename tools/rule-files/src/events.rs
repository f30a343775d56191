//! A document as a flat sequence of events, each with its bytes, in either notation.

use std::ops::Range;

use crate::event::{Event, Mistake, Notation};
use crate::json::JsonEvents;
use crate::source::Source;
use crate::yaml::YamlEvents;

/// Deepest nesting of maps and lists in a document. A rule needs eight; recursion over the tree ends here.
pub(crate) const NESTING: usize = 32;

/// The events of one document.
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
    /// A mistake ends the sequence: the text behind it cannot be trusted.
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
