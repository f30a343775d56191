use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::never::{Broken, quietly};
use andon_domain::{Reason, RuleDocument, Value};

use crate::compile::Plan;
use crate::fold::{EntryState, KeyState, NONE_MS, Outcome, PendingTag, Winner};
use crate::replay::{Replay, Sink};
use crate::state::{PointOrder, SegmentId};
use crate::{CompiledRules, RuleSet};

/// A rule for every part of a state: waits, hysteresis, counts, windows, absence, `otherwise` and a model.
const RULES: &str = r#"{"settings":{"max_out_of_orderness":"3s"},
  "models":[{"id":"m","inputs":[{"name":"t","value":"t"}],"at_most_every":"10s","at_least_every":"1m","endpoint":{"name":"e"}},
            {"id":"n","inputs":[{"name":"t","value":"avg(t,'1m')"}],"every":"1m","endpoint":{"name":"e"}}],
  "rules":[
    {"id":"a","groups":[{"id":"g","otherwise":"OK","states":[{"state":"HIGH","when":"t > 80","for":"5s","until":"t < 60","keep_for":"10s"}]}]},
    {"id":"b","groups":[{"id":"g","states":[{"state":"MANY","when":"t > 50","times":3},{"state":"MEAN","when":"avg(t,'1m') > 60"}]},
                        {"id":"h","weight":2,"states":[{"state":"GONE","when":"absent(u,'20s')"}]}]}]}"#;

/// As [`RULES`], with rules and models changed, removed and added.
const OTHER_RULES: &str = r#"{"settings":{"max_out_of_orderness":"1s"},
  "models":[{"id":"m","inputs":[{"name":"t","value":"t + 1"}],"at_most_every":"10s","endpoint":{"name":"e"}}],
  "rules":[
    {"id":"a","groups":[{"id":"g","otherwise":"OK","states":[{"state":"HIGH","when":"t > 70","for":"5s","until":"t < 60"},{"state":"LOW","when":"t < 10"}]}]},
    {"id":"c","groups":[{"id":"g","states":[{"state":"X","when":"x > 1"}]}]}]}"#;

struct Quiet;

impl Sink for Quiet {
    fn transition(&mut self, _: andon_domain::Transition) {}
}

fn rules(json: &str) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(RuleDocument::from_json(json).unwrap()).unwrap())
}

const START_MS: i64 = 1_700_000_000_000;

/// A stream of points of three tags, one of which no rule names. It has late points, duplicates, gaps and ticks.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for second in 0..400_i64 {
        let arrival_ms = START_MS + second * 1000;
        let level = second * 37 % 100;
        let behind_ms = if second % 7 == 0 { 2500 } else { 0 };
        let timestamp_ms = if second % 11 == 0 { arrival_ms + 500 } else { arrival_ms - behind_ms };
        if (100..130).contains(&second) {
            lines.push(format!(r#"{{"arrival":{arrival_ms},"data":{{"tick":true,"equipmentId":"e"}}}}"#));
            continue;
        }
        let source = second % 3;
        for (tag, value) in [("t", level.to_string()), ("x", "\"a text of some length\"".to_owned())] {
            lines.push(format!(
                r#"{{"arrival":{arrival_ms},"data":{{"timestamp":{timestamp_ms},"equipmentId":"e","tag":"{tag}","value":{value},"meta":{{"sourceId":"s{source}","sequenceNumber":{second}}}}}}}"#
            ));
        }
        if second % 30 < 5 {
            lines.push(format!(
                r#"{{"arrival":{arrival_ms},"data":{{"timestamp":{timestamp_ms},"equipmentId":"e","tag":"u","value":true}}}}"#
            ));
        }
    }
    lines
}

fn replayed(json: &str, lines: &[String]) -> Replay {
    let mut replay = Replay::new(rules(json));
    for line in lines {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
    }
    replay
}

