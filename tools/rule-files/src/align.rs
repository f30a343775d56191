//! Which bytes of the text a part of a value came from, where quotes, escapes, folding or indentation lie between.

use std::ops::Range;

use crate::event::Style;
use crate::json::decode_escape;

/// The bytes of `written` that became the bytes `part` of `value`.
///
/// Everything but white space and escapes stands in both, in the same order; that is what is followed.
pub(crate) fn align(written: &str, style: Style, value: &str, part: &Range<usize>) -> Range<usize> {
    if written == value {
        return part.clone();
    }
    let mut walk = Walk { written, style, at: body_start(written, style) };
    let mut start = None;
    let mut end = walk.at;
    for (offset, c) in value.char_indices() {
        let found = walk.take(c);
        if offset >= part.start && (offset < part.end || start.is_none()) {
            start.get_or_insert(found.start);
            end = found.end;
        }
        if offset >= part.end {
            break;
        }
    }
    // A place just after the last character, as where something is missing.
    let start = start.unwrap_or(walk.at);
    if part.start >= part.end || part.start >= value.len() { start..start } else { start..end.max(start) }
}

fn body_start(written: &str, style: Style) -> usize {
    match style {
        Style::Plain => 0,
        Style::SingleQuoted | Style::DoubleQuoted => usize::from(written.starts_with(['"', '\''])),
        Style::Block if written.starts_with(['|', '>']) => {
            written.find('\n').map_or(written.len(), |at| at + 1)
        }
        Style::Block => 0,
    }
}

struct Walk<'a> {
    written: &'a str,
    style: Style,
    at: usize,
}

impl Walk<'_> {
    /// Where the next character of the value stands.
    fn take(&mut self, c: char) -> Range<usize> {
        loop {
            let rest = self.written.get(self.at..).unwrap_or_default();
            let Some(next) = rest.chars().next() else {
                return self.at..self.at;
            };
            let start = self.at;
            if self.style == Style::DoubleQuoted && next == '\\' {
                if rest.starts_with("\\\n") || rest.starts_with("\\\r") {
                    // An escaped line break is nothing.
                    let after = rest.get(1..).unwrap_or_default();
                    self.at += 1 + after.len() - after.trim_start().len();
                    continue;
                }
                self.at += decode_escape(rest).map_or(1, |(_, bytes)| bytes);
                return start..self.at;
            }
            match (c.is_whitespace(), next.is_whitespace()) {
                (false, true) => self.at += next.len_utf8(),
                (true, false) => return start..start,
                _ => {
                    let doubled = self.style == Style::SingleQuoted && rest.starts_with("''");
                    self.at += if doubled { 2 } else { next.len_utf8() };
                    return start..self.at;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, style: Style, value: &str, meant: &str, found: &str) {
        let start = value.find(meant).unwrap();
        let part = align(written, style, value, &(start..start + meant.len()));
        assert_eq!(written.get(part), Some(found));
    }

    #[test]
    fn a_part_of_a_value_is_found_in_every_way_of_writing_it() {
        check("a > bad", Style::Plain, "a > bad", "bad", "bad");
        check("a >\n    bad && c", Style::Plain, "a > bad && c", "bad", "bad");
        check("'it''s bad'", Style::SingleQuoted, "it's bad", "bad", "bad");
        check("'it''s bad'", Style::SingleQuoted, "it's bad", "'", "''");
        check(r#""\u00e9 \t\"bad\" x""#, Style::DoubleQuoted, "é \t\"bad\" x", "\"bad\"", r#"\"bad\""#);
        check(r#""\ud83d\ude00 bad""#, Style::DoubleQuoted, "😀 bad", "bad", "bad");
        check("\"a \\\n   && bad\"", Style::DoubleQuoted, "a && bad", "bad", "bad");
        check(">-\n      a > 5\n      && bad\n", Style::Block, "a > 5 && bad", "bad", "bad");
        check(
            "|\n      a > 5\n        && bad\n",
            Style::Block,
            "a > 5\n  && bad\n",
            "5\n  && bad",
            "5\n        && bad",
        );
    }

    #[test]
    fn a_place_after_the_end_is_the_end() {
        assert_eq!(align("'a'", Style::SingleQuoted, "a", &(1..1)), 2..2);
        assert_eq!(align(">\n  a &&\n", Style::Block, "a &&\n", &(5..5)).start, 8 + 1);
    }
}
