//! YAML's mistakes in words for the person who wrote them. The parser says what its grammar expected; what
//! went wrong is mostly visible in the lines around.

use std::ops::Range;

use crate::event::Mistake;

const INDENTED: &str = "the fields of one thing begin in the same column, and so do the `-` of one list";
const QUOTE_WHOLE: &str =
    "put the whole expression in double quotes, and texts inside it in single quotes: `\"product == '1l'\"`";

/// The mistake behind what the parser reports.
pub(crate) fn explain(text: &str, at: usize, info: &str) -> Mistake {
    let context = ErrorContext::new(text, at);
    let mistake = |bytes: Range<usize>, message: &str| Mistake::new("syntax", bytes, message);
    if let Some(tab) = context.tab(info) {
        return mistake(tab..tab + 1, "a tab stands where YAML wants spaces")
            .help("indent with spaces; most editors can do that for the tab key");
    }
    if info.contains("mapping values are not allowed") {
        return context.unexpected_colon();
    }
    if info.contains("simple key expect") {
        return context.line_above().unwrap_or_else(|| mistake(context.here(), "a field without a colon"));
    }
    if info.contains("trailing content after") {
        return mistake(context.rest_of_line(), "the text goes on after its closing quote").help(QUOTE_WHOLE);
    }
    if info.contains("quoted scalar") {
        return if info.contains("escape") || info.contains("hexadecimal") {
            context.bad_escape()
        } else {
            context.unclosed_quote()
        };
    }
    if let Some(mistake) = context.begins_with_indicator() {
        return mistake;
    }
    let in_brackets = ["flow", "node content", "only valid inside a block", "unexpected eof"];
    if in_brackets.iter().any(|words| info.contains(words))
        && let Some((open, close)) = context.unclosed_bracket()
    {
        let found = text.get(open..=open).unwrap_or_default();
        return mistake(open..open + 1, &format!("this `{found}` is not closed"))
            .help(format!("close it with `{close}`, and separate what is inside by commas"));
    }
    if info.contains("misplaced bracket") {
        return mistake(context.here(), "this bracket closes nothing");
    }
    if info.contains("did not find expected key")
        || info.contains("'-' indicator")
        || info.contains("invalid indentation")
        || info.contains("block sequence entries are not allowed")
        || info.contains("wrongly indented")
    {
        return mistake(context.here(), "the indentation of this line fits none of the lines above")
            .help(INDENTED);
    }
    mistake(context.here(), &format!("this is not valid YAML: {info}"))
}

/// An anchor (`&`), an alias (`*`) or a tag (`!`), which rule documents do not use.
pub(crate) fn refused_indicator(text: &str, at: usize, indicator: char) -> Mistake {
    let context = ErrorContext::new(text, at);
    let what = match indicator {
        '&' => "`&` begins an anchor, which rule documents do not use",
        '*' => "`*` begins an alias, which rule documents do not use",
        _ => "`!` begins a tag, which rule documents do not use",
    };
    let mistake = Mistake::new("unsupported-yaml", context.rest_of_value(), what);
    match indicator {
        '&' => mistake.help("write the fields out where they are needed; if it is text, put it in quotes"),
        _ => mistake.help(context.in_quotes()),
    }
}

struct ErrorContext<'a> {
    text: &'a str,
    at: usize,
    /// Bytes of the line of `at`, without its break.
    line: Range<usize>,
}