/// A state in the middle of the stream, with pending points, waits, panes and timers.
fn state() -> KeyState {
    replayed(RULES, lines().get(..300).unwrap()).keys()[0].clone()
}

#[test]
fn every_state_between_records_keeps_the_invariants_folded_and_packed() {
    let mut replay = Replay::new(rules(RULES));
    let mut segments: BTreeMap<SegmentId, Vec<u8>> = BTreeMap::new();
    let change = format!(r#"{{"arrival":{},"rules":{OTHER_RULES}}}"#, START_MS + 250_000).replace('\n', " ");
    let back = format!(r#"{{"arrival":{},"rules":{RULES}}}"#, START_MS + 300_000).replace('\n', " ");
    let lines = lines();
    let (first, rest) = lines.split_at(5);
    for (number, line) in first.iter().chain([&change, &back]).chain(rest).enumerate() {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
        let Some(key) = replay.keys().first() else { continue };
        key.check_invariants().unwrap_or_else(|broken| panic!("after line {number}, {line}: {broken}"));
        let mut key = key.clone();
        let packed = key.pack();
        key.check_packed(replay.rules(), &packed, |id| segments.get(&id).map(Vec::as_slice))
            .unwrap_or_else(|broken| panic!("after line {number}, {line}: {broken}"));
        if number % 5 == 0 {
            segments.extend(packed.new_segments.into_iter().map(|new| (new.id, new.bytes)));
            replay
                .replace_keys(|rules, _| {
                    KeyState::unpack("e", rules, &packed.head, |id| segments.get(&id).map(Vec::as_slice))
                })
                .unwrap();
        }
    }
    let counts = replay.counts();
    assert_eq!(counts.rejected(Reason::Malformed), 0);
    assert_eq!(counts.rejected(Reason::RulesRefused), 0);
    assert!(counts.transitions > 20 && counts.requests > 10, "{counts:?}");
    assert!(!segments.is_empty());
}

type Break = fn(&mut KeyState);

#[test]
fn every_kind_of_broken_invariant_is_found() {
    state().check_invariants().unwrap();
    let breaks: [(&str, Break); 19] = [
        ("a tag too many", |key| key.tags.push(crate::state::TagState::unseen(i64::MIN))),
        ("a window less", |key| key.windows.truncate(0)),
        ("a watermark after the clock", |key| key.watermark_ms = key.clock_ms + 1),
        ("an instant after the watermark", |key| key.last_ms = key.watermark_ms + 1),
        ("a watermark behind the sources", |key| key.clock_ms += 1_000_000),
        ("a source that comes twice", |key| {
            let source = key.sources.0[0].clone();
            key.sources.0.push(source);
        }),
        ("a mark after its arrival", |key| key.sources.0[0].mark_ms = key.sources.0[0].last_ms + 1),
        ("a pending point before the watermark", |key| push(key, 0, PendingTag::Unnamed("y".into()), 0)),
        ("a pending point of an unknown tag", |key| push(key, 1, PendingTag::Named(99), 0)),
        ("a point that was measured after it was sent", |key| push(key, 1, PendingTag::Named(0), -1)),
        ("a newest point of the future", |key| {
            key.tags[0].newest.as_mut().unwrap().effective_ms = key.last_ms + 1;
        }),
        ("panes out of order", |key| key.windows[0].panes.make_contiguous().reverse()),
        ("a pane with more texts than points", |key| key.windows[0].panes[0].texts = 1000),
        ("a wait from the future", |key| key.entries[0].since_ms = key.watermark_ms + 1),
        ("an active entry without a begin", |key| {
            key.entries[0] = EntryState { active: true, since_ms: NONE_MS, ..EntryState::default() };
        }),
        ("a winner that is not active", |key| {
            key.entries[0] = EntryState::default();
            key.rule_states[0].winner = Winner::Entry(0, 0);
        }),
        ("a winner that does not exist", |key| key.rule_states[0].winner = Winner::Otherwise(7)),
        ("a timer that is late", |key| {
            let late_ms = key.due_from_state_ms(&key.rules.plan.rules[1]) + 1;
            key.timers = crate::fold::Timers::new(key.rule_states.len() + key.bindings.len());
            key.arm_bindings();
            key.timers.set(1, late_ms);
        }),
        ("a removed rule that is in the plan", |key| {
            key.retired_sequences.insert("a".into(), 1);
        }),
    ];
    for (what, break_it) in breaks {
        let mut key = state();
        break_it(&mut key);
        assert!(key.check_invariants().is_err(), "{what} is not found");
    }
}

#[test]
fn every_kind_of_broken_plan_is_found() {
    type Break = fn(&mut Plan);
    let breaks: [(&str, Break); 6] = [
        ("a rule that the set lacks", |plan| plan.rules[1].rule = 7),
        ("entries of another rule", |plan| plan.rules[1].first_entry = 0),
        ("an entry too many", |plan| plan.entry_count += 1),
        ("a window over a missing tag", |plan| plan.windows[0].tag = 9),
        ("an input of a binding that is listed as none", |plan| {
            plan.tags[0].reevaluate_on = crate::compile::plan::ReevaluateOn::EveryPoint;
        }),
        ("another fingerprint", |plan| plan.fingerprint ^= 1),
    ];
    for (what, break_it) in breaks {
        let mut key = state();
        let set = Arc::clone(&key.rules.set);
        let mut plan = Plan::new(&set, &set.applicable_to("e")).unwrap();
        assert_eq!(plan.check(&set), Ok(()));
        break_it(&mut plan);
        key.rules.plan = Arc::new(plan);
        assert!(key.check_invariants().is_err(), "{what} is not found");
    }
}

#[test]
fn too_many_segments_and_segments_without_a_number_are_found() {
    let id = |number| SegmentId { number, checksum: 0 };
    let mut key = state();
    key.segments.last_number = 100;
    key.segments.live = (1..=8).map(|number| (id(number), i64::MAX)).collect();
    assert_eq!(key.check_invariants(), Ok(()));
    key.segments.live.push((id(9), i64::MAX));
    assert!(key.check_invariants().is_err());
    key.segments.live = vec![(id(101), i64::MAX)];
    assert!(key.check_invariants().is_err());
}

fn push(key: &mut KeyState, ahead_ms: i64, tag: PendingTag, sent_ms: i64) {
    let own_ms = key.watermark_ms;
    let order = PointOrder { own_ms, sent_ms: own_ms + sent_ms, sequence_number: 0 };
    key.pending.push(key.watermark_ms + ahead_ms, order, tag, &Value::Number(1.0));
}

#[test]
fn a_head_of_other_bytes_is_found() {
    let mut key = state();
    let packed = key.pack();
    let rules = rules(RULES);
    let segments: Vec<_> = packed.new_segments.clone();
    let find = |id| segments.iter().find(|segment| segment.id == id).map(|segment| segment.bytes.as_slice());
    assert_eq!(key.check_packed(&rules, &packed, find), Ok(()));
    let mut longer = packed.clone();
    longer.head.push(0);
    assert!(key.check_packed(&rules, &longer, find).is_err());
    let mut unlisted = packed.clone();
    unlisted.live_segments.push(SegmentId { number: 99, checksum: 0 });
    assert!(key.check_packed(&rules, &unlisted, find).is_err());
}

/// A state with a plan that names a rule which the set lacks.
fn with_a_plan_of_other_rules() -> KeyState {
    let mut key = state();
    let set = Arc::clone(&key.rules.set);
    let mut plan = Plan::new(&set, &set.applicable_to("e")).unwrap();
    plan.rules[0].rule = 7;
    key.rules.plan = Arc::new(plan);
    key
}

/// Folds the rest of the stream into a state, as production would.
fn fold_on(key: &mut KeyState) -> (Vec<Outcome>, Broken) {
    let rules = rules(RULES);
    quietly(|| {
        (0..20)
            .map(|second| {
                let at_ms = key.clock_ms + 1000 + second;
                let point = andon_domain::DataPoint {
                    timestamp_ms: at_ms,
                    tag: "t".into(),
                    value: Some(Value::Number(if second % 2 == 0 { 95.0 } else { 5.0 })),
                    quality_ok: true,
                    sequence_number: 0,
                    derived: false,
                    created_at_ms: None,
                    source: "s0".into(),
                };
                let body = crate::RecordBody::Points(std::slice::from_ref(&point));
                key.apply(&rules, &crate::Record { arrival_ms: at_ms, body }).unwrap()
            })
            .collect()
    })
}

#[test]
#[should_panic(expected = "an invariant is broken: rule of the plan 7 of 2")]
fn a_plan_that_names_a_missing_rule_panics_in_a_test() {
    let mut key = with_a_plan_of_other_rules();
    for rule in 0..2 {
        key.evaluate(rule, key.watermark_ms, crate::eval::Trigger::Instant, &mut Outcome::default());
    }
}

#[test]
fn a_plan_that_names_a_missing_rule_is_counted_and_the_other_rules_go_on() {
    let mut key = with_a_plan_of_other_rules();
    assert_eq!(key.check_invariants(), Err("`e`: the plan names rule 7 of 2".to_owned()));
    let before = key.clone();
    let (outcomes, broken) = fold_on(&mut key);
    assert!(broken.count > 0);
    assert!(broken.first.unwrap().starts_with("rule of the plan 7 of 2 (shared/engine/src/fold/rule.rs:"));
    let ids = outcomes.iter().flat_map(|outcome| &outcome.transitions).map(|transition| &transition.rule_id);
    assert!(ids.clone().all(|id| id == "b") && ids.count() > 0);
    // With its own plan again, the state is a sound one: the rule that was not evaluated stands as it stood.
    assert_eq!(key.rule_states[0].sequence, before.rule_states[0].sequence);
    assert_eq!(key.entries[0], before.entries[0]);
    let set = Arc::clone(&key.rules.set);
    key.rules.plan = set.plan_for("e").unwrap();
    key.check_parts().or_else(|broken| broken.contains("timer").then_some(()).ok_or(broken)).unwrap();
}

#[test]
#[should_panic(expected = "an invariant is broken: tag of a point 99 of 2")]
fn a_pending_point_of_an_unknown_tag_panics_in_a_test() {
    let mut key = state();
    push(&mut key, 1, PendingTag::Named(99), 0);
    key.close(key.watermark_ms + 1);
}

#[test]
fn a_pending_point_of_an_unknown_tag_is_counted_and_dropped() {
    let mut key = state();
    push(&mut key, 1, PendingTag::Named(99), 0);
    assert!(key.check_invariants().is_err());
    let (_, broken) = fold_on(&mut key);
    assert!(broken.count > 0);
    assert!(broken.first.unwrap().starts_with("tag of a point 99 of 2 ("));
    key.check_invariants().unwrap();
}

#[test]
#[should_panic(expected = "an invariant is broken: window 0 of 0")]
fn a_state_with_a_window_less_panics_when_a_test_packs_it() {
    let mut key = state();
    key.windows.clear();
    key.pack();
}

#[test]
fn a_state_with_a_window_less_is_counted_and_packs_to_a_sound_head() {
    let mut key = state();
    key.windows.clear();
    let (packed, broken) = quietly(|| key.pack());
    assert!(broken.count > 0);
    let back = KeyState::unpack("e", &rules(RULES), &packed.head, |_| None).unwrap();
    assert_eq!(back.windows.len(), 1);
    assert_eq!(back.tags.len(), key.tags.len());
    assert_eq!(back.rule_states, key.rule_states.iter().map(unlisted).collect::<Vec<_>>());
}

fn unlisted(state: &crate::fold::RuleState) -> crate::fold::RuleState {
    crate::fold::RuleState { listed: 0, ..state.clone() }
}
