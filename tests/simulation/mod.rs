//! The workflows in a simulated world, where every effect may fail before or after it took place.

use std::collections::BTreeMap;

use andon_testkit::memory::Flaws;
use andon_testkit::storm::{self as sim, Failure};

/// Seeds in a run of the tests; `ANDON_SEEDS` for more.
const SEEDS: u64 = 500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_is_published_is_what_the_records_say_whatever_fails() {
    if let Some(seed) = number("ANDON_SEED") {
        match sim::run(seed) {
            Ok(report) => println!("{report:#?}"),
            Err(failure) => panic!("{failure}"),
        }
        return;
    }
    let seeds = number("ANDON_SEEDS").unwrap_or(SEEDS);
    let results: Vec<_> = std::thread::scope(|scope| {
        let half =
            |odd: u64| move || (0..seeds).filter(|seed| seed % 2 == odd).map(sim::run).collect::<Vec<_>>();
        let threads = [scope.spawn(half(0)), scope.spawn(half(1))];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
    let mut transitions = 0;
    let mut failures: Vec<Failure> = Vec::new();
    for result in results {
        match result {
            Ok(report) => {
                transitions += report.transitions;
                report.tally.into_iter().for_each(|(what, count)| *tally.entry(what).or_default() += count);
            }
            Err(failure) => failures.push(failure),
        }
    }
    println!("{seeds} seeds, {transitions} state changes published: {tally:#?}");
    let shown: Vec<String> = failures.iter().take(10).map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {seeds} seeds failed:\n{}", failures.len(), shown.join("\n"));
    // A run in which nothing goes wrong shows nothing.
    for fault in
        ["crashes before an effect", "crashes after an effect", "answers lost", "throttled", "stalls"]
    {
        assert!(tally.contains_key(fault), "no {fault} in {seeds} seeds");
    }
}

/// Seeds that failed once.
#[test]
fn seeds_that_failed_once_hold() {
    let seeds: [u64; 0] = [];
    for seed in seeds {
        if let Err(failure) = sim::run(seed) {
            panic!("{failure}");
        }
    }
}

/// The checker that first sees a world with a flaw, within 300 seeds.
fn seen(flaws: Flaws) -> Option<&'static str> {
    (0..300).find_map(|seed| sim::run_with(seed, flaws).err()).map(|failure| failure.checker)
}

#[test]
fn a_broken_fence_is_seen() {
    assert!(seen(Flaws { ignores_versions: true, ..Flaws::default() }).is_some());
}

#[test]
fn lost_positions_are_seen() {
    assert!(seen(Flaws { forgets_positions: true, ..Flaws::default() }).is_some());
}

#[test]
fn a_stale_rule_pointer_is_seen() {
    assert!(seen(Flaws { stale_pointer: true, ..Flaws::default() }).is_some());
}

#[test]
fn lost_decisions_are_seen() {
    assert!(seen(Flaws { loses_outbox: true, ..Flaws::default() }).is_some());
}

#[test]
fn events_out_of_order_are_seen() {
    assert!(seen(Flaws { reorders_bus: true, ..Flaws::default() }).is_some());
}

#[test]
fn checkpoints_that_go_back_are_seen() {
    assert_eq!(
        seen(Flaws { ignores_revisions: true, ..Flaws::default() }),
        Some("checkpoints never go back")
    );
}
