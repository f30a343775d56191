//! Whatever comes in, there is an answer, soon, and no panic.

use andon_domain::{Finding, RuleDocument, limits};

use super::*;

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = format!("rules: []\n#{}", "x".repeat(limits::DOCUMENT_BYTES));
    assert!(found("a.yaml", &long)[0].contains("too-large: the document is"));
    let description = "x".repeat(limits::RULE_BYTES);
    let rule =
        format!("rules: [{{id: a, description: {description}, groups: []}}, {{id: b, groups: [], x: 1}}]");
    let found_in_rule = found("a.yaml", &rule);
    assert!(found_in_rule[0].contains("too-large: this rule is longer than the limit of 262144 bytes"));
    assert!(found_in_rule[1].contains("unknown-field"), "the next rule is read");
    for (name, open) in
        [("a.yaml", "["), ("a.yaml", "{a: "), ("a.yaml", "- "), ("a.json", "["), ("a.json", "{\"a\":")]
    {
        for times in [40, 1000, 100_000] {
            let text = format!("rules: {}", open.repeat(times));
            let text = if name == "a.json" { open.repeat(times) } else { text.replace(": - ", ":\n - ") };
            let found = found(name, &text);
            assert!(!found.is_empty(), "{open}");
        }
    }
    let deep = format!("{{\"rules\":{}{}}}", "[".repeat(40), "]".repeat(40));
    assert!(found("a.json", &deep)[0].contains("too-deep: maps and lists are nested deeper than 32"));
}

#[test]
fn a_control_character_in_yaml_is_no_end_of_the_text() {
    let found = found("a.yaml", "rules: []\n\u{0}x: 1\n");
    assert_eq!(found, ["2:1 syntax: a control character, which YAML does not allow"]);
}

#[test]
fn a_bracket_that_might_be_a_key_is_not_kept_without_bound() {
    let items = "{id: a},\n".repeat(200_000);
    let found = found("a.yaml", &format!("{{rules: [{items}]}}"));
    assert!(
        found[0].contains("1:1 too-large: no end of a text, list or map within 1048576 characters"),
        "{}",
        found[0]
    );
    let many = found_codes("a.yaml", &format!("rules: [{items}]"));
    assert!(!many.contains(&"too-large"), "the value of a field is no key");
}

fn found_codes(name: &str, text: &str) -> Vec<&'static str> {
    read(name, text).unwrap_err().iter().map(|diagnostic| diagnostic.finding.code).collect()
}

#[test]
fn a_flood_of_mistakes_is_cut_off_and_says_so() {
    let fields: String = (0..200).map(|i| format!(", x{i}: 1")).collect();
    let one = found("a.yaml", &format!("rules: [{{id: a, groups: []{fields}}}]"));
    assert_eq!(one.len(), 21);
    assert!(one[20].contains("too-many-mistakes: more than 20 mistakes in this rule"));
    let rules = "{x: 1},".repeat(5000);
    let many = found("a.yaml", &format!("rules: [{rules}]"));
    assert_eq!(many.len(), 1001);
    assert!(many[1000].contains("more than 1000 mistakes; what follows was not looked at"));
}

/// Pieces of YAML and JSON that random edits insert.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "\"",
    "'",
    "\\",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\n",
    "\t",
    " ",
    "  ",
    "- ",
    "#",
    " #",
    "&a ",
    "*a",
    "!",
    "|",
    ">",
    "? ",
    "<<: ",
    "---\n",
    "...",
    "é",
    "\u{feff}",
    "\u{0}",
    "1e999",
    "-0",
    "null",
    "true",
    "0x1F",
    "1.",
    "01",
    "%",
    "@",
    "\r",
    "\r\n",
    "\u{2028}",
    "rules",
    "when: ",
];

/// Random edits of sound documents: no panic, and JSON is taken exactly where a JSON parser takes it.
#[test]
fn mangled_documents_are_answered_and_json_is_read_as_strictly_as_by_serde() {
    let seed = std::env::var("ANDON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut random = fastrand::Rng::with_seed(seed);
    let json = serde_json::to_string_pretty(&sound("a.yaml", YAML).document).unwrap();
    let mut taken = 0;
    for round in 0..6000 {
        let (name, base) = if round % 2 == 0 { ("a.yaml", YAML) } else { ("a.json", json.as_str()) };
        let text = mangled(base, &mut random);
        let outcome = read(name, &text);
        every_diagnostic_can_be_shown(&outcome);
        if name == "a.json" && is_taken_as_by_serde(&text, &outcome) {
            taken += 1;
        }
    }
    assert!(taken > 100, "{taken}");
}

fn mangled(base: &str, random: &mut fastrand::Rng) -> String {
    let mut text: Vec<char> = base.chars().collect();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..text.len());
        match random.u8(0..4) {
            0 => drop(text.drain(at..(at + random.usize(1..12)).min(text.len()))),
            1 => text.truncate(at.max(1)),
            _ => drop(text.splice(at..at, random.choice(PIECES).unwrap().chars())),
        }
        if text.is_empty() {
            text.push('x');
        }
    }
    text.into_iter().collect()
}

fn every_diagnostic_can_be_shown(outcome: &Result<Loaded, Vec<Diagnostic>>) {
    let drawn = match outcome {
        Ok(loaded) => {
            loaded.source_map.locate(vec![Finding::error("x", vec!["rules".into(), 0.into()], "x")])
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            diagnostics.clone()
        }
    };
    for width in [0, 80] {
        assert!(!crate::render(&drawn, crate::RenderOptions { color: true, width }).is_empty());
    }
    assert_eq!(crate::to_json(&drawn).lines().count(), drawn.len());
}

/// Whether a JSON document was taken; fails where a JSON parser decides otherwise.
fn is_taken_as_by_serde(text: &str, outcome: &Result<Loaded, Vec<Diagnostic>>) -> bool {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let wanted = serde_json::from_str::<RuleDocument>(bare);
    match (outcome, &wanted) {
        (Ok(loaded), Ok(wanted)) => {
            assert_eq!(&loaded.document, wanted, "{text}");
            true
        }
        (Err(_), Err(_)) => false,
        // Stricter than serde where a key of the parameters stands twice.
        (Err(found), Ok(_)) if found.iter().all(|d| d.finding.code == "duplicate-key") => false,
        _ => panic!(
            "{:?} against {:?}\n{text}",
            outcome.as_ref().err().map(|d| d.iter().map(one).collect::<Vec<_>>()),
            wanted.err()
        ),
    }
}