impl<'a> ErrorContext<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        let at = text.floor_char_boundary(at);
        let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let rest = text.get(at..).unwrap_or_default();
        let end = at + rest.find(['\n', '\r']).unwrap_or(rest.len());
        Self { text, at, line: start..end }
    }

    fn slice(&self, bytes: Range<usize>) -> &'a str {
        self.text.get(bytes).unwrap_or_default()
    }

    fn here(&self) -> Range<usize> {
        match self.slice(self.at..self.line.end).trim_end() {
            "" => self.at..self.at,
            rest => self.at..self.at + rest.len(),
        }
    }

    fn rest_of_line(&self) -> Range<usize> {
        self.at..self.at + self.slice(self.at..self.line.end).trim_end().len()
    }

    /// To the end of the line or of the item of a flow collection.
    fn rest_of_value(&self) -> Range<usize> {
        let rest = self.slice(self.at..self.line.end);
        let end =
            rest.find([',', '}', ']']).filter(|_| self.unclosed_bracket().is_some()).unwrap_or(rest.len());
        self.at..self.at + self.slice(self.at..self.at + end).trim_end().len().max(1)
    }

    fn tab(&self, info: &str) -> Option<usize> {
        let near = self.slice(self.at.saturating_sub(1)..self.line.end);
        let tabbed = info.contains("tab") || (info.contains("must be followed") && near.contains('\t'));
        if !tabbed {
            return None;
        }
        let from = self.text.floor_char_boundary(self.at.saturating_sub(1));
        self.text.get(from..)?.find('\t').map(|at| from + at)
    }

    /// Where the value starts that `at` is in: after `key: ` or `- ` on its line.
    fn value_start(&self) -> usize {
        let before = self.slice(self.line.start..self.text.ceil_char_boundary(self.at + 1));
        let in_flow = before.rfind(['{', '[', ',']).map(|at| at + 1);
        let after_key = before.find(": ").map(|at| at + 2);
        let after_dash =
            before.trim_start().starts_with("- ").then(|| before.find("- ").map(|at| at + 2)).flatten();
        let start = self.line.start
            + match (in_flow, after_key) {
                (Some(flow), Some(_)) => {
                    before.get(flow..).and_then(|item| item.find(": ")).map_or(flow, |at| flow + at + 2)
                }
                (Some(flow), None) => flow,
                (None, key) => key.or(after_dash).unwrap_or(0),
            };
        let value = self.slice(start..self.line.end);
        start + (value.len() - value.trim_start().len())
    }

    /// A value begins with a character that means something to YAML.
    fn begins_with_indicator(&self) -> Option<Mistake> {
        let start = self.value_start();
        let first = self.slice(start..self.line.end).chars().next()?;
        let meaning = match first {
            '!' => "a tag",
            '*' => "an alias",
            '&' => "an anchor",
            '>' | '|' => "a block of lines",
            '%' | '@' | '`' => "reserved",
            _ => return None,
        };
        let value = ErrorContext { text: self.text, at: start, line: self.line.clone() };
        let message =
            format!("a text without quotes must not begin with `{first}`: to YAML that is {meaning}");
        Some(Mistake::new("syntax", value.rest_of_value(), message).help(value.in_quotes()))
    }

    fn in_quotes(&self) -> String {
        let value = self.slice(self.rest_of_value());
        if value.contains(['"', '\\']) || value.chars().count() > 60 {
            "if it is text or an expression, put it in quotes".to_owned()
        } else {
            format!("if it is text or an expression, put it in quotes: `\"{value}\"`")
        }
    }

    /// A colon where no field can begin: a second one on the line, or the line above is at fault.
    fn unexpected_colon(&self) -> Mistake {
        let before = self.slice(self.line.start..self.at);
        let first_on_line = !before.contains(": ") && !before.trim_start().starts_with("- ");
        if let (true, Some(mistake)) = (first_on_line, self.line_above()) {
            return mistake;
        }
        if first_on_line {
            let start = self.line.end - self.slice(self.line.clone()).trim_start().len();
            return Mistake::new(
                "syntax",
                start..self.at,
                "this line is indented deeper than the one above, whose value it continues",
            )
            .help(INDENTED);
        }
        if self.unclosed_bracket().is_some() {
            return Mistake::new(
                "syntax",
                self.at..self.at + 1,
                "unexpected `:`; is a comma missing before this field?",
            )
            .help("inside of `{ }`, write `{state: ACTIVE, when: \"..\"}`");
        }
        let start = self.value_start();
        let value = ErrorContext { text: self.text, at: start, line: self.line.clone() };
        Mistake::new(
            "syntax",
            self.at..self.at + 1,
            "a second `: ` in one line; a text that holds one needs quotes",
        )
        .help(value.in_quotes())
    }

    /// The line above, if it lacks its colon or the space after colon or dash.
    fn line_above(&self) -> Option<Mistake> {
        let above = self.text.get(..self.line.start)?.trim_end();
        let start = above.rfind('\n').map_or(0, |at| at + 1);
        let line = above.get(start..)?;
        let field = line.trim_start_matches([' ', '-']);
        let dashes = line.trim_start();
        let field_start = start + line.len() - field.len();
        if dashes.starts_with('-') && !dashes.starts_with("- ") && !field.is_empty() {
            let at = start + line.len() - dashes.len();
            return Some(
                Mistake::new("syntax", at..at + 1, "after the `-` of a list item stands a space")
                    .help(format!("write `- {}`", shown(field))),
            );
        }
        if field.is_empty()
            || field.starts_with(['#', '"', '\''])
            || field.contains(": ")
            || field.ends_with(':')
        {
            return None;
        }
        if let Some((name, value)) = field.split_once(':') {
            let at = field_start + name.len();
            return Some(
                Mistake::new("syntax", at..at + 1, "after the colon of a field stands a space")
                    .help(format!("write `{}: {}`", shown(name), shown(value))),
            );
        }
        let mistake =
            Mistake::new("syntax", field_start..field_start + field.len(), "this line has no colon");
        Some(match field.split_once(' ') {
            Some((name, value)) => mistake.help(format!("write `{}: {}`", shown(name), shown(value.trim()))),
            None => mistake.help(format!("write `{}:`", shown(field))),
        })
    }

    fn unclosed_quote(&self) -> Mistake {
        let quote = self.slice(self.at..self.line.end).chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            return Mistake::new("syntax", self.here(), "a quote is not closed");
        };
        let message = format!("the quote `{quote}` that opens here is not closed");
        Mistake::new("syntax", self.rest_of_line(), message).help(match quote {
            '\'' => "close it; inside of single quotes a `'` is written twice",
            _ => "close it; inside of double quotes a `\"` is written `\\\"`",
        })
    }

    fn bad_escape(&self) -> Mistake {
        let mut chars = self.slice(self.at..self.text.len()).char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == '"' {
                break;
            }
            let Some((_, escaped)) = (if c == '\\' { chars.next() } else { None }) else { continue };
            let digits = match escaped {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ if "0abtnvfre \"/\\N_LP\t\n\r".contains(escaped) => continue,
                _ => 0,
            };
            let hex = chars.clone().take(digits).take_while(|(_, c)| c.is_ascii_hexdigit()).count();
            if digits == 0 || hex < digits {
                let start = self.at + at;
                let end = start + 1 + escaped.len_utf8();
                let message = format!("`\\{}` is no escape in double quotes", escaped.escape_debug());
                return Mistake::new("syntax", start..end, message)
                    .help("write a backslash twice, or put the text in single quotes");
            }
        }
        Mistake::new("syntax", self.rest_of_line(), "an escape in this text means no character")
    }

    /// The innermost bracket before `at` that nothing closes, and what would; looks back over 4 KiB.
    fn unclosed_bracket(&self) -> Option<(usize, char)> {
        let from = self.text.ceil_char_boundary(self.at.saturating_sub(4096));
        let mut closed = 0_usize;
        for (at, c) in self.text.get(from..self.at)?.char_indices().rev() {
            match c {
                '}' | ']' => closed += 1,
                '{' | '[' if closed > 0 => closed -= 1,
                '{' => return Some((from + at, '}')),
                '[' => return Some((from + at, ']')),
                _ => {}
            }
        }
        None
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
