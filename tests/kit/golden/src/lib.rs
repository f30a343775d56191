//! Golden files: expected output that is committed. For tests only.

use std::path::Path;

/// The characters of a line that are shown before the first difference, and in all.
const SHOWN_BEFORE: usize = 40;
const SHOWN: usize = 160;

/// Compares an output with its golden file. Where `ANDON_BLESS` is set, writes the file instead.
///
/// # Panics
/// When the output differs: with the first line that does, and how to bless it. When the file cannot be written.
#[track_caller]
pub fn assert_golden(path: impl AsRef<Path>, found: &str) {
    let path = path.as_ref();
    // A missing file is an empty one: the message then shows the first line of the output.
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    let Some(difference) = difference(&expected, found) else { return };
    let failure = if std::env::var_os("ANDON_BLESS").is_none() {
        Some(format!("{} {difference}", path.display()))
    } else {
        std::fs::write(path, found).err().map(|error| format!("{}: {error}", path.display()))
    };
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

/// Describes the first line that differs; `None` if the texts are equal.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut left, mut right) = (expected.split_inclusive('\n'), found.split_inclusive('\n'));
    let mut line = 0;
    let (left, right) = loop {
        line += 1;
        match (left.next(), right.next()) {
            (left, right) if left != right || left.is_none() => break (left, right),
            _ => {}
        }
    };
    let column = match (left, right) {
        (Some(left), Some(right)) => left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    Some(format!(
        "differs in line {line}, column {}\n  expected: {}\n  found:    {}\nIf the new output is right, run the test again \
         with ANDON_BLESS=1, which writes the file, and read the difference before you commit it.",
        column + 1,
        shown(left, column),
        shown(right, column),
    ))
}

/// Returns the part of a line around a column.
fn shown(line: Option<&str>, column: usize) -> String {
    let Some(line) = line else { return "(the end)".to_owned() };
    let from = column.saturating_sub(SHOWN_BEFORE);
    let part: String = line.chars().skip(from).take(SHOWN).collect();
    let is_cut = line.chars().nth(from + SHOWN).is_some();
    format!("{}{part:?}{}", if from > 0 { ".." } else { "" }, if is_cut { ".." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("", ""), None);
    }

    #[test]
    fn the_first_line_that_differs_is_shown_with_its_column() {
        let message = difference("same\nstate HIGH\nx\n", "same\nstate LOW\ny\n").unwrap();
        let (first, rest) = message.split_once('\n').unwrap();
        assert_eq!(first, "differs in line 2, column 7");
        assert!(
            rest.starts_with("  expected: \"state HIGH\\n\"\n  found:    \"state LOW\\n\"\n"),
            "{message}"
        );
        assert!(message.contains("ANDON_BLESS=1"));
    }

    #[test]
    fn a_missing_line_end_and_a_missing_line_are_differences() {
        let message = difference("a\n", "a").unwrap();
        assert!(message.starts_with("differs in line 1, column 2\n"), "{message}");
        let message = difference("a\n", "a\nb\n").unwrap();
        assert!(
            message.starts_with("differs in line 2, column 1\n  expected: (the end)\n  found:    \"b\\n\""),
            "{message}"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_difference() {
        let message = difference(&"x".repeat(5000), &format!("{}y", "x".repeat(3000))).unwrap();
        let expected = format!("  expected: ..\"{}\"..\n", "x".repeat(SHOWN));
        let found = format!("  found:    ..\"{}y\"\n", "x".repeat(SHOWN_BEFORE));
        assert!(message.contains(&expected) && message.contains(&found), "{message}");
    }

    #[test]
    #[should_panic(expected = "no-such-file differs in line 1, column 1")]
    fn a_missing_file_is_reported_with_its_path() {
        let folder = std::env::temp_dir();
        assert_golden(folder.join("andon-golden-no-such-file"), "text\n");
    }
}
