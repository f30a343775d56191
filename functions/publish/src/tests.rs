//! The samples in `events/publish`, read by the function's own code over ports in memory, and what consumers get.
//!
//! The samples are made here: `ANDON_BLESS=1 cargo test -p andon-publish` writes them anew.

use andon_domain::Transition;
use andon_engine::replay::{Replay, Sink};
use andon_engine::{CompiledRules, RuleSet};
use andon_ingest::gzip::{Spare, gzip};
use andon_kit_ports::memory::Memory;
use andon_workflows::publish::{EVENT_SCHEMA, SOURCE, StateChange};
use base64::Engine as _;
use serde_json::{Value, json};

use super::*;

fn sample_path(name: &str) -> String {
    format!("{}/../../events/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(sample_path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[derive(Default)]
struct Kept(Vec<Transition>);

impl Sink for Kept {
    fn transition(&mut self, transition: Transition) {
        self.0.push(transition);
    }
}

/// Returns the state changes of the filler under the first rule in twelve minutes.
fn decided() -> Vec<Transition> {
    let rules = andon_rule_files::read("first-rule.yaml", &text("rules/first-rule.yaml")).unwrap().document;
    let mut replay = Replay::new(CompiledRules::new(RuleSet::compile(rules).unwrap()));
    let mut kept = Kept::default();
    for line in text("points/first-rule.jsonl").lines() {
        replay.line(line.as_bytes(), &mut kept).unwrap();
    }
    assert_eq!(kept.0.len(), 5);
    kept.0
}

/// A record of the outbox's stream. Items have the names of attributes that the table has.
fn record(name: &str, number: u32, image: Value) -> Value {
    let keys = json!({"id": image["id"], "v": image["v"]});
    let mut change = json!({
        "ApproximateCreationDateTime": 1_772_431_561,
        "Keys": keys,
        "SequenceNumber": format!("4421584500000000017450{number:03}"),
        "SizeBytes": 512,
        "StreamViewType": "NEW_IMAGE",
    });
    let mut record = json!({
        "eventID": format!("c4ca4238a0b923820dcc509a6f75849{number}"),
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "eventSourceARN":
            "arn:aws:dynamodb:eu-central-1:000000000000:table/andon-outbox/stream/2026-03-02T05:00:00.000",
    });
    if name == "REMOVE" {
        record["userIdentity"] = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    } else {
        change["NewImage"] = image;
    }
    record["dynamodb"] = change;
    record
}

fn item(equipment: &str, version: u32, transitions: &[Transition]) -> Value {
    let clock_ms = transitions.last().unwrap().at + 1200;
    json!({
        "id": {"S": equipment},
        "v": {"N": version.to_string()},
        "c": {"N": clock_ms.to_string()},
        "x": {"N": (clock_ms / 1000 + 8 * 86_400).to_string()},
        "t": {"S": serde_json::to_string(transitions).unwrap()},
    })
}

/// The same with its list compressed.
fn packed(mut item: Value) -> Value {
    let list = item["t"]["S"].as_str().unwrap().to_owned();
    item.as_object_mut().unwrap().remove("t");
    item["z"] =
        json!({"B": base64::engine::general_purpose::STANDARD.encode(gzip(list.as_bytes(), Spare::Bytes))});
    item
}

fn of(equipment: &str, transitions: &[Transition]) -> Vec<Transition> {
    let renamed =
        |transition: &Transition| Transition { equipment_id: equipment.into(), ..transition.clone() };
    transitions.iter().map(renamed).collect()
}

fn samples() -> Vec<(&'static str, Value)> {
    let decided = decided();
    let filler = |version: u32, from: usize, to: usize| item("filler-1", version, &decided[from..to]);
    let other = item("filler-2", 3, &of("filler-2", &decided[..1]));
    let mut damaged = filler(2, 1, 2);
    damaged["t"]["S"] = json!("[{\"ruleId\":\"filler-over");
    let records = |records: Vec<Value>| json!({"Records": records});
    vec![
        (
            "insert",
            records(vec![
                record("INSERT", 1, filler(1, 0, 1)),
                record("INSERT", 2, packed(filler(2, 1, 4))),
                record("INSERT", 3, other.clone()),
                record("INSERT", 4, filler(9, 4, 5)),
            ]),
        ),
        ("remove", records(vec![record("REMOVE", 1, filler(1, 0, 1))])),
        ("modify", records(vec![record("MODIFY", 1, filler(1, 0, 1))])),
        (
            "damaged",
            records(vec![
                record("INSERT", 1, filler(1, 0, 1)),
                record("INSERT", 2, damaged),
                record("INSERT", 3, json!({"id": {"S": "filler-1"}, "v": {"N": "3"}})),
                record("INSERT", 4, other),
                record("INSERT", 5, filler(4, 2, 3)),
            ]),
        ),
    ]
}

fn function() -> Publish<Memory> {
    Publish::new(Memory::new())
}

/// A state change as a target of the bus gets it.
fn bus_event(change: &andon_workflows::ports::BusEntry) -> Value {
    json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": change.detail_type,
        "source": SOURCE,
        "account": "000000000000",
        "time": "2026-03-02T06:06:00Z",
        "region": "eu-central-1",
        "resources": [change.resource],
        "detail": serde_json::from_str::<Value>(&change.detail).unwrap(),
    })
}

