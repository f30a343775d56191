//! Escapes text from outside, so that it cannot become markup.
//!
//! Markup is written with [`Html::raw`], which takes only text of the program itself; everything else goes through
//! [`Html::text`], which is safe both between tags and inside a quoted attribute.

use std::fmt::{self, Display, Write};

use andon_domain::text::is_control_char;

use crate::limits;

/// A piece of the page.
#[derive(Debug, Default)]
pub(crate) struct Html {
    out: String,
}

impl Html {
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    pub(crate) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(Escaped(&mut self.out), "{text}");
        self
    }

    pub(crate) fn append(&mut self, piece: &Self) -> &mut Self {
        self.out.push_str(&piece.out);
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    pub(crate) fn into_string(self) -> String {
        self.out
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(visible(c)),
            }
        }
        Ok(())
    }
}

/// Returns the picture of an ASCII control character, and U+FFFD for characters that hide or reorder text.
fn visible(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // No characters of HTML.
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if is_control_char(c) => '\u{fffd}',
        c => c,
    }
}

/// The first `most` characters, with an ellipsis if there are more.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut clipped: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        clipped.push('…');
    }
    clipped
}

/// The longest beginning of at most `most` bytes.
pub(crate) fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// A name as it is shown.
pub(crate) fn name(text: &str) -> String {
    if text.is_empty() { "(empty)".to_owned() } else { clip(text, limits::NAME_CHARS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_stays_text_between_tags_and_in_attributes() {
        let mut html = Html::default();
        html.raw("<i title=\"").text("\"><script>'&").raw("\">");
        assert_eq!(html.into_string(), "<i title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">");
    }

    #[test]
    fn control_characters_are_shown_and_reordering_ones_are_not_obeyed() {
        let mut html = Html::default();
        html.text("a\0\n\u{7f}\u{202e}b");
        assert_eq!(html.into_string(), "a␀␊␡\u{fffd}b");
    }

    #[test]
    fn clipping_counts_characters_not_bytes() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 3), "äöü…");
    }
}
