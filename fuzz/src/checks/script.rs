//! A rule set and a stream from choices.
//!
//! Values are multiples of 1/4 and few, so that sums are exact in binary. What is rounded (`avg`, `stddev`, `rate`) is
//! compared with a multiple of 1/4 plus 1/1024, which it cannot equal as long as points are few and windows short; so
//! rounding never decides.

use std::collections::BTreeMap;

use andon_domain::{
    Group, Millis, ModelBinding, ParameterValue, Rule, RuleDocument, Scope, Settings, StateEntry,
};
use andon_kit_cases::Case;
use serde_json::{Value, json};

use super::choices::Choices;

pub(super) const START_MS: i64 = 1_700_000_000_000;

/// The naive model looks at every point in every evaluation.
const MOST_LINES: usize = 120;

const EQUIPMENTS: [&str; 4] = ["filler-1", "filler-1", "filler-1", "labeler-1"];
const TAGS: [&str; 4] = ["level", "door_open", "machine_state", "ml.quality"];
const NUMBERS: [f64; 8] = [4.0, 0.0, 1.0, 4.25, 3.75, 10.0, -2.0, 20.0];
const TEXTS: [&str; 4] = ["running", "stopped", "1l", ""];
const STATES: [&str; 4] = ["WARNING", "ALARM", "NORMAL", "UNKNOWN"];
const WAITS_MS: [i64; 8] = [0, 0, 250, 1000, 1000, 2000, 5000, 10_000];
const WEIGHTS: [f64; 5] = [1.0, 2.0, 0.0, -1.0, 2.5];

const PERIODS_MS: [i64; 6] = [1000, 2000, 2500, 5000, 10_000, 60_000];
const INPUTS: [&str; 10] = [
    "level",
    "door_open",
    "machine_state",
    "level > 4",
    "count(level, '5s')",
    "min(level, '2500ms')",
    "sum(level, '10s')",
    "equipment.limit",
    "changes(machine_state, '10s')",
    "absent(level, '2s')",
];

const CONDITIONS: [&str; 40] = [
    "level > 4",
    "level <= params.limit",
    "door_open",
    "!door_open",
    "machine_state == 'running'",
    "machine_state != 'stopped' && level >= 1",
    "machine_state < 'running' || door_open",
    "score('quality') < 4",
    "absent(level, '2s')",
    "absent(score('quality'), '10s')",
    "absent(machine_state, '500ms') && !door_open",
    "avg(level, '2s') > 4.0009765625",
    "avg(level, '1m') < 3.7509765625",
    "avg(door_open, '5s') > 0.2509765625",
    "stddev(level, '10s') > 2.0009765625",
    "rate(level, '5s') > 0.2509765625",
    "rate(level, '20s') < -2.0009765625",
    "min(level, '2500ms') >= 1",
    "max(score('quality'), '5s') == 4.25",
    "sum(level, '10s') > 10",
    "count(level, '1s') == 0",
    "count(machine_state, '5s') > 2",
    "delta(level, '5s') < -2",
    "delta(level, '50ms') != 0",
    "changes(machine_state, '10s') > 1",
    "changes(door_open, '2s') == 1 || count(door_open, '1m') > 8",
    "level == score('quality')",
    "machine_state == level",
    "door_open ? level > 4 : score('quality') > 1",
    "(level > 4 ? door_open : machine_state == '1l') && level != 10",
    "abs(level - score('quality')) > 3",
    "level % 3 == 1",
    "level / score('quality') > 1",
    "-(level) * 2 + 1 < -7",
    "true",
    "false",
    "max(level, '5s') - min(level, '5s') >= params.limit",
    "level",
    "count(level, '2s') > 1 && absent(door_open, '1s') || machine_state == ''",
    "avg(machine_state, '5s') > 0.0009765625 || sum(machine_state, '5s') >= 0",
];

/// A rule set and the lines of a stream.
pub(super) fn case(choices: &mut Choices<'_>) -> Case {
    let rules = document(choices);
    let mut script = Script { now_ms: START_MS, number: 0 };
    let mut lines = Vec::new();
    while !choices.is_empty() && lines.len() < MOST_LINES {
        lines.push(script.line(choices, &rules).to_string());
    }
    Case { seed: 0, rules, lines }
}

