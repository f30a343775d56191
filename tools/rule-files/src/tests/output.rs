//! Diagnostics as people and programs get them, and the schema for editors.

use serde_json::Value;

use super::*;
use crate::{RenderOptions, render, schema, to_json};

fn errors(name: &str, text: &str) -> Vec<Diagnostic> {
    read(name, text).unwrap_err()
}

#[test]
fn a_diagnostic_is_drawn_with_its_line_and_a_caret() {
    let text = "rules:\n  - id: a\n    groupz: []\n";
    assert_eq!(
        render(&errors("rules/a.yaml", text), RenderOptions::default()),
        "\
error[unknown-field]: a rule has no field `groupz`
 --> rules/a.yaml:3:5
  |
3 |     groupz: []
  |     ^^^^^^
  |
  = help: did you mean `groups`?

"
    );
}

#[test]
fn a_long_line_is_cut_around_the_place_and_keeps_its_column() {
    let rule = r#"{"id":"a"},"#.repeat(100) + &" ".repeat(100_000);
    let text = format!("{{\"rules\":[{rule}{{\"id\":\"a\",\"grups\":[]}},{rule}{{\"id\":\"b\"}}]}}");
    let errors = errors("a.json", &text);
    let grups = errors.iter().position(|error| error.finding.code == "unknown-field").unwrap();
    let drawn = render(&errors[grups..=grups], RenderOptions { color: false, width: 80 });
    let column = text.find("\"grups\"").unwrap() + 1;
    assert!(drawn.contains(&format!("a.json:1:{column}\n")), "{drawn}");
    assert!(drawn.contains("\"grups\"") && drawn.contains("^^^^^^^"), "{drawn}");
    assert!(drawn.lines().all(|line| line.chars().count() <= 100), "{drawn}");
    let caret = drawn.lines().find_map(|line| line.find('^')).unwrap();
    assert_eq!(drawn.lines().find_map(|line| line.find("\"grups\"")), Some(caret), "{drawn}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = "rules:\n  - id: a\n    \"x\u{9d}[31m\u{202e}\u{9b}y\": 1\n    groups: []\n";
    let drawn = render(&errors("a\u{1b}]0;evil\u{7}.yaml", text), RenderOptions::default());
    assert!(!drawn.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{drawn:?}");
    assert!(drawn.contains("\\u{1b}"), "{drawn}");
}

#[test]
fn colors_are_drawn_only_when_asked_for() {
    let errors = errors("a.yaml", "rulez: []");
    assert!(!render(&errors, RenderOptions::default()).contains('\u{1b}'));
    assert!(render(&errors, RenderOptions { color: true, width: 80 }).contains('\u{1b}'));
}

#[test]
fn a_diagnostic_is_one_line_of_json() {
    let lines = to_json(&errors("a.yaml", "rules:\n  - {id: \"\u{e4}\n      x\", grups: [], groups: []}\n"));
    let object: Value = serde_json::from_str(lines.trim_end()).unwrap();
    assert_eq!(
        object,
        serde_json::json!({
            "file": "a.yaml", "line": 3, "column": 11, "endLine": 3, "endColumn": 16,
            "severity": "error", "code": "unknown-field", "message": "a rule has no field `grups`",
            "help": "did you mean `groups`?", "path": ["rules", 0, "grups"]
        })
    );
}

#[test]
fn the_committed_schema_is_fresh() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/rules.schema.json");
    andon_kit_golden::assert_golden(file, &schema());
}

#[test]
fn the_schema_knows_the_bounds_and_refuses_unknown_fields() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for def in ["Rule", "Group", "StateEntry", "Scope", "Settings"] {
        assert_eq!(schema["$defs"][def]["additionalProperties"], false, "{def}");
    }
    let entry = &schema["$defs"]["StateEntry"]["properties"];
    assert_eq!(entry["when"]["maxLength"], 4096);
    assert_eq!(entry["when"]["type"], serde_json::json!(["string", "boolean"]));
    assert_eq!(entry["until"]["type"], serde_json::json!(["string", "null", "boolean"]));
    assert_eq!(entry["times"]["maximum"], 1_000_000);
    assert!(schema["$defs"]["Duration"]["pattern"].is_string());
}
