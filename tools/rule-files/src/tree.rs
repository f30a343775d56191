//! A small tree of a rule or of the settings, each node with its bytes; depth is bounded by the events.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use andon_domain::PathSegment;

use crate::event::{Event, Mistake, Style};
use crate::events::Events;

#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) bytes: Range<usize>,
    pub(crate) kind: Kind<'a>,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Scalar(Cow<'a, str>, Style),
    List(Vec<Node<'a>>),
    Map(Vec<Entry<'a>>),
    /// Stands for something that was wrong or missing and is reported already; reads as empty.
    Hole,
}

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) key_bytes: Range<usize>,
    pub(crate) value: Node<'a>,
    /// Wrong and reported: not read any more.
    pub(crate) skip: bool,
}

/// Builds trees, and collects what is wrong with their shape.
pub(crate) struct Builder<'e, 'a> {
    events: &'e mut Events<'a>,
    /// Nodes beyond this byte are skipped.
    limit: usize,
    /// Whether a node was skipped.
    pub(crate) over_limit: bool,
    /// With the path from the root of the tree.
    pub(crate) mistakes: Vec<Mistake>,
    path: Vec<PathStep<'a>>,
}

/// A step to a node, without an allocation for what is mostly not asked for.
enum PathStep<'a> {
    Key(Cow<'a, str>),
    Item(usize),
}

impl<'e, 'a> Builder<'e, 'a> {
    pub(crate) fn new(events: &'e mut Events<'a>, limit: usize) -> Self {
        Self { events, limit, over_limit: false, mistakes: Vec::new(), path: Vec::new() }
    }

    /// The rest of the node that began with this event.
    ///
    /// # Errors
    /// A mistake of the notation, after which nothing can be read.
    pub(crate) fn node(&mut self, event: Event<'a>, bytes: Range<usize>) -> Result<Node<'a>, Mistake> {
        if bytes.end > self.limit {
            self.over_limit = true;
        }
        Ok(match event {
            Event::Scalar(text, style) => Node { bytes, kind: Kind::Scalar(text, style) },
            Event::List => self.list(bytes.start)?,
            Event::Map => self.map(bytes.start)?,
            Event::End => Node { bytes, kind: Kind::Hole },
        })
    }

    fn list(&mut self, start: usize) -> Result<Node<'a>, Mistake> {
        let mut items = Vec::new();
        let mut index = 0;
        while let Some((event, bytes)) = self.events.next()? {
            if event == Event::End {
                return Ok(Node { bytes: start..bytes.end, kind: Kind::List(items) });
            }
            self.path.push(PathStep::Item(index));
            let item = self.node(event, bytes)?;
            self.path.pop();
            index += 1;
            if !self.over_limit {
                items.push(item);
            }
        }
        Ok(Node { bytes: start..start, kind: Kind::List(items) })
    }

    fn map(&mut self, start: usize) -> Result<Node<'a>, Mistake> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut end = start;
        while let Some((event, key_bytes)) = self.events.next()? {
            let key = match event {
                Event::End => {
                    end = key_bytes.end;
                    break;
                }
                Event::Scalar(key, _) => Some(key),
                Event::Map | Event::List => {
                    self.mistakes.push(self.here("wrong-type", key_bytes.clone(), complex_key()));
                    skip(self.events, &event)?;
                    None
                }
            };
            let Some((event, bytes)) = self.events.next()? else { break };
            let Some(key) = key else {
                skip(self.events, &event)?;
                continue;
            };
            self.path.push(PathStep::Key(key));
            let value = self.node(event, bytes)?;
            let Some(PathStep::Key(key)) = self.path.pop() else { break };
            if key == "<<" {
                let message = "`<<` merges maps, which rule documents do not do; write the fields out";
                self.mistakes.push(self.here("unsupported-yaml", key_bytes, message.to_owned()));
            } else if !self.over_limit {
                entries.push(Entry { key, key_bytes, value, skip: false });
            }
        }
        self.refuse_duplicates(&mut entries);
        Ok(Node { bytes: start..end, kind: Kind::Map(entries) })
    }

    fn refuse_duplicates(&mut self, entries: &mut [Entry<'a>]) {
        let duplicates = duplicates(entries);
        for index in duplicates {
            let Some(entry) = entries.get_mut(index) else { continue };
            entry.skip = true;
            let (key, bytes) = (entry.key.clone(), entry.key_bytes.clone());
            self.path.push(PathStep::Key(key.clone()));
            self.mistakes.push(self.here(
                "duplicate-key",
                bytes,
                format!("`{key}` stands here a second time"),
            ));
            self.path.pop();
        }
    }

    fn here(&self, code: &'static str, bytes: Range<usize>, message: String) -> Mistake {
        let mut mistake = Mistake::new(code, bytes, message);
        mistake.finding.path = self
            .path
            .iter()
            .map(|step| match step {
                PathStep::Key(key) => key.as_ref().into(),
                PathStep::Item(index) => (*index).into(),
            })
            .collect();
        mistake
    }
}

/// In which places a key stands that stood before.
fn duplicates(entries: &[Entry<'_>]) -> Vec<usize> {
    // Most maps are small, and small ones are quicker to walk than to sort.
    if entries.len() <= 16 {
        let before = |index: usize| entries.iter().take(index);
        let repeated = entries
            .iter()
            .enumerate()
            .filter(|(index, entry)| before(*index).any(|other| other.key == entry.key));
        return repeated.map(|(index, _)| index).collect();
    }
    let mut seen = BTreeSet::new();
    let repeated = entries.iter().enumerate().filter(|(_, entry)| !seen.insert(entry.key.as_ref()));
    repeated.map(|(index, _)| index).collect()
}

fn complex_key() -> String {
    "the name of a field is a text, not a map or a list".to_owned()
}

/// Passes over the rest of the node that began with this event.
pub(crate) fn skip<'a>(events: &mut Events<'a>, first: &Event<'a>) -> Result<(), Mistake> {
    let mut open = match first {
        Event::Map | Event::List => 1_usize,
        Event::Scalar(..) | Event::End => 0,
    };
    while open > 0 {
        match events.next()? {
            Some((Event::Map | Event::List, _)) => open += 1,
            Some((Event::End, _)) => open -= 1,
            Some(_) => {}
            None => break,
        }
    }
    Ok(())
}

impl<'a> Node<'a> {
    /// The node at the end of a path.
    pub(crate) fn find(&self, path: &[PathSegment]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, step| match (step, &node.kind) {
            (PathSegment::Key(key), Kind::Map(entries)) => {
                entries.iter().find(|entry| !entry.skip && entry.key == *key).map(|entry| &entry.value)
            }
            (PathSegment::Item(index), Kind::List(items)) => items.get(*index),
            _ => None,
        })
    }

    pub(crate) fn find_mut(&mut self, path: &[PathSegment]) -> Option<&mut Node<'a>> {
        path.iter().try_fold(self, |node, step| match (step, &mut node.kind) {
            (PathSegment::Key(key), Kind::Map(entries)) => entries
                .iter_mut()
                .find(|entry| !entry.skip && entry.key == *key)
                .map(|entry| &mut entry.value),
            (PathSegment::Item(index), Kind::List(items)) => items.get_mut(*index),
            _ => None,
        })
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| !entry.skip && entry.key == key),
            _ => None,
        }
    }
}
