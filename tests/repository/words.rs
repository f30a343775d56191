//! The words that the prose guide in CONTRIBUTING.md keeps out of code and documents.

use super::{files, none, text};

/// Each banned word with the word to write instead. In halves, so that this file does not find itself.
const BANNED: [(&str, &str, &str); 16] = [
    ("me", "nd", "fix"),
    ("me", "nds", "fixes"),
    ("me", "nded", "fixed"),
    ("me", "nding", "fixing"),
    ("who", "ever", "the actor: the operator, the sender, the caller"),
    ("some", "body", "the actor: the operator, a concurrent writer"),
    ("no", "body", "the actor: no reader, no invocation"),
    ("thos", "e who", "the actors by their noun"),
    ("on", "e who", "the actor by its noun"),
    ("so m", "any", "the number, or its noun: maximum retries"),
    ("so lo", "ng as", "while, or the duration"),
    ("in va", "in", "without success"),
    ("for e", "ver", "forever, or until restart"),
    ("equip", "ments", "machines"),
    ("is to", "ld", "learns, receives"),
    ("are to", "ld", "learn, receive"),
];

/// Folders and files whose words are not ours: made by an independent model, by tools, or quoted from elsewhere.
const NOT_OURS: [&str; 5] =
    ["tests/conformance/", "fuzz/seeds/", "fuzz/regressions/", "infra/package-lock.json", "LICENSE"];

#[test]
fn the_banned_words_stand_nowhere() {
    let mut offenders = Vec::new();
    for file in files()
        .into_iter()
        .filter(|file| !file.ends_with(".lock") && !NOT_OURS.iter().any(|other| file.starts_with(other)))
    {
        for (index, line) in text(&file).lines().enumerate() {
            let words = words(line);
            for (first, second, instead) in BANNED {
                let banned = format!(" {first}{second} ");
                if words.contains(&banned) {
                    offenders.push(format!("{file}:{}:{banned}(write: {instead})", index + 1));
                }
            }
        }
    }
    none(&offenders, "words that make a reader ask what is meant");
}

/// The words of a line in lower case, each with a space on both sides. Names in code count: `_` parts words.
fn words(line: &str) -> String {
    let mut words = String::from(" ");
    for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        words.push_str(&word.to_lowercase());
        words.push(' ');
    }
    words
}

#[test]
fn a_banned_word_is_found_in_prose_and_in_names() {
    let found = |line: &str, word: &str| words(line).contains(&format!(" {word} "));
    assert!(found(concat!("// Kept for e", "ver."), concat!("for e", "ver")));
    assert!(found("fn no_body_of_equip_ments()", "no body"));
    assert!(found(concat!("--Equip", "ments N"), concat!("equip", "ments")));
    assert!(!found("a recommendation, amended", concat!("me", "nded")));
}
