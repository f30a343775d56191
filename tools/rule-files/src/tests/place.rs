//! From a value back to the text.

use andon_domain::{Finding, PathSegment};

use super::*;

fn path(steps: &str) -> Vec<PathSegment> {
    steps
        .split('.')
        .filter(|step| !step.is_empty())
        .map(|step| step.parse::<usize>().map_or_else(|_| step.into(), PathSegment::from))
        .collect()
}

#[track_caller]
fn place(loaded: &Loaded, steps: &str) -> ((usize, usize), String) {
    let diagnostics = loaded.source_map.locate(vec![Finding::error("x", path(steps), "x")]);
    (diagnostics[0].place.start(), marked(&diagnostics[0]).to_owned())
}

#[test]
fn a_path_leads_to_its_value() {
    let loaded = sound("a.yaml", YAML);
    for (steps, start, text) in [
        ("settings.allowed_lateness", (1, 30), "5m"),
        ("settings", (1, 11), "{allowed_lateness: 5m}"),
        ("rules.0", (3, 5), "id: first"),
        ("rules.0.id", (3, 9), "first"),
        ("rules.0.scope.equipment", (4, 24), "\"filler-*\""),
        ("rules.0.parameters.name", (5, 33), "'l1'"),
        ("rules.0.groups", (6, 5), "groups"),
        ("rules.0.groups.0", (7, 9), "id: thermal"),
        ("rules.0.groups.0.otherwise", (9, 20), "~"),
        ("rules.0.groups.0.states.0.when", (12, 19), "\"t > params.max\""),
        ("rules.1.scope.equipment.1", (17, 29), "\"capper-2\""),
        ("rules.1.groups.0.states.0", (20, 18), "{state: ON, when: true, until: false}"),
    ] {
        assert_eq!(place(&loaded, steps), (start, text.to_owned()), "{steps}");
    }
}

#[test]
fn what_the_text_does_not_spell_out_is_placed_at_the_nearest_thing_around() {
    let loaded = sound("a.yaml", YAML);
    assert_eq!(place(&loaded, "rules.1.default").0, (15, 5));
    assert_eq!(place(&loaded, "rules.1.groups.0.states.0.times").0, (20, 18));
    assert_eq!(place(&loaded, "rules.7.id").0, (2, 1));
    assert_eq!(place(&loaded, "").0, (1, 1));
    let empty = sound("a.yaml", "rules:\n  - id: a\n    description:\n    groups: []\n");
    assert_eq!(place(&empty, "rules.0.description"), ((3, 5), "description".to_owned()));
}

#[test]
fn a_part_of_an_expression_is_found_in_every_way_of_writing_it() {
    let whens = [
        "t > bad",
        "'t > bad'",
        "\"t > bad\"",
        "\"t \\x3e bad\"",
        ">-\n              t >\n              bad",
        "|\n              t >\n                bad\n",
        "t\n              > bad",
        "\"t >\n              bad\"",
    ];
    for when in whens {
        for head in ["# ä\n", ""] {
            let text = format!(
                "{head}rules:\n  - id: a\n    groups:\n      - id: g\n        states:\n          - state: Ä\n            when: {when}\n            for: 5s\n"
            );
            let loaded = sound("a.yaml", &text);
            let value = &loaded.document.rules[0].groups[0].states[0].when;
            let start = value.find("bad").unwrap();
            let finding =
                Finding::error("x", path("rules.0.groups.0.states.0.when"), "x").within(start..start + 3);
            let diagnostics = loaded.source_map.locate(vec![finding]);
            assert_eq!(marked(&diagnostics[0]), "bad", "{text}");
        }
    }
    let json = r#"{"rules":[{"id":"a","groups":[{"id":"g","states":[{"state":"A","when":"\u0074 > 😀\ud83d\ude00\"bad"}]}]}]}"#;
    let loaded = sound("a.json", json);
    let value = &loaded.document.rules[0].groups[0].states[0].when;
    let start = value.find("bad").unwrap();
    let finding = Finding::error("x", path("rules.0.groups.0.states.0.when"), "x").within(start..start + 3);
    assert_eq!(marked(&loaded.source_map.locate(vec![finding])[0]), "bad");
}

#[test]
fn a_place_at_the_end_of_an_expression_is_before_the_closing_quote() {
    for when in ["\"t >\"", "'t >'", "t >"] {
        let text = format!("rules: [{{id: a, groups: [{{id: g, states: [{{state: A, when: {when}}}]}}]}}]");
        let loaded = sound("a.yaml", &text);
        let finding = Finding::error("x", path("rules.0.groups.0.states.0.when"), "x").within(3..3);
        let end = text.find("t >").unwrap() + 3;
        assert_eq!(loaded.source_map.locate(vec![finding])[0].place.bytes(), end..end, "{text}");
    }
}

#[test]
fn columns_count_characters_and_lines_end_as_on_windows_too() {
    let text = "\u{feff}rules:\r\n  - {description: \"üüü\", id: a, wrong: 1, groups: []}\r\n";
    assert!(found("a.yaml", text)[0].starts_with("2:33 unknown-field"), "{:?}", found("a.yaml", text));
}

#[test]
fn an_error_says_that_a_comment_cut_off_the_expression() {
    let text =
        "rules: \n- id: a\n  groups: [{id: g, states: [{state: A,\n     when: tag('x # y') > 5\n  }]}]";
    let loaded = sound("a.yaml", text);
    let finding = Finding::error("x", path("rules.0.groups.0.states.0.when"), "x").within(4..6);
    let diagnostics = loaded.source_map.locate(vec![finding]);
    assert!(diagnostics[0].finding.help.as_ref().unwrap().contains("begins a comment"));
}
