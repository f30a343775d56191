//! Splits a text into tokens.

use super::{ExprError, Span};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Ident(String),
    /// An operator or a parenthesis.
    Symbol(&'static str),
    End,
}

/// All symbols, the longer ones before their prefixes.
const SYMBOLS: [&str; 20] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "+", "*", "/", "%", "?", ":", "(", ")", ",", ".",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, ExprError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let (token, span) = lexer.next()?;
        let end = token == Token::End;
        tokens.push((token, span));
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    /// Takes all leading characters that match.
    fn take_while(&mut self, matches: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !matches(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn next(&mut self) -> Result<(Token, Span), ExprError> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok((Token::End, self.span_from(start)));
        };
        let next_is_digit = self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let token = if first.is_ascii_digit() || (first == '.' && next_is_digit) {
            self.number()?
        } else if first == '\'' || first == '"' {
            self.string(first)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            Token::Ident(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_owned())
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol)) {
            self.at += symbol.len();
            Token::Symbol(symbol)
        } else {
            self.at += first.len_utf8();
            return Err(self.unexpected(first, self.span_from(start)));
        };
        Ok((token, self.span_from(start)))
    }

    fn unexpected(&self, found: char, span: Span) -> ExprError {
        let error = ExprError::new(span, format!("unexpected `{}`", found.escape_debug()));
        match found {
            '=' if self.rest().starts_with('>') => error.with_help("for `at least`, write `>=`"),
            '=' if self.rest().starts_with('<') => error.with_help("for `at most`, write `<=`"),
            '=' => error.with_help("to compare, write `==`"),
            '&' => error.with_help("for `and`, write `&&`"),
            '|' => error.with_help("for `or`, write `||`"),
            '‘' | '’' | '“' | '”' => error.with_help("use straight quotes: `'text'`"),
            '≤' => error.with_help("write `<=`"),
            '≥' => error.with_help("write `>=`"),
            '≠' => error.with_help("write `!=`"),
            '[' | '{' => error.with_help("lists and maps are not part of the language"),
            '#' | '$' | '@' | ';' => error.with_help("a tag that is no identifier is written `tag('..')`"),
            c if c.is_alphabetic() => error.with_help(
                "a tag that is no identifier (letters a to z, digits, `_`) is written `tag('..')`",
            ),
            _ => error,
        }
    }

    fn number(&mut self) -> Result<Token, ExprError> {
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        if self.rest().starts_with('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = self.rest();
        let mut after_e = exponent.chars().skip(1);
        let signed = matches!(after_e.clone().next(), Some('+' | '-'));
        let digit = if signed { after_e.nth(1) } else { after_e.next() };
        if exponent.starts_with(['e', 'E']) && digit.is_some_and(|c| c.is_ascii_digit()) {
            self.at += if signed { 2 } else { 1 };
            self.take_while(|c| c.is_ascii_digit());
        }
        let digits = self.span_from(start);
        let tail = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if !tail.is_empty() {
            let whole = self.span_from(start);
            let text = self.text.get(whole.start..whole.end).unwrap_or_default();
            let error = ExprError::new(whole, format!("`{text}` is no number"));
            return Err(match andon_domain::Millis::parse(text) {
                Ok(_) => error.with_help(format!("a duration is written in quotes: `'{text}'`")),
                Err(_) => error.with_help("a tag that begins with a digit is written `tag('..')`"),
            });
        }
        match self.text.get(digits.start..digits.end).and_then(|text| text.parse::<f64>().ok()) {
            Some(number) if number.is_finite() => Ok(Token::Number(number)),
            _ => Err(ExprError::new(digits, "the number is too large")),
        }
    }

    fn string(&mut self, quote: char) -> Result<Token, ExprError> {
        let start = self.at;
        let unclosed = |at: usize| {
            ExprError::new(Span { start, end: at }, format!("the text has no closing quote `{quote}`"))
        };
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return Err(unclosed(self.at)) };
            self.at += c.len_utf8();
            match c {
                '\n' | '\r' => return Err(unclosed(self.at - 1)),
                c if c == quote => return Ok(Token::Text(value)),
                '\\' => value.push(self.escape()?),
                c => value.push(c),
            }
        }
    }

    /// Reads an escape of CEL behind its backslash.
    fn escape(&mut self) -> Result<char, ExprError> {
        let start = self.at - 1;
        let Some(c) = self.rest().chars().next() else {
            return Err(ExprError::new(self.span_from(start), "the text ends inside an escape"));
        };
        self.at += c.len_utf8();
        let code = match c {
            '\\' | '\'' | '"' | '`' | '?' => return Ok(c),
            'a' => return Ok('\u{7}'),
            'b' => return Ok('\u{8}'),
            'f' => return Ok('\u{c}'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\u{b}'),
            'x' | 'X' => self.code(2, 16),
            'u' => self.code(4, 16),
            'U' => self.code(8, 16),
            '0'..='3' => {
                self.at -= 1;
                self.code(3, 8)
            }
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| {
            ExprError::new(self.span_from(start), format!("`\\{}` is no escape", c.escape_debug()))
                .with_help("a backslash itself is written `\\\\`")
        })
    }

    fn code(&mut self, digits: usize, radix: u32) -> Option<u32> {
        let text = self.rest().get(..digits)?;
        if !text.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        self.at += digits;
        u32::from_str_radix(text, radix).ok()
    }
}
