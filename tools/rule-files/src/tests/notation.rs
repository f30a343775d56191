//! Mistakes of YAML and JSON themselves.

use super::*;

#[track_caller]
fn says(name: &str, text: &str, said: &str) {
    let found = found(name, text);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    assert!(found[0].contains(said), "{text}\nfound:  {found:#?}\nwanted: {said}");
}

#[test]
fn a_mistake_of_yaml_is_named_in_words_of_the_person_who_made_it() {
    for (text, said) in [
        ("rules:\n\t- id: a", "2:1 syntax: a tab stands where YAML wants spaces"),
        ("rules:\n  - id: a\n\t  groups: []", "3:1 syntax: a tab"),
        (
            "rules:\n  - id: a\n   groups: []",
            "3:4 syntax: the indentation of this line fits none of the lines above",
        ),
        (
            "rules:\n  - id: a\n      groups: []",
            "3:7 syntax: this line is indented deeper than the one above",
        ),
        ("rules:\n  - id: \"a\n    groups: []\n", "2:9 syntax: the quote `\"` that opens here is not closed"),
        ("rules:\n  - id: 'a\n", "2:9 syntax: the quote `'` that opens here is not closed"),
        ("rules:\n  - when: 'x == 'a''", "2:18 syntax: the text goes on after its closing quote"),
        (
            "rules:\n  - when: a ? b : c",
            "2:17 syntax: a second `: ` in one line; a text that holds one needs quotes | if it is text or an expression, put it in quotes: `\"a ? b : c\"`",
        ),
        ("rules:\n  - id a\n    b: c", "2:5 syntax: this line has no colon | write `id: a`"),
        (
            "rules:\n  - id: a\n    groups\n      - id: g",
            "3:5 syntax: this line has no colon | write `groups:`",
        ),
        (
            "rules:\n  - id:a\n    b: c",
            "2:7 syntax: after the colon of a field stands a space | write `id: a`",
        ),
        (
            "rules:\n  -id: a\n    b: c",
            "2:3 syntax: after the `-` of a list item stands a space | write `- id: a`",
        ),
        ("rules:\n  - when: !running && x", "2:11 unsupported-yaml: `!` begins a tag"),
        (
            "rules:\n  - when: !(a > 5)",
            "2:11 syntax: a text without quotes must not begin with `!`: to YAML that is a tag | if it is text or an expression, put it in quotes: `\"!(a > 5)\"`",
        ),
        ("rules:\n  - scope: {equipment: *}", "2:24 syntax: a text without quotes must not begin with `*`"),
        ("rules:\n  - when: > 80", "2:11 syntax: a text without quotes must not begin with `>`"),
        ("rules:\n  - when: %x", "2:11 syntax: a text without quotes must not begin with `%`"),
        ("rules:\n  - &a\n    id: x", "2:5 unsupported-yaml: `&` begins an anchor"),
        ("rules: &a []\nsettings: *a", "1:8 unsupported-yaml: `&` begins an anchor"),
        ("rules:\n  - when: \"a == \\d\"", "2:17 syntax: `\\d` is no escape in double quotes"),
        ("rules:\n  - {state: A, when: \"x\"\n  - id: b", "2:5 syntax: this `{` is not closed"),
        ("rules: [\n", "1:8 syntax: this `[` is not closed"),
        ("rules: }\n", "1:8 syntax: this bracket closes nothing"),
        ("rules: []\n---\nrules: []", "2:1 several-documents: a second document begins here"),
        ("rules: !!set []", "1:8 unsupported-yaml: `!` begins a tag"),
    ] {
        says("a.yaml", text, said);
    }
}

#[test]
fn merge_keys_and_keys_that_are_no_text_are_refused() {
    says(
        "a.yaml",
        "rules: [{id: a, groups: [], <<: {version: 2}}]",
        "1:29 unsupported-yaml: `<<` merges maps",
    );
    says("a.yaml", "rules: [{id: a, groups: [], ? [x] : y}]", "the name of a field is a text");
    says("a.yaml", "? {a: b}\n: c", "the name of a field is a text");
}

#[test]
fn a_mistake_of_json_is_named_with_its_place() {
    for (text, said) in [
        (
            "{\"rules\": [],}",
            "1:13 syntax: a comma before `}`, with nothing between them | take the comma away",
        ),
        ("{\"rules\": [\n  {},\n]}", "2:5 syntax: a comma before `]`"),
        (
            "{\"rules\": []",
            "1:13 syntax: the text ends inside of the `{` of line 1, column 1 | close it with `}`",
        ),
        (
            "{\"rules\": [] \"settings\": {}}",
            "1:14 syntax: expected `,` or `}`, found `\"` | a comma is missing before it",
        ),
        ("{\"rules\": [}", "1:12 syntax: expected a value, found `}`"),
        ("{\"rules\": {]}", "1:12 syntax: expected the name of a field in double quotes, found `]`"),
        ("{\"rules\" []}", "1:10 syntax: expected `:` after the name of a field, found `[`"),
        ("{\"rules\": []} x", "1:15 syntax: expected the end of the file, found `x`"),
        ("{\"rules\": []}{", "1:14 syntax: expected the end of the file, found `{`"),
        (
            "{'rules': []}",
            "1:2 syntax: expected the name of a field in double quotes, found `'` | JSON has double quotes",
        ),
        (
            "{rules: []}",
            "1:2 syntax: expected the name of a field in double quotes, found `r` | write the name in quotes",
        ),
        ("{\"rules\": yes}", "1:11 syntax: expected a value, found `y` | a text is written in quotes"),
        ("{\"rules\": nulls}", "1:11 syntax: expected a value, found `n`"),
        ("{\"rules\": 012}", "1:11 syntax: `012` is no number"),
        ("{\"rules\": 5m}", "1:11 syntax: `5m` is no number | a text or a duration is written in quotes"),
        ("{\"rules\": -}", "1:11 syntax: `-` is no number"),
        ("{\"rules\": \"a\n\"}", "1:11 syntax: the quote that opens here is not closed on its line"),
        ("{\"rules\": \"a\tb\"}", "1:13 syntax: a control character inside of a text"),
        ("{\"rules\": \"a", "1:11 syntax: the quote that opens here is not closed"),
        ("{\"rules\": \"\\d\"}", "1:12 syntax: `\\d` is no escape"),
        ("{\"rules\": \"\\ud800x\"}", "1:12 syntax: `\\u` is no escape"),
        (
            "{ // c\n}",
            "1:3 syntax: expected the name of a field in double quotes, found `/` | JSON has no comments",
        ),
    ] {
        says("a.json", text, said);
    }
}

#[test]
fn a_file_named_yaml_may_mix_json_with_what_only_yaml_has() {
    sound("a.yaml", "{\"rules\": [], # none yet\n}");
    says("a", "{\"rules\": [], # none yet\n}", "syntax: expected the name of a field");
}

#[test]
fn rules_before_a_mistake_of_the_notation_are_looked_at_too() {
    let text = "rules:\n  - {id: a, groups: [], x: 1}\n  - id: b\n    version: 2\n   bad: 1\n";
    let found = found("a.yaml", text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("2:25 unknown-field") && found[1].contains("5:4 syntax"), "{found:?}");
}
