//! `andon check`: errors and warnings in rule files, at their places.

use std::path::PathBuf;

use andon_domain::Severity;
use andon_rule_files::{Diagnostic, Loaded, RenderOptions, render, to_json};

use crate::failure::Failure;
use crate::format::{Format, FormatArgument};
use crate::rules::{self, ReadError, compiler_findings};
use crate::terminal::{self, Terminal, counted};

/// Check rule files, and show errors and warnings at their places.
///
/// A running system refuses rules with errors. Warnings are legal but probably wrong: a condition that can never be true,
/// a state that another one always hides, an unused parameter.
///
/// Each FILE is checked on its own. A directory is one rule set of all the rule files in it (`*.yaml`, `*.yml`,
/// `*.json`), so that duplicate ids are found.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon check rules.yaml
  andon check --deny-warnings rules/
  andon check --together filler.yaml capper.yaml settings.yaml
  andon check --format json rules/ | jq .message

A JSON object has `file`, `line`, `column`, `endLine`, `endColumn`, `severity`, `code`, `message`, `path`, and `help` where \
there is one.

Exit codes: 0 no errors (warnings are allowed unless --deny-warnings); 1 errors, or a file that cannot be read; 2 the \
command line was not understood.")]
pub(crate) struct Arguments {
    /// Rule files in YAML or JSON, or directories of them; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Check all files as one rule set, as `andon replay --rules` does.
    #[arg(long)]
    together: bool,
    /// End with exit code 1 also on warnings.
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    format: FormatArgument,
}

/// Counts of the checked and of the findings.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    files: usize,
    rules: usize,
    models: usize,
    /// Machines that have attributes.
    machines: usize,
    /// Files that could not be read at all, and sets whose rules could not be read, so that they were not counted.
    unread: usize,
    errors: usize,
    warnings: usize,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let sets: Vec<&[PathBuf]> =
        if arguments.together { vec![&arguments.files] } else { arguments.files.chunks(1).collect() };
    let mut tally = Tally::default();
    for set in sets {
        match check(set, &mut tally) {
            Ok(diagnostics) => print(&diagnostics, arguments.format.value, terminal)?,
            Err(Failure::Message(message)) => {
                terminal.error(&message);
                tally.unread += 1;
                tally.errors += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    terminal.say(&tally.text(terminal));
    let denied = arguments.deny_warnings && tally.warnings > 0;
    if tally.errors > 0 || denied { Err(Failure::AlreadyPrinted) } else { Ok(()) }
}

/// Returns the errors and warnings of one rule set, in the order of files and text.
fn check(paths: &[PathBuf], tally: &mut Tally) -> Result<Vec<Diagnostic>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(rules::rule_files(path)?);
    }
    let diagnostics = match rules::read(&files) {
        Ok(Loaded { document, source_map }) => {
            tally.rules += document.rules.len();
            tally.models += document.models.len();
            tally.machines += document.equipment.len();
            let mut findings = andon_lint::lint(&document);
            findings.extend(compiler_findings(document));
            source_map.locate(findings)
        }
        Err(ReadError::Unreadable(failure)) => return Err(failure),
        Err(ReadError::Invalid(diagnostics)) => {
            tally.unread += 1;
            diagnostics
        }
    };
    tally.files += files.len();
    tally.count(&diagnostics);
    Ok(diagnostics)
}

fn print(diagnostics: &[Diagnostic], format: Format, terminal: &Terminal) -> Result<(), Failure> {
    let options = RenderOptions { color: terminal.color_of_results, ..RenderOptions::default() };
    terminal::print(&match format {
        Format::Text => render(diagnostics, options),
        Format::Json => to_json(diagnostics),
    })
}

impl Tally {
    fn count(&mut self, diagnostics: &[Diagnostic]) {
        let errors = diagnostics.iter().filter(|found| found.finding.severity == Severity::Error).count();
        self.errors += errors;
        self.warnings += diagnostics.len() - errors;
    }

    /// As in `2 files, 12 rules, 1 model: 3 errors, 1 warning`.
    fn text(&self, terminal: &Terminal) -> String {
        let mut checked = vec![counted(self.files as u64, "file")];
        // The rules of an unreadable set cannot be counted.
        if self.unread == 0 {
            checked.push(counted(self.rules as u64, "rule"));
            if self.models > 0 {
                checked.push(counted(self.models as u64, "model"));
            }
            if self.machines > 0 {
                checked.push(format!("{} with attributes", counted(self.machines as u64, "machine")));
            }
        }
        let mut found = Vec::new();
        if self.errors > 0 {
            found.push(terminal.paint(&counted(self.errors as u64, "error"), "1;31"));
        }
        if self.warnings > 0 {
            found.push(terminal.paint(&counted(self.warnings as u64, "warning"), "1;33"));
        }
        if found.is_empty() {
            found.push(terminal.paint("all is well", "1;32"));
        }
        format!("{}: {}", checked.join(", "), found.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tally: &Tally) -> String {
        tally.text(&Terminal::new(terminal::ColorChoice::Never))
    }

    #[test]
    fn the_summary_counts_what_was_checked_and_what_was_found() {
        let tally = Tally { files: 2, rules: 12, errors: 3, warnings: 1, ..Tally::default() };
        assert_eq!(text(&tally), "2 files, 12 rules: 3 errors, 1 warning");
        let tally = Tally { files: 1, rules: 1, ..Tally::default() };
        assert_eq!(text(&tally), "1 file, 1 rule: all is well");
        let tally = Tally { files: 1, rules: 2, models: 1, machines: 3, ..Tally::default() };
        assert_eq!(text(&tally), "1 file, 2 rules, 1 model, 3 machines with attributes: all is well");
    }

    #[test]
    fn rules_are_not_counted_where_some_could_not_be_read() {
        let tally = Tally { files: 2, rules: 5, models: 1, errors: 1, unread: 1, ..Tally::default() };
        assert_eq!(text(&tally), "2 files: 1 error");
    }
}
