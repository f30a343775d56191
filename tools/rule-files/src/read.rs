//! One file to rules: rule by rule, and model by model, so that a mistake in one does not hide those in others.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use andon_domain::{Attributes, Finding, ModelBinding, PathSegment, Rule, RuleDocument, limits};
use serde::Deserialize;

use crate::de::{Error, ErrorKind};
use crate::event::{EXAMPLE, Event, Mistake, Notation, check_length};
use crate::events::Events;
use crate::explain::{explain, meant};
use crate::load::{Loaded, SourceMap, place};
use crate::scalar::{Resolved, resolve};
use crate::source::{Diagnostic, Source};
use crate::tree::{Builder, Entry, Kind, Node, skip};

/// Most mistakes reported of one rule, and of one document: each is found by reading the rule once more.
const MISTAKES_PER_RULE: usize = 20;
const MISTAKES: usize = 1000;

/// The fields of a rule document.
pub(crate) const FIELDS: [&str; 4] = ["settings", "equipment", "models", "rules"];

/// Reads a rule document in YAML or JSON. `name` is for people, and its extension tells the notation.
///
/// # Errors
/// Every mistake of notation and shape, in the order of the text, with its place: unknown and missing fields, values of the
/// wrong type, limits. The meaning (expressions, ids that are not unique) is the compiler's to check.
pub fn read(name: &str, text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    read_and_check(name, text, |_| Vec::new())
}

/// Reads a rule document as [`read`] does. If it is refused, `check` looks at its sound rules, so that all mistakes of the
/// file are shown at once.
///
/// `check` is the compiler: it gets the rules, models and attributes whose shape is sound. It is not called for a document
/// that is read without a mistake, since the caller compiles that itself.
///
/// # Errors
/// The mistakes of [`read`] and the findings of `check`, in the order of the text.
pub fn read_and_check(
    name: &str,
    text: &str,
    check: impl FnOnce(RuleDocument) -> Vec<Finding>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let source = Arc::new(Source::new(name, text));
    let located =
        |mistakes: Vec<Mistake>| mistakes.into_iter().map(|mistake| place(&source, mistake)).collect();
    if let Err(mistake) = check_length(source.text()) {
        return Err(located(vec![mistake]));
    }
    let notation = Notation::of(&source);
    let mut outcome = Reader::read(&source, notation);
    // JSON in a file that is named YAML may have what only YAML allows, such as comments.
    let yaml_name = [".yaml", ".yml"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    let mut read_as = notation;
    if notation == Notation::Json
        && yaml_name
        && let Err(refused) = &outcome
        && refused.mistakes.iter().any(|mistake| mistake.finding.code == "syntax")
    {
        read_as = Notation::Yaml;
        outcome = Reader::read(&source, read_as);
    }
    match outcome {
        Ok(document) => Ok(Loaded::new(document, source, read_as)),
        Err(refused) => {
            let RefusedDocument { mistakes, sound, positions } = *refused;
            let mut diagnostics: Vec<Diagnostic> = located(mistakes);
            diagnostics.extend(check_sound_part(sound, check, &positions, &source, read_as));
            diagnostics.sort_by_key(|diagnostic| diagnostic.place.bytes().start);
            Err(diagnostics)
        }
    }
}

/// A refused document: its mistakes, and its rules and models whose shape is sound with their positions.
struct RefusedDocument {
    mistakes: Vec<Mistake>,
    sound: RuleDocument,
    positions: Positions,
}

/// The positions of sound rules and models in their lists.
#[derive(Default)]
struct Positions {
    rules: Vec<usize>,
    models: Vec<usize>,
    /// Whether all attributes are there: without them, expressions that name them cannot be checked.
    attributes: bool,
}

/// Returns the findings of `check` in the sound rules of a refused document, at their places in the whole.
fn check_sound_part(
    sound: RuleDocument,
    check: impl FnOnce(RuleDocument) -> Vec<Finding>,
    positions: &Positions,
    source: &Arc<Source>,
    notation: Notation,
) -> Vec<Diagnostic> {
    if !positions.attributes {
        return Vec::new();
    }
    let mut findings = check(sound);
    for finding in &mut findings {
        if let [PathSegment::Key(list), PathSegment::Item(item), ..] = finding.path.as_mut_slice() {
            let positions = if list == "models" { &positions.models } else { &positions.rules };
            *item = positions.get(*item).copied().unwrap_or(*item);
        }
    }
    SourceMap::of_file(Arc::clone(source), notation).locate(findings)
}

struct Reader<'a> {
    events: Events<'a>,
    document: RuleDocument,
    positions: Positions,
    mistakes: Vec<Mistake>,
    /// The number of mistakes before the current rule or field.
    before_current: usize,
    /// The fields of the document so far, with their bytes.
    fields: BTreeMap<String, Range<usize>>,
}

