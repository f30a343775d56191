//! Reads CSV rows and writes event records.

mod count;
mod fields;
mod tags;

use std::collections::BTreeMap;
use std::io::{Read, Write};

use csv::ByteRecord;

use crate::error::ImportError;
use crate::input::{self, Rows};
use crate::lines::{Common, Lines};
use crate::options::{Delimiter, Nulls, Options};
use crate::plan::{Body, Plan, expected_name, is_name, plan};
use crate::reject::{Reason, Rejection, shown};
use crate::summary::{Assumption, Summary};
use crate::time::TimeReader;
use crate::value::{CellReader, Marks, Value};
use crate::zone::LocalTimeKind;
use crate::{MAX_REJECTIONS, MAX_TEXT_BYTES, header};
use fields::{cell, name_of, reject};
use tags::Tags;

/// Reads CSV from `input` and writes event records to `output`, one JSON line for each data point (or list of them),
/// in the order of the file. `progress` is called with the number of bytes read so far, about every 64 KiB.
///
/// # Errors
///
/// Returns an [`ImportError`] if the input, the output or the options stop the import. A rejected row or cell stops it only
/// with [`Options::strict`]; otherwise the [`Summary`] lists it.
pub fn import<R: Read, W: Write>(
    mut input: R,
    output: W,
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Result<Summary, ImportError> {
    let head = input::open(&mut input)?;
    let guessed = head.delimiter;
    let delimiter = match (options.delimiter, guessed) {
        (Some(delimiter), _) | (None, Some((delimiter, _))) => delimiter,
        (None, None) => Delimiter::KNOWN[3],
    };
    let mut rows = Rows::new(head, input, delimiter, progress);
    let mut record = ByteRecord::new();
    let names = match &options.columns {
        Some(names) => names.iter().map(|name| name.trim().to_owned()).collect(),
        None => match rows.next(&mut record)? {
            Some(line) => {
                let names = header::names(&record)?;
                header::check(&names, line)?;
                names
            }
            None => return Err(ImportError::Input("the file has no header".to_owned())),
        },
    };
    let plan = plan(names, options)?;
    let mut importer = Importer::new(&plan, output, options, delimiter);
    if options.delimiter.is_none()
        && let Some((delimiter, because)) = guessed
    {
        importer.assume("delimiter", delimiter.name(), because.to_owned());
    }
    if options.decimal_comma.is_none() && importer.cells.marks.comma {
        let because = "the delimiter is `;`".to_owned();
        importer.assume("decimal mark", "point or comma".to_owned(), because);
    }
    let result = importer.run(&mut rows, &mut record);
    // What was decided before an error is still written.
    let written = importer.lines.finish().map_err(ImportError::Write);
    result?;
    importer.summary.lines = written?;
    Ok(importer.summarise())
}

/// A reason to end a row early.
enum RowEnd {
    Reject { column: Option<usize>, reason: Reason, found: String, expected: String },
    Unselected,
    Error(ImportError),
}

impl From<std::io::Error> for RowEnd {
    fn from(error: std::io::Error) -> Self {
        Self::Error(ImportError::Write(error))
    }
}

struct Importer<'o, W> {
    options: &'o Options,
    plan: &'o Plan,
    time: TimeReader,
    arrival: TimeReader,
    cells: CellReader,
    lines: Lines<W>,
    tags: Tags,
    summary: Summary,
    /// Position of each machine in the summary.
    machines: BTreeMap<String, usize>,
    /// Position of the last row's machine in the summary.
    equipment: Option<usize>,
    /// Date and time, put together.
    joined: String,
    zone_used: bool,
}

impl<'o, W: Write> Importer<'o, W> {
    fn new(plan: &'o Plan, output: W, options: &'o Options, delimiter: Delimiter) -> Self {
        let marks = match options.decimal_comma {
            Some(comma) => Marks { point: !comma, comma },
            None => Marks { point: true, comma: delimiter.byte() == b';' },
        };
        let summary = Summary {
            assumed: plan.assumed.clone(),
            unused_columns: plan.unused.clone(),
            ..Summary::default()
        };
        Self {
            time: TimeReader::new(&options.time_format, &options.zone),
            arrival: TimeReader::new(&options.arrival_format, &options.zone),
            cells: CellReader::new(marks, &options.null_words),
            lines: Lines::new(output, options.snapshot, options.first_sequence_number),
            tags: Tags::new(plan, options),
            summary,
            machines: BTreeMap::new(),
            equipment: None,
            joined: String::new(),
            zone_used: false,
            options,
            plan,
        }
    }

    fn assume(&mut self, what: &'static str, taken: String, because: String) {
        self.summary.assumed.push(Assumption { what, taken, because });
    }

