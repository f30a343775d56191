use std::borrow::Cow;

use andon_domain::{DataPoint, RuleDocument, Value, limits};

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
    key.apply(rules, &Record { arrival_ms, body: RecordBody::Points(points) }).unwrap()
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
    // A further point makes it a new source, and the next oldest goes.
    apply(&mut key, &rules, 1000, &[point(1000, "s0", 1.0)]);
    assert!(!key.sources.0.iter().any(|source| source.id == "s1"));
}

#[test]
fn with_too_many_pending_points_event_time_is_forced_on() {
    let rules = rules(RULE);
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let most = i64::try_from(limits::PENDING_POINTS).unwrap();
    for at_ms in 0..most {
        assert_eq!(apply(&mut key, &rules, at_ms, &[point(at_ms, "", 1.0)]).watermark_forced, 0);
    }
    assert_eq!(key.pending_points(), limits::PENDING_POINTS);
    let before_ms = key.watermark_ms().unwrap();
    let outcome = apply(&mut key, &rules, most, &[point(most, "", 1.0)]);
    assert_eq!((outcome.watermark_forced, key.pending_points()), (1, limits::PENDING_POINTS));
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
    let failed = key.apply(&rules, &Record { arrival_ms: 20, body: RecordBody::Points(&record) });
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
    // The tag is silent for six seconds, but its timer is due only after event time has passed it.
    let outcome = apply(&mut key, &rules, 6000, &[point(6000, "", 90.0)]);
    let states: Vec<(&str, i64)> = outcome.transitions.iter().map(|t| (t.rule_id.as_str(), t.at)).collect();
    assert_eq!(states, [("b", 5000), ("a", 6000)]);
}

