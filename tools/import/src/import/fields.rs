//! Reads the time, machine, source and quality of a row.

use std::io::Write;

use csv::ByteRecord;

use super::{Importer, RowEnd};
use crate::MAX_FIELD_BYTES;
use crate::error::ImportError;
use crate::plan::{Body, Origin, expected_name, is_name};
use crate::reject::{Reason, shown};
use crate::time::TimeProblem;
use crate::zone::LocalTimeKind;

impl<W: Write> Importer<'_, W> {
    pub(super) fn check_fields(&self, row: &ByteRecord) -> Result<(), RowEnd> {
        let width = self.plan.names.len();
        // Separators at the end that the header does not have are harmless.
        if row.len() < width || row.iter().skip(width).any(|cell| !cell.trim_ascii().is_empty()) {
            let lines = row.as_slice().iter().filter(|byte| **byte == b'\n').count();
            let mut found = format!("{} fields", row.len());
            if lines > 0 {
                found.push_str(&format!(" over {} lines (is a quote never closed?)", lines + 1));
            }
            return Err(RowEnd::Reject {
                column: None,
                reason: Reason::FieldCount,
                found,
                expected: format!("{width}, as in the header"),
            });
        }
        if row.as_slice().len() > MAX_FIELD_BYTES
            && let Some((column, cell)) =
                row.iter().enumerate().find(|(_, cell)| cell.len() > MAX_FIELD_BYTES)
        {
            return Err(reject(
                column,
                Reason::FieldTooLong,
                cell,
                format!("at most {MAX_FIELD_BYTES} bytes"),
            ));
        }
        if !row.as_slice().is_ascii()
            && let Some((column, cell)) = row
                .iter()
                .enumerate()
                .find(|(n, cell)| std::str::from_utf8(cell).is_err() && self.is_used(*n))
        {
            return Err(reject(
                column,
                Reason::NotUtf8,
                cell,
                "UTF-8 (convert the file with iconv)".to_owned(),
            ));
        }
        Ok(())
    }

    /// Returns true if the import reads the column.
    fn is_used(&self, column: usize) -> bool {
        let plan = &self.plan;
        let origins = [&plan.equipment, &plan.source, &plan.quality];
        column == plan.time
            || plan.date == Some(column)
            || plan.arrival == Some(column)
            || origins.iter().any(|origin| matches!(origin, Origin::Column(n) if *n == column))
            || match &plan.body {
                Body::Wide(columns) => columns.binary_search(&column).is_ok(),
                Body::Long { tag, value } => column == *tag || column == *value,
            }
    }

    pub(super) fn time_of(&mut self, line: u64, row: &ByteRecord) -> Result<(i64, LocalTimeKind), RowEnd> {
        let column = self.plan.time;
        let time = cell(row, column);
        let date = self.plan.date.map(|date| cell(row, date));
        if time.is_empty() || date.is_some_and(str::is_empty) {
            let column = if time.is_empty() { column } else { self.plan.date.unwrap_or(column) };
            let expected = "a time".to_owned();
            return Err(RowEnd::Reject {
                column: Some(column),
                reason: Reason::NoTime,
                found: "nothing".to_owned(),
                expected,
            });
        }
        let text = match date {
            None => time,
            Some(date) => {
                self.joined.clear();
                self.joined.extend([date, " ", time]);
                self.joined.as_str()
            }
        };
        match self.time.read(text) {
            Ok(read) => Ok((read.ms, read.kind)),
            Err(_) if self.plan.names.get(column).is_some_and(|name| name == time) => Err(reject(
                column,
                Reason::RepeatedHeader,
                time.as_bytes(),
                "the header only once".to_owned(),
            )),
            Err(problem) => Err(self.not_a_time(problem, line, column, text, Reason::BadTime)),
        }
    }

    pub(super) fn arrival_of(&mut self, line: u64, row: &ByteRecord) -> Result<Option<i64>, RowEnd> {
        let Some(column) = self.plan.arrival else { return Ok(None) };
        let text = cell(row, column);
        if text.is_empty() {
            return Ok(None);
        }
        match self.arrival.read(text) {
            Ok(read) => Ok(Some(read.ms)),
            Err(problem) => Err(self.not_a_time(problem, line, column, text, Reason::BadArrival)),
        }
    }

    fn not_a_time(
        &self,
        problem: TimeProblem,
        line: u64,
        column: usize,
        text: &str,
        reason: Reason,
    ) -> RowEnd {
        match problem {
            TimeProblem::NotATime(expected) => reject(column, reason, text.as_bytes(), expected),
            TimeProblem::Ambiguous(formats) => RowEnd::Error(ImportError::AmbiguousTime {
                line,
                column: self.plan.names.get(column).cloned().unwrap_or_default(),
                found: shown(text.as_bytes()),
                option: if reason == Reason::BadArrival { "--arrival-format" } else { "--time-format" },
                formats,
            }),
        }
    }
}

/// A cell without surrounding white space. [`Importer::check_fields`] has seen to it that it is UTF-8.
pub(super) fn cell(row: &ByteRecord, column: usize) -> &str {
    std::str::from_utf8(row.get(column).unwrap_or_default()).unwrap_or_default().trim()
}

pub(super) fn name_of<'a>(
    origin: &'a Origin,
    row: &'a ByteRecord,
    reason: Reason,
    if_empty: Option<&'a str>,
) -> Result<&'a str, RowEnd> {
    match origin {
        Origin::Constant(name) => Ok(name),
        Origin::Column(column) => match (cell(row, *column), if_empty) {
            ("", Some(name)) => Ok(name),
            (name, _) if is_name(name) => Ok(name),
            (name, _) => Err(reject(*column, reason, name.as_bytes(), expected_name())),
        },
    }
}

pub(super) fn reject(column: usize, reason: Reason, found: &[u8], expected: String) -> RowEnd {
    RowEnd::Reject { column: Some(column), reason, found: shown(found), expected }
}
