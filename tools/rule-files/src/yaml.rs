//! YAML as events. What a rule document has no use for is refused: anchors, aliases, tags, merge keys (see
//! `tree`), a second document. So nothing in a document stands for more than itself.

use std::ops::Range;

use saphyr_parser::{Event as YamlEvent, Parser, ScalarStyle, Span};

use crate::event::{Event, Mistake, Style};
use crate::paced::{Pace, PacedInput};
use crate::syntax;

pub(crate) struct YamlEvents<'a> {
    parser: Parser<'a, PacedInput<'a>>,
    pace: Pace,
    text: &'a str,
    marks: Marks<'a>,
    documents: usize,
    /// The first control character, which YAML does not allow; the parser would take some for the end.
    control: Option<usize>,
}

impl<'a> YamlEvents<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let marks = Marks { text, ascii: text.is_ascii(), character: 0, byte: 0 };
        let pace = Pace::default();
        let parser = Parser::new(PacedInput::new(text, pace.clone()));
        let is_control = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0x7f;
        Self { parser, pace, text, marks, documents: 0, control: text.bytes().position(is_control) }
    }

    /// The next event, or `None` after the end of the document.
    pub(crate) fn next(&mut self) -> Result<Option<(Event<'a>, Range<usize>)>, Mistake> {
        if let Some(at) = self.control {
            let message = "a control character, which YAML does not allow";
            return Err(Mistake::new("syntax", at..at + 1, message));
        }
        loop {
            self.pace.begin();
            let next = self.parser.next_event();
            if self.pace.is_exhausted() {
                return Err(self.too_much_for_one_event());
            }
            let (event, span) = match next {
                None => return Ok(None),
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let at = self.marks.byte(error.marker().index());
                    return Err(syntax::explain(self.text, at, error.info()));
                }
            };
            let bytes = self.bytes(span);
            let event = match event {
                YamlEvent::Nothing
                | YamlEvent::StreamStart
                | YamlEvent::StreamEnd
                | YamlEvent::DocumentEnd => {
                    continue;
                }
                YamlEvent::DocumentStart(_) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        let message = "a second document begins here; a file holds one rule document";
                        return Err(Mistake::new("several-documents", bytes, message)
                            .help("put its rules under the `rules:` above, or into a file of their own"));
                    }
                    continue;
                }
                YamlEvent::Alias(_) => return Err(self.refuse('*', &bytes)),
                YamlEvent::Scalar(_, _, _, Some(_)) | YamlEvent::SequenceStart(_, Some(_)) => {
                    return Err(self.refuse('!', &bytes));
                }
                YamlEvent::MappingStart(_, Some(_)) => return Err(self.refuse('!', &bytes)),
                YamlEvent::Scalar(_, _, 1.., _)
                | YamlEvent::SequenceStart(1.., _)
                | YamlEvent::MappingStart(1.., _) => return Err(self.refuse('&', &bytes)),
                YamlEvent::Scalar(text, style, _, _) => Event::Scalar(text, style_of(style)),
                YamlEvent::SequenceStart(..) => Event::List,
                YamlEvent::MappingStart(..) => Event::Map,
                YamlEvent::SequenceEnd | YamlEvent::MappingEnd => Event::End,
            };
            return Ok(Some((event, bytes)));
        }
    }

    fn too_much_for_one_event(&self) -> Mistake {
        let message =
            format!("no end of a text, list or map within {} characters from here", Pace::CHARACTERS);
        let at = self.marks.byte;
        Mistake::new("too-large", at..at, message)
            .help("write large lists and maps line by line, without braces, or as JSON")
    }

    fn bytes(&mut self, span: Span) -> Range<usize> {
        let start = self.marks.byte(span.start.index());
        let end = self.marks.byte(span.end.index());
        start..end.max(start)
    }

    /// An anchor, an alias or a tag stands at or shortly before the event that carries it.
    fn refuse(&self, indicator: char, bytes: &Range<usize>) -> Mistake {
        let is_indicator = |text: &str| text.starts_with(indicator);
        let start = if self.text.get(bytes.start..).is_some_and(is_indicator) {
            bytes.start
        } else {
            self.text.get(..bytes.start).and_then(|before| before.rfind(indicator)).unwrap_or(bytes.start)
        };
        syntax::refused_indicator(self.text, start, indicator)
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

/// Characters to bytes: the parser counts characters. Marks come nearly in order, so a cursor suffices.
struct Marks<'a> {
    text: &'a str,
    ascii: bool,
    character: usize,
    byte: usize,
}

impl Marks<'_> {
    fn byte(&mut self, character: usize) -> usize {
        if self.ascii {
            self.byte = character.min(self.text.len());
            return self.byte;
        }
        while self.character < character {
            match self.text.get(self.byte..).and_then(|rest| rest.chars().next()) {
                Some(c) => self.byte += c.len_utf8(),
                None => return self.byte,
            }
            self.character += 1;
        }
        while self.character > character {
            match self.text.get(..self.byte).and_then(|before| before.chars().next_back()) {
                Some(c) => self.byte -= c.len_utf8(),
                None => return 0,
            }
            self.character -= 1;
        }
        self.byte
    }
}
