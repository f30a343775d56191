//! Panes of windows, in the head or in a segment.
//!
//! Most panes have one point. Such a pane is a header, which a run of alike panes shares, and one or two bytes of
//! value. Only a pane of several points carries its sums.

use std::collections::VecDeque;

use super::UnpackError;
use super::bytes::{Reader, Writer};
use super::value::{DeltaBase, KIND_BITS, finite, number_kind, read_number, write_digits, write_number};
use crate::compile::plan::WindowSpec;
use crate::window::Pane;

/// Flags of a header, above the kind of the value.
const CHANGED: u8 = 0x10;
/// The pane follows the one before it, and its point stands at the same place in it.
const REGULAR: u8 = 0x20;
/// The pane has one text.
const ONE_TEXT: u8 = 0x40;
const SEVERAL: u8 = 0x80;

pub(super) fn write<'a>(
    writer: &mut Writer,
    spec: WindowSpec,
    reference_ms: i64,
    panes: impl ExactSizeIterator<Item = &'a Pane>,
) {
    writer.length(panes.len());
    let mut coder = Coder::new(spec, reference_ms);
    // A run of panes with the same header: the header, their number, then the body of each.
    let (mut run, mut run_header, mut run_length) = (Writer::default(), 0, 0_usize);
    for pane in panes {
        let (header, body) = coder.body(pane);
        if run_length > 0 && (header != run_header || header & SEVERAL != 0) {
            finish_run(writer, &mut run, run_header, run_length);
            run_length = 0;
        }
        run_header = header;
        run_length += 1;
        run.0.extend_from_slice(&body.0);
    }
    if run_length > 0 {
        finish_run(writer, &mut run, run_header, run_length);
    }
}

fn finish_run(writer: &mut Writer, run: &mut Writer, header: u8, length: usize) {
    writer.byte(header);
    if header & SEVERAL == 0 {
        writer.length(length);
    }
    writer.0.append(&mut run.0);
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    spec: WindowSpec,
    reference_ms: i64,
    panes: &mut VecDeque<Pane>,
) -> Result<(), UnpackError> {
    // A pane of a run may take no byte of its own. So the window, and not the bytes, bounds the number of panes.
    let most = spec.panes.saturating_mul(2).saturating_add(2);
    let mut left = i64::from(reader.small()?);
    if left > most {
        return Err(UnpackError::Corrupt("there are more panes than the window has"));
    }
    let mut coder = Coder::new(spec, reference_ms);
    while left > 0 {
        let header = reader.byte()?;
        let run = if header & SEVERAL == 0 { i64::from(reader.small()?) } else { 1 };
        if run == 0 || run > left {
            return Err(UnpackError::Corrupt("a run of panes has a wrong length"));
        }
        for _ in 0..run {
            let pane = coder.pane(reader, header)?;
            if panes.back().is_some_and(|newest| newest.index >= pane.index) {
                return Err(UnpackError::Corrupt("panes are out of order"));
            }
            panes.push_back(pane);
        }
        left -= run;
    }
    Ok(())
}

/// The knowledge that writer and reader share of the panes so far.
struct Coder {
    spec: WindowSpec,
    index: i64,
    offset_ms: i64,
    base: DeltaBase,
}

impl Coder {
    fn new(spec: WindowSpec, reference_ms: i64) -> Self {
        Self { spec, index: reference_ms.div_euclid(spec.pane_ms), offset_ms: 0, base: DeltaBase::default() }
    }

    /// Returns the header of a pane and its body.
    fn body(&mut self, pane: &Pane) -> (u8, Writer) {
        let mut body = Writer::default();
        let offset_ms = pane.oldest.0 - pane.index * self.spec.pane_ms;
        let regular = pane.index == self.index + 1 && offset_ms == self.offset_ms;
        let mut header = if regular { REGULAR } else { 0 };
        if !regular {
            body.signed(pane.index - self.index);
            body.signed(offset_ms);
        }
        (self.index, self.offset_ms) = (pane.index, offset_ms);
        if pane.count == 1 {
            header |= if pane.changes > 0 { CHANGED } else { 0 };
            if pane.texts > 0 {
                return (header | ONE_TEXT, body);
            }
            let (kind, digits) = number_kind(pane.sum, &mut self.base);
            write_digits(&mut body, pane.sum, digits);
            return (header | kind, body);
        }
        for count in [pane.count, pane.texts, pane.changes] {
            body.unsigned(count.into());
        }
        body.signed(pane.newest.0 - pane.oldest.0);
        for number in [pane.oldest.1, pane.newest.1, pane.min, pane.max, pane.sum] {
            write_number(&mut body, number, &mut self.base);
        }
        body.float(pane.mean);
        body.float(pane.squares);
        (header | SEVERAL, body)
    }

    fn pane(&mut self, reader: &mut Reader<'_>, header: u8) -> Result<Pane, UnpackError> {
        let out_of_range = UnpackError::Corrupt("a pane is out of range");
        if header & REGULAR != 0 {
            self.index = self.index.checked_add(1).ok_or(out_of_range)?;
        } else {
            self.index = self.index.checked_add(reader.signed()?).ok_or(out_of_range)?;
            self.offset_ms = reader.signed()?;
        }
        // Checked as a time, so that the fold's arithmetic on it cannot overflow.
        let start_ms = self.index.checked_mul(self.spec.pane_ms).ok_or(out_of_range)?;
        Reader(&[0]).time(start_ms)?;
        let oldest_ms = start_ms.checked_add(self.offset_ms).ok_or(out_of_range)?;
        if oldest_ms.div_euclid(self.spec.pane_ms) != self.index {
            return Err(out_of_range);
        }
        if header & SEVERAL == 0 {
            let value = match header & ONE_TEXT {
                0 => Some(finite(read_number(reader, header & KIND_BITS, &mut self.base)?)?),
                _ => None,
            };
            return Ok(Pane::one(self.index, oldest_ms, value, header & CHANGED != 0));
        }
        let (count, texts, changes) = (reader.small()?, reader.small()?, reader.small()?);
        let newest_ms = oldest_ms.checked_add(reader.signed()?).ok_or(out_of_range)?;
        if newest_ms.div_euclid(self.spec.pane_ms) != self.index
            || count == 0
            || texts > count
            || changes > count
        {
            return Err(out_of_range);
        }
        let mut number = || {
            let kind = reader.byte()?;
            read_number(reader, kind, &mut self.base)
        };
        let (oldest, newest, min, max, sum) = (number()?, number()?, number()?, number()?, number()?);
        let (mean, squares) = (reader.float()?, reader.float()?);
        let index = self.index;
        let (oldest, newest) = ((oldest_ms, oldest), (newest_ms, newest));
        Ok(Pane { index, count, texts, changes, sum, min, max, mean, squares, oldest, newest })
    }
}
