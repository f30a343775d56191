//! `andon import csv`: files one after the other to one stream of event records.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use andon_history::{
    Delimiter, Field, ImportError, Layout, Nulls, Options, Summary, TimeFormat, Zone, import,
};
use andon_model::Millis;

use super::output::Output;
use crate::terminal::{Terminal, harmless};
use crate::{Failure, lines};

/// Turn CSV exports of historians, SCADA systems, loggers and spreadsheets into event records.
///
/// Writes one JSON line for each data point. What can be found out is found out: the delimiter, the column of the time,
/// how times are written, whether there is one column per tag or a column of tags and one of values. What was assumed,
/// what was left out and why stands in the summary on standard error. Nothing is left out without being counted.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:

  One column per tag (time,temperature,pressure), of one machine:
    andon import csv press.csv --equipment press-1 --output press.jsonl

  A column of tags and a column of values (Timestamp,Machine,Signal,Reading):
    andon import csv long.csv --equipment-column Machine --tag-column Signal --value-column Reading > long.jsonl

  A German export (Datum;Zeit;Temperatur, values such as 71,5, times such as 02.03.2026 06:00), local time:
    andon import csv Export.csv --equipment filler-1 --decimal-comma --zone Europe/Berlin \\
      --rename Temperatur=water_temperature --output filler.jsonl.gz

  A logger's file without a header, with epoch times, packed:
    andon import csv log.csv.gz --columns time,temperature --time-format epoch-s --equipment oven-3

  Day or month first? Files with 01/02/2026 must be told:
    andon import csv us.csv --equipment m1 --time-format '%m/%d/%Y %H:%M:%S'

Then: andon replay --rules rules.yaml --report report.html press.jsonl")]
pub(crate) struct Arguments {
    /// CSV files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write; a name that ends in `.gz` is compressed [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// No summary and no progress on standard error.
    #[arg(long, short)]
    quiet: bool,

    /// The equipment that all points are of.
    #[arg(long, value_name = "NAME", conflicts_with = "equipment_column", help_heading = "Whose points")]
    equipment: Option<String>,
    /// The column that names the equipment [default: one named like `equipment`, `machine`, `asset` or `device`].
    #[arg(long, value_name = "COLUMN", help_heading = "Whose points")]
    equipment_column: Option<String>,
    /// The sender of all points.
    #[arg(long, value_name = "NAME", conflicts_with = "source_column", help_heading = "Whose points")]
    source: Option<String>,
    /// The column that names the sender [default: one named like `source` or `gateway`].
    #[arg(long, value_name = "COLUMN", help_heading = "Whose points")]
    source_column: Option<String>,

    /// `wide`: one column per tag. `long`: a column of tags and a column of values. `auto`: as the header suggests.
    #[arg(long, default_value = "auto", value_name = "LAYOUT", help_heading = "The file")]
    layout: Layout,
    /// What separates the fields: one character, or `tab` [default: found in the header].
    #[arg(long, value_name = "CHARACTER", help_heading = "The file")]
    delimiter: Option<Delimiter>,
    /// The names of the columns, separated by commas, for a file without a header.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "The file")]
    columns: Option<Vec<String>>,
    /// Stop at the first row or cell that cannot be used.
    #[arg(long, help_heading = "The file")]
    strict: bool,

    /// The column of the time [default: one named like `timestamp`, `time` or `date`, else the first].
    #[arg(long, value_name = "COLUMN", help_heading = "Times")]
    time_column: Option<String>,
    /// The column of the date, where date and time stand in two columns.
    #[arg(long, value_name = "COLUMN", help_heading = "Times")]
    date_column: Option<String>,
    /// How times are written: `auto`, `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`, or a pattern such as
    /// '%d/%m/%Y %H:%M:%S'.
    #[arg(long, default_value = "auto", value_name = "FORMAT", help_heading = "Times")]
    time_format: TimeFormat,
    /// The zone of times that do not say theirs: `UTC`, `+02:00`, or a name such as `Europe/Berlin`.
    #[arg(
        long,
        default_value = "UTC",
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Times"
    )]
    zone: Zone,
    /// The column that says when a point arrived [default: one named like `created_at` or `arrival`, else the time].
    #[arg(long, value_name = "COLUMN", help_heading = "Times")]
    arrival_column: Option<String>,
    /// How arrival times are written, as with --time-format.
    #[arg(long, default_value = "auto", value_name = "FORMAT", help_heading = "Times")]
    arrival_format: TimeFormat,

    /// The column of tags in the long layout [default: one named like `tag`, `variable` or `signal`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    tag_column: Option<String>,
    /// The column of values in the long layout [default: one named like `value`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    value_column: Option<String>,
    /// Only a comma marks decimals (`=false`: only a point) [default: a point; in files with `;` a comma, too].
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Tags and values"
    )]
    decimal_comma: Option<bool>,
    /// Read this tag, by its name in the file; may be given more than once [default: all].
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    include: Vec<String>,
    /// Leave this tag out; may be given more than once.
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    exclude: Vec<String>,
    /// Give a tag another name; may be given more than once.
    #[arg(long, value_name = "TAG=NAME", value_parser = renaming, help_heading = "Tags and values")]
    rename: Vec<(String, String)>,
    /// The values of this tag are text, whatever they look like; may be given more than once.
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    text: Vec<String>,
    /// A word that means that there is no value, besides `NaN`, `null`, `N/A`, `-` and the like.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true, help_heading = "Tags and values")]
    null: Vec<String>,
    /// Write points without a value, too.
    #[arg(long, help_heading = "Tags and values")]
    write_nulls: bool,
    /// The column of the quality [default: one named like `quality`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    quality_column: Option<String>,
    /// A word that means good quality, besides `Ok`, `Good`, `valid`, `192` and the like.
    #[arg(long, value_name = "WORD", help_heading = "Tags and values")]
    good: Vec<String>,

    /// One line for each row of the wide layout, with a list of its points.
    #[arg(long, help_heading = "Records")]
    snapshot: bool,
    /// The sequence number of the first point.
    #[arg(long, default_value_t = 1, value_name = "NUMBER", help_heading = "Records")]
    first_sequence_number: u64,
}

