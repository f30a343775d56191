//! The fast reader: the compact form that gateways send, keys in the usual order, plain ASCII names.
//!
//! It answers only where the general reader would answer the same; at the first surprise (another order, white
//! space, an escape, an unknown key, a bound not kept) it gives up, and the general reader decides.

use std::borrow::Cow;

use compact_str::CompactString;
use memchr::memchr;

use super::number::{decimal, integer};
use super::{Content, Message};
use crate::{DataPoint, Value, limits};

pub(super) fn read(line: &[u8]) -> Option<Message<'_>> {
    let (arrival_ms, rest) = match line.strip_prefix(br#"{"arrival":"#) {
        Some(rest) => {
            let (arrival_ms, rest) = time(rest)?;
            (Some(arrival_ms), rest.strip_prefix(br#","data":"#)?)
        }
        None => (None, line),
    };
    let (equipment, point, rest) = point(rest)?;
    let rest = if arrival_ms.is_some() { rest.strip_prefix(b"}")? } else { rest };
    if !matches!(rest, [] | [b'\r']) {
        return None;
    }
    Some(Message {
        arrival_ms,
        content: Content::One(Cow::Borrowed(equipment), point),
        rejections: Vec::new(),
        unlisted_rejections: 0,
    })
}

#[inline]
fn point(line: &[u8]) -> Option<(&str, DataPoint<'_>, &[u8])> {
    let rest = line.strip_prefix(b"{")?;
    let rest = match rest.strip_prefix(br#""version":"#) {
        Some(rest) => integer(rest)?.1.strip_prefix(b",")?,
        None => rest,
    };
    let (timestamp_ms, rest) = time(rest.strip_prefix(br#""timestamp":"#)?)?;
    let (equipment, rest) = name(rest.strip_prefix(br#","equipmentId":""#)?, limits::NAME_BYTES)?;
    let (tag, rest) = name(rest.strip_prefix(br#","tag":""#)?, limits::NAME_BYTES)?;
    let (value, rest) = value(rest.strip_prefix(br#","value":"#)?)?;
    let (quality_ok, rest) = match rest.strip_prefix(br#","quality":""#) {
        Some(rest) => match rest.strip_prefix(br#"Ok""#) {
            Some(rest) => (true, rest),
            None => {
                let (quality, rest) = text(rest, limits::NAME_BYTES)?;
                (quality == "Ok", rest)
            }
        },
        None => (true, rest),
    };
    let mut point = DataPoint {
        timestamp_ms,
        tag: Cow::Borrowed(tag),
        value: Some(value),
        quality_ok,
        sequence_number: 0,
        derived: false,
        created_at_ms: None,
        source: Cow::Borrowed(""),
    };
    let rest = match rest.strip_prefix(br#","meta":{"#) {
        Some(rest) => meta(rest, &mut point)?,
        None => rest,
    };
    Some((equipment, point, rest.strip_prefix(b"}")?))
}

/// The fields of `meta` in the usual order, each of them optional, up to and with the closing brace.
#[inline]
fn meta<'a>(mut rest: &'a [u8], point: &mut DataPoint<'a>) -> Option<&'a [u8]> {
    let mut first = true;
    if let Some(after) = field(rest, &mut first, br#""sequenceNumber":"#) {
        (point.sequence_number, rest) = integer(after)?;
    }
    if let Some(after) = field(rest, &mut first, br#""flags":["#) {
        (point.derived, rest) = flags(after)?;
    }
    if let Some(after) = field(rest, &mut first, br#""createdAt":"#) {
        let (created_at_ms, after) = time(after)?;
        point.created_at_ms = Some(created_at_ms);
        rest = after;
    }
    if let Some(after) = field(rest, &mut first, br#""sourceId":""#) {
        let (source, after) = text(after, limits::SOURCE_BYTES)?;
        point.source = Cow::Borrowed(source);
        rest = after;
    }
    rest.strip_prefix(b"}")
}

/// What follows a key of `meta`, with the comma before it if it is not the first.
#[inline]
fn field<'a>(rest: &'a [u8], first: &mut bool, key: &[u8]) -> Option<&'a [u8]> {
    let after = if *first { rest } else { rest.strip_prefix(b",")? }.strip_prefix(key)?;
    *first = false;
    Some(after)
}

/// Whether `Drv` is among the flags up to the closing bracket; flags of three letters only.
#[inline]
fn flags(mut rest: &[u8]) -> Option<(bool, &[u8])> {
    let mut derived = false;
    if let Some(after) = rest.strip_prefix(b"]") {
        return Some((false, after));
    }
    loop {
        let [b'"', a, b, c, b'"', end, after @ ..] = rest else { return None };
        if !(a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_alphabetic()) {
            return None;
        }
        derived |= [*a, *b, *c] == *b"Drv";
        rest = after;
        match end {
            b',' => {}
            b']' => return Some((derived, rest)),
            _ => return None,
        }
    }
}

/// Milliseconds within bounds.
#[inline]
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = integer(bytes)?;
    let ends = matches!(rest.first(), Some(b',' | b'}'));
    (ends && value.abs() <= limits::TIMESTAMP_MS).then_some((value, rest))
}

#[inline]
fn value(bytes: &[u8]) -> Option<(Value, &[u8])> {
    match bytes {
        [b'"', rest @ ..] => {
            let (text, rest) = text(rest, limits::TEXT_BYTES)?;
            Some((Value::Text(CompactString::new(text)), rest))
        }
        [b't', b'r', b'u', b'e', rest @ ..] => Some((Value::Bool(true), rest)),
        [b'f', b'a', b'l', b's', b'e', rest @ ..] => Some((Value::Bool(false), rest)),
        _ => {
            let (number, rest) = decimal(bytes)?;
            Some((Value::Number(number), rest))
        }
    }
}

/// A text up to its closing quote that is not empty.
#[inline]
fn name(bytes: &[u8], longest: usize) -> Option<(&str, &[u8])> {
    text(bytes, longest).filter(|(name, _)| !name.is_empty())
}

/// A text up to its closing quote: printable ASCII without escapes.
#[inline]
fn text(bytes: &[u8], longest: usize) -> Option<(&str, &[u8])> {
    let (text, rest) = bytes.split_at_checked(memchr(b'"', bytes)?)?;
    // Every byte is looked at, without an early end, so that the loop becomes vector instructions.
    let plain =
        text.iter().fold(true, |plain, byte| plain & (*byte >= 0x20) & (*byte < 0x7f) & (*byte != b'\\'));
    if !plain || text.len() > longest {
        return None;
    }
    Some((std::str::from_utf8(text).ok()?, rest.get(1..)?))
}