impl<'a> Reader<'a> {
    fn read(source: &'a Source, notation: Notation) -> Result<RuleDocument, Box<RefusedDocument>> {
        let mut reader = Reader {
            events: Events::new(source, notation),
            document: RuleDocument::default(),
            positions: Positions { attributes: true, ..Positions::default() },
            mistakes: Vec::new(),
            before_current: 0,
            fields: BTreeMap::new(),
        };
        if let Err(last) = reader.document() {
            // What a mistake of the notation has torn off is not missing.
            if last.finding.code == "syntax" {
                reader.mistakes.truncate(reader.before_current);
            }
            reader.mistakes.push(last);
        }
        let Reader { document, positions, mistakes, .. } = reader;
        if mistakes.is_empty() {
            Ok(document)
        } else {
            Err(Box::new(RefusedDocument { mistakes, sound: document, positions }))
        }
    }

    /// # Errors
    /// The mistake after which nothing can be read; the others are collected.
    fn document(&mut self) -> Result<(), Mistake> {
        let empty = || Mistake::new("no-rules", 0..0, "there are no rules in this file").help(EXAMPLE);
        let Some((event, bytes)) = self.events.next()? else {
            return Err(empty());
        };
        match &event {
            Event::Map => {}
            Event::Scalar(text, style) if resolve(text, *style) == Resolved::Null => return Err(empty()),
            _ => {
                let found = if event == Event::List { "a list" } else { "a text" };
                let message = format!("a rule document is a map with `rules`; found {found}");
                let mistake = Mistake::new("wrong-type", bytes, message);
                return Err(match event {
                    Event::List => mistake.help("write `rules:` above the list, and indent the list"),
                    _ => mistake.help(EXAMPLE),
                });
            }
        }
        while let Some((event, bytes)) = self.events.next()? {
            let key = match event {
                Event::End => break,
                Event::Scalar(key, _) => key,
                Event::Map | Event::List => {
                    return Err(Mistake::new(
                        "wrong-type",
                        bytes,
                        "the name of a field is a text, not a map or a list",
                    ));
                }
            };
            self.field(&key, bytes)?;
        }
        // What follows the document: a second one, or what is no YAML or JSON any more.
        while self.events.next()?.is_some() {}
        Ok(())
    }

    fn field(&mut self, key: &str, key_bytes: Range<usize>) -> Result<(), Mistake> {
        self.before_current = self.mistakes.len();
        let Some((event, bytes)) = self.events.next()? else { return Ok(()) };
        let known = FIELDS.iter().find(|name| **name == key);
        let second = self.fields.insert(key.to_owned(), key_bytes.clone()).is_some();
        match known {
            _ if second => {
                let message = format!("`{key}` stands here a second time");
                let mut mistake = Mistake::new("duplicate-key", key_bytes, message);
                mistake.finding.path.push(key.into());
                self.push(mistake)?;
                skip(&mut self.events, &event)
            }
            Some(list @ (&"rules" | &"models")) => self.list(list, event, key_bytes),
            Some(&"equipment") => self.equipment(event, key_bytes),
            Some(_) => {
                let mut builder =
                    Builder::new(&mut self.events, bytes.start.saturating_add(limits::RULE_BYTES));
                let mut node = builder.node(event, bytes)?;
                let mut shape = std::mem::take(&mut builder.mistakes);
                let base = vec![key.into()];
                let settings = read_tree(&mut node, &base, &mut shape);
                self.document.settings = settings.flatten();
                self.push_all(shape, &base)
            }
            None => {
                let error = Error {
                    kind: ErrorKind::UnknownField { field: key.to_owned(), expected: &FIELDS },
                    reversed_path: Vec::new(),
                };
                let hole = Node { bytes: key_bytes, kind: Kind::Hole };
                let mistake = explain(&hole, &[], &error);
                self.push(mistake)?;
                skip(&mut self.events, &event)
            }
        }
    }

