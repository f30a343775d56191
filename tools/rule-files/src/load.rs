//! A rule set that was read, and the way back from its values to the text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use andon_domain::{Finding, PathSegment, RuleDocument};

use crate::event::{Mistake, Notation};
use crate::locate::{Wanted, locate};
use crate::source::{Diagnostic, Place, Source};

/// The rules of one file, or of several after [`merge`](crate::merge()).
#[derive(Debug)]
pub struct Loaded {
    /// The rules, the models, the attributes and the settings.
    pub document: RuleDocument,
    pub(crate) files: Vec<File>,
}

/// One file of a rule set.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) source: Arc<Source>,
    pub(crate) notation: Notation,
    /// Which of the rules it holds.
    pub(crate) rules: Range<usize>,
    /// Which of the models it holds.
    pub(crate) models: Range<usize>,
    /// Of which equipments it holds the attributes.
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
        Self { document, files: vec![file] }
    }

    /// The files that were read.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().map(|file| &*file.source)
    }

    /// Finds the places of findings in the text, in the order of files and text.
    ///
    /// Each file that has a finding is read once more, so this is called once with all of them.
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
            let mut wanted: Vec<Wanted> = findings.into_iter().map(Wanted::new).collect();
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

    /// The file that a finding is about; its path is changed to that in the file.
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

/// A mistake that knows its bytes, as a diagnostic.
pub(crate) fn place(source: &Arc<Source>, mistake: Mistake) -> Diagnostic {
    Diagnostic { finding: *mistake.finding, place: Place::new(source, first_line(source, mistake.bytes)) }
}

/// Of what spans lines, the first: enough to find it, and no screenful.
pub(crate) fn first_line(source: &Source, bytes: Range<usize>) -> Range<usize> {
    let bytes = source.clamp(bytes);
    let text = source.text().get(bytes.clone()).unwrap_or_default();
    let first = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
    bytes.start..bytes.start + first.len()
}