async fn published(sample: &str) -> (Publish<Memory>, PublishAnswer) {
    let function = function();
    let answer =
        function.publish(text(&format!("publish/{sample}.json")).as_bytes(), i64::MAX).await.unwrap();
    (function, answer)
}

/// Sequences of what is on the bus, of an equipment.
fn sequences(function: &Publish<Memory>, equipment: &str) -> Vec<u64> {
    let world = function.ports().world();
    let changes =
        world.bus.iter().map(|(_, entry)| serde_json::from_str::<StateChange>(&entry.detail).unwrap());
    changes
        .filter(|change| change.transition.equipment_id == equipment)
        .map(|change| change.transition.sequence)
        .collect()
}

fn fresh(path: &str, made: &str) {
    andon_kit_golden::assert_golden(sample_path(path), made);
}

#[test]
fn the_committed_samples_are_fresh() {
    for (name, made) in samples() {
        fresh(&format!("publish/{name}.json"), &format!("{made:#}\n"));
    }
}

#[tokio::test]
async fn new_items_are_published_in_their_order() {
    let (function, answer) = published("insert").await;
    assert_eq!(answer.first_not_done, None);
    assert_eq!((answer.summary.items, answer.summary.published, answer.summary.views), (4, 6, 2));
    assert_eq!(sequences(&function, "filler-1"), [1, 2, 3, 4, 5]);
    assert_eq!(sequences(&function, "filler-2"), [1]);
}

#[tokio::test]
async fn what_has_expired_is_not_published_again() {
    let (function, answer) = published("remove").await;
    assert_eq!((answer.first_not_done, answer.summary.published), (None, 0));
    assert!(function.ports().world().bus.is_empty());
}

#[tokio::test]
async fn an_item_written_over_one_of_a_former_life_counts() {
    let (function, answer) = published("modify").await;
    assert_eq!((answer.first_not_done, answer.summary.published), (None, 1));
    assert_eq!(sequences(&function, "filler-1"), [1]);
}

#[tokio::test]
async fn a_damaged_item_is_reported_and_does_not_hold_up_the_others() {
    let (function, answer) = published("damaged").await;
    assert_eq!(answer.first_not_done, None, "nothing comes again");
    assert_eq!((answer.summary.published, answer.summary.unreadable), (3, 2));
    assert_eq!(sequences(&function, "filler-1"), [1, 3]);
    let failures = function.ports().world().failures.clone();
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(
        failures.iter().all(|report| report.contains("an item of the outbox cannot be read")),
        "{failures:?}"
    );
}

#[tokio::test]
async fn an_event_of_something_else_is_an_error_that_says_what_was_expected() {
    for event in [text("tick/scheduled.json"), "42".to_owned(), String::new()] {
        let error = function().handle(event.as_bytes(), i64::MAX).await.unwrap_err();
        assert!(error.contains("event of a DynamoDB stream"), "{error}");
    }
}

#[tokio::test]
async fn the_committed_sample_of_a_state_change_is_fresh() {
    let (_, insert) = samples().remove(0);
    let function = function();
    function.publish(insert.to_string().as_bytes(), i64::MAX).await.unwrap();
    let world = function.ports().world();
    let warning =
        world.bus.iter().map(|(_, entry)| entry).find(|entry| entry.detail.contains("WARNING")).unwrap();
    fresh("state-changes/warning.json", &format!("{:#}\n", bus_event(warning)));
}

#[tokio::test]
async fn all_that_is_published_keeps_to_the_schema() {
    let schema: Value = serde_json::from_str(EVENT_SCHEMA).unwrap();
    let (function, _) = published("insert").await;
    let world = function.ports().world();
    for (_, entry) in &world.bus {
        let detail: Value = serde_json::from_str(&entry.detail).unwrap();
        let mut wrong = Vec::new();
        check(&schema, &schema, &detail, "", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?} in {detail}");
    }
    let mut wrong = Vec::new();
    check(&schema, &schema, &json!({"id": 7, "ruleId": "r", "what": 1}), "", &mut wrong);
    assert!(wrong.len() >= 3, "the checker does not check: {wrong:?}");
}

/// The part of JSON Schema that the schema uses. Names that it does not tell of are wrong: every field is documented.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return check(root, target, value, at, wrong);
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let fits = options.iter().any(|option| {
            let mut found = Vec::new();
            check(root, option, value, at, &mut found);
            found.is_empty()
        });
        if !fits {
            wrong.push(format!("{at}: {value} is none of {options:?}"));
        }
        return;
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{at}: a type `{other}`"),
    };
    if !types.iter().any(|name| is(name)) {
        wrong.push(format!("{at}: {value} is none of {types:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            wrong.push(format!("{at}: {required} is missing"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let property = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        match property {
            Some(property) if property.is_object() => {
                check(root, property, member, &format!("{at}/{name}"), wrong);
            }
            _ => wrong.push(format!("{at}/{name} is not in the schema")),
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(root, &schema["items"], item, &format!("{at}/*"), wrong);
    }
}
