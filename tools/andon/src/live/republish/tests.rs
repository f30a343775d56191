use andon_kit_ports::memory::Memory;
use andon_workflows::ports::{OutboxItem, Payload};
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
    Line::parse_from(["republish"].iter().chain(words)).arguments
}

/// Two machines with two state changes each, an hour ago and now.
fn memory() -> Memory {
    let memory = Memory::new();
    let mut world = memory.world_mut();
    let now_ms = world.now_ms;
    for equipment in ["filler-1", "oven-1"] {
        for (version, clock_ms) in [(1, now_ms - 3_600_000), (2, now_ms)] {
            let json = format!(
                r#"[{{"ruleId":"r","ruleVersion":1,"equipmentId":"{equipment}","sequence":{version},"from":"A","to":"B","at":{clock_ms},"group":"g"}}]"#
            );
            let item = OutboxItem {
                equipment: equipment.to_owned(),
                version,
                clock_ms,
                expires_s: i64::MAX,
                payload: Payload::Inline(json),
            };
            world.outbox.insert((equipment.to_owned(), version), item);
        }
    }
    drop(world);
    memory
}

fn published(words: &[&str]) -> Vec<String> {
    let memory = memory();
    let terminal = Terminal::new(ColorChoice::Never);
    at_once(again(&memory, &arguments(words), &terminal)).unwrap();
    let world = memory.world();
    world.bus.iter().map(|(_, entry)| entry.resource.clone()).collect()
}

#[test]
fn what_was_decided_since_goes_to_the_bus_again() {
    assert_eq!(published(&["--since", "10m"]), ["filler-1", "oven-1"]);
    assert_eq!(published(&["--since", "2h", "--equipment", "oven-1"]), ["oven-1", "oven-1"]);
}

#[test]
fn a_dry_run_publishes_nothing() {
    let memory = memory();
    let terminal = Terminal::new(ColorChoice::Never);
    let now_ms = memory.world().now_ms;
    at_once(show(&memory, now_ms, &arguments(&["--since", "2h", "--dry-run"]), &terminal)).unwrap();
    assert!(memory.world().bus.is_empty());
}

#[test]
fn what_the_bus_does_not_take_is_an_error() {
    let memory = memory();
    memory.world_mut().refused_detail = Some("oven-1".to_owned());
    let terminal = Terminal::new(ColorChoice::Never);
    let outcome = at_once(again(&memory, &arguments(&["--since", "10m"]), &terminal));
    assert!(matches!(outcome, Err(Failure::Message(message)) if message.starts_with("1 was not published")));
    assert_eq!(memory.world().failures.len(), 1);
}
