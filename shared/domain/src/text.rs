//! Escapes text from outside: the one definition of characters that must not reach a terminal or a reader.

use std::fmt::Write as _;

/// Returns whether a character steers a terminal, hides text or turns its direction: control characters, soft hyphens,
/// joiners, direction marks, line and paragraph separators, byte-order marks, annotations and tags.
#[must_use]
pub fn is_control_char(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text with every control character written as an escape that can be seen, such as `\u{1b}`.
#[must_use]
pub fn escape_control_chars(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut shown, c);
    }
    shown
}

/// Returns up to `most` characters of the text, escaped as by [`escape_control_chars`], and `…` where it was cut.
#[must_use]
pub fn escape_control_chars_up_to(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * most));
    let mut characters = text.chars();
    for c in characters.by_ref().take(most) {
        push_escaped(&mut shown, c);
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Returns the text with U+FFFD in the place of every control character but tab: as many characters as before, for
/// source lines with carets under them.
#[must_use]
pub fn replace_control_chars(text: &str) -> String {
    text.chars().map(|c| if c != '\t' && is_control_char(c) { '\u{fffd}' } else { c }).collect()
}

fn push_escaped(shown: &mut String, c: char) {
    if is_control_char(c) {
        // Writing to a text cannot fail.
        let _ = write!(shown, "{}", c.escape_default());
    } else {
        shown.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_could_fool_a_reader_are_escaped() {
        assert_eq!(escape_control_chars("a\u{1b}[31m\nb"), r"a\u{1b}[31m\nb");
        assert_eq!(escape_control_chars("pay\u{202e}lld\u{9b}"), r"pay\u{202e}lld\u{9b}");
        assert_eq!(
            escape_control_chars("\u{61c}\u{200b}\u{feff}\u{e0041}"),
            r"\u{61c}\u{200b}\u{feff}\u{e0041}"
        );
        assert_eq!(escape_control_chars("Wärme °C 温度"), "Wärme °C 温度");
    }

    #[test]
    fn a_long_text_is_cut_and_shows_it() {
        assert_eq!(escape_control_chars_up_to("abcdef", 3), "abc…");
        assert_eq!(escape_control_chars_up_to("abc", 3), "abc");
    }

    #[test]
    fn a_replaced_text_keeps_its_columns() {
        let text = "a\tb\u{1b}c\u{202e}d";
        assert_eq!(replace_control_chars(text), "a\tb\u{fffd}c\u{fffd}d");
        assert_eq!(replace_control_chars(text).chars().count(), text.chars().count());
    }
}