impl Arguments {
    fn options(&self) -> Options {
        let mut options = Options {
            layout: self.layout,
            delimiter: self.delimiter,
            decimal_comma: self.decimal_comma,
            columns: self.columns.clone(),
            time_column: self.time_column.clone(),
            date_column: self.date_column.clone(),
            time_format: self.time_format.clone(),
            zone: self.zone.clone(),
            arrival_column: self.arrival_column.clone(),
            arrival_format: self.arrival_format.clone(),
            equipment: field(self.equipment.as_ref(), self.equipment_column.as_ref()),
            source: field(self.source.as_ref(), self.source_column.as_ref()),
            quality: field(None, self.quality_column.as_ref()),
            tag_column: self.tag_column.clone(),
            value_column: self.value_column.clone(),
            include: self.include.iter().cloned().collect(),
            exclude: self.exclude.iter().cloned().collect(),
            rename: self.rename.iter().cloned().collect(),
            text: self.text.iter().cloned().collect(),
            nulls: if self.write_nulls { Nulls::Write } else { Nulls::Skip },
            snapshot: self.snapshot,
            strict: self.strict,
            first_sequence_number: self.first_sequence_number,
            ..Options::default()
        };
        options.good_words.extend(self.good.iter().cloned());
        options.null_words.extend(self.null.iter().cloned());
        options
    }
}

fn field(constant: Option<&String>, column: Option<&String>) -> Option<Field> {
    let constant = constant.cloned().map(Field::Constant);
    constant.or_else(|| column.cloned().map(Field::Column))
}

/// `TAG=NAME`. Names in files, such as `ns=2;s=Temp`, have signs of equality more often than new ones.
fn renaming(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((tag, name)) if !tag.is_empty() && !name.is_empty() => Ok((tag.to_owned(), name.to_owned())),
        _ => Err("expected the tag's name in the file, `=`, and its new name".to_owned()),
    }
}

/// What is known after some files.
#[derive(Default)]
struct Course {
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
    let cannot_write = |error: io::Error| Failure::Said(format!("cannot write to `{named}`: {error}"));
    let mut output = Output::open(output_path).map_err(cannot_write)?;
    let progress = match arguments.quiet {
        true => indicatif::ProgressBar::hidden(),
        false => terminal.progress(total_bytes(&arguments.files)),
    };
    let mut course = Course::default();
    let mut summaries = String::new();
    let mut outcome = Ok(());
    for path in &arguments.files {
        let imported = lines::open(path, |bytes| progress.inc(bytes))
            .map_err(|error| Failure::Said(error.to_string()))
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
                summaries.push_str(&course.follow(path, &summary));
            }
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    progress.finish_and_clear();
    let written = output.finish();
    if !arguments.quiet {
        terminal.say(summaries.lines().map(harmless).collect::<Vec<_>>().join("\n").as_str());
    }
    match outcome {
        // Who reads has had enough.
        Err(Failure::AlreadySaid) => return Ok(()),
        Err(failure) => return Err(failure),
        Ok(()) => {}
    }
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(cannot_write(error)),
        Ok(()) => {}
    }
    if course.points == 0 {
        return Err(Failure::Said("there is no data point in what was given".to_owned()));
    }
    if !arguments.quiet {
        terminal.say(&course.hint(output_path));
    }
    Ok(())
}

/// Why a file could not be imported; already said where the reader of the output has gone away.
fn said(path: &Path, error: ImportError) -> Failure {
    match error {
        ImportError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => Failure::AlreadySaid,
        ImportError::Options(what) => Failure::Usage(harmless(&what)),
        error => Failure::Said(format!("`{}`: {}", path.display(), harmless(&error.to_string()))),
    }
}

/// An output that is one of the inputs would be emptied before it is read.
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