fn document(choices: &mut Choices<'_>) -> RuleDocument {
    let settings = Settings {
        max_out_of_orderness: Millis(choices.pick(&[0, 250, 1000, 5000])),
        allowed_lateness: Millis(choices.pick(&[600_000, 0, 500, 2000])),
        idle_timeout: Millis(choices.pick(&[10_000, 1000, 2000, 30_000])),
        max_source_drift: Millis(choices.pick(&[10_000, 0, 500, 60_000])),
    };
    // From the end of the bytes, so that what stands before means the same with models and without.
    let mut others = choices.tail();
    let rules = (0..=choices.below(3)).map(|index| rule(choices, index)).collect();
    let models = (0..others.below(4)).map(|index| model(&mut others, index)).collect::<Vec<_>>();
    let equipment = if models.is_empty() { Default::default() } else { attributes(&mut others) };
    RuleDocument { settings: Some(settings), equipment, models, rules }
}

/// A binding. Scores of the first occur in streams, and others may name them.
fn model(choices: &mut Choices<'_>, index: usize) -> ModelBinding {
    let id = if index == 0 { "quality".to_owned() } else { format!("m{index}") };
    let period_ms = choices.pick(&PERIODS_MS);
    let form = choices.byte();
    let mut inputs = vec![json!({"name": "a", "value": choices.pick(&INPUTS)})];
    if form & 1 == 1 {
        let other = if index > 0 && form & 2 == 2 { "score('quality')" } else { choices.pick(&INPUTS) };
        inputs.push(json!({"name": "b", "value": other}));
    }
    let mut model = json!({"id": id, "inputs": inputs, "endpoint": {"name": "e"}});
    if form & 4 == 4 {
        model["every"] = json!(format!("{period_ms}ms"));
    } else {
        model["at_most_every"] = json!(format!("{period_ms}ms"));
        if form & 8 == 8 {
            let again_ms = period_ms * (1 + i64::from(form >> 4) % 4);
            model["at_least_every"] = json!(format!("{again_ms}ms"));
        }
    }
    serde_json::from_value(model).unwrap_or_else(|error| panic!("{error}"))
}

/// Attributes of one equipment that streams name, and of one that they do not.
fn attributes(choices: &mut Choices<'_>) -> BTreeMap<String, BTreeMap<String, ParameterValue>> {
    let mut limit = || [("limit".to_owned(), ParameterValue::Number(choices.pick(&NUMBERS)))].into();
    [("filler-1".to_owned(), limit()), ("nobody".to_owned(), limit())].into()
}

fn rule(choices: &mut Choices<'_>, index: usize) -> Rule {
    Rule {
        id: format!("r{index}"),
        version: u64::from(choices.byte() % 4),
        description: None,
        scope: Scope { equipment: vec![choices.pick(&["*", "*", "filler-*", "*-[2-9]"]).to_owned()] },
        default: choices.pick(&["UNKNOWN", "UNKNOWN", "NORMAL"]).to_owned(),
        parameters: [("limit".to_owned(), ParameterValue::Number(choices.pick(&NUMBERS)))].into(),
        groups: (0..=choices.below(2)).map(|index| group(choices, index)).collect(),
    }
}

fn group(choices: &mut Choices<'_>, index: usize) -> Group {
    Group {
        id: format!("g{index}"),
        weight: choices.pick(&WEIGHTS),
        otherwise: choices.chance(96).then(|| choices.pick(&STATES).to_owned()),
        states: (0..=choices.below(2)).map(|_| entry(choices)).collect(),
    }
}

fn entry(choices: &mut Choices<'_>) -> StateEntry {
    let wait = |choices: &mut Choices<'_>| Some(Millis(choices.pick(&WAITS_MS))).filter(|wait| wait.0 > 0);
    StateEntry {
        when: choices.pick(&CONDITIONS).to_owned(),
        state: choices.pick(&STATES).to_owned(),
        hold: wait(choices),
        until: choices.chance(64).then(|| choices.pick(&CONDITIONS).to_owned()),
        keep_for: wait(choices),
        times: Some(u32::from(choices.byte() % 8)).filter(|times| (1..4).contains(times)),
        weight: choices.chance(64).then(|| choices.pick(&WEIGHTS)),
    }
}

/// What a stream has come to.
struct Script {
    now_ms: i64,
    number: u64,
}

impl Script {
    fn line(&mut self, choices: &mut Choices<'_>, rules: &RuleDocument) -> Value {
        match choices.byte() {
            0..=151 => self.point(choices),
            152..=183 => self.snapshot(choices),
            184..=215 => self.tick(choices),
            216..=231 => self.rules(choices, rules),
            232..=255 => {
                self.now_ms += 1000 * i64::from(choices.byte());
                self.point(choices)
            }
        }
    }

    fn point(&mut self, choices: &mut Choices<'_>) -> Value {
        let arrival_ms = self.advance(choices);
        let point = self.data(choices, arrival_ms);
        if choices.chance(64) { json!({"arrival": arrival_ms, "data": point}) } else { point }
    }

