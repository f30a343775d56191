//! Documents that are read, and mistakes of shape.

use andon_domain::{Millis, ParameterValue, RuleDocument};

use super::*;
use crate::merge;

#[test]
fn yaml_and_json_read_as_the_same_rules() {
    let yaml = sound("rules.yaml", YAML).document;
    let rule = &yaml.rules[0];
    assert_eq!(yaml.settings.unwrap().allowed_lateness, Millis(300_000));
    assert_eq!(rule.parameters["max"], ParameterValue::Number(80.0));
    assert_eq!(rule.parameters["on"], ParameterValue::Bool(true));
    assert_eq!(rule.groups[0].states[0].hold, Some(Millis(5_400_000)));
    assert_eq!(yaml.rules[1].groups[0].states[0].when, "true");
    assert_eq!(yaml.rules[1].scope.equipment, ["capper-1", "capper-2"]);

    let json = serde_json::to_string_pretty(&yaml).unwrap();
    assert_eq!(sound("rules.json", &json).document, yaml);
    assert_eq!(sound("rules.yaml", &json).document, yaml, "JSON in a file that is named YAML");
    assert_eq!(serde_json::from_str::<RuleDocument>(&json).unwrap(), yaml);
}

#[test]
fn a_document_without_rules_is_sound_but_an_empty_file_is_not() {
    for text in ["rules: []", "rules:", "{}", "{\"rules\": []}", "settings: {idle_timeout: 5s}"] {
        assert!(sound("a.yaml", text).document.rules.is_empty(), "{text}");
    }
    for text in ["", "  \n\n", "# only a comment\n", "---\n", "~", "\u{feff}"] {
        assert!(found("a.yaml", text)[0].contains("no-rules: there are no rules in this file"), "{text}");
    }
    assert!(found("a.json", " ")[0].contains("no-rules"));
}

#[test]
fn every_mistake_of_every_rule_is_reported_at_once() {
    let text = "\
rules:
  - id: first
    groups:
      - id: g
        wieght: 5
        states:
          - stat: A
            when: {a: b}
            for: 5
          - when: t > 5
            times: often
      - 7
  - groups: []
    version: -1
  - id: third
    groups:
      - id: g
        states: [{state: A, when: t = 5}]
";
    assert_eq!(
        found("a.yaml", text),
        [
            "5:9 unknown-field: a group has no field `wieght` | did you mean `weight`?",
            "7:13 unknown-field: an entry of `states` has no field `stat` | did you mean `state`?",
            "8:19 wrong-type: `when` must be an expression in quotes, such as `\"temperature > 80\"`; found a map",
            "9:18 wrong-type: `for` must be a duration such as `30s` or `1h30m`; found the number `5` \
             | a duration has a unit, as in `5s`, `5m` or `5h`",
            "10:13 missing-field: an entry of `states` lacks `state` \
             | `state` is the name of the state, as in `state: OVERHEATED`",
            "11:20 wrong-type: `times` must be a whole number, not negative; found the text `often`",
            "12:9 wrong-type: expected a group: a map with `id` and `states`; found the number `7`",
            "13:5 missing-field: a rule lacks `id` \
             | an `id` is a name of letters, digits, `.`, `_` and `-`, as in `id: filler-overheat`",
            "14:14 wrong-type: `version` must be a whole number, not negative; found the number `-1`",
        ]
    );
}

#[test]
fn a_field_on_the_wrong_level_or_under_another_name_is_led_home() {
    for (text, help) in [
        ("idle_timeout: 5s", "`idle_timeout` is a field of `settings`"),
        ("groups: []", "rules stand in a list under `rules:`"),
        ("rulez: []", "did you mean `rules`?"),
        ("rules: [{id: a, groups: [], equipment: x}]", "`equipment` is a field of `scope`"),
        ("rules: [{id: a, groups: [], params: {}}]", "did you mean `parameters`?"),
        ("rules: [{id: a, groups: [], xyz: {}}]", "the fields of a rule are `id`, `version`, `description`"),
        (
            "rules: [{id: a, groups: [{id: b, states: [], when: x}]}]",
            "`when` is a field of an entry of `states`",
        ),
        ("rules: [{id: a, groups: [{id: b, states: [{name: A, condition: x}]}]}]", "did you mean `state`?"),
        ("rules: [{id: a, groups: [{id: b, states: [{state: A, condition: x}]}]}]", "did you mean `when`?"),
        ("settings: {lateness: 5m}", "did you mean `allowed_lateness`?"),
    ] {
        let found = found("a.yaml", text);
        assert!(found[0].contains(help), "{text}: {found:?}");
    }
}

