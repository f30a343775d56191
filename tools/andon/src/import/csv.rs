//! `andon import csv`: files one after the other to one stream of event records.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use andon_domain::Millis;
use andon_import::{ImportError, Summary, import};

use super::arguments::Arguments;
use super::output::Output;
use crate::failure::Failure;
use crate::lines;
use crate::terminal::Terminal;
use andon_domain::text::escape_control_chars;

/// Totals over the files so far.
#[derive(Default)]
struct ImportTotals {
    points: u64,
    max_backward_ms: u64,
    /// The greatest time of each equipment, in ms.
    last_ms: BTreeMap<String, i64>,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let mut options = arguments.options();
    let output_path = arguments.output.as_deref();
    refuse_own_output(&arguments.files, output_path)?;
    let named = output_path.unwrap_or(Path::new("-")).display();
    let cannot_write = |error: io::Error| Failure::Message(format!("cannot write to `{named}`: {error}"));
    let mut output = Output::open(output_path).map_err(cannot_write)?;
    let progress = match arguments.quiet {
        true => indicatif::ProgressBar::hidden(),
        false => terminal.progress(lines::total_bytes(&arguments.files)),
    };
    let mut totals = ImportTotals::default();
    let mut summaries = String::new();
    let mut warnings = Vec::new();
    let mut outcome = Ok(());
    for path in &arguments.files {
        let imported = lines::open(path, |bytes| progress.inc(bytes))
            .map_err(|error| Failure::Message(error.to_string()))
            .and_then(|input| {
                import(input, &mut output, &options, &mut |_| {}).map_err(|error| said(path, error))
            });
        match imported {
            Ok(summary) => {
                options.first_sequence_number = options.first_sequence_number.saturating_add(summary.points);
                if arguments.files.len() > 1 {
                    summaries.push_str(&format!("{}:\n", path.display()));
                }
                summaries.push_str(&summary.text());
                warnings.extend(totals.add_file(path, &summary));
            }
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    progress.finish_and_clear();
    let written = output.finish();
    if !arguments.quiet && !summaries.is_empty() {
        terminal.say(summaries.lines().map(escape_control_chars).collect::<Vec<_>>().join("\n").as_str());
    }
    warnings.iter().for_each(|warning| terminal.warning(warning));
    match outcome {
        // The reader of standard output has gone away.
        Err(Failure::AlreadyPrinted) => return Ok(()),
        Err(failure) => return Err(failure),
        Ok(()) => {}
    }
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(cannot_write(error)),
        Ok(()) => {}
    }
    if totals.points == 0 {
        return Err(Failure::Message("the input has no data points".to_owned()));
    }
    if !arguments.quiet {
        terminal.say(&totals.hint(output_path));
    }
    Ok(())
}

/// Makes a failure of an import error; an already printed one if the reader of the output has gone away.
fn said(path: &Path, error: ImportError) -> Failure {
    match error {
        ImportError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => Failure::AlreadyPrinted,
        ImportError::Options(what) => Failure::Usage(escape_control_chars(&what)),
        error => {
            Failure::Message(format!("`{}`: {}", path.display(), escape_control_chars(&error.to_string())))
        }
    }
}

/// Refuses an output that is one of the inputs: it would be emptied before it is read.
fn refuse_own_output(files: &[PathBuf], output: Option<&Path>) -> Result<(), Failure> {
    let Some(output) = output else { return Ok(()) };
    let real = |path: &Path| fs::canonicalize(path).ok();
    if let (Some(written), true) = (real(output), output.as_os_str() != "-")
        && files.iter().any(|file| !lines::is_stdin(file) && real(file).as_ref() == Some(&written))
    {
        let message =
            format!("`{}` is one of the files to read; give --output another name", output.display());
        return Err(Failure::Usage(message));
    }
    Ok(())
}

impl ImportTotals {
    /// Adds a file. Returns a warning if its points begin before the end of an earlier file.
    fn add_file(&mut self, path: &Path, summary: &Summary) -> Option<String> {
        let mut overlapping = Vec::new();
        for equipment in &summary.machines {
            let last_ms = self.last_ms.entry(equipment.name.clone()).or_insert(i64::MIN);
            if summary.first_ms.is_some_and(|first_ms| first_ms < *last_ms) {
                overlapping.push(equipment.name.as_str());
            }
            *last_ms = equipment.last_ms.max(*last_ms);
        }
        self.points += summary.points;
        self.max_backward_ms = self.max_backward_ms.max(summary.max_backward_ms);
        let whose = match overlapping.as_slice() {
            [] => return None,
            [one] => escape_control_chars(one),
            [first, rest @ ..] => format!("{} and {} others", escape_control_chars(first), rest.len()),
        };
        let path = path.display();
        Some(format!(
            "`{path}` begins before the last point of {whose} in the files before it; give files in the order of time"
        ))
    }

    /// Returns the hint at the next command.
    fn hint(&self, output: Option<&Path>) -> String {
        let settings = match i64::try_from(self.max_backward_ms) {
            Ok(backward_ms) if backward_ms > 0 => format!(
                "Some rows go back in time; rules see them in order if the rule file has\n  settings: \
                 {{max_out_of_orderness: {}}}\n",
                Millis(backward_ms)
            ),
            _ => String::new(),
        };
        let next = match output.filter(|path| path.as_os_str() != "-") {
            Some(path) => format!("andon replay --rules rules.yaml --report report.html {}", path.display()),
            None => "andon import csv .. | andon replay --rules rules.yaml --report report.html -".to_owned(),
        };
        format!("{settings}Next, with rules for these tags:\n  {next}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary_of(equipment: &str, first_ms: i64, last_ms: i64) -> Summary {
        let equipment = andon_import::Equipment { name: equipment.to_owned(), points: 1, last_ms };
        Summary { points: 1, first_ms: Some(first_ms), machines: vec![equipment], ..Summary::default() }
    }

    #[test]
    fn a_file_that_begins_before_the_end_of_the_last_is_warned_of_unless_it_is_of_another_machine() {
        let mut totals = ImportTotals::default();
        assert_eq!(totals.add_file(Path::new("monday.csv"), &summary_of("press-1", 0, 100)), None);
        assert_eq!(totals.add_file(Path::new("other.csv"), &summary_of("press-2", 0, 100)), None);
        let warning = totals.add_file(Path::new("sunday.csv"), &summary_of("press-1", 50, 60)).unwrap();
        assert!(warning.contains("sunday.csv") && warning.contains("press-1"));
        assert_eq!(totals.add_file(Path::new("tuesday.csv"), &summary_of("press-1", 100, 200)), None);
    }

    #[test]
    fn the_hint_says_which_setting_puts_backward_rows_in_order() {
        let mut totals = ImportTotals { max_backward_ms: 90_000, ..ImportTotals::default() };
        assert!(totals.hint(None).contains("settings: {max_out_of_orderness: 1m30s}"));
        totals.max_backward_ms = 0;
        assert_eq!(
            totals.hint(Some(Path::new("x.jsonl"))),
            "Next, with rules for these tags:\n  andon replay --rules rules.yaml --report report.html x.jsonl"
        );
    }
}
