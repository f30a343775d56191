//! The input of the YAML parser, bounded for each event.
//!
//! A list or map in brackets may turn out to be a key, so the parser keeps all of it until it ends. Of a document
//! that is one bracket this would be a hundred times its size.

use std::cell::Cell;
use std::rc::Rc;

use saphyr_parser::Input;

/// The characters that the parser may still read until its next event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace(Rc<Cell<usize>>);

impl Pace {
    /// Most characters for one event: more than a rule may have.
    pub(crate) const CHARACTERS: usize = 1 << 20;

    pub(crate) fn begin(&self) {
        self.0.set(Self::CHARACTERS);
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.0.get() == 0
    }
}

/// Seems to end where the pace is exhausted.
pub(crate) struct PacedInput<'a> {
    rest: &'a str,
    lookahead: usize,
    pace: Pace,
}

impl<'a> PacedInput<'a> {
    pub(crate) fn new(text: &'a str, pace: Pace) -> Self {
        Self { rest: text, lookahead: 0, pace }
    }

    fn take(&mut self) -> Option<char> {
        let left = self.pace.0.get().checked_sub(1)?;
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.pace.0.set(left);
        Some(next)
    }
}

/// The end of the text is read as this, as [`Input`] asks for.
const END: char = '\0';

impl Input for PacedInput<'_> {
    fn lookahead(&mut self, count: usize) {
        self.lookahead = self.lookahead.max(count);
    }

    fn buflen(&self) -> usize {
        self.lookahead
    }

    fn bufmaxlen(&self) -> usize {
        // No buffer; as many as the parser ever looks ahead.
        128
    }

    fn raw_read_ch(&mut self) -> char {
        self.take().unwrap_or(END)
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        match self.peek() {
            END | '\n' | '\r' | '\u{feff}' => None,
            _ => self.take(),
        }
    }

    fn skip(&mut self) {
        self.take();
    }

    fn skip_n(&mut self, count: usize) {
        for _ in 0..count {
            self.take();
        }
    }

    fn peek(&self) -> char {
        self.peek_opt().unwrap_or(END)
    }

    fn peek_nth(&self, n: usize) -> char {
        if self.pace.is_exhausted() { END } else { self.rest.chars().nth(n).unwrap_or(END) }
    }

    fn peek_opt(&self) -> Option<char> {
        if self.pace.is_exhausted() { None } else { self.rest.chars().next() }
    }
}
