//! Parses CSV cells into numbers, booleans, text and nulls.

use crate::MAX_TEXT_BYTES;
use crate::reject::Reason;

/// A parsed cell, before it becomes a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Empty,
    Null,
    /// A number, with its digits if JSON allows them unchanged.
    Number(f64, Option<&'a str>),
    Boolean(bool),
    Text(&'a str),
}

/// Which characters mark decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) point: bool,
    pub(crate) comma: bool,
}

/// A count of decimal points and decimal commas in the numbers read so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MarksSeen {
    pub(crate) points: u64,
    pub(crate) commas: u64,
}

/// A number this short is passed on digit by digit.
const MAX_VERBATIM_BYTES: usize = 24;

/// Reads cells.
///
/// A number is digits with at most one decimal mark, a sign and an exponent. Digits that begin with a needless zero
/// (`007`, but not `0` or `0.5`) are an identifier, hence text; so is what has several groups (`10.0.0.1`). `true`
/// and `false` are booleans however they are capitalised. All else is text.
#[derive(Debug)]
pub(crate) struct CellReader {
    pub(crate) marks: Marks,
    null_words: Vec<String>,
    seen: MarksSeen,
    scratch: String,
}

impl CellReader {
    pub(crate) fn new(marks: Marks, null_words: &[String]) -> Self {
        let null_words = null_words.iter().map(|word| word.trim().to_owned()).collect();
        Self { marks, null_words, seen: MarksSeen::default(), scratch: String::new() }
    }

    pub(crate) fn seen(&self) -> MarksSeen {
        self.seen
    }

    pub(crate) fn read<'a>(&'a mut self, cell: &'a str, as_text: bool) -> Result<Value<'a>, Reason> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(Value::Empty);
        }
        if self.null_words.iter().any(|word| word.eq_ignore_ascii_case(cell)) {
            return Ok(Value::Null);
        }
        if !as_text {
            match shape(cell) {
                Shape::Number(mark) => return self.number(cell, mark),
                Shape::Grouped => return Err(Reason::AmbiguousNumber),
                Shape::Other => {}
            }
            if cell.eq_ignore_ascii_case("true") {
                return Ok(Value::Boolean(true));
            }
            if cell.eq_ignore_ascii_case("false") {
                return Ok(Value::Boolean(false));
            }
            let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
            if ["inf", "infinity", "∞", "1.#INF"].iter().any(|word| word.eq_ignore_ascii_case(unsigned)) {
                return Err(Reason::NotFinite);
            }
        }
        if cell.len() > MAX_TEXT_BYTES { Err(Reason::TextTooLong) } else { Ok(Value::Text(cell)) }
    }

    fn number<'a>(&'a mut self, cell: &'a str, mark: Option<u8>) -> Result<Value<'a>, Reason> {
        let digits = match mark {
            Some(b',') if self.marks.comma => {
                self.seen.commas += 1;
                self.scratch.clear();
                self.scratch.extend(cell.chars().map(|c| if c == ',' { '.' } else { c }));
                self.scratch.as_str()
            }
            Some(b'.') if self.marks.point => {
                self.seen.points += 1;
                cell
            }
            None => cell,
            Some(_) => return Err(Reason::AmbiguousNumber),
        };
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Value::Number(value, verbatim(digits).then_some(digits))),
            _ => Err(Reason::NotFinite),
        }
    }
}

enum Shape {
    /// With its decimal mark, if it has one.
    Number(Option<u8>),
    /// Thousands seem to be grouped, or both marks stand in it.
    Grouped,
    Other,
}

fn shape(cell: &str) -> Shape {
    let bytes = cell.as_bytes();
    let mantissa = match bytes.split_first() {
        Some((b'+' | b'-', rest)) => rest,
        Some((b'0'..=b'9' | b'.' | b',', _)) => bytes,
        _ => return Shape::Other,
    };
    let (mut digits, mut points, mut commas, mut length) = (0_usize, 0_usize, 0_usize, 0_usize);
    for byte in mantissa {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => points += 1,
            b',' => commas += 1,
            _ => break,
        }
        length += 1;
    }
    let (mantissa, exponent) = mantissa.split_at(length);
    if digits == 0 || !is_exponent(exponent) {
        return Shape::Other;
    }
    match (points, commas) {
        (0, 0) | (0, 1) | (1, 0) => {
            if let [b'0', b'0'..=b'9', ..] = mantissa {
                return Shape::Other;
            }
            Shape::Number(match (points, commas) {
                (1, _) => Some(b'.'),
                (_, 1) => Some(b','),
                _ => None,
            })
        }
        (_, 0) | (0, _) if !in_thousands(mantissa) => Shape::Other,
        _ => Shape::Grouped,
    }
}

fn is_exponent(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// `1.234.567`, but not `10.0.0.1`.
fn in_thousands(mantissa: &[u8]) -> bool {
    mantissa
        .split(|byte| matches!(byte, b'.' | b','))
        .enumerate()
        .all(|(n, group)| if n == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 })
}

/// Returns true if the digits are a JSON number without a change.
fn verbatim(digits: &str) -> bool {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits).as_bytes();
    digits.len() <= MAX_VERBATIM_BYTES
        && unsigned.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && unsigned.first().is_some_and(u8::is_ascii_digit)
        && unsigned.last().is_some_and(u8::is_ascii_digit)
}