    fn run<R: Read>(&mut self, rows: &mut Rows<'_, R>, record: &mut ByteRecord) -> Result<(), ImportError> {
        while let Some(line) = rows.next(record)? {
            if record.as_slice().iter().all(u8::is_ascii_whitespace) {
                self.summary.blank_rows += 1;
                continue;
            }
            self.summary.rows += 1;
            match self.row(line, record) {
                Ok(()) => {}
                Err(RowEnd::Unselected) => self.summary.unselected_rows += 1,
                Err(RowEnd::Reject { column, reason, found, expected }) => {
                    self.summary.rejected_rows += 1;
                    self.reject(line, column, reason, found, expected)?;
                }
                Err(RowEnd::Error(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn reject(
        &mut self,
        line: u64,
        column: Option<usize>,
        reason: Reason,
        found: String,
        expected: String,
    ) -> Result<(), ImportError> {
        *self.summary.rejected.entry(reason).or_default() += 1;
        if !self.options.strict && self.summary.rejections.len() >= MAX_REJECTIONS {
            return Ok(());
        }
        let column = column.map(|n| match self.plan.names.get(n) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => (n + 1).to_string(),
        });
        let rejection = Rejection { line, column, reason, found, expected };
        if self.options.strict {
            return Err(ImportError::Rejected(Box::new(rejection)));
        }
        self.summary.rejections.push(rejection);
        Ok(())
    }

    fn row(&mut self, line: u64, row: &ByteRecord) -> Result<(), RowEnd> {
        self.check_fields(row)?;
        let (timestamp_ms, kind) = self.time_of(line, row)?;
        let created_at_ms = self.arrival_of(line, row)?.unwrap_or(timestamp_ms);
        let plan = self.plan;
        let equipment = name_of(&plan.equipment, row, Reason::BadEquipment, None)?;
        let source = name_of(&plan.source, row, Reason::BadSource, Some(""))?;
        let quality = name_of(&plan.quality, row, Reason::BadQuality, Some("Ok"))?;
        let quality = if self.options.good_words.iter().any(|word| word.eq_ignore_ascii_case(quality)) {
            "Ok"
        } else {
            quality
        };
        let common = Common { timestamp_ms, created_at_ms, equipment, quality, source };
        let before = self.summary.points;
        match plan.body {
            Body::Wide(_) => {
                self.lines.begin(common)?;
                self.wide(line, row)?;
                self.lines.end_row()?;
            }
            Body::Long { tag, value } => self.long(line, row, tag, value, common)?,
        }
        let points = self.summary.points - before;
        if points > 0 {
            if timestamp_ms > created_at_ms {
                self.summary.arrived_early += 1;
            }
            match kind {
                LocalTimeKind::Absolute => {}
                LocalTimeKind::Once => self.zone_used = true,
                LocalTimeKind::Gap => self.summary.gap_times += 1,
                LocalTimeKind::Fold => self.summary.fold_times += 1,
            }
            self.count_quality(quality, points);
            self.count_time(line, equipment, timestamp_ms, points);
        }
        Ok(())
    }

    fn wide(&mut self, line: u64, row: &ByteRecord) -> Result<(), RowEnd> {
        for at in 0..self.tags.len() {
            let Some(tag) = self.tags.get_mut(at) else { break };
            let column = tag.column;
            let text = cell(row, column);
            match self.cells.read(text, tag.as_text) {
                Ok(Value::Empty) => self.summary.empty += 1,
                Ok(Value::Null) if self.options.nulls == Nulls::Skip => self.summary.no_value += 1,
                Ok(value) => {
                    self.lines.point(&tag.json, value)?;
                    tag.count(value, line);
                    self.summary.points += 1;
                }
                Err(reason) => {
                    self.summary.rejected_cells += 1;
                    let (found, expected) = (shown(text.as_bytes()), self.expected_value(reason));
                    self.reject(line, Some(column), reason, found, expected).map_err(RowEnd::Error)?;
                }
            }
        }
        Ok(())
    }

    fn long(
        &mut self,
        line: u64,
        row: &ByteRecord,
        tag_column: usize,
        value_column: usize,
        common: Common<'_>,
    ) -> Result<(), RowEnd> {
        let name = cell(row, tag_column);
        if !is_name(name) {
            return Err(reject(tag_column, Reason::BadTag, name.as_bytes(), expected_name()));
        }
        let mut beyond = None;
        let Some(tag) = self.tags.find(name, self.options, &mut beyond) else {
            return Err(RowEnd::Unselected);
        };
        let text = cell(row, value_column);
        match self.cells.read(text, tag.as_text) {
            Ok(Value::Empty) => self.summary.empty += 1,
            Ok(Value::Null) if self.options.nulls == Nulls::Skip => self.summary.no_value += 1,
            Ok(value) => {
                self.lines.begin(common)?;
                self.lines.point(&tag.json, value)?;
                tag.count(value, line);
                self.summary.points += 1;
                self.summary.other_tag_points += u64::from(beyond.is_some());
            }
            Err(reason) => {
                return Err(reject(value_column, reason, text.as_bytes(), self.expected_value(reason)));
            }
        }
        Ok(())
    }

    fn expected_value(&self, reason: Reason) -> String {
        match (reason, self.cells.marks) {
            (Reason::TextTooLong, _) => format!("at most {MAX_TEXT_BYTES} bytes of text"),
            (Reason::NotFinite, _) => "a number that a 64-bit float can hold".to_owned(),
            (_, Marks { comma: false, .. }) => {
                "a decimal point and no grouping; for a decimal comma give --decimal-comma, for text --text"
                    .to_owned()
            }
            (_, Marks { point: false, .. }) => {
                "a decimal comma and no grouping; if it is text, give --text".to_owned()
            }
            _ => "one decimal point or comma and no grouping; if it is text, give --text".to_owned(),
        }
    }
}