#[test]
fn a_value_of_the_wrong_type_says_what_to_write() {
    let rule = |field: &str| format!("rules: [{{id: a, groups: [], {field}}}]");
    let group = |field: &str| format!("rules: [{{id: a, groups: [{{id: b, states: [], {field}}}]}}]");
    for (text, said) in [
        (
            rule("version: '2'"),
            "`version` must be a whole number, not negative; found the text `2` | write the number without quotes: `2`",
        ),
        (
            rule("default: 5"),
            "`default` must be a text; found the number `5` | if it is meant as text, put it in quotes: `\"5\"`",
        ),
        (rule("default: true"), "`default` must be a text; found the boolean `true`"),
        (rule("default: null"), "`default` must be a text; found `null`, which is nothing"),
        (
            rule("scope: 'x-*'"),
            "`scope` must be a map with `equipment`; found the text `x-*` | write `scope: {equipment: \"x-*\"}`",
        ),
        (rule("scope: [x]"), "`scope` must be a map with `equipment`; found a list"),
        (rule("parameters: {a: [1]}"), "a parameter or attribute is a number, a boolean or a text"),
        (rule("parameters: {a: .inf}"), "`.inf` is too large or no number at all"),
        (rule("parameters: {a: 1e999}"), "`1e999` is too large or no number at all"),
        (group("weight: high"), "`weight` must be a number; found the text `high`"),
        (group("weight: '1,5'"), "decimals have a point: `1.5`"),
        (group("weight: 5m"), "this is a duration; durations stand in `for` and `keep_for`"),
        ("rules: {}".to_owned(), "`rules` must be a list; found a map"),
        ("rules: [[a]]".to_owned(), "expected a rule: a map with `id` and `groups`; found a list"),
        ("rules: [{id: a, groups: {id: x}}]".to_owned(), "each item of the list begins with `- id:`"),
        ("settings: {idle_timeout: 10}".to_owned(), "a duration has a unit, as in `10s`"),
        (
            "settings: [5s]".to_owned(),
            "`settings` must be a map, such as `{allowed_lateness: 10m}`; found a list",
        ),
        ("- id: a".to_owned(), "a rule document is a map with `rules`; found a list | write `rules:` above"),
        ("hello".to_owned(), "a rule document is a map with `rules`; found a text"),
    ] {
        let found = found("a.yaml", &text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(said), "{text}: {found:?}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_everywhere() {
    for text in [
        "rules: []\nrules: []",
        "rules: [{id: a, id: b, groups: []}]",
        "rules: [{id: a, groups: [], parameters: {x: 1, y: 2, x: 3}}]",
        "settings: {idle_timeout: 5s, idle_timeout: 5s}",
        r#"{"rules": [{"id": "a", "groups": [], "parameters": {"x": 1, "x": 1}}]}"#,
        r#"{"rules": [], "\u0072ules": []}"#,
    ] {
        let found = found("a", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains("duplicate-key") && found[0].contains("a second time"), "{found:?}");
    }
}

#[test]
fn several_files_are_one_rule_set_and_findings_name_the_right_one() {
    let first = sound("a.yaml", "rules: [{id: a, groups: [{id: g, states: [{state: A, when: t > 5}]}]}]");
    let empty = sound("b.yaml", "settings: {idle_timeout: 5s}");
    let last = sound(
        "c.yaml",
        "rules:\n- {id: b, groups: [{id: g, states: [{state: A, when: x}]}]}\n- {id: a, groups: [{id: g, states: [{state: A, when: y = 1}]}]}",
    );
    let set = merge(vec![first, empty, last]).unwrap();
    assert_eq!(set.document.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
    assert_eq!(set.document.settings.unwrap().idle_timeout, Millis(5000));
    let paths = [
        vec!["rules".into(), 0.into(), "id".into()],
        vec!["rules".into(), 2.into(), "id".into()],
        vec!["settings".into(), "idle_timeout".into()],
    ];
    let findings = paths.into_iter().map(|path| andon_domain::Finding::error("x", path, "x")).collect();
    let places: Vec<_> = set
        .source_map
        .locate(findings)
        .iter()
        .map(|d| (d.place.source().name().to_owned(), d.place.start(), marked(d).to_owned()))
        .collect();
    assert_eq!(
        places,
        [
            ("a.yaml".to_owned(), (1, 14), "a".to_owned()),
            ("b.yaml".to_owned(), (1, 26), "5s".to_owned()),
            ("c.yaml".to_owned(), (3, 8), "a".to_owned()),
        ]
    );
}

#[test]
fn settings_in_two_files_are_refused_and_both_are_named() {
    let files = ["a.yaml", "b.yaml"].map(|name| sound(name, "settings: {idle_timeout: 5s}")).into();
    let errors = merge(files).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].place.source().name(), "b.yaml");
    assert!(errors[0].finding.message.contains("`a.yaml`"));
}

#[test]
fn the_fields_of_a_document_are_those_of_the_model() {
    let schema: serde_json::Value = serde_json::from_str(&crate::schema()).unwrap();
    let mut fields: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = crate::read::FIELDS;
    fields.sort_unstable();
    known.sort_unstable();
    assert_eq!(fields, known);
}

#[test]
fn a_check_sees_the_sound_rules_of_a_refused_document_and_its_findings_stand_at_their_places() {
    let text = "rules:\n- {id: a, group: []}\n- {id: b, groups: []}\n- {id: c, groups: []}";
    let check = |sound: RuleDocument| {
        assert_eq!(sound.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        let path = vec!["rules".into(), 1.into(), "id".into()];
        vec![andon_domain::Finding::error("checked", path, "found by the check")]
    };
    let found = crate::read_and_check("a.yaml", text, check).unwrap_err();
    let last = found.last().unwrap();
    assert_eq!((last.finding.code, last.place.start(), marked(last)), ("checked", (4, 8), "c"));
    assert!(found.iter().any(|diagnostic| diagnostic.finding.code == "unknown-field"), "{found:?}");
}

#[test]
fn a_check_is_not_asked_about_a_document_without_mistakes() {
    let text = "rules: [{id: a, groups: []}]";
    let loaded = crate::read_and_check("a.yaml", text, |_| panic!("the caller compiles it")).unwrap();
    assert_eq!(loaded.document.rules.len(), 1);
}