    /// The rules or the models.
    fn list(&mut self, list: &'static str, event: Event<'a>, key_bytes: Range<usize>) -> Result<(), Mistake> {
        if event != Event::List {
            let help = format!("each {} begins with `- id:`", list.trim_end_matches('s'));
            return self.must_be(list, "a list", &help, &event, key_bytes);
        }
        let mut index = 0;
        while let Some((event, bytes)) = self.events.next()? {
            if event == Event::End {
                return Ok(());
            }
            let base = vec![list.into(), index.into()];
            if list == "models" {
                if let Some(model) = self.item::<ModelBinding>(base, "model", event, bytes)? {
                    self.document.models.push(model);
                    self.positions.models.push(index);
                }
            } else if let Some(rule) = self.item::<Rule>(base, "rule", event, bytes)? {
                self.document.rules.push(rule);
                self.positions.rules.push(index);
            }
            index += 1;
        }
        Ok(())
    }

    /// The attributes, equipment by equipment: there may be more of them than a rule may be long.
    fn equipment(&mut self, event: Event<'a>, key_bytes: Range<usize>) -> Result<(), Mistake> {
        let before = self.mistakes.len();
        if event != Event::Map {
            let help = "each equipment has a map of attributes, as in `filler-1: {max_temp: 80}`";
            self.must_be("equipment", "a map", help, &event, key_bytes)?;
            self.positions.attributes = self.mistakes.len() == before;
            return Ok(());
        }
        while let Some((event, key_bytes)) = self.events.next()? {
            let id = match event {
                Event::End => break,
                Event::Scalar(id, _) => id,
                Event::Map | Event::List => {
                    let message = "the id of an equipment is a text, not a map or a list";
                    return Err(Mistake::new("wrong-type", key_bytes, message));
                }
            };
            let Some((event, bytes)) = self.events.next()? else { break };
            let base: Vec<PathSegment> = vec!["equipment".into(), id.as_ref().into()];
            let attributes = self.item::<Attributes>(base.clone(), "map of attributes", event, bytes)?;
            if self.document.equipment.contains_key(id.as_ref()) {
                let message = format!("`{id}` stands here a second time");
                self.push_all(vec![Mistake::new("duplicate-key", key_bytes, message)], &base)?;
            } else if let Some(attributes) = attributes {
                self.document.equipment.insert(id.into_owned(), attributes);
            }
        }
        self.positions.attributes = self.mistakes.len() == before;
        Ok(())
    }

    /// A field of the document that should be a list or a map; nothing at all is as if it were not there.
    fn must_be(
        &mut self,
        field: &str,
        wanted: &str,
        help: &str,
        event: &Event<'a>,
        key_bytes: Range<usize>,
    ) -> Result<(), Mistake> {
        let found = match event {
            Event::Scalar(text, style) if resolve(text, *style) == Resolved::Null => return Ok(()),
            Event::Map => "a map",
            Event::List => "a list",
            _ => "a text",
        };
        let message = format!("`{field}` must be {wanted}; found {found}");
        let mut mistake = Mistake::new("wrong-type", key_bytes, message).help(help);
        mistake.finding.path.push(field.into());
        self.push(mistake)?;
        skip(&mut self.events, event)
    }

    /// One rule, model, or the attributes of one equipment; `None` if it is not sound.
    fn item<T: for<'de> Deserialize<'de>>(
        &mut self,
        base: Vec<PathSegment>,
        what: &str,
        event: Event<'a>,
        bytes: Range<usize>,
    ) -> Result<Option<T>, Mistake> {
        self.before_current = self.mistakes.len();
        let start = bytes.start;
        let mut builder = Builder::new(&mut self.events, start.saturating_add(limits::RULE_BYTES));
        let mut node = builder.node(event, bytes)?;
        let over_limit = builder.over_limit;
        let mut mistakes = std::mem::take(&mut builder.mistakes);
        if over_limit {
            let message = format!("this {what} is longer than the limit of {} bytes", limits::RULE_BYTES);
            self.push_all(vec![Mistake::new("too-large", start..start, message)], &base)?;
            return Ok(None);
        }
        if mistakes.is_empty()
            && let Ok(item) = T::deserialize(&node)
        {
            return Ok(Some(item));
        }
        read_tree::<T>(&mut node, &base, &mut mistakes);
        self.push_all(mistakes, &base)?;
        Ok(None)
    }

