//! Globs over equipment ids, as in a shell: `*`, `?`, `[abc]`, `[a-z]`, `[!a-z]`; case-sensitive.
//!
//! No library is used, because a rule set may hold a million scopes: a compiled glob is a short list of tokens.
//! Matching is a loop with one point of return (the last `*`), so it takes at most `tokens x characters` steps.

/// A compiled glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[GlobToken]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum GlobToken {
    Char(char),
    AnyChar,
    AnyRun,
    Class { negated: bool, ranges: Box<[(char, char)]> },
}

/// A mistake in a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A `[` without its `]`.
    #[error("a `[` is not closed by a `]`")]
    UnclosedClass,
    /// A range such as `[z-a]`.
    #[error("a range in `[..]` runs backwards")]
    EmptyRange,
}

impl Glob {
    /// Compiles a glob.
    ///
    /// # Errors
    /// When a class is not closed or has a backward range.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if tokens.last() == Some(&GlobToken::AnyRun) => continue,
                '*' => GlobToken::AnyRun,
                '?' => GlobToken::AnyChar,
                '[' => class(&mut chars)?,
                c => GlobToken::Char(c),
            });
        }
        Ok(Self(tokens.into()))
    }

    /// Returns whether the text has no wildcard, so that it names one equipment.
    #[must_use]
    pub fn is_literal(text: &str) -> bool {
        !text.contains(['*', '?', '['])
    }

    /// Returns whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let token = self.0.get(at);
            if token == Some(&GlobToken::AnyRun) {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            let before = rest.clone();
            let matched = match (token, rest.next()) {
                (None, None) => return true,
                (Some(token), Some(c)) => token.takes(c),
                _ => false,
            };
            if matched {
                at += 1;
                continue;
            }
            // The last `*` takes one more character. Earlier ones need no further try.
            let Some((after_star, mut from)) = retry.take() else { return false };
            if from.next().is_none() || (before.as_str().is_empty() && token.is_some()) {
                return false;
            }
            at = after_star;
            rest = from.clone();
            retry = Some((after_star, from));
        }
    }
}

impl GlobToken {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == c,
            Self::AnyChar => true,
            Self::AnyRun => false,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
            }
        }
    }
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<GlobToken, GlobError> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let first = chars.next().ok_or(GlobError::UnclosedClass)?;
        if first == ']' && !ranges.is_empty() {
            return Ok(GlobToken::Class { negated, ranges: ranges.into() });
        }
        let mut last = first;
        if chars.peek() == Some(&'-') {
            let mut ahead = chars.clone();
            ahead.next();
            if ahead.peek().is_some_and(|c| *c != ']') {
                chars.next();
                last = chars.next().ok_or(GlobError::UnclosedClass)?;
            }
        }
        if last < first {
            return Err(GlobError::EmptyRange);
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names_as_in_a_shell() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("*", "filler-1", true),
            ("filler-*", "filler-1", true),
            ("filler-*", "filler-", true),
            ("filler-*", "xfiller-1", false),
            ("filler-*", "Filler-1", false),
            ("*-1", "filler-1", true),
            ("*-1", "filler-1-1", true),
            ("*-1", "filler-11", false),
            ("labeler-?", "labeler-1", true),
            ("labeler-?", "labeler-10", false),
            ("labeler-?", "labeler-ü", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("[abc]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]x", "dx", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("{a,b}", "{a,b}", true),
            ("", "", true),
            ("", "x", false),
            ("**", "x", true),
        ] {
            assert_eq!(Glob::new(glob).unwrap().matches(text), expected, "{glob} on {text}");
        }
    }

    #[test]
    fn broken_classes_are_refused() {
        assert_eq!(Glob::new("a[b"), Err(GlobError::UnclosedClass));
        assert_eq!(Glob::new("a[z-a]"), Err(GlobError::EmptyRange));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = Glob::new(&"a*".repeat(100)).unwrap();
        assert!(!glob.matches(&"a".repeat(99)));
        assert!(glob.matches(&"a".repeat(256)));
        assert!(!Glob::new(&("*a".repeat(60) + "b")).unwrap().matches(&"a".repeat(256)));
    }
}
