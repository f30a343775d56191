//! Splits a byte stream into rows of bounded size, with their line numbers.

use std::io::{self, Read};

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::MAX_ROW_BYTES;
use crate::error::ImportError;
use crate::header::Head;
use crate::options::Delimiter;

const BUFFER_BYTES: usize = 64 * 1024;

/// The beginning of the input that has been looked at already, and the rest of it.
struct Metered<'p, R> {
    head: io::Cursor<Vec<u8>>,
    rest: R,
    /// Bytes before the header, which the CSV reader does not see.
    skipped: u64,
    delivered: u64,
    since_row: usize,
    ended: bool,
    too_long: bool,
    progress: &'p mut dyn FnMut(u64),
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // What the CSV reader has buffered of earlier rows may count too, hence the allowance.
        if self.since_row > MAX_ROW_BYTES + BUFFER_BYTES {
            self.too_long = true;
            return Err(io::Error::other("row too long"));
        }
        let mut count = self.head.read(buffer)?;
        if count == 0 {
            count = read_some(&mut self.rest, buffer)?;
        }
        self.ended |= count == 0;
        self.since_row = self.since_row.saturating_add(count);
        self.delivered += count as u64;
        (self.progress)(self.skipped + self.delivered);
        Ok(count)
    }
}

fn read_some(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The rows of a file, the header among them if it has one.
pub(crate) struct Rows<'p, R> {
    csv: csv::Reader<Metered<'p, R>>,
    lines_before: u64,
}

/// Reads up to the end of the header line.
pub(crate) fn open<R: Read>(input: &mut R) -> Result<Head, ImportError> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        bytes.resize(before + BUFFER_BYTES, 0);
        let space = bytes.get_mut(before..).unwrap_or_default();
        let count = read_some(input, space).map_err(|source| ImportError::Read { line: 0, source })?;
        bytes.truncate(before + count);
        if let Some(head) = Head::find(&bytes, count == 0)? {
            return Ok(Head { bytes, ..head });
        }
    }
}

impl<'p, R: Read> Rows<'p, R> {
    pub(crate) fn new(head: Head, rest: R, delimiter: Delimiter, progress: &'p mut dyn FnMut(u64)) -> Self {
        let mut bytes = io::Cursor::new(head.bytes);
        bytes.set_position(head.offset as u64);
        let metered = Metered {
            head: bytes,
            rest,
            skipped: head.offset as u64,
            delivered: 0,
            since_row: 0,
            ended: false,
            too_long: false,
            progress,
        };
        let csv = ReaderBuilder::new()
            .delimiter(delimiter.byte())
            // A carriage return stays in the last field and goes as white space does. Were it an end of line of its
            // own, the reader's line numbers would lag behind.
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(metered);
        Self { csv, lines_before: head.lines_before }
    }

    /// The next row that is not an empty line, and the line on which it begins.
    pub(crate) fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, ImportError> {
        loop {
            let began = self.lines_before + self.csv.position().line();
            self.csv.get_mut().since_row = 0;
            match self.csv.read_byte_record(row) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(_) if self.csv.get_ref().too_long => {
                    return Err(ImportError::RowTooLong { line: began });
                }
                Err(error) => {
                    return Err(match error.into_kind() {
                        csv::ErrorKind::Io(source) => {
                            ImportError::Read { line: began.saturating_sub(1), source }
                        }
                        other => ImportError::Input(format!("line {began}: {other:?}")),
                    });
                }
            }
            if row.len() == 1 && row.as_slice().iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            // A row is complete at its line feed, so one that saw the end of the input has none of its own.
            let unended = self.csv.get_ref().ended;
            let within = row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let after = self.lines_before + self.csv.position().line() + u64::from(unended);
            return Ok(Some(after.saturating_sub(within + 1)));
        }
    }
}