    /// Takes mistakes over whose paths begin at `base`.
    fn push_all(&mut self, mistakes: Vec<Mistake>, base: &[PathSegment]) -> Result<(), Mistake> {
        for mut mistake in mistakes {
            if !mistake.finding.path.starts_with(base) {
                let below = std::mem::take(&mut mistake.finding.path);
                mistake.finding.path = base.iter().cloned().chain(below).collect();
            }
            self.push(mistake)?;
        }
        Ok(())
    }

    fn push(&mut self, mistake: Mistake) -> Result<(), Mistake> {
        if self.mistakes.len() >= MISTAKES {
            let message = format!("more than {MISTAKES} mistakes; what follows was not looked at");
            return Err(Mistake::new("too-many-mistakes", after(&self.mistakes, mistake.bytes), message));
        }
        self.mistakes.push(mistake);
        Ok(())
    }
}

/// These bytes, or those of a mistake further down: what is said of the rest is said last.
fn after(mistakes: &[Mistake], bytes: Range<usize>) -> Range<usize> {
    let places = mistakes.iter().map(|mistake| mistake.bytes.clone()).chain([bytes]);
    places.max_by_key(|bytes| bytes.start).unwrap_or_default()
}

/// Reads a tree, and after each mistake takes it out and reads on.
fn read_tree<T: for<'de> Deserialize<'de>>(
    node: &mut Node<'_>,
    base: &[PathSegment],
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let most = mistakes.len() + MISTAKES_PER_RULE;
    loop {
        let error = match T::deserialize(&*node) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mistake = explain(node, base, &error);
        if mistakes.len() >= most {
            let message =
                format!("more than {MISTAKES_PER_RULE} mistakes in this rule; the others are not shown");
            mistakes.push(Mistake::new("too-many-mistakes", after(mistakes, mistake.bytes), message));
            return None;
        }
        match take_out(node, &error) {
            Repair::Known => {}
            Repair::New => mistakes.push(mistake),
            Repair::Impossible => {
                mistakes.push(mistake);
                return None;
            }
        }
    }
}

enum Repair {
    /// The mistake follows from one that is reported already.
    Known,
    New,
    Impossible,
}

fn take_out(root: &mut Node<'_>, error: &Error) -> Repair {
    let mut path: Vec<PathSegment> = error.reversed_path.iter().rev().cloned().collect();
    match &error.kind {
        ErrorKind::UnknownField { field, expected } => {
            let Some(entry) = root.find_mut(&path).and_then(|node| live_entry(node, field)) else {
                return Repair::Impossible;
            };
            entry.skip = true;
            // So that the field that was meant is not reported as missing, too.
            if let Some(meant) = meant(field, expected) {
                entry.key = meant.to_owned().into();
            }
            Repair::New
        }
        ErrorKind::MissingField(field) => {
            let Some(Node { kind: Kind::Map(entries), bytes }) = root.find_mut(&path) else {
                return Repair::Impossible;
            };
            let known = entries.iter().any(|entry| entry.skip && entry.key == *field);
            let value = Node { bytes: bytes.clone(), kind: Kind::Hole };
            entries.push(Entry { key: (*field).into(), key_bytes: bytes.clone(), value, skip: false });
            if known { Repair::Known } else { Repair::New }
        }
        ErrorKind::Expected(_) | ErrorKind::UnknownWord { .. } | ErrorKind::Custom(_) => match path.pop() {
            Some(PathSegment::Key(key)) => match root.find_mut(&path).and_then(|node| live_entry(node, &key))
            {
                Some(entry) => {
                    entry.skip = true;
                    Repair::New
                }
                None => Repair::Impossible,
            },
            Some(PathSegment::Item(index)) => match root.find_mut(&path).map(|node| &mut node.kind) {
                Some(Kind::List(items)) => match items.get_mut(index) {
                    Some(item) => {
                        item.kind = Kind::Hole;
                        Repair::New
                    }
                    None => Repair::Impossible,
                },
                _ => Repair::Impossible,
            },
            None => Repair::Impossible,
        },
    }
}

fn live_entry<'n, 'a>(node: &'n mut Node<'a>, key: &str) -> Option<&'n mut Entry<'a>> {
    match &mut node.kind {
        Kind::Map(entries) => entries.iter_mut().find(|entry| !entry.skip && entry.key == key),
        _ => None,
    }
}