/// The bytes that will be read, where that is known.
fn total_bytes(files: &[PathBuf]) -> Option<u64> {
    files
        .iter()
        .map(|path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len()))
        .sum()
}

impl Course {
    /// Adds a file. Says where its points may lie before those of the files before it.
    fn follow(&mut self, path: &Path, summary: &Summary) -> String {
        let mut overlapping = Vec::new();
        for equipment in &summary.equipments {
            let last_ms = self.last_ms.entry(equipment.name.clone()).or_insert(i64::MIN);
            if summary.first_ms.is_some_and(|first_ms| first_ms < *last_ms) {
                overlapping.push(equipment.name.as_str());
            }
            *last_ms = equipment.last_ms.max(*last_ms);
        }
        self.points += summary.points;
        self.max_backward_ms = self.max_backward_ms.max(summary.max_backward_ms);
        match overlapping.as_slice() {
            [] => String::new(),
            [one] => earlier(path, one),
            [first, rest @ ..] => earlier(path, &format!("{first} and {} others", rest.len())),
        }
    }

    /// How to go on.
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

fn earlier(path: &Path, whose: &str) -> String {
    format!(
        "Warning: {} begins before the last point of {whose} in the files before it; give files in the order of time.\n",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(words: &[&str]) -> Result<Arguments, String> {
        let line = ["csv", "a.csv"].iter().chain(words);
        Line::try_parse_from(line).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    fn options(words: &[&str]) -> Options {
        arguments(words).unwrap().options()
    }

    #[test]
    fn without_options_everything_is_found_out() {
        assert_eq!(format!("{:?}", options(&[])), format!("{:?}", Options::default()));
    }

    #[test]
    fn a_decimal_comma_can_be_expected_excluded_and_left_open() {
        assert_eq!(options(&["--decimal-comma"]).decimal_comma, Some(true));
        assert_eq!(options(&["--decimal-comma=false"]).decimal_comma, Some(false));
        assert_eq!(options(&[]).decimal_comma, None);
        // A file after it is no value of it.
        assert_eq!(arguments(&["--decimal-comma", "b.csv"]).unwrap().files.len(), 2);
    }

    #[test]
    fn a_tag_with_signs_of_equality_can_be_renamed() {
        let renamed = options(&["--rename", "ns=2;s=Temp=temperature"]).rename;
        assert_eq!(renamed.get("ns=2;s=Temp").map(String::as_str), Some("temperature"));
        assert!(arguments(&["--rename", "temperature"]).err().unwrap().contains("TAG=NAME"));
    }

    #[test]
    fn the_equipment_is_a_name_or_a_column_but_not_both() {
        assert_eq!(options(&["--equipment", "m"]).equipment, Some(Field::Constant("m".to_owned())));
        assert_eq!(options(&["--equipment-column", "m"]).equipment, Some(Field::Column("m".to_owned())));
        assert!(arguments(&["--equipment", "m", "--equipment-column", "m"]).is_err());
    }

    #[test]
    fn words_are_added_to_those_that_are_known() {
        let options = options(&["--null", "--", "--null", "fehlt", "--good", "gut"]);
        assert!(
            options.null_words.contains(&"NaN".to_owned())
                && options.null_words.contains(&"fehlt".to_owned())
        );
        assert!(
            options.good_words.contains(&"Ok".to_owned()) && options.good_words.contains(&"gut".to_owned())
        );
    }

    #[test]
    fn west_of_greenwich_is_a_zone() {
        assert_eq!(options(&["--zone", "-05:00"]).zone.name(), "-05:00");
    }

    fn summary_of(equipment: &str, first_ms: i64, last_ms: i64) -> Summary {
        let equipment = andon_history::Equipment { name: equipment.to_owned(), points: 1, last_ms };
        Summary { points: 1, first_ms: Some(first_ms), equipments: vec![equipment], ..Summary::default() }
    }

    #[test]
    fn a_file_that_begins_before_the_end_of_the_last_is_told_unless_it_is_of_another_equipment() {
        let mut course = Course::default();
        assert_eq!(course.follow(Path::new("monday.csv"), &summary_of("press-1", 0, 100)), "");
        assert_eq!(course.follow(Path::new("other.csv"), &summary_of("press-2", 0, 100)), "");
        assert!(
            course.follow(Path::new("sunday.csv"), &summary_of("press-1", 50, 60)).contains("sunday.csv")
        );
        assert_eq!(course.follow(Path::new("tuesday.csv"), &summary_of("press-1", 100, 200)), "");
    }

    #[test]
    fn the_hint_says_which_setting_puts_backward_rows_in_order() {
        let mut course = Course { max_backward_ms: 90_000, ..Course::default() };
        assert!(course.hint(None).contains("settings: {max_out_of_orderness: 1m30s}"));
        course.max_backward_ms = 0;
        assert_eq!(
            course.hint(Some(Path::new("x.jsonl"))),
            "Next, with rules for these tags:\n  andon replay --rules rules.yaml --report report.html x.jsonl"
        );
    }
}
