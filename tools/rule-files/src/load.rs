//! A rule set as it was read, and the way back from its values to the text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use andon_domain::{Finding, PathSegment, RuleDocument};

use crate::event::{Mistake, Notation};
use crate::locate::{Lookup, locate};
use crate::source::{Diagnostic, Place, Source};

/// The rules of one file, or of several after [`merge`](crate::merge()).
#[derive(Debug)]
pub struct Loaded {
    /// The rules, the models, the attributes and the settings.
    pub document: RuleDocument,
    /// The texts that they were read from. Stays valid when the document has moved on to the compiler.
    pub source_map: SourceMap,
}

/// A map from the values of a document back to the files they were read from.
#[derive(Debug, Default)]
pub struct SourceMap {
    pub(crate) files: Vec<File>,
}

/// One file of a rule set.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) source: Arc<Source>,
    pub(crate) notation: Notation,
    /// The positions of its rules in the set.
    pub(crate) rules: Range<usize>,
    /// The positions of its models in the set.
    pub(crate) models: Range<usize>,
    /// The machines whose attributes it holds.
    pub(crate) equipment: BTreeSet<String>,
    pub(crate) has_settings: bool,
}

impl Loaded {
    pub(crate) fn new(document: RuleDocument, source: Arc<Source>, notation: Notation) -> Self {
        let file = File {
            source,
            notation,
            rules: 0..document.rules.len(),
            models: 0..document.models.len(),
            equipment: document.equipment.keys().cloned().collect(),
            has_settings: document.settings.is_some(),
        };
        Self { document, source_map: SourceMap { files: vec![file] } }
    }
}

impl SourceMap {
    /// A map of one file of which nothing was kept: paths are those in the file.
    pub(crate) fn of_file(source: Arc<Source>, notation: Notation) -> Self {
        Loaded::new(RuleDocument::default(), source, notation).source_map
    }

    /// Returns the files that were read.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().map(|file| &*file.source)
    }

    /// Finds the places of findings in the text, in the order of files and text.
    ///
    /// Reads each file that has a finding once more, so call it once with all findings.
    #[must_use]
    pub fn locate(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        let mut by_file: Vec<Vec<Finding>> = self.files.iter().map(|_| Vec::new()).collect();
        for mut finding in findings {
            let file = self.file_of(&mut finding);
            if let Some(list) = by_file.get_mut(file) {
                list.push(finding);
            }
        }
        let mut diagnostics = Vec::new();
        for (file, findings) in self.files.iter().zip(by_file) {
            if findings.is_empty() {
                continue;
            }
            let mut wanted: Vec<Lookup> = findings.into_iter().map(Lookup::new).collect();
            locate(&file.source, file.notation, &mut wanted);
            let mut located: Vec<Diagnostic> = wanted
                .into_iter()
                .map(|wanted| Diagnostic {
                    finding: wanted.finding,
                    place: Place::new(&file.source, wanted.bytes),
                })
                .collect();
            located.sort_by_key(|diagnostic| diagnostic.place.bytes().start);
            diagnostics.extend(located);
        }
        diagnostics
    }

    /// Returns the file that a finding is about, and changes its path to that in the file.
    fn file_of(&self, finding: &mut Finding) -> usize {
        match finding.path.as_mut_slice() {
            [PathSegment::Key(top), PathSegment::Item(item), ..] if top == "rules" || top == "models" => {
                let of_file =
                    |file: &File| if top == "rules" { file.rules.clone() } else { file.models.clone() };
                let file = self.files.partition_point(|file| of_file(file).end <= *item);
                if let Some(file) = self.files.get(file) {
                    *item -= of_file(file).start.min(*item);
                }
                file.min(self.files.len().saturating_sub(1))
            }
            [PathSegment::Key(top), PathSegment::Key(id), ..] if top == "equipment" => {
                self.files.iter().position(|file| file.equipment.contains(id)).unwrap_or(0)
            }
            [PathSegment::Key(top), ..] if top == "settings" => {
                self.files.iter().position(|file| file.has_settings).unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// Makes a diagnostic of a mistake.
pub(crate) fn place(source: &Arc<Source>, mistake: Mistake) -> Diagnostic {
    Diagnostic { finding: *mistake.finding, place: Place::new(source, source.first_line(mistake.bytes)) }
}
