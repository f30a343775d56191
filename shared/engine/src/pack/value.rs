//! Values in few bytes: sensors send decimal numbers that change a little.
//!
//! A number that is a decimal of up to seven places is written as its digits, as the difference from the digits
//! before it where both have the same number of places: mostly one or two bytes instead of eight. It is done only
//! where reading gives back the same bits.

use andon_domain::Value;
use compact_str::CompactString;

use super::UnpackError;
use super::bytes::{Reader, Writer};

/// Kinds 0 to 7: a decimal with so many places.
const MOST_PLACES: u8 = 7;
const RAW: u8 = 8;
const FALSE: u8 = 9;
const TRUE: u8 = 10;
const TEXT: u8 = 11;
/// Kinds take the low four bits of a header.
pub(super) const KIND_BITS: u8 = 0x0f;

const POWERS: [f64; MOST_PLACES as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// The digits that the next number is likely to be near.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeltaBase {
    places: u8,
    digits: i64,
}

impl DeltaBase {
    /// Nothing is known.
    pub(super) const NONE: Self = Self { places: 0, digits: 0 };
}

/// A number taken apart: its kind and, for a decimal, its digits.
fn decimal(number: f64, near: DeltaBase) -> Option<(u8, i64)> {
    // The places of the number before first, so that 80.1 among 80.12 and 80.07 is 80.10.
    let places = std::iter::once(near.places).chain(0..=MOST_PLACES);
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

/// The kind of a number, to be put into a header, and what is to be written behind it.
pub(super) fn number_kind(number: f64, near: &mut DeltaBase) -> (u8, Option<i64>) {
    match decimal(number, *near) {
        Some((places, digits)) => {
            let reference = if near.places == places { near.digits } else { 0 };
            *near = DeltaBase { places, digits };
            (places, Some(digits - reference))
        }
        None => (RAW, None),
    }
}

pub(super) fn write_number(writer: &mut Writer, number: f64, near: &mut DeltaBase) {
    let (kind, digits) = number_kind(number, near);
    writer.byte(kind);
    write_digits(writer, number, digits);
}

pub(super) fn write_digits(writer: &mut Writer, number: f64, digits: Option<i64>) {
    match digits {
        Some(digits) => writer.signed(digits),
        None => writer.float(number),
    }
}

/// A number whose kind was read; a sum may be infinite.
pub(super) fn read_number(
    reader: &mut Reader<'_>,
    kind: u8,
    near: &mut DeltaBase,
) -> Result<f64, UnpackError> {
    if kind == RAW {
        return reader.float();
    }
    let power = POWERS.get(usize::from(kind)).ok_or(UnpackError::Corrupt("a value is of no known kind"))?;
    let reference = if near.places == kind { near.digits } else { 0 };
    let digits = reader.signed()?.checked_add(reference);
    let digits = digits.filter(|digits| digits.unsigned_abs() <= 1 << 52);
    let digits = digits.ok_or(UnpackError::Corrupt("a number has too many digits"))?;
    *near = DeltaBase { places: kind, digits };
    Ok(as_float(digits) / power)
}

/// A number that a point had.
pub(super) fn finite(number: f64) -> Result<f64, UnpackError> {
    if number.is_finite() { Ok(number) } else { Err(UnpackError::Corrupt("a value is not finite")) }
}

/// Texts, each written where it first comes and then by its number.
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

/// The kind of a value, to be put into a header, and the digits of a number that has some.
pub(super) fn kind_of(value: &Value, near: &mut DeltaBase) -> (u8, Option<i64>) {
    match value {
        Value::Number(number) => number_kind(*number, near),
        Value::Bool(false) => (FALSE, None),
        Value::Bool(true) => (TRUE, None),
        Value::Text(_) => (TEXT, None),
    }
}

/// What is to be written of a value behind its kind.
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
    near: &mut DeltaBase,
    texts: &mut Texts,
    between: impl FnOnce(&mut Writer),
) {
    let (kind, digits) = kind_of(value, near);
    writer.byte(kind | flags);
    between(writer);
    write_rest(writer, value, digits, texts);
}

/// A value whose kind, in the low bits of a header, and what stands between were read.
pub(super) fn read(
    reader: &mut Reader<'_>,
    header: u8,
    near: &mut DeltaBase,
    texts: &mut Texts,
) -> Result<Value, UnpackError> {
    Ok(match header & KIND_BITS {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        TEXT => Value::Text(texts.read(reader)?),
        kind => Value::Number(finite(read_number(reader, kind, near)?)?),
    })
}
