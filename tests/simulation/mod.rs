//! The workflows in a simulated world, where every effect may fail before or after it took place.

mod readiness;
mod sabotage;
mod slow_rules;
mod unpark;

/// Seeds in a run of the tests; `ANDON_SEEDS` for more.
const SEEDS: u64 = 2000;

/// The events that a run of 2,000 seeds must have had: a run in which nothing fails shows nothing.
const REQUIRED_EVENTS: [&str; 97] = [
    // Single effects.
    "crashes before an effect",
    "crashes after an effect",
    "crashes before a commit",
    "crashes after a commit",
    "crashes of `evaluate`",
    "crashes of `publish`",
    "crashes of `tick`",
    "crashes of `rules put`",
    "crashes of `unpark`",
    "crashes of `republish`",
    "answers lost",
    "commits without an answer",
    "throttled",
    "entries refused",
    "stalls",
    // Writers that meet.
    "commits lost to a second writer",
    "torn reads",
    "commits tried by zombies",
    "commits tried with an old pointer",
    "old rules met a state of newer ones",
    // Event sources.
    "batches delivered again",
    "batches bisected",
    "batches cut",
    "sources set back",
    "invocations given up",
    "messages that had been folded before",
    "runs with a parallelization factor above 1",
    "records under a strange key",
    "messages rekeyed",
    "splits",
    "merges",
    "steps of children before their parents were drained",
    // Events.
    "state changes published again",
    "state changes published again after later ones",
    "state changes published again on request",
    // Rules.
    "rule sets put",
    "rule sets refused",
    "rules removed",
    "rules created again",
    "keys that took up a rule set in the middle",
    // Keys that break.
    "keys that cannot be stored",
    "segments lost",
    "keys that failed",
    "keys parked",
    "messages parked",
    "keys unparked",
    "messages unparked",
    "unparks that failed as before",
    "unparks cut short",
    "unparks side by side",
    "unparks of keys that were not parked any more",
    "unparks that found what was parked meanwhile",
    // Time.
    "silences",
    "heads expired",
    "keys that came back after their state had expired",
    "ticks sent",
    "ticks for rules",
    "scans of `tick` that were held back",
    // Records that cannot be used.
    "poison records",
    "compressed records",
    "records of several messages",
    "records of a flow",
    "forged ticks",
    "forged scores",
    "found again: malformed",
    "found again: forged",
    "found again: undecodable",
    "found again: late",
    "found again: duplicate",
    "found again: superseded",
    "found again: bad_quality",
    "found again: no_value",
    "scores used",
    // Models.
    "crashes of `enrich`",
    "healthy models",
    "models that are slow",
    "models that fail half of the time",
    "models that are dead",
    "calls of models that took too long",
    "calls of models that failed",
    "calls of models made again",
    "score requests postponed while a circuit is open",
    "asynchronous calls of models",
    "polls of asynchronous calls",
    "notices lost",
    "asynchronous calls that were not answered in time",
    "score requests decided",
    "score requests delivered again",
    "score requests that come again",
    "score requests without an answer",
    "score requests too old",
    "score requests left when all faults were fixed",
    "score requests that were owed a score",
    "cached scores",
    "scores folded",
    "scores that came again",
    "points in place of scores",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn published_state_changes_are_those_of_the_records_whatever_fails() {
    if let Some(seed) = number("ANDON_SEED") {
        match andon_kit_simulation::run(seed) {
            Ok(report) => println!("{report:#?}"),
            Err(failure) => panic!("{failure}"),
        }
        return;
    }
    let seeds = number("ANDON_SEEDS").unwrap_or(SEEDS);
    let swept = andon_kit_simulation::sweep(0..seeds, 2, |_, _| {});
    println!("{swept}");
    assert!(swept.failures.is_empty(), "{swept}");
    if seeds >= SEEDS {
        let unseen: Vec<_> =
            REQUIRED_EVENTS.iter().filter(|what| !swept.report.tally.contains_key(*what)).collect();
        assert!(unseen.is_empty(), "not once in {seeds} seeds: {unseen:?}");
    }
}