    fn snapshot(&mut self, choices: &mut Choices<'_>) -> Value {
        let arrival_ms = self.advance(choices);
        let points: Vec<Value> = (0..=choices.below(4)).map(|_| self.data(choices, arrival_ms)).collect();
        if choices.chance(128) { json!({"arrival": arrival_ms, "data": points}) } else { json!(points) }
    }

    fn tick(&mut self, choices: &mut Choices<'_>) -> Value {
        let arrival_ms = self.advance(choices);
        let tick = json!({"equipmentId": choices.pick(&EQUIPMENTS), "tick": true});
        if choices.chance(192) { json!({"arrival": arrival_ms, "data": tick}) } else { tick }
    }

    /// A rule set: another one, or the first with some changes.
    fn rules(&mut self, choices: &mut Choices<'_>, rules: &RuleDocument) -> Value {
        let start_ms = self.advance(choices);
        let mut rules = rules.clone();
        let some = choices.below(rules.rules.len());
        match choices.below(6) {
            0 => {
                for entry in rules
                    .rules
                    .iter_mut()
                    .flat_map(|rule| &mut rule.groups)
                    .flat_map(|group| &mut group.states)
                {
                    if choices.chance(128) {
                        entry.when = choices.pick(&CONDITIONS).to_owned();
                    }
                }
            }
            1 => {
                drop(rules.rules.drain(some..));
                rules.models.truncate(some);
            }
            2 => {
                rules.rules.rotate_left(some);
                rules.models.reverse();
            }
            3 => rules.rules.push(rule(choices, rules.rules.len())),
            4 => {
                for rule in &mut rules.rules {
                    rule.version += 1;
                    rule.parameters
                        .insert("limit".to_owned(), ParameterValue::Number(choices.pick(&NUMBERS)));
                    let places = choices.below(rule.groups.len());
                    rule.groups.rotate_right(places);
                }
                rules.equipment.retain(|id, _| id == "nobody");
                for model in &mut rules.models {
                    model.version += 1;
                }
            }
            _ => rules = document(choices),
        }
        json!({"arrival": start_ms, "rules": rules})
    }

    fn advance(&mut self, choices: &mut Choices<'_>) -> i64 {
        self.now_ms += choices.pick(&[250, 0, 1, 250, 500, 1000, 1000, 2000, 5000, 10_000, 61_000]);
        // Records of several senders do not arrive in order of the time that they are stamped with.
        self.now_ms - choices.pick(&[0, 0, 0, 0, 0, 0, 250, 1000])
    }

    fn data(&mut self, choices: &mut Choices<'_>, arrival_ms: i64) -> Value {
        let timestamp_ms = arrival_ms - choices.pick(&[0, 0, 0, 50, 250, 1000, 5000, -1000, 20_000, 700_000]);
        let tag = choices.pick(&TAGS);
        let kind = if choices.chance(16) { choices.pick(&TAGS) } else { tag };
        let value = match kind {
            "door_open" => json!(choices.chance(128)),
            "machine_state" => json!(choices.pick(&TEXTS)),
            _ => json!(choices.pick(&NUMBERS)),
        };
        let flags = choices.byte();
        // Mostly a new number; the same as before makes duplicates.
        self.number += u64::from(flags & 0x07 != 0x07);
        let tag = if flags & 0xf0 == 0xf0 { "unwatched" } else { tag };
        let drv: &[&str] = if flags & 0xf0 == 0xe0 { &["Drv"] } else { &[] };
        let quality = if flags & 0xf0 == 0xd0 { "Bad" } else { "Ok" };
        let value = if flags & 0xf0 == 0xc0 { Value::Null } else { value };
        let source = if flags & 0x08 == 0 { "gateway-1" } else { "gateway-2" };
        json!({
            "timestamp": timestamp_ms, "equipmentId": choices.pick(&EQUIPMENTS), "tag": tag, "value": value, "quality": quality,
            "meta": {"sequenceNumber": self.number, "flags": drv, "createdAt": arrival_ms, "sourceId": source}
        })
    }
}

/// Lines behind a case: a point every second with values of many digits, so that windows fill and segments are made.
/// They begin where the stream is sure to have ended.
pub(super) fn burst(case: &Case, seconds: u8) -> impl Iterator<Item = String> + use<> {
    let from_ms = START_MS + 3_600_000 * (1 + i64::try_from(case.lines.len()).unwrap_or_default());
    (0..i64::from(seconds % 100)).map(move |second| {
        let value = 20.0 * f64::from(u8::try_from(second).unwrap_or_default()).sin();
        let point = json!({"timestamp": from_ms + 1000 * second, "equipmentId": "filler-1", "tag": "level", "value": value});
        point.to_string()
    })
}
