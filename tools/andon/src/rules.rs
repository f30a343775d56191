//! Rule files to a compiled rule set, with every mistake at its place.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use andon_domain::{Finding, RuleDocument};
use andon_engine::RuleSet;
use andon_rule_files::{Diagnostic, Loaded, RenderOptions, render};

use crate::failure::Failure;
use crate::lines::is_stdin;
use crate::terminal::Terminal;

/// Reads and compiles the rules of some files as one set; directories stand for the rule files in them.
///
/// Mistakes are printed on the terminal.
pub(crate) fn load(paths: &[PathBuf], terminal: &Terminal) -> Result<RuleSet, Failure> {
    let Loaded { document, source_map } = read(paths).map_err(|error| match error {
        ReadError::Unreadable(failure) => failure,
        ReadError::Invalid(diagnostics) => say(&diagnostics, terminal),
    })?;
    RuleSet::compile(document).map_err(|findings| say(&source_map.locate(findings), terminal))
}

/// A reason why rule files give no document.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// A file cannot be read.
    Unreadable(Failure),
    /// The files can be read, and their text has mistakes.
    Invalid(Vec<Diagnostic>),
}

/// Reads rule files as one document.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Loaded, ReadError> {
    let mut files = Vec::new();
    let mut diagnostics = Vec::new();
    for path in paths {
        for file in rule_files(path).map_err(ReadError::Unreadable)? {
            let text = text_of(&file).map_err(ReadError::Unreadable)?;
            let name = if is_stdin(&file) { "<stdin>".to_owned() } else { file.display().to_string() };
            match andon_rule_files::read_and_check(&name, &text, compiler_findings) {
                Ok(loaded) => files.push(loaded),
                Err(found) => diagnostics.extend(found),
            }
        }
    }
    if !diagnostics.is_empty() {
        return Err(ReadError::Invalid(diagnostics));
    }
    andon_rule_files::merge(files).map_err(ReadError::Invalid)
}

/// Returns the errors that the compiler finds in a document.
pub(crate) fn compiler_findings(document: RuleDocument) -> Vec<Finding> {
    RuleSet::compile(document).err().unwrap_or_default()
}

fn say(diagnostics: &[Diagnostic], terminal: &Terminal) -> Failure {
    let options = RenderOptions { color: terminal.color, ..RenderOptions::default() };
    terminal.say(render(diagnostics, options).trim_end());
    Failure::AlreadyPrinted
}

/// Returns the file itself, or the rule files of a directory in the order of their names.
pub(crate) fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let cannot =
        |error: std::io::Error| Failure::Message(format!("cannot read `{}`: {error}", path.display()));
    if is_stdin(path) {
        return Ok(vec![path.to_owned()]);
    }
    if !fs::metadata(path).map_err(cannot)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json"))
            && !file.to_string_lossy().ends_with(".schema.json")
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let message =
            format!("`{}` holds no rule files; expected some named `*.yaml` or `*.json`", path.display());
        return Err(Failure::Message(message));
    }
    Ok(files)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let cannot = |what: String| Failure::Message(format!("cannot read `{}`: {what}", path.display()));
    let limit = u64::try_from(andon_domain::limits::DOCUMENT_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // Never more than one byte beyond the limit: what is read may be endless.
    let read = if is_stdin(path) {
        io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
    };
    read.map_err(|error| cannot(error.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(cannot(format!("it is longer than {limit} bytes, the limit for a rule document")));
    }
    String::from_utf8(bytes).map_err(|error| cannot(format!("it is not UTF-8 text: {error}")))
}
