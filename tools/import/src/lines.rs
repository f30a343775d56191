//! Writes event records as JSON lines.

use std::io::{self, Write};

use crate::MAX_SNAPSHOT_BYTES;
use crate::value::Value;

const FLUSH_BYTES: usize = 64 * 1024;

/// A set of the fields that all points of a row share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    pub(crate) timestamp_ms: i64,
    pub(crate) created_at_ms: i64,
    pub(crate) equipment: &'a str,
    pub(crate) quality: &'a str,
    pub(crate) source: &'a str,
}

/// A writer of event records. It renders the fields that a row's points share once per row.
pub(crate) struct Lines<W> {
    out: W,
    snapshot: bool,
    buffer: Vec<u8>,
    /// Up to the tag, between value and sequence number, after the sequence number.
    before: Vec<u8>,
    between: Vec<u8>,
    after: Vec<u8>,
    /// Offset of the open list in the buffer.
    list: Option<usize>,
    sequence_number: u64,
    written: u64,
}

impl<W: Write> Lines<W> {
    pub(crate) fn new(out: W, snapshot: bool, first_sequence_number: u64) -> Self {
        Self {
            out,
            snapshot,
            buffer: Vec::new(),
            before: Vec::new(),
            between: Vec::new(),
            after: Vec::new(),
            list: None,
            sequence_number: first_sequence_number,
            written: 0,
        }
    }

    pub(crate) fn begin(&mut self, row: Common<'_>) -> io::Result<()> {
        self.before.clear();
        self.before.extend_from_slice(b"{\"version\":1,\"timestamp\":");
        serde_json::to_writer(&mut self.before, &row.timestamp_ms)?;
        self.before.extend_from_slice(b",\"equipmentId\":");
        serde_json::to_writer(&mut self.before, row.equipment)?;
        self.before.extend_from_slice(b",\"tag\":");

        self.between.clear();
        self.between.extend_from_slice(b",\"quality\":");
        serde_json::to_writer(&mut self.between, row.quality)?;
        self.between.extend_from_slice(b",\"meta\":{\"sequenceNumber\":");

        self.after.clear();
        self.after.extend_from_slice(b",\"flags\":[],\"createdAt\":");
        serde_json::to_writer(&mut self.after, &row.created_at_ms)?;
        self.after.extend_from_slice(b",\"sourceId\":");
        serde_json::to_writer(&mut self.after, row.source)?;
        self.after.extend_from_slice(b"}}");
        Ok(())
    }

    /// Writes a point of the row that was begun, with the tag as JSON. An empty value is written as null.
    pub(crate) fn point(&mut self, tag_json: &[u8], value: Value<'_>) -> io::Result<()> {
        let start = self.buffer.len();
        if self.snapshot {
            self.buffer.push(if self.list.is_some() { b',' } else { b'[' });
        }
        self.buffer.extend_from_slice(&self.before);
        self.buffer.extend_from_slice(tag_json);
        self.buffer.extend_from_slice(b",\"value\":");
        match value {
            Value::Number(_, Some(digits)) => self.buffer.extend_from_slice(digits.as_bytes()),
            Value::Number(number, None) => serde_json::to_writer(&mut self.buffer, &number)?,
            Value::Boolean(true) => self.buffer.extend_from_slice(b"true"),
            Value::Boolean(false) => self.buffer.extend_from_slice(b"false"),
            Value::Text(text) => serde_json::to_writer(&mut self.buffer, text)?,
            Value::Null | Value::Empty => self.buffer.extend_from_slice(b"null"),
        }
        self.buffer.extend_from_slice(&self.between);
        serde_json::to_writer(&mut self.buffer, &self.sequence_number)?;
        self.buffer.extend_from_slice(&self.after);
        self.sequence_number = self.sequence_number.saturating_add(1);
        if !self.snapshot {
            return self.end_line();
        }
        match self.list {
            None => self.list = Some(start),
            Some(list) if self.buffer.len() - list >= MAX_SNAPSHOT_BYTES => {
                // This point is the first of a next line.
                let point = self.buffer.split_off(start);
                self.buffer.push(b']');
                self.end_line()?;
                self.list = Some(self.buffer.len());
                self.buffer.push(b'[');
                self.buffer.extend(point.iter().skip(1));
            }
            Some(_) => {}
        }
        Ok(())
    }

    pub(crate) fn end_row(&mut self) -> io::Result<()> {
        if self.list.take().is_some() {
            self.buffer.push(b']');
            self.end_line()?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.buffer.push(b'\n');
        self.written += 1;
        if self.buffer.len() >= FLUSH_BYTES {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes the rest of the buffer and returns the number of lines.
    pub(crate) fn finish(&mut self) -> io::Result<u64> {
        self.end_row()?;
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()?;
        Ok(self.written)
    }
}