/// Returns a rule set with the given models.
fn models(models: &str) -> String {
    format!(r#"{{"settings":{{"idle_timeout":"1h"}},"models":[{models}]}}"#)
}

fn model(id: &str, pace: &str, inputs: &[&str]) -> String {
    let inputs =
        (0..).zip(inputs).map(|(number, input)| format!(r#"{{"name":"i{number}","value":"{input}"}}"#));
    let inputs = inputs.collect::<Vec<_>>().join(",");
    format!(r#"{{"id":"{id}","inputs":[{inputs}],{pace},"endpoint":{{"name":"e"}}}}"#)
}

/// Returns the score requests for these values of `t`, each at its time, as (time, first input).
fn requests(key: &mut KeyState, rules: &CompiledRules, values: &[(i64, f64)]) -> Vec<(i64, String)> {
    let mut requests = Vec::new();
    for (at_ms, value) in values {
        let outcome = apply(key, rules, *at_ms, &[point(*at_ms, "", *value)]);
        requests.extend(
            outcome
                .requests
                .into_iter()
                .map(|request| (request.request.at, serde_json::to_string(&request.request.inputs).unwrap())),
        );
    }
    requests
}

fn at(times: &[(i64, &str)]) -> Vec<(i64, String)> {
    times.iter().map(|(at_ms, inputs)| (*at_ms, (*inputs).to_owned())).collect()
}

#[test]
fn a_changed_input_makes_a_request_but_not_too_often() {
    let rules = rules(&models(&model("m", r#""at_most_every":"10s""#, &["t", "t > 5"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let values =
        [(0, 1.0), (1000, 1.0), (2000, 7.0), (9000, 8.0), (20_000, 8.0), (21_000, 8.0), (40_000, -0.0)];
    let expected = [(0, "[1.0,false]"), (10_000, "[8.0,true]"), (40_000, "[0.0,false]")];
    assert_eq!(requests(&mut key, &rules, &values), at(&expected));
}

#[test]
fn an_input_that_changes_back_within_the_period_makes_no_request() {
    let rules = rules(&models(&model("m", r#""at_most_every":"10s""#, &["t"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    assert_eq!(requests(&mut key, &rules, &[(0, 1.0), (1000, 7.0)]), at(&[(0, "[1.0]")]));
    assert!(key.next_due_clock_ms().is_some());
    assert_eq!(requests(&mut key, &rules, &[(2000, 1.0)]), []);
    assert_eq!(key.next_due_clock_ms(), None, "no request is due");
    assert_eq!(requests(&mut key, &rules, &[(30_000, 1.0)]), []);
}

#[test]
fn unchanged_inputs_make_further_requests_with_at_least_every() {
    let pace = r#""at_most_every":"10s","at_least_every":"30s""#;
    let rules = rules(&models(&model("m", pace, &["t"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    assert_eq!(requests(&mut key, &rules, &[(0, 1.0), (10_000, 1.0)]), at(&[(0, "[1.0]")]));
    assert_eq!(key.next_due_clock_ms(), None, "a silent machine makes no request");
    let values = [(29_999, 1.0), (30_000, 1.0), (31_000, 1.0), (50_000, 2.0), (79_000, 2.0), (95_000, 2.0)];
    // A change makes a request as without `at_least_every`, and restarts its wait.
    let expected = [(30_000, "[1.0]"), (50_000, "[2.0]"), (95_000, "[2.0]")];
    assert_eq!(requests(&mut key, &rules, &values), at(&expected));
}

#[test]
fn a_change_within_the_period_makes_its_request_before_unchanged_inputs() {
    let pace = r#""at_most_every":"10s","at_least_every":"10s""#;
    let rules = rules(&models(&model("m", pace, &["t"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let values = [(0, 1.0), (4000, 2.0), (12_000, 2.0), (19_000, 3.0), (19_500, 2.0), (25_000, 2.0)];
    // The timer makes the request at 10,000. At 19,500 the inputs are those of 10,000, so the timer of 19,000 is
    // cleared.
    let expected = [(0, "[1.0]"), (10_000, "[2.0]"), (25_000, "[2.0]")];
    assert_eq!(requests(&mut key, &rules, &values), at(&expected));
}

#[test]
fn another_time_for_asking_again_is_another_binding() {
    let set = |again: &str| models(&model("m", &format!(r#""at_most_every":"1s"{again}"#), &["t"]));
    let mut rules = rules(&set(""));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    assert_eq!(requests(&mut key, &rules, &[(0, 1.0), (60_000, 1.0)]), at(&[(0, "[1.0]")]));
    let next = RuleSet::compile(RuleDocument::from_json(&set(r#","at_least_every":"1m""#)).unwrap()).unwrap();
    rules.push(60_001, next).unwrap();
    // The binding is evaluated when the set takes effect, at 60,000, as one without a request for these inputs.
    let expected = [(60_000, "[1.0]"), (120_000, "[1.0]")];
    assert_eq!(requests(&mut key, &rules, &[(61_000, 1.0), (119_000, 1.0), (120_000, 1.0)]), at(&expected));
}

#[test]
fn a_model_on_a_grid_has_requests_at_times_with_points() {
    let rules = rules(&models(&model("m", r#""every":"10s""#, &["t", "count(t, '1m')"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let values = [(10_000, 1.0), (11_000, 2.0), (13_000, 3.0), (20_000, 4.0), (95_000, 5.0), (101_000, 6.0)];
    // A point at a time of the grid belongs to that time, and the long gap is one request.
    let expected = [(10_000, "[1.0,1.0]"), (20_000, "[4.0,4.0]"), (100_000, "[5.0,1.0]")];
    assert_eq!(requests(&mut key, &rules, &values), at(&expected));
}

#[test]
fn an_unknown_input_makes_no_request() {
    let rules = rules(&models(&model("m", r#""at_most_every":"1s""#, &["t", "u"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    assert_eq!(requests(&mut key, &rules, &[(0, 1.0), (5000, 2.0)]), []);
}

#[test]
fn a_model_never_has_two_requests_at_one_time_however_its_binding_changes() {
    let first = models(&model("m", r#""at_most_every":"1s""#, &["t"]));
    let without = models("");
    let other = models(&model("m", r#""at_most_every":"1s""#, &["t + 1"]));
    let grid = models(&model("m", r#""every":"1s""#, &["t"]));
    let set = |document: &str| RuleSet::compile(RuleDocument::from_json(document).unwrap()).unwrap();
    let mut rules = rules(&first);
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    assert_eq!(requests(&mut key, &rules, &[(1000, 1.0)]), at(&[(1000, "[1.0]")]));
    for (start_ms, document) in [(1001, &other), (1002, &without), (1003, &first), (1004, &grid)] {
        rules.push(start_ms, set(document)).unwrap();
    }
    // The binding is evaluated at 1000, which had a request: the next one is at 2000.
    let expected = [(2000, "[1.0]"), (3000, "[3.0]")];
    assert_eq!(requests(&mut key, &rules, &[(1005, 1.0), (2500, 3.0), (3500, 3.0)]), at(&expected));
}

#[test]
fn an_attribute_is_that_of_the_equipment_and_changes_with_the_set() {
    let document = |limit: u32| {
        format!(
            r#"{{"equipment":{{"e":{{"limit":{limit}}},"f":{{"limit":1}}}},"rules":[{{"id":"r","groups":[{{"id":"g","otherwise":"OK",
            "states":[{{"state":"HOT","when":"t > equipment.limit"}}]}}]}},{{"id":"s","groups":[{{"id":"g","otherwise":"OK",
            "states":[{{"state":"HOT","when":"t > 5"}}]}}]}}]}}"#
        )
    };
    let mut all = rules(&document(8));
    let mut states = Vec::new();
    let mut keys = ["e", "f", "g"].map(|equipment| KeyState::new(equipment, &all, 0).unwrap());
    let mut tell = |all: &CompiledRules, at_ms: i64, value: f64| {
        for key in &mut keys {
            let outcome = apply(key, all, at_ms, &[point(at_ms, "", value)]);
            states.extend(outcome.transitions.into_iter().map(|change| {
                format!("{} {} {} {:?}", change.at, change.equipment_id, change.rule_id, change.to.unwrap())
            }));
        }
    };
    tell(&all, 1000, 7.0);
    all.push(2000, RuleSet::compile(RuleDocument::from_json(&document(6)).unwrap()).unwrap()).unwrap();
    tell(&all, 2000, 7.0);
    let expected = [
        r#"1000 e r "OK""#,
        r#"1000 e s "HOT""#,
        r#"1000 f r "HOT""#,
        r#"1000 f s "HOT""#,
        r#"1000 g s "HOT""#,
        r#"1000 e r "HOT""#,
    ];
    assert_eq!(states, expected);
}

#[test]
fn of_too_many_requests_of_one_record_the_newest_are_kept() {
    let document = r#"{"settings":{"max_out_of_orderness":"31d","idle_timeout":"31d"},"models":[MODEL]}"#;
    let rules = rules(&document.replace("MODEL", &model("m", r#""at_most_every":"1s""#, &["t"])));
    let mut key = KeyState::new("e", &rules, 0).unwrap();
    let mut value = 0.0;
    for second in 0..1500 {
        value += 1.0;
        let outcome = apply(&mut key, &rules, second * 1000, &[point(second * 1000, "", value)]);
        assert!(outcome.requests.is_empty());
    }
    let late_ms = 40 * 86_400_000;
    let outcome = apply(&mut key, &rules, late_ms, &[point(late_ms, "", 0.0)]);
    assert_eq!((outcome.requests.len(), outcome.requests_dropped), (1000, 500));
    assert_eq!(outcome.requests[0].request.at, 500_000);
}
