//! Several files as one rule set.

use andon_model::{Finding, RuleDocument};

use crate::load::Loaded;
use crate::source::Diagnostic;

/// Makes one rule set of several files: their rules one after the other, and the settings of the one that has some.
///
/// # Errors
/// When more than one file has settings; all but the first are named.
pub fn merge(files: Vec<Loaded>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut merged = Loaded { document: RuleDocument::default(), files: Vec::new() };
    let mut first: Option<String> = None;
    let mut errors = Vec::new();
    for loaded in files {
        if loaded.document.settings.is_some() {
            let name = loaded.files.iter().find(|file| file.has_settings).map(|file| file.source.name());
            match &first {
                None => {
                    first = Some(name.unwrap_or_default().to_owned());
                    merged.document.settings = loaded.document.settings;
                }
                Some(first) => {
                    let message = format!("`settings` stand here and in `{first}`; a rule set has them once");
                    let finding = Finding::error("settings-twice", vec!["settings".into()], message)
                        .with_help("keep the one that holds for the deployment");
                    errors.extend(loaded.locate(vec![finding]));
                }
            }
        }
        let offset = merged.document.rules.len();
        merged.document.rules.extend(loaded.document.rules);
        merged.files.extend(loaded.files.into_iter().map(|mut file| {
            file.rules = file.rules.start + offset..file.rules.end + offset;
            file
        }));
    }
    if errors.is_empty() { Ok(merged) } else { Err(errors) }
}
