//! Collects the tags of the file for the summary.

use std::collections::BTreeMap;

use crate::MAX_SUMMARY_NAMES;
use crate::options::Options;
use crate::plan::{Body, Plan};
use crate::reject::shown;
use crate::summary::TagSummary;
use crate::value::Value;

/// A tag, with its name as JSON.
#[derive(Debug)]
pub(super) struct Tag {
    /// Its column in the wide layout.
    pub(super) column: usize,
    pub(super) json: Vec<u8>,
    pub(super) as_text: bool,
    summary: TagSummary,
}

#[derive(Debug)]
pub(super) struct Tags {
    tags: Vec<Tag>,
    /// By name in the file, in the long layout: where it stands, unless it was not selected.
    places: BTreeMap<String, Option<usize>>,
    long: bool,
}

impl Tag {
    fn new(name: &str, column: usize, options: &Options) -> Self {
        let new_name = options.rename.get(name).map_or(name, String::as_str);
        Self {
            column,
            json: serde_json::Value::from(new_name).to_string().into_bytes(),
            as_text: options.text.contains(name) || options.text.contains(new_name),
            summary: TagSummary {
                name: new_name.to_owned(),
                column: name.to_owned(),
                ..TagSummary::default()
            },
        }
    }

    pub(super) fn count(&mut self, value: Value<'_>, line: u64) {
        let summary = &mut self.summary;
        match value {
            Value::Number(number, _) => {
                summary.numbers += 1;
                summary.min = Some(summary.min.map_or(number, |min| min.min(number)));
                summary.max = Some(summary.max.map_or(number, |max| max.max(number)));
            }
            Value::Boolean(_) => summary.booleans += 1,
            Value::Text(text) => {
                summary.texts += 1;
                if summary.first_text.is_none() {
                    summary.first_text = Some((line, shown(text.as_bytes())));
                }
            }
            Value::Null | Value::Empty => summary.nulls += 1,
        }
    }
}

impl Tags {
    pub(super) fn new(plan: &Plan, options: &Options) -> Self {
        let tags = match &plan.body {
            Body::Long { .. } => Vec::new(),
            Body::Wide(columns) => columns
                .iter()
                .filter_map(|column| Some(Tag::new(plan.names.get(*column)?, *column, options)))
                .collect(),
        };
        Self { tags, places: BTreeMap::new(), long: matches!(plan.body, Body::Long { .. }) }
    }

    pub(super) fn len(&self) -> usize {
        self.tags.len()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Tag> {
        self.tags.get_mut(at)
    }

    /// The tag of this name in the file; `None` if it is not selected. One beyond those that are remembered is put
    /// into `beyond`.
    pub(super) fn find<'a>(
        &'a mut self,
        name: &str,
        options: &Options,
        beyond: &'a mut Option<Tag>,
    ) -> Option<&'a mut Tag> {
        if let Some(place) = self.places.get(name) {
            return self.tags.get_mut((*place)?);
        }
        let selected =
            (options.include.is_empty() || options.include.contains(name)) && !options.exclude.contains(name);
        if self.places.len() >= MAX_SUMMARY_NAMES {
            return selected.then(|| beyond.insert(Tag::new(name, 0, options)));
        }
        self.places.insert(name.to_owned(), selected.then_some(self.tags.len()));
        if !selected {
            return None;
        }
        self.tags.push(Tag::new(name, 0, options));
        self.tags.last_mut()
    }

    /// Names in the options that no row has had.
    pub(super) fn missing(&self, options: &Options) -> Vec<String> {
        if !self.long || self.places.len() >= MAX_SUMMARY_NAMES {
            return Vec::new();
        }
        let renamed = |name: &String| {
            options.rename.iter().any(|(from, to)| to == name && self.places.contains_key(from))
        };
        let mut missing: Vec<String> = (options.include.iter())
            .chain(&options.exclude)
            .chain(options.rename.keys())
            .chain(options.text.iter().filter(|name| !renamed(name)))
            .filter(|name| !self.places.contains_key(*name))
            .cloned()
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    pub(super) fn into_summaries(mut self) -> Vec<TagSummary> {
        if self.long {
            self.tags.sort_by(|a, b| a.summary.name.cmp(&b.summary.name));
        }
        self.tags.into_iter().map(|tag| tag.summary).collect()
    }
}
