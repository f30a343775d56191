//! The fast reader: the compact form that gateways send, keys in the usual order, names without escapes.
//!
//! It answers only where the general reader would answer the same; at the first surprise (another order, white
//! space, an escape, an unknown key, a bound not kept) it gives up, and the general reader decides.

use std::borrow::Cow;

use compact_str::CompactString;

use super::number::{decimal, integer};
use crate::{DataPoint, Value, limits};

/// A data point in the usual form, with the arrival of its envelope.
pub(super) type Usual<'a> = (Option<i64>, &'a str, DataPoint<'a>);

#[inline]
pub(super) fn read(line: &[u8]) -> Option<Usual<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut cursor = Cursor { rest: line };
    let arrival_ms = match cursor.take(br#"{"arrival":"#) {
        Some(()) => {
            let arrival_ms = cursor.time()?;
            cursor.take(br#","data":"#)?;
            Some(arrival_ms)
        }
        None => None,
    };
    let (equipment, point) = cursor.point()?;
    if arrival_ms.is_some() {
        cursor.take(b"}")?;
    }
    cursor.rest.is_empty().then_some((arrival_ms, equipment, point))
}

/// What is left of the line.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Moves over a literal. The length is known at compile time, so this is a few wide comparisons.
    #[inline(always)]
    fn take<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        if head != literal {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    #[inline(always)]
    fn point(&mut self) -> Option<(&'a str, DataPoint<'a>)> {
        self.take(b"{")?;
        if self.take(br#""version":"#).is_some() {
            self.integer()?;
            self.take(b",")?;
        }
        self.take(br#""timestamp":"#)?;
        let timestamp_ms = self.time()?;
        self.take(br#","equipmentId":""#)?;
        let equipment = self.name()?;
        self.take(br#","tag":""#)?;
        let tag = self.name()?;
        self.take(br#","value":"#)?;
        let value = self.value()?;
        let mut point = DataPoint {
            timestamp_ms,
            tag: Cow::Borrowed(tag),
            value: Some(value),
            quality_ok: true,
            sequence_number: 0,
            derived: false,
            created_at_ms: None,
            source: Cow::Borrowed(""),
        };
        if self.take(br#","quality":"Ok""#).is_none() && self.take(br#","quality":""#).is_some() {
            point.quality_ok = self.text(limits::NAME_BYTES)? == "Ok";
        }
        if self.take(br#","meta":{"#).is_some() {
            self.meta(&mut point)?;
        }
        self.take(b"}")?;
        Some((equipment, point))
    }

    /// The fields of `meta` in the usual order, each of them optional, up to and with the closing brace.
    #[inline(always)]
    fn meta(&mut self, point: &mut DataPoint<'a>) -> Option<()> {
        let mut comma = false;
        if self.field(br#""sequenceNumber":"#, &mut comma)? {
            point.sequence_number = self.integer()?;
        }
        if self.field(br#""flags":["#, &mut comma)? {
            point.derived = self.flags()?;
        }
        if self.field(br#""createdAt":"#, &mut comma)? {
            point.created_at_ms = Some(self.time()?);
        }
        if self.field(br#""sourceId":""#, &mut comma)? {
            point.source = Cow::Borrowed(self.text(limits::SOURCE_BYTES)?);
        }
        self.take(b"}")
    }

    /// Moves over a key of `meta`, with the comma before it if it is not the first; answers whether it was there.
    #[inline(always)]
    fn field<const N: usize>(&mut self, key: &[u8; N], comma: &mut bool) -> Option<bool> {
        let before = self.rest;
        if *comma && self.take(b",").is_none() {
            return Some(false);
        }
        if self.take(key).is_none() {
            self.rest = before;
            return Some(false);
        }
        *comma = true;
        Some(true)
    }

    /// Whether `Drv` is among the flags up to the closing bracket; flags of three letters only.
    #[inline(always)]
    fn flags(&mut self) -> Option<bool> {
        if self.take(b"]").is_some() {
            return Some(false);
        }
        let mut derived = false;
        loop {
            let (flag, rest) = self.rest.split_first_chunk::<6>()?;
            let [open, a, b, c, close, end] = *flag;
            let plain = is_letter(a) & is_letter(b) & is_letter(c);
            if !plain || [open, close] != *b"\"\"" {
                return None;
            }
            derived |= [a, b, c] == *b"Drv";
            self.rest = rest;
            match end {
                b',' => {}
                b']' => return Some(derived),
                _ => return None,
            }
        }
    }

    #[inline(always)]
    fn integer(&mut self) -> Option<i64> {
        let (value, rest) = integer(self.rest)?;
        self.rest = rest;
        Some(value)
    }

    /// Milliseconds within bounds.
    #[inline(always)]
    fn time(&mut self) -> Option<i64> {
        let value = self.integer()?;
        let ends = matches!(self.rest.first(), Some(b',' | b'}'));
        (ends && value.abs() <= limits::TIMESTAMP_MS).then_some(value)
    }

    #[inline(always)]
    fn value(&mut self) -> Option<Value> {
        match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                Some(Value::Text(CompactString::new(self.text(limits::TEXT_BYTES)?)))
            }
            [b't', ..] => self.take(b"true").map(|()| Value::Bool(true)),
            [b'f', ..] => self.take(b"false").map(|()| Value::Bool(false)),
            _ => {
                let (number, rest) = decimal(self.rest)?;
                self.rest = rest;
                Some(Value::Number(number))
            }
        }
    }

    /// A text up to its closing quote that is not empty.
    #[inline(always)]
    fn name(&mut self) -> Option<&'a str> {
        self.text(limits::NAME_BYTES).filter(|name| !name.is_empty())
    }

    /// A text up to its closing quote that has no escape and no control character.
    #[inline(always)]
    fn text(&mut self, longest: usize) -> Option<&'a str> {
        let (text, ascii) = plain_until_quote(self.rest)?;
        if text.len() > longest {
            return None;
        }
        self.rest = self.rest.get(text.len() + 1..)?;
        if !ascii {
            return std::str::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control));
        }
        #[allow(
            unsafe_code,
            reason = "checking again what is known costs 6 % of a whole replay (measured on W1)"
        )]
        // SAFETY: `plain_until_quote` says that no byte has its high bit set, so all are ASCII, and ASCII is UTF-8.
        Some(unsafe { std::str::from_utf8_unchecked(text) })
    }
}

