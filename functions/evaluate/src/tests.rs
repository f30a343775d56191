//! The samples in `events/evaluate`, read by the function's own code over ports in memory.
//!
//! The samples are made here, since base64 is not for people: `ANDON_BLESS=1 cargo test -p andon-evaluate` writes them anew.

mod score_requests;

use std::collections::BTreeMap;
use std::io::Read as _;

use andon_domain::{RuleDocument, Settings, Transition};
use andon_ingest::encode::{EventRecord, aggregate, event};
use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};
use andon_kit_ports::memory::{Gate, Memory};
use andon_workflows::evaluate::RejectedLine;
use andon_workflows::object_keys;
use andon_workflows::ports::{Payload, Pointer, SetRef};
use andon_workflows::tick::tick_record;

use super::*;

/// A quarter of an hour after the first of the samples.
const ARRIVAL_MS: i64 = 1_772_432_100_000;

/// The key of the samples.
const KEY: [u8; 32] = [0; 32];

fn sample_path(name: &str) -> String {
    format!("{}/../../events/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(sample_path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn trust(key: &[u8]) -> Authenticator {
    Authenticator::new(key).unwrap()
}

/// The function, with the sample's rules.
fn function() -> Evaluate<Memory> {
    let memory = Memory::new();
    let document =
        andon_rule_files::read("first-rule.yaml", &text("rules/first-rule.yaml")).unwrap().document;
    assert_eq!(document.settings, None::<Settings>);
    prepare(&memory, document);
    Evaluate::new(memory, EvaluateSettings::new("andon-points"), trust(&KEY))
}

/// Puts rules that have always been.
fn prepare<G: Gate>(memory: &Memory<G>, document: RuleDocument) {
    let document = serde_json::to_vec(&document).unwrap();
    let digest = object_keys::digest(&document, 32);
    let mut world = memory.world_mut();
    world.now_ms = ARRIVAL_MS + 400;
    world.sets.insert(digest.clone(), document);
    let set = SetRef { start_ms: 0, digest, written_ms: 0, rules: 1, note: String::new() };
    world.pointer = Pointer { revision: 1, sets: vec![set] };
}

async fn evaluated(function: &Evaluate<Memory>, event: &str) -> EvaluateAnswer {
    function.evaluate(event.as_bytes(), ARRIVAL_MS + 60_000).await.unwrap()
}

/// An event of records, each with its partition key, a second apart.
fn event_of(records: &[(&str, Vec<u8>)]) -> String {
    let shard: ShardId = "shardId-000000000000".parse().unwrap();
    let numbered = records.iter().zip(1_i64..).map(|((key, data), number)| {
        let sequence: SequenceNumber = format!("4967115345862300948920197184{number:028}").parse().unwrap();
        let arrival_ms = ARRIVAL_MS + number;
        EventRecord { shard: &shard, sequence, partition_key: key, arrival_ms, data }
    });
    event("andon-points", numbered)
}

/// The lines of a sample of points, each once in a record by itself.
fn lines(name: &str) -> Vec<String> {
    text(name).lines().map(str::to_owned).collect()
}

fn samples() -> Vec<(&'static str, String)> {
    let filler = |data: Vec<u8>| event_of(&[("filler-1", data)]);
    let twelve_minutes = text("points/first-rule.jsonl").into_bytes();
    let user_records = lines("points/first-rule.jsonl");
    let user_records: Vec<(&str, &[u8])> =
        user_records.iter().map(|line| ("filler-1", line.as_bytes())).collect();
    let tick = tick_record("filler-1", &trust(&KEY));
    vec![
        ("point", filler(text("points/single.jsonl").trim_end().into())),
        (
            "list",
            event_of(
                &lines("points/snapshot.jsonl")
                    .into_iter()
                    .map(|list| ("line-1", list.into()))
                    .collect::<Vec<_>>(),
            ),
        ),
        ("lines", filler(twelve_minutes.clone())),
        ("gzip", filler(gzip(&twelve_minutes, Spare::Bytes))),
        ("zstd", filler(zstd(&twelve_minutes))),
        ("aggregated", event_of(&[("a", aggregate(&user_records))])),
        ("tick", event_of(&[(&tick.partition_key, tick.data.clone())])),
        ("poison", event_of(&poison())),
    ]
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn point(tag: &str, more: &str) -> Vec<u8> {
    format!(r#"{{"timestamp":1772432099000,"equipmentId":"filler-1","tag":"{tag}","value":1{more}}}"#).into()
}

/// A record of each kind that cannot be used, between good ones.
fn poison() -> Vec<(&'static str, Vec<u8>)> {
    let lines = text("points/first-rule.jsonl");
    let packed = gzip(lines.as_bytes(), Spare::Bytes);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let mut broken = aggregate(&[("filler-1", b"{}")]);
    broken[5] = 0xff;
    let forged_tick = tick_record("filler-1", &trust(&[1; 32])).data;
    let records = vec![
        point("pressure", ""),
        // Undecodable.
        half(&packed),
        half(&zstd(lines.as_bytes())),
        gzip(&packed, Spare::Bytes),
        broken,
        // Too large.
        gzip(&vec![b' '; 11 << 20], Spare::Bytes),
        point("speed", ""),
        // Malformed.
        Vec::new(),
        half(&point("pressure", "")),
        b"\xffoven hei\xdf".to_vec(),
        br#"{"rules":[]}"#.to_vec(),
        br#"{"arrival":1772432099000,"data":{"equipmentId":"filler-1","tick":true}}"#.to_vec(),
        [point("power", ""), b"\nno JSON\n".to_vec(), point("vibration", "")].concat(),
        [b"[".to_vec(), point("humidity", ""), br#",{"tag":"unseen's"}]"#.to_vec()].concat(),
        // Forged.
        br#"{"equipmentId":"filler-1","tick":true}"#.to_vec(),
        forged_tick,
        point("ml.wear", ""),
        point("wear", r#","meta":{"flags":["Drv"]}"#),
        // Not to be used.
        point("pressure", r#","quality":"Bad""#),
        br#"{"timestamp":1772432099000,"equipmentId":"filler-1","tag":"pressure","value":null}"#.to_vec(),
        point("pressure", ""),
        point("fill_level", ""),
    ];
    records.into_iter().map(|data| ("filler-1", data)).collect()
}

/// Returns the state changes in order: the state and the time.
fn decided(function: &Evaluate<Memory>) -> Vec<(String, i64)> {
    let world = function.ports().world();
    let transitions = world.outbox.values().flat_map(|item| match &item.payload {
        Payload::Inline(json) => serde_json::from_str::<Vec<Transition>>(json).unwrap(),
        Payload::Object(name) => panic!("{name} is too large for a sample"),
    });
    transitions.map(|transition| (transition.to.unwrap().to_string(), transition.at)).collect()
}

#[test]
fn the_committed_samples_are_fresh() {
    for (name, made) in samples() {
        andon_kit_golden::assert_golden(sample_path(&format!("evaluate/{name}.json")), &format!("{made}\n"));
    }
}

fn sample(name: &str) -> String {
    text(&format!("evaluate/{name}.json"))
}

#[tokio::test]
async fn a_point_and_lists_are_folded() {
    for (name, points, keys) in [("point", 1, 1), ("list", 6, 2)] {
        let function = function();
        let EvaluateAnswer { first_not_done, summary } = evaluated(&function, &sample(name)).await;
        assert_eq!((first_not_done, summary.points, summary.commits), (None, points, keys), "{name}");
        assert!(summary.rejected.is_empty(), "{name}: {summary:?}");
        assert_eq!(summary.newest_arrival_ms - ARRIVAL_MS, i64::try_from(summary.records).unwrap());
    }
}

#[tokio::test]
async fn the_same_points_decide_the_same_however_they_are_packed() {
    let minutes = |minutes: i64, seconds: i64| 1_772_431_200_000 + (60 * minutes + seconds) * 1000;
    let expected = [
        ("ACTIVE", minutes(0, 0)),
        ("WARNING", minutes(6, 0)),
        ("MAINTENANCE", minutes(7, 35)),
        ("WARNING", minutes(9, 5)),
        ("ACTIVE", minutes(10, 30)),
    ]
    .map(|(state, at)| (state.to_owned(), at));
    for name in ["lines", "gzip", "zstd", "aggregated"] {
        let function = function();
        let answer = evaluated(&function, &sample(name)).await;
        assert_eq!((answer.first_not_done, answer.summary.points), (None, 55), "{name}");
        assert_eq!(decided(&function), expected, "{name}");
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let function = function();
    evaluated(&function, &sample("lines")).await;
    let before = decided(&function);
    let answer = evaluated(&function, &sample("lines")).await;
    assert_eq!((answer.summary.skipped, answer.summary.commits, answer.first_not_done), (55, 0, None));
    assert_eq!(decided(&function), before);
}

#[tokio::test]
async fn a_tick_of_this_system_moves_the_clock() {
    let function = function();
    let answer = evaluated(&function, &sample("tick")).await;
    assert_eq!((answer.summary.ticks, answer.summary.commits, answer.first_not_done), (1, 1, None));
}

#[tokio::test]
async fn poison_is_set_aside_with_its_reason_and_the_rest_counts() {
    let function = function();
    let answer = evaluated(&function, &sample("poison")).await;
    assert_eq!(answer.first_not_done, None, "nothing comes again");
    let summary = answer.summary;
    let expected = BTreeMap::from([
        ("undecodable", 4),
        ("too_large", 1),
        ("malformed", 7),
        ("forged", 4),
        ("bad_quality", 1),
        ("no_value", 1),
        ("duplicate", 1),
    ]);
    assert_eq!(summary.rejected, expected);
    let used = ["pressure", "speed", "power", "vibration", "humidity", "fill_level"].len();
    let not_used = ["Bad", "null", "pressure again"].len();
    assert_eq!(summary.points, (used + not_used) as u64);

    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (name, object) in &function.ports().world().objects {
        assert!(name.starts_with("rejected/2026/03/02/06/shardId-000000000000/"), "{name}");
        let mut lines = String::new();
        flate2::read::GzDecoder::new(object.as_slice()).read_to_string(&mut lines).unwrap();
        for line in lines.lines() {
            let line: RejectedLine = serde_json::from_str(line).unwrap();
            *found.entry(line.reason).or_default() += line.count.unwrap_or(1);
        }
    }
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
    assert_eq!(found, expected, "every one of them is found again");
}

#[tokio::test]
async fn an_event_of_something_else_is_an_error_that_says_what_was_expected() {
    let function = function();
    for (event, expected) in [
        (text("tick/scheduled.json"), "the event is not one of a Kinesis stream"),
        ("42".to_owned(), "the event is not one of a Kinesis stream"),
        (String::new(), "the event is not one of a Kinesis stream"),
        (r#"{"Records":[]}"#.to_owned(), "the event has no records; expected at least one"),
    ] {
        let error = function.handle(event.as_bytes(), i64::MAX).await.unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_done_batch_has_its_answer_and_its_report() {
    let done = function().handle(sample("point").as_bytes(), i64::MAX).await.unwrap();
    assert_eq!(done.answer, serde_json::json!({"batchItemFailures": []}));
    assert!(matches!(done.report, Report::Evaluated(summary) if summary.points == 1));
}
