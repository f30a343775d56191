//! The fast reader: the canonical compact form of gateways, with keys in order and names without escapes.
//!
//! It returns only results that the general reader would also return. At the first deviation (another order, white
//! space, an escape, an unknown key, a value out of bounds) it gives up, and the general reader decides.

use std::borrow::Cow;

use compact_str::CompactString;

use super::number::{decimal, integer, thirteen_digits};
use super::word::{each, word};
use crate::{DataPoint, Value, limits};

/// A data point in the canonical form: the arrival of its envelope in ms, its equipment, the point.
pub type CanonicalMessage<'a> = (Option<i64>, &'a str, DataPoint<'a>);

/// Reads the data point at the beginning of some bytes. Returns it with the bytes behind it.
///
/// It is always inlined: the point is large, and a call would copy it.
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Option<(CanonicalMessage<'_>, &[u8])> {
    let mut cursor = Cursor { rest: bytes };
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
    Some(((arrival_ms, equipment, point), cursor.rest))
}

/// The unread rest of the line.
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
        if self.take(br#","meta":"#).is_some() {
            self.meta(&mut point)?;
        }
        self.take(b"}")?;
        Some((equipment, point))
    }

    /// Reads the fields of `meta` in the canonical order, each of them optional, up to and including the closing brace.
    #[inline(always)]
    fn meta(&mut self, point: &mut DataPoint<'a>) -> Option<()> {
        let mut before = b'{';
        if self.field(&mut before, br#""sequenceNumber":"#) {
            point.sequence_number = self.integer()?;
        }
        if self.field(&mut before, br#""flags":["#) {
            point.derived = self.flags()?;
        }
        if self.field(&mut before, br#""createdAt":"#) {
            point.created_at_ms = Some(self.time()?);
        }
        if self.field(&mut before, br#""sourceId":""#) {
            point.source = Cow::Borrowed(self.text(limits::SOURCE_BYTES)?);
        }
        if before == b'{' {
            self.take(b"{")?;
        }
        self.take(b"}")
    }

    /// Moves over a key of `meta`, with the brace or comma before it, if it comes next.
    #[inline(always)]
    fn field<const N: usize>(&mut self, before: &mut u8, key: &[u8; N]) -> bool {
        let Some((first, rest)) = self.rest.split_first() else { return false };
        let mut behind = Cursor { rest };
        if first != before || behind.take(key).is_none() {
            return false;
        }
        self.rest = behind.rest;
        *before = b',';
        true
    }

    /// Returns whether `Drv` is among the flags up to the closing bracket. All flags must have three letters.
    #[inline(always)]
    fn flags(&mut self) -> Option<bool> {
        if self.take(b"]").is_some() {
            return Some(false);
        }
        let mut derived = false;
        loop {
            // A flag in quotes, and the byte behind it.
            let word = u64::from_le_bytes(*self.rest.first_chunk::<8>()?);
            let quoted = word & 0x00ff_0000_00ff == 0x0022_0000_0022;
            if !quoted || letters(word) & 0x8080_8000 != 0x8080_8000 {
                return None;
            }
            derived |= word & 0xffff_ff00 == DERIVED;
            let [_, _, _, _, _, end, ..] = word.to_le_bytes();
            self.rest = self.rest.get(6..)?;
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

    /// Reads a time, ms, within bounds.
    #[inline(always)]
    fn time(&mut self) -> Option<i64> {
        let ends = |rest: &[u8]| matches!(rest.first(), Some(b',' | b'}'));
        if let Some((value, rest)) = thirteen_digits(self.rest)
            && ends(rest)
        {
            self.rest = rest;
            return Some(value);
        }
        let value = self.integer()?;
        let ends = ends(self.rest);
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

    /// Reads a non-empty text up to its closing quote.
    #[inline(always)]
    fn name(&mut self) -> Option<&'a str> {
        self.text(limits::NAME_BYTES).filter(|name| !name.is_empty())
    }

    /// Reads a text without escapes and control characters, up to its closing quote.
    ///
    /// Texts are short, so inline code for eight bytes at a time beats library calls for long ones.
    #[inline(always)]
    fn text(&mut self, longest: usize) -> Option<&'a str> {
        let mut length = 0;
        let mut rest = self.rest;
        loop {
            let stops = stops(word(rest));
            if stops != 0 {
                length += (stops.trailing_zeros() / 8) as usize;
                break;
            }
            length += 8;
            rest = rest.get(8..)?;
        }
        let (text, rest) = self.rest.split_at_checked(length)?;
        match rest {
            [b'"', rest @ ..] => self.rest = rest,
            [0x80..=0xff, ..] => {
                let (text, rest) = text_beyond_ascii(self.rest, longest)?;
                self.rest = rest;
                return Some(text);
            }
            _ => return None,
        }
        if text.len() > longest {
            return None;
        }
        #[allow(
            unsafe_code,
            reason = "checking again what is known costs 6 % of a whole replay (measured on W1)"
        )]
        // SAFETY: `stops` marks all bytes that are not ASCII, and these come before the first mark; ASCII is UTF-8.
        Some(unsafe { std::str::from_utf8_unchecked(text) })
    }
}

/// Reads a text with any letters up to its closing quote. Returns the bytes behind it.
#[cold]
fn text_beyond_ascii(bytes: &[u8], longest: usize) -> Option<(&str, &[u8])> {
    let length = bytes.iter().take(longest + 1).position(|byte| *byte == b'"')?;
    let (text, rest) = bytes.split_at_checked(length)?;
    let text = std::str::from_utf8(text).ok()?;
    let plain = !text.contains(|c: char| c.is_control() || c == '\\');
    plain.then_some((text, rest.get(1..)?))
}

/// `Drv` behind a quote, in a word.
const DERIVED: u64 = u32::from_le_bytes(*b"\0Drv") as u64;

/// Marks, by the high bit, the letters of a word. Exact up to the first byte that is not ASCII.
#[inline(always)]
const fn letters(word: u64) -> u64 {
    let lower = word | each(0x20);
    let from_a = lower.wrapping_add(each(0x80 - b'a'));
    let behind_z = lower.wrapping_add(each(0x80 - b'z' - 1));
    from_a & !behind_z & !word & each(0x80)
}

/// Marks, by the high bit, the bytes of a word at which a plain text ends or is no longer plain: quotes, backslashes,
/// control characters, and what is not ASCII. Exact up to and with the first mark.
#[inline(always)]
const fn stops(word: u64) -> u64 {
    // The sums reach the high bit of their byte from one value on. They carry over into the next byte only from bytes
    // that are not ASCII, and those are marks themselves.
    let from_space = word.wrapping_add(each(0x80 - 0x20));
    let no_quote = (word ^ each(b'"')).wrapping_add(each(0x7f));
    let no_backslash = (word ^ each(b'\\')).wrapping_add(each(0x7f));
    let from_delete = word | word.wrapping_add(each(0x80 - 0x7f));
    (!(from_space & no_quote & no_backslash) | from_delete) & each(0x80)
}
