//! Several files as one rule set.

use andon_domain::{Finding, RuleDocument};

use crate::load::{Loaded, SourceMap};
use crate::source::Diagnostic;

/// Makes one rule set of several files: their rules and models one after the other, the attributes of all, and the
/// settings of the one that has some.
///
/// # Errors
/// When more than one file has settings, or the attributes of one equipment; all but the first are named.
pub fn merge(files: Vec<Loaded>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut merged = Loaded { document: RuleDocument::default(), source_map: SourceMap::default() };
    let mut first: Option<String> = None;
    let mut errors = Vec::new();
    for loaded in files {
        if loaded.document.settings.is_some() {
            let name =
                loaded.source_map.files.iter().find(|file| file.has_settings).map(|file| file.source.name());
            match &first {
                None => {
                    first = Some(name.unwrap_or_default().to_owned());
                    merged.document.settings = loaded.document.settings;
                }
                Some(first) => {
                    let message = format!("`settings` stand here and in `{first}`; a rule set has them once");
                    let finding = Finding::error("settings-twice", vec!["settings".into()], message)
                        .with_help("keep the one that holds for the deployment");
                    errors.extend(loaded.source_map.locate(vec![finding]));
                }
            }
        }
        for id in loaded.document.equipment.keys() {
            let Some(first) = merged.source_map.files.iter().find(|file| file.equipment.contains(id)) else {
                continue;
            };
            let message = format!(
                "the attributes of `{id}` stand here and in `{}`; a rule set has them once",
                first.source.name()
            );
            let path = vec!["equipment".into(), id.as_str().into()];
            errors.extend(loaded.source_map.locate(vec![Finding::error("equipment-twice", path, message)]));
        }
        let (rules, models) = (merged.document.rules.len(), merged.document.models.len());
        merged.document.rules.extend(loaded.document.rules);
        merged.document.models.extend(loaded.document.models);
        merged.document.equipment.extend(loaded.document.equipment);
        merged.source_map.files.extend(loaded.source_map.files.into_iter().map(|mut file| {
            file.rules = file.rules.start + rules..file.rules.end + rules;
            file.models = file.models.start + models..file.models.end + models;
            file
        }));
    }
    if errors.is_empty() { Ok(merged) } else { Err(errors) }
}
