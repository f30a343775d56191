//! From paths in a document to bytes of its text: reads the events once more and stops at the wanted paths only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use andon_domain::{Finding, PathSegment};

use crate::align::align;
use crate::event::{Event, Mistake, Notation, Style};
use crate::events::Events;
use crate::source::Source;
use crate::tree::skip;

/// A finding whose bytes are sought.
pub(crate) struct Lookup {
    pub(crate) finding: Finding,
    pub(crate) bytes: Range<usize>,
}

impl Lookup {
    pub(crate) fn new(finding: Finding) -> Self {
        Self { finding, bytes: 0..0 }
    }
}

/// The paths that are sought, as a tree.
#[derive(Default)]
struct Trie {
    below: BTreeMap<PathSegment, Trie>,
    here: Vec<usize>,
}

/// Fills in the bytes. What a document does not spell out is placed at the nearest thing around it.
pub(crate) fn locate(source: &Source, notation: Notation, wanted: &mut [Lookup]) {
    let mut root = Trie::default();
    for (index, sought) in wanted.iter().enumerate() {
        let mut trie = &mut root;
        for step in &sought.finding.path {
            trie = trie.below.entry(step.clone()).or_default();
        }
        trie.here.push(index);
    }
    let mut locator = Locator { source, events: Events::new(source, notation), wanted };
    // The document was read before; if it cannot be read again, the places found so far remain.
    let _: Result<(), Mistake> = locator.document(&root);
}

struct Locator<'a, 'w> {
    source: &'a Source,
    events: Events<'a>,
    wanted: &'w mut [Lookup],
}

impl<'a> Locator<'a, '_> {
    fn document(&mut self, root: &Trie) -> Result<(), Mistake> {
        match self.events.next()? {
            Some((event, bytes)) => self.node(event, bytes, None, root),
            None => Ok(()),
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        bytes: Range<usize>,
        key: Option<Range<usize>>,
        trie: &Trie,
    ) -> Result<(), Mistake> {
        let start = bytes.start;
        let empty = matches!(&event, Event::Scalar(text, _) if text.is_empty()) && bytes.is_empty();
        // A map or list in block style is meant with its name: its first line would be that of its first item.
        let spread = matches!(event, Event::Map | Event::List) && bytes.is_empty();
        let shown = match key {
            Some(key) if empty || spread => key,
            _ => self.source.first_line(if spread {
                bytes.start..self.source.text().len().min(bytes.start + 4096)
            } else {
                bytes.clone()
            }),
        };
        self.place_all(trie, &shown);
        match event {
            Event::Scalar(text, style) => self.scalar(&text, style, &bytes, trie),
            Event::List => {
                let mut index = 0;
                while let Some((event, bytes)) = self.events.next()? {
                    if event == Event::End {
                        self.close_flow(start, &bytes, trie);
                        break;
                    }
                    self.child(event, bytes, None, trie.below.get(&PathSegment::Item(index)))?;
                    index += 1;
                }
            }
            Event::Map => {
                while let Some((event, key_bytes)) = self.events.next()? {
                    let key = match event {
                        Event::End => {
                            self.close_flow(start, &key_bytes, trie);
                            break;
                        }
                        Event::Scalar(key, _) => key,
                        event => {
                            skip(&mut self.events, &event)?;
                            Cow::Borrowed("")
                        }
                    };
                    let Some((event, bytes)) = self.events.next()? else { break };
                    let below = if trie.below.is_empty() {
                        None
                    } else {
                        trie.below.get(&PathSegment::Key(key.into_owned()))
                    };
                    self.child(event, bytes, Some(key_bytes), below)?;
                }
            }
            Event::End => {}
        }
        Ok(())
    }

    fn child(
        &mut self,
        event: Event<'a>,
        bytes: Range<usize>,
        key: Option<Range<usize>>,
        trie: Option<&Trie>,
    ) -> Result<(), Mistake> {
        match trie {
            Some(trie) => self.node(event, bytes, key, trie),
            None => skip(&mut self.events, &event),
        }
    }

    /// A map or list in braces is meant as a whole, where it stands on one line.
    fn close_flow(&mut self, start: usize, end: &Range<usize>, trie: &Trie) {
        let text = self.source.text().get(start..).unwrap_or_default();
        if !end.is_empty() && text.starts_with(['{', '[']) {
            let shown = self.source.first_line(start..end.end);
            for index in &trie.here {
                if let Some(wanted) = self.wanted.get_mut(*index) {
                    wanted.bytes = shown.clone();
                }
            }
        }
    }

    fn place_all(&mut self, trie: &Trie, bytes: &Range<usize>) {
        for index in &trie.here {
            if let Some(wanted) = self.wanted.get_mut(*index) {
                wanted.bytes = bytes.clone();
            }
        }
        for below in trie.below.values() {
            self.place_all(below, bytes);
        }
    }

    /// The part of a text that is meant.
    fn scalar(&mut self, value: &str, style: Style, bytes: &Range<usize>, trie: &Trie) {
        for index in &trie.here {
            let Some(wanted) = self.wanted.get_mut(*index) else { continue };
            let Some(within) = wanted.finding.within.clone() else { continue };
            let written = self.source.text().get(bytes.clone()).unwrap_or_default();
            let part = align(written, style, value, &within);
            wanted.bytes = self.source.first_line(bytes.start + part.start..bytes.start + part.end);
            let after = self.source.text().get(bytes.end..).unwrap_or_default();
            let comment = after.trim_start_matches(' ').starts_with('#') && after.starts_with(' ');
            if style == Style::Plain && comment && within.end >= value.len() {
                let help = "to YAML a ` #` begins a comment; put the expression in quotes";
                wanted.finding.help = Some(help.to_owned());
            }
        }
    }
}
