//! Texts from outside, fit to be shown.

use std::fmt::Write as _;

/// Up to `most` characters of a text. What moves the cursor, colours a terminal, reverses or hides text is written as an
/// escape that can be seen, such as `\u{1b}`.
#[must_use]
pub fn harmless(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(4 * most));
    let mut characters = text.chars();
    for c in characters.by_ref().take(most) {
        if c.is_control() || is_invisible(c) {
            // Writing to a text cannot fail.
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that format others: directions, joiners, line and paragraph ends, marks of byte order, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_fool_a_reader_is_escaped() {
        assert_eq!(harmless("a\u{1b}[31m\nb", 20), r"a\u{1b}[31m\u{a}b");
        assert_eq!(harmless("pay\u{202e}lld\u{9b}", 20), r"pay\u{202e}lld\u{9b}");
        assert_eq!(harmless("Wärme °C 温度", 20), "Wärme °C 温度");
    }

    #[test]
    fn a_long_text_is_cut_and_shows_it() {
        assert_eq!(harmless("abcdef", 3), "abc…");
        assert_eq!(harmless("abc", 3), "abc");
    }
}
