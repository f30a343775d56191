//! Values in few bytes: sensors send decimal numbers that change a little.
//!
//! A decimal number of up to seven places is written as its digits. If the number before has as many places, only the
//! difference of the digits is written: mostly one or two bytes instead of eight. Other numbers are written in full, so
//! that reading returns the same bits.

use andon_domain::Value;
use compact_str::CompactString;

use super::UnpackError;
use super::bytes::{Reader, Writer};

/// Kinds 0 to 7: a decimal with this number of places.
const MOST_PLACES: u8 = 7;
const RAW: u8 = 8;
const FALSE: u8 = 9;
const TRUE: u8 = 10;
const TEXT: u8 = 11;
/// Kinds take the low four bits of a header.
pub(super) const KIND_BITS: u8 = 0x0f;

const POWERS: [f64; MOST_PLACES as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// The digits of the last number: the base of the next difference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeltaBase {
    places: u8,
    digits: i64,
}

impl DeltaBase {
    /// The base before the first number.
    pub(super) const NONE: Self = Self { places: 0, digits: 0 };
}

/// Returns the places and digits of a number, if it is a decimal of up to seven places.
fn decimal(number: f64, base: DeltaBase) -> Option<(u8, i64)> {
    // The places of the number before come first, so that 80.1 between 80.12 and 80.07 is 80.10.
    let places = std::iter::once(base.places).chain(0..=MOST_PLACES);
    places.into_iter().find_map(|places| {
        let power = POWERS.get(usize::from(places))?;
        let digits = exact_integer((number * power).round())?;
        let same = (as_float(digits) / power).to_bits() == number.to_bits();
        same.then_some((places, digits))
    })
}

#[allow(clippy::cast_possible_truncation, reason = "at most 2^52 in size, so every such float is an i64")]
fn exact_integer(number: f64) -> Option<i64> {
    (number.abs() <= 4_503_599_627_370_496.0).then_some(number as i64)
}

#[allow(clippy::cast_precision_loss, reason = "at most 2^52 in size, checked where digits are made or read")]
fn as_float(digits: i64) -> f64 {
    digits as f64
}

/// Returns the kind of a number for its header, and the digits to write behind it.
pub(super) fn number_kind(number: f64, base: &mut DeltaBase) -> (u8, Option<i64>) {
    match decimal(number, *base) {
        Some((places, digits)) => {
            let reference = if base.places == places { base.digits } else { 0 };
            *base = DeltaBase { places, digits };
            (places, Some(digits - reference))
        }
        None => (RAW, None),
    }
}

pub(super) fn write_number(writer: &mut Writer, number: f64, base: &mut DeltaBase) {
    let (kind, digits) = number_kind(number, base);
    writer.byte(kind);
    write_digits(writer, number, digits);
}

pub(super) fn write_digits(writer: &mut Writer, number: f64, digits: Option<i64>) {
    match digits {
        Some(digits) => writer.signed(digits),
        None => writer.float(number),
    }
}

/// Reads a number after its kind; a sum may be infinite.
pub(super) fn read_number(
    reader: &mut Reader<'_>,
    kind: u8,
    base: &mut DeltaBase,
) -> Result<f64, UnpackError> {
    if kind == RAW {
        return reader.float();
    }
    let power = POWERS.get(usize::from(kind)).ok_or(UnpackError::Corrupt("a value is of no known kind"))?;
    let reference = if base.places == kind { base.digits } else { 0 };
    let digits = reader.signed()?.checked_add(reference);
    let digits = digits.filter(|digits| digits.unsigned_abs() <= 1 << 52);
    let digits = digits.ok_or(UnpackError::Corrupt("a number has too many digits"))?;
    *base = DeltaBase { places: kind, digits };
    Ok(as_float(digits) / power)
}

/// Checks a number of a point.
pub(super) fn finite(number: f64) -> Result<f64, UnpackError> {
    if number.is_finite() { Ok(number) } else { Err(UnpackError::Corrupt("a value is not finite")) }
}

/// A table of texts. Each is written at its first use, and then by its number.
#[derive(Debug, Default)]
pub(super) struct Texts(Vec<CompactString>);

impl Texts {
    fn write(&mut self, writer: &mut Writer, text: &CompactString) {
        match self.0.iter().position(|known| known == text) {
            Some(known) => writer.length(known),
            None => {
                writer.length(self.0.len());
                writer.text(text);
                self.0.push(text.clone());
            }
        }
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<CompactString, UnpackError> {
        let number = usize::try_from(reader.unsigned()?).map_err(|_| UnpackError::Truncated)?;
        if number == self.0.len() {
            let text = reader.text()?;
            self.0.push(text.into());
        }
        self.0.get(number).cloned().ok_or(UnpackError::Corrupt("a text was never given"))
    }
}

/// Returns the kind of a value for its header, and the digits of a decimal.
pub(super) fn kind_of(value: &Value, base: &mut DeltaBase) -> (u8, Option<i64>) {
    match value {
        Value::Number(number) => number_kind(*number, base),
        Value::Bool(false) => (FALSE, None),
        Value::Bool(true) => (TRUE, None),
        Value::Text(_) => (TEXT, None),
    }
}

/// Writes the part of a value behind its kind.
pub(super) fn write_rest(writer: &mut Writer, value: &Value, digits: Option<i64>, texts: &mut Texts) {
    match value {
        Value::Number(number) => write_digits(writer, *number, digits),
        Value::Bool(_) => {}
        Value::Text(text) => texts.write(writer, text),
    }
}

/// Writes a header with a value's kind and `flags` above it, and calls `between` before the value itself.
pub(super) fn write(
    writer: &mut Writer,
    value: &Value,
    flags: u8,
    base: &mut DeltaBase,
    texts: &mut Texts,
    between: impl FnOnce(&mut Writer),
) {
    let (kind, digits) = kind_of(value, base);
    writer.byte(kind | flags);
    between(writer);
    write_rest(writer, value, digits, texts);
}

/// Reads a value after its header, which holds the kind in its low bits.
pub(super) fn read(
    reader: &mut Reader<'_>,
    header: u8,
    base: &mut DeltaBase,
    texts: &mut Texts,
) -> Result<Value, UnpackError> {
    Ok(match header & KIND_BITS {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        TEXT => Value::Text(texts.read(reader)?),
        kind => Value::Number(finite(read_number(reader, kind, base)?)?),
    })
}
