use std::borrow::Cow;

use andon_model::{RuleDocument, Value};

use super::*;

const RULE: &str = r#"{"settings":{"max_out_of_orderness":"1h","idle_timeout":"31d"},"rules":[{"id":"r","groups":[{"id":"g","states":[{"state":"A","when":"t > 80"}]}]}]}"#;

fn rules(document: &str) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(RuleDocument::from_json(document).unwrap()).unwrap())
}

fn point<'a>(at_ms: i64, source: &'a str, value: f64) -> DataPoint<'a> {
    DataPoint {
        timestamp_ms: at_ms,
        tag: Cow::Borrowed("t"),
        value: Some(Value::Number(value)),
        quality_ok: true,
        sequence_number: 0,
        derived: false,
        created_at_ms: None,
        source: Cow::Borrowed(source),
    }
}

fn apply(key: &mut KeyState, rules: &CompiledRules, arrival_ms: i64, points: &[DataPoint<'_>]) -> Outcome {
    key.apply(rules, &Record { arrival_ms, body: Body::Points(points) }).unwrap()
}

#[test]
fn of_too_many_sources_the_one_heard_longest_ago_is_forgotten() {
    let rules = rules(RULE);
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let names: Vec<String> = (0..=limits::SOURCES).map(|number| format!("s{number}")).collect();
    for (arrival_ms, name) in (0..).zip(&names) {
        apply(&mut key, &rules, arrival_ms, &[point(arrival_ms, name, 1.0)]);
    }
    assert_eq!(key.sources.0.len(), limits::SOURCES);
    assert!(!key.sources.0.iter().any(|source| source.id == "s0"));
    // Heard again, it is new, and the next oldest goes.
    apply(&mut key, &rules, 1000, &[point(1000, "s0", 1.0)]);
    assert!(!key.sources.0.iter().any(|source| source.id == "s1"));
}

#[test]
fn with_too_many_pending_points_event_time_is_forced_on() {
    let rules = rules(RULE);
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let most = i64::try_from(limits::PENDING_POINTS).unwrap();
    for at_ms in 0..most {
        assert_eq!(apply(&mut key, &rules, at_ms, &[point(at_ms, "", 1.0)]).forced, 0);
    }
    assert_eq!(key.pending_points(), limits::PENDING_POINTS);
    let before_ms = key.watermark_ms().unwrap();
    let outcome = apply(&mut key, &rules, most, &[point(most, "", 1.0)]);
    assert_eq!((outcome.forced, key.pending_points()), (1, limits::PENDING_POINTS));
    assert_eq!((key.watermark_ms(), key.first_instant_ms), (Some(0), Some(0)));
    assert!(before_ms < 0);
}

#[test]
fn a_rule_set_that_cannot_serve_the_equipment_leaves_the_state_as_it_was() {
    let mut rules = rules(RULE);
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    apply(&mut key, &rules, 5, &[point(5, "", 1.0)]);
    let too_many: Vec<String> = (0..101)
        .map(|rule| {
            let tags: Vec<String> = (0..100).map(|tag| format!("t{rule}_{tag} > 1")).collect();
            let when = tags.join(" || ");
            format!(r#"{{"id":"r{rule}","scope":{{"equipment":"e*"}},"groups":[{{"id":"g","states":[{{"state":"A","when":"{when}"}}]}}]}}"#)
        })
        .collect();
    let document = format!(r#"{{"rules":[{}]}}"#, too_many.join(","));
    rules.push(10, RuleSet::compile(RuleDocument::from_json(&document).unwrap()).unwrap()).unwrap();
    let record = [point(20, "", 1.0)];
    let failed = key.apply(&rules, &Record { arrival_ms: 20, body: Body::Points(&record) });
    assert!(matches!(failed, Err(FoldError::Plan(_))));
    assert_eq!((key.clock_ms(), key.rule_set_start_ms()), (5, CompiledRules::ALWAYS_MS));
}

#[test]
fn only_rules_that_name_the_tag_are_evaluated() {
    let rules = rules(
        r#"{"rules":[{"id":"a","groups":[{"id":"g","states":[{"state":"A","when":"t > 80"}]}]},{"id":"b","groups":[{"id":"g","states":[{"state":"A","when":"absent(u, '5s')"}]}]}]}"#,
    );
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    apply(&mut key, &rules, 0, &[point(0, "", 1.0)]);
    // Silent for six seconds, but its timer is not due before event time has passed it.
    let outcome = apply(&mut key, &rules, 6000, &[point(6000, "", 90.0)]);
    let states: Vec<(&str, i64)> = outcome.transitions.iter().map(|t| (t.rule_id.as_str(), t.at)).collect();
    assert_eq!(states, [("b", 5000), ("a", 6000)]);
}
