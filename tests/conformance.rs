//! Cases made by an independent model of the semantics: `tests/conformance`.

use std::collections::BTreeMap;

use crate::support::{ComparedTransition, by_rule, folders, replay, root, rules, text};

#[test]
fn every_conformance_case_is_decided_as_by_the_independent_model() {
    let folder = root().join("tests/conformance");
    let cases: Vec<_> =
        folders(&folder).into_iter().filter(|case| case.join("expected.jsonl").exists()).collect();
    assert!(cases.len() >= 88, "the cases are missing at {}", folder.display());
    for case in &cases {
        let events = text(&case.join("events.jsonl"));
        let lines = events.lines().filter(|line| !line.is_empty());
        let (transitions, _) = replay(rules(&case.join("rules.yaml")), lines, true);
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert_eq!(by_rule(&transitions), expected(&text(&case.join("expected.jsonl"))), "{name}");
    }
    println!("{} conformance cases agree", cases.len());
}

fn expected(lines: &str) -> BTreeMap<(String, String), Vec<ComparedTransition>> {
    let mut sorted: BTreeMap<_, Vec<ComparedTransition>> = BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |field: &str| line[field].as_str().map(str::to_owned);
        let decided = (
            line["sequence"].as_u64().expect("a sequence"),
            text("from").expect("a state"),
            text("to"),
            line["at"].as_i64().expect("a time"),
            text("group"),
        );
        sorted
            .entry((text("ruleId").expect("a rule"), text("equipmentId").expect("an equipment")))
            .or_default()
            .push(decided);
    }
    sorted
}
