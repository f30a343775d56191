//! The sample in `events/tick`, handled by the function's own code over ports in memory.

use andon_kit_ports::memory::Memory;
use andon_workflows::ports::{Clock as _, Commit, Due, Head, StateStore as _};

use super::*;

fn function() -> Tick<Memory> {
    Tick::new(Memory::new(), Authenticator::new(&[0; 32]).unwrap(), TickSettings::default())
}

fn scheduled() -> String {
    std::fs::read_to_string(format!("{}/../../events/tick/scheduled.json", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

/// Runs the function and returns its running time, ms, and its summary.
async fn run_for(function: &Tick<Memory>, time_ms: i64) -> (i64, TickSummary) {
    let started_ms = function.ports.now_ms();
    let done = function.handle(scheduled().as_bytes(), started_ms + time_ms).await.unwrap();
    let Report::Ticked(summary) = done.report else { panic!("another report") };
    (function.ports.now_ms() - started_ms, summary)
}

/// Stores a key that is due after a time, ms.
async fn due_in(function: &Tick<Memory>, equipment: &str, in_ms: i64) {
    let due = Due::new(equipment, function.ports.now_ms() + in_ms);
    let head = Head { version: 1, due: Some(due), ..Head::default() };
    let commit = Commit { equipment: equipment.to_owned(), read_version: 0, head, outbox: None };
    function.ports.commit(&commit).await.unwrap();
}

fn ticked(function: &Tick<Memory>) -> Vec<String> {
    let world = function.ports.world();
    let shards = world.stream.shards().iter();
    shards.flat_map(|shard| shard.records.iter().map(|record| record.partition_key.clone())).collect()
}

#[tokio::test]
async fn the_function_scans_every_ten_seconds_until_it_is_invoked_again() {
    let (took_ms, summary) = run_for(&function(), 90_000).await;
    assert_eq!((took_ms, summary.due_scans, summary.ticks_sent), (50_000, 6, 0));
}

#[tokio::test]
async fn the_function_stops_before_its_deadline() {
    let (took_ms, summary) = run_for(&function(), 25_000).await;
    assert_eq!((took_ms, summary.due_scans), (20_000, 3));
    let (took_ms, summary) = run_for(&function(), 100).await;
    assert_eq!((took_ms, summary.due_scans), (0, 1), "one scan at least");
}

#[tokio::test]
async fn a_key_that_comes_due_within_the_minute_gets_one_tick_in_it() {
    let function = function();
    due_in(&function, "filler-1", 15_000).await;
    due_in(&function, "filler-2", 600_000).await;
    // The index shows the newest change late.
    due_in(&function, "filler-3", 900_000).await;
    let (_, summary) = run_for(&function, 90_000).await;
    assert_eq!((summary.ticks_sent, summary.errors), (1, 0));
    assert_eq!(ticked(&function), ["filler-1"]);
}