#[inline(always)]
fn is_letter(byte: u8) -> bool {
    (byte | 0x20).wrapping_sub(b'a') < 26
}

/// A byte in each byte of a word.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Marks the bytes of a word that are zero, exactly up to and with the first one (A. Mycroft, 1987).
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(0x01)) & !word & each(0x80)
}

/// The bytes before the first quote, if none of them is a control character or a backslash, and whether all of them
/// are ASCII.
///
/// Names are short, so eight bytes at a time inline beat calls that are made for long texts.
#[inline(always)]
fn plain_until_quote(bytes: &[u8]) -> Option<(&[u8], bool)> {
    let mut ascii = true;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, bytes_of_word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes_of_word);
        let quotes = zeros(word ^ each(b'"'));
        // Below 0x20; the high bits are looked at apart.
        let controls = word.wrapping_sub(each(0x20)) & !word & each(0x80);
        let refused = controls | zeros(word ^ each(b'\\')) | zeros(word ^ each(0x7f));
        let high = word & each(0x80);
        // What stands behind the first quote does not count.
        let before = (quotes & quotes.wrapping_neg()).wrapping_sub(1);
        if refused & before != 0 {
            return None;
        }
        ascii &= high & before == 0;
        if quotes != 0 {
            let length = index * 8 + quotes.trailing_zeros() as usize / 8;
            return Some((bytes.get(..length)?, ascii));
        }
    }
    let length = rest.iter().position(|b| *b == b'"')?;
    let tail = rest.get(..length)?;
    if tail.iter().any(|b| *b < 0x20 || *b == 0x7f || *b == b'\\') {
        return None;
    }
    ascii &= tail.is_ascii();
    Some((bytes.get(..words.len() * 8 + length)?, ascii))
}
