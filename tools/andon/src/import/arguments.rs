//! The options of `andon import csv`.

use std::path::PathBuf;

use andon_import::{Delimiter, Field, Layout, Nulls, Options, TimeFormat, Zone};

/// Turn CSV exports of historians, SCADA systems, loggers and spreadsheets into event records.
///
/// Writes one JSON line per data point. Detects the delimiter, the column and format of the time, and whether there is one
/// column per tag or a column of tags and one of values. The summary on standard error states the assumptions, and counts
/// the rows and cells that were skipped, with reasons.
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

  A logger's file without a header, with epoch times, compressed:
    andon import csv log.csv.gz --columns time,temperature --time-format epoch-s --equipment oven-3

  Day or month first? For dates such as 01/02/2026, name the format:
    andon import csv us.csv --equipment m1 --time-format '%m/%d/%Y %H:%M:%S'

Then: andon replay --rules rules.yaml --report report.html press.jsonl")]
pub(crate) struct Arguments {
    /// CSV files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The output file; compressed if its name ends in `.gz` [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// No summary and no progress on standard error.
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// The machine of all points: their `equipmentId`.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "equipment_column",
        help_heading = "Machine and sender"
    )]
    equipment: Option<String>,
    /// The column that names the machine [default: one named like `equipment`, `machine`, `asset` or `device`].
    #[arg(long, value_name = "COLUMN", help_heading = "Machine and sender")]
    equipment_column: Option<String>,
    /// The sender of all points.
    #[arg(long, value_name = "NAME", conflicts_with = "source_column", help_heading = "Machine and sender")]
    source: Option<String>,
    /// The column that names the sender [default: one named like `source` or `gateway`].
    #[arg(long, value_name = "COLUMN", help_heading = "Machine and sender")]
    source_column: Option<String>,

    /// `wide`: one column per tag. `long`: a column of tags and a column of values. `auto`: as the header suggests.
    #[arg(long, default_value = "auto", value_name = "LAYOUT", help_heading = "The file")]
    layout: Layout,
    /// The field separator: one character, or `tab` [default: detected in the header].
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
    /// The column of the date, if date and time have separate columns.
    #[arg(long, value_name = "COLUMN", help_heading = "Times")]
    date_column: Option<String>,
    /// The format of times: `auto`, `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`, or a pattern such as
    /// '%d/%m/%Y %H:%M:%S'.
    #[arg(long, default_value = "auto", value_name = "FORMAT", help_heading = "Times")]
    time_format: TimeFormat,
    /// The zone of times without one: `UTC`, `+02:00`, or a name such as `Europe/Berlin`.
    #[arg(
        long,
        default_value = "UTC",
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Times"
    )]
    zone: Zone,
    /// The column of the arrival time [default: one named like `created_at` or `arrival`, else the time].
    #[arg(long, value_name = "COLUMN", help_heading = "Times")]
    arrival_column: Option<String>,
    /// The format of arrival times, as with --time-format.
    #[arg(long, default_value = "auto", value_name = "FORMAT", help_heading = "Times")]
    arrival_format: TimeFormat,

    /// The column of tags in the long layout [default: one named like `tag`, `variable` or `signal`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    tag_column: Option<String>,
    /// The column of values in the long layout [default: one named like `value`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    value_column: Option<String>,
    /// Decimals have a comma only (`=false`: a point only) [default: a point; in files with `;` also a comma].
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Tags and values"
    )]
    decimal_comma: Option<bool>,
    /// Import this tag only, by its name in the file; may be given several times [default: all].
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    include: Vec<String>,
    /// Skip this tag; may be given several times.
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    exclude: Vec<String>,
    /// Rename a tag; may be given several times.
    #[arg(long, value_name = "TAG=NAME", value_parser = renaming, help_heading = "Tags and values")]
    rename: Vec<(String, String)>,
    /// Read the values of this tag as text, also if they look like numbers; may be given several times.
    #[arg(long, value_name = "TAG", help_heading = "Tags and values")]
    text: Vec<String>,
    /// A word for a missing value, besides `NaN`, `null`, `N/A`, `-` and the like.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true, help_heading = "Tags and values")]
    null: Vec<String>,
    /// Also write points without a value.
    #[arg(long, help_heading = "Tags and values")]
    write_nulls: bool,
    /// The column of the quality [default: one named like `quality`].
    #[arg(long, value_name = "COLUMN", help_heading = "Tags and values")]
    quality_column: Option<String>,
    /// A word for good quality, besides `Ok`, `Good`, `valid`, `192` and the like.
    #[arg(long, value_name = "WORD", help_heading = "Tags and values")]
    good: Vec<String>,

    /// Write one line per row of the wide layout, with a list of its points.
    #[arg(long, help_heading = "Records")]
    snapshot: bool,
    /// The sequence number of the first point.
    #[arg(long, default_value_t = 1, value_name = "NUMBER", help_heading = "Records")]
    first_sequence_number: u64,
}

impl Arguments {
    /// Returns the options of the import.
    pub(super) fn options(&self) -> Options {
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
    fn without_options_everything_is_detected() {
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
}
