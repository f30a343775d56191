//! JSON as events, strictly by its grammar, without recursion.

use std::borrow::Cow;
use std::ops::Range;

use andon_domain::text::is_control_char;

use crate::event::{EXAMPLE, Event, Mistake, Style};
use crate::source::Source;

/// The tokens that may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of the list that just began.
    ValueOrEnd,
    Key,
    /// A key, or the end of the map that just began.
    KeyOrEnd,
    /// A comma, or the end of the map or list.
    CommaOrEnd,
    Nothing,
}

pub(crate) struct JsonEvents<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    /// The open maps and lists: where each began, and whether it is a map.
    open: Vec<(usize, bool)>,
    /// The last comma.
    comma: usize,
    expect: Expect,
}

type Next<'a> = Result<Option<(Event<'a>, Range<usize>)>, Mistake>;

impl<'a> JsonEvents<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, text: source.text(), at: 0, open: Vec::new(), comma: 0, expect: Expect::Value }
    }

    pub(crate) fn next(&mut self) -> Next<'a> {
        loop {
            self.skip_space();
            let start = self.at;
            let Some(byte) = self.byte(start) else {
                return self.end_of_text();
            };
            match (self.expect, byte) {
                (Expect::CommaOrEnd, b',') => {
                    self.comma = self.at;
                    self.at += 1;
                    self.expect = if self.in_map() { Expect::Key } else { Expect::Value };
                }
                (Expect::CommaOrEnd | Expect::KeyOrEnd, b'}') if self.in_map() => return self.close(),
                (Expect::CommaOrEnd | Expect::ValueOrEnd, b']') if !self.in_map() => return self.close(),
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    let key = self.string()?;
                    let bytes = start..self.at;
                    self.skip_space();
                    if self.byte(self.at) != Some(b':') {
                        return Err(self.unexpected("`:` after the name of a field"));
                    }
                    self.at += 1;
                    self.expect = Expect::Value;
                    return Ok(Some((Event::Scalar(key, Style::DoubleQuoted), bytes)));
                }
                (Expect::Value | Expect::ValueOrEnd, _) => return self.value(byte),
                _ => return Err(self.unexpected_here()),
            }
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn in_map(&self) -> bool {
        self.open.last().is_some_and(|(_, map)| *map)
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    fn close(&mut self) -> Next<'a> {
        self.at += 1;
        self.open.pop();
        self.after_value();
        Ok(Some((Event::End, self.at - 1..self.at)))
    }

    fn value(&mut self, first: u8) -> Next<'a> {
        let start = self.at;
        let event = match first {
            b'{' | b'[' => {
                let map = first == b'{';
                self.at += 1;
                self.open.push((start, map));
                self.expect = if map { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                return Ok(Some((if map { Event::Map } else { Event::List }, start..self.at)));
            }
            b'"' => Event::Scalar(self.string()?, Style::DoubleQuoted),
            b'-' | b'0'..=b'9' => Event::Scalar(Cow::Borrowed(self.number()?), Style::Plain),
            _ => match ["true", "false", "null"].into_iter().find(|word| self.rest().starts_with(word)) {
                Some(word)
                    if !matches!(
                        self.byte(start + word.len()),
                        Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_')
                    ) =>
                {
                    self.at += word.len();
                    Event::Scalar(Cow::Borrowed(word), Style::Plain)
                }
                _ => return Err(self.unexpected_here()),
            },
        };
        self.after_value();
        Ok(Some((event, start..self.at)))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<&'a str, Mistake> {
        let start = self.at;
        if self.byte(self.at) == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.byte(self.at) == Some(b'0');
        let whole = self.digits();
        let mut valid = whole == 1 || (whole > 1 && !leading_zero);
        if self.byte(self.at) == Some(b'.') {
            self.at += 1;
            valid &= self.digits() > 0;
        }
        if matches!(self.byte(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            valid &= self.digits() > 0;
        }
        let end = self.at;
        while matches!(self.byte(self.at), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.')) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if valid && end == self.at {
            return Ok(text);
        }
        let message = format!("`{}` is no number", text.chars().take(40).collect::<String>());
        Err(Mistake::new("syntax", start..self.at, message).help("a text or a duration is written in quotes"))
    }

    /// A text in quotes; the text itself where it has no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Mistake> {
        let open = self.at;
        self.at += 1;
        let mut owned = String::new();
        loop {
            let rest = self.rest();
            let stop = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20);
            let Some(plain) = stop.and_then(|stop| rest.get(..stop)) else {
                return Err(Mistake::new(
                    "syntax",
                    open..open + 1,
                    "the quote that opens here is not closed",
                ));
            };
            self.at += plain.len();
            match self.byte(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    if owned.is_empty() {
                        return Ok(Cow::Borrowed(plain));
                    }
                    owned.push_str(plain);
                    return Ok(Cow::Owned(owned));
                }
                Some(b'\\') => {
                    owned.push_str(plain);
                    owned.push(self.escape()?);
                }
                Some(b'\n' | b'\r') => {
                    let line = open..self.at;
                    return Err(Mistake::new(
                        "syntax",
                        line,
                        "the quote that opens here is not closed on its line",
                    )
                    .help("close it; inside of a text a line break is written `\\n`"));
                }
                _ => {
                    let message = "a control character inside of a text";
                    return Err(Mistake::new("syntax", self.at..self.at + 1, message)
                        .help("write it as an escape, such as `\\t` for a tab"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Mistake> {
        let start = self.at;
        match decode_escape(self.rest()) {
            Some((c, bytes)) if is_json_escape(self.byte(start + 1)) => {
                self.at += bytes;
                Ok(c)
            }
            _ => {
                let shown: String = self.rest().chars().take(2).collect();
                let end = start + shown.len();
                let message =
                    format!("`{}` is no escape", shown.escape_debug().to_string().replace("\\\\", "\\"));
                Err(Mistake::new("syntax", start..end, message).help("a backslash itself is written `\\\\`"))
            }
        }
    }

    fn end_of_text(&mut self) -> Next<'a> {
        match (self.expect, self.open.last()) {
            (Expect::Nothing, _) => Ok(None),
            (_, Some((start, map))) => {
                let (line, column) = self.source.line_column(*start);
                let (open, close) = if *map { ('{', '}') } else { ('[', ']') };
                let message = format!("the text ends inside of the `{open}` of line {line}, column {column}");
                Err(Mistake::new("syntax", self.at..self.at, message)
                    .help(format!("close it with `{close}`")))
            }
            (_, None) => Err(Mistake::new("no-rules", 0..0, "there is nothing in this file").help(EXAMPLE)),
        }
    }

    fn unexpected_here(&self) -> Mistake {
        match self.expect {
            Expect::Value | Expect::ValueOrEnd => self.unexpected("a value"),
            Expect::Key | Expect::KeyOrEnd => self.unexpected("the name of a field in double quotes"),
            Expect::CommaOrEnd if self.in_map() => self.unexpected("`,` or `}`"),
            Expect::CommaOrEnd => self.unexpected("`,` or `]`"),
            Expect::Nothing => self.unexpected("the end of the file"),
        }
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let Some(found) = self.rest().chars().next() else {
            return Mistake::new(
                "syntax",
                self.at..self.at,
                format!("expected {wanted}, found the end of the file"),
            );
        };
        if matches!(
            (self.expect, found, self.in_map()),
            (Expect::Key, '}', true) | (Expect::Value, ']', false)
        ) {
            let message = format!("a comma before `{found}`, with nothing between them");
            return Mistake::new("syntax", self.comma..self.comma + 1, message).help("take the comma away");
        }
        let bytes = self.at..self.at + found.len_utf8();
        let mistake = Mistake::new("syntax", bytes, format!("expected {wanted}, found `{}`", visible(found)));
        match (self.expect, found) {
            (_, '\'') => mistake.help("JSON has double quotes only"),
            (_, '#' | '/') => mistake.help("JSON has no comments; YAML has: name the file `.yaml`"),
            (Expect::Key | Expect::KeyOrEnd, _) => mistake.help("write the name in quotes: `\"rules\"`"),
            (Expect::CommaOrEnd, '"') => mistake.help("a comma is missing before it"),
            (Expect::Value | Expect::ValueOrEnd, c) if c.is_alphabetic() => {
                mistake.help("a text is written in quotes")
            }
            _ => mistake,
        }
    }
}

fn visible(c: char) -> String {
    if is_control_char(c) { c.escape_default().to_string() } else { c.to_string() }
}

fn is_json_escape(letter: Option<u8>) -> bool {
    letter.is_some_and(|letter| b"\"\\/bfnrtu".contains(&letter))
}

/// The character that an escape of a double-quoted text stands for, JSON's and YAML's alike, and its bytes.
pub(crate) fn decode_escape(text: &str) -> Option<(char, usize)> {
    let letter = text.chars().nth(1)?;
    let code = |from: usize, digits: usize| {
        let hex = text.get(from..from + digits)?;
        hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(hex, 16).ok()).flatten()
    };
    let (code, bytes) = match letter {
        '0' => (0, 2),
        'a' => (0x7, 2),
        'b' => (0x8, 2),
        't' | '\t' => (0x9, 2),
        'n' => (0xa, 2),
        'v' => (0xb, 2),
        'f' => (0xc, 2),
        'r' => (0xd, 2),
        'e' => (0x1b, 2),
        'N' => (0x85, 2),
        '_' => (0xa0, 2),
        'L' => (0x2028, 2),
        'P' => (0x2029, 2),
        ' ' | '"' | '/' | '\\' => (u32::from(letter), 2),
        'x' => (code(2, 2)?, 4),
        'U' => (code(2, 8)?, 10),
        'u' => match code(2, 4)? {
            high @ 0xd800..=0xdbff => {
                let low = code(8, 4).filter(|_| text.get(6..8) == Some("\\u"))?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                (0x10000 + ((high - 0xd800) << 10) + low, 12)
            }
            code => (code, 6),
        },
        _ => return None,
    };
    Some((char::from_u32(code)?, bytes))
}
