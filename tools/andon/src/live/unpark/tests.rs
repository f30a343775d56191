use andon_ingest::encode::{EventRecord, event};
use andon_ingest::{Arena, Authenticator, ShardId};
use andon_kit_ports::memory::Memory;
use andon_workflows::evaluate::with_batch;
use andon_workflows::ports::Clock;
use andon_workflows::rulebook::{self, KeepSets};
use clap::Parser;

use super::*;
use crate::live::at_once;
use crate::terminal::ColorChoice;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(words: &[&str]) -> Arguments {
    Line::parse_from(["unpark"].iter().chain(words)).arguments
}

const RULES: &str =
    r#"{"rules":[{"id":"hot","groups":[{"id":"g","states":[{"state":"HOT","when":"t > 80"}]}]}]}"#;

/// Sends a point of each equipment and folds the shard from the first record on, as after a failure.
fn evaluate(memory: &Memory, machines: &[&str], value: u32) {
    let now_ms = memory.now_ms();
    for equipment in machines {
        let point = format!(
            r#"{{"version":1,"timestamp":{now_ms},"equipmentId":"{equipment}","tag":"t","value":{value}}}"#
        );
        memory.world_mut().stream.put(equipment, point.as_bytes(), now_ms);
    }
    let text = {
        let world = memory.world();
        let shard = &world.stream.shards()[0];
        let id: ShardId = shard.id.parse().unwrap();
        event(
            "points",
            shard.records.iter().map(|record| EventRecord {
                shard: &id,
                sequence: record.sequence_number,
                partition_key: &record.partition_key,
                arrival_ms: record.arrival_ms,
                data: &record.data,
            }),
        )
    };
    let evaluator = Evaluator::new(memory.clone(), EvaluateSettings::new("points"));
    let mut arena = Arena::new();
    with_batch(text.as_bytes(), &mut arena, None, |batch| at_once(evaluator.evaluate(&batch, i64::MAX)))
        .unwrap();
}

/// A system in which `bad` is parked with three records, and `good` is not.
fn parked() -> Memory {
    let memory = Memory::new();
    let rules = andon_domain::RuleDocument::from_json(RULES).unwrap();
    at_once(rulebook::put(&memory, &rules, None, "", KeepSets::default())).unwrap();
    memory.world_mut().now_ms += 20_000;
    memory.world_mut().refused_equipment = Some("bad".to_owned());
    for value in [70, 90, 95, 60] {
        memory.world_mut().now_ms += 30_000;
        evaluate(&memory, &["good", "bad"], value);
    }
    assert!(memory.world().heads["bad"].parked.is_some(), "{:?}", memory.world().heads);
    memory
}

fn trust() -> Authenticator {
    Authenticator::new(&[7; 32]).unwrap()
}

fn unpark_with(memory: &Memory, words: &[&str]) -> Result<(), Failure> {
    let terminal = Terminal::new(ColorChoice::Never);
    let settings = EvaluateSettings::new("points");
    at_once(unpark(memory.clone(), settings, Some(&trust()), &arguments(words), &terminal))
}

#[test]
fn a_parked_equipment_goes_on_once_the_cause_is_fixed() {
    let memory = parked();
    assert!(matches!(unpark_with(&memory, &["bad"]), Err(Failure::AlreadyPrinted)));
    assert!(memory.world().heads["bad"].parked.is_some());
    memory.world_mut().refused_equipment = None;
    unpark_with(&memory, &["--all"]).unwrap();
    assert!(memory.world().heads["bad"].parked.is_none());
    let decided =
        |equipment: &str| memory.world().outbox.values().filter(|item| item.equipment == equipment).count();
    assert!(decided("bad") > 0 && decided("good") > 0);
}

#[test]
fn an_equipment_that_is_not_parked_is_no_error() {
    let memory = parked();
    unpark_with(&memory, &["good"]).unwrap();
    memory.world_mut().refused_equipment = None;
    unpark_with(&memory, &["--all"]).unwrap();
    unpark_with(&memory, &["--all"]).unwrap();
}

#[test]
fn a_command_names_its_machines_or_says_all() {
    assert!(Line::try_parse_from(["unpark"]).is_err());
    assert!(Line::try_parse_from(["unpark", "a", "--all"]).is_err());
}
