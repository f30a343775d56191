//! Sabotage: a promise that is broken on purpose is found by the checker that must find it.

use std::collections::BTreeSet;

use andon_kit_ports::memory::Flaws;
use andon_kit_simulation::Sabotage;

/// Asserts that a checker finds a broken promise within 1,000 seeds.
#[track_caller]
fn sees(checker: &str, sabotage: Sabotage) {
    let mut others = BTreeSet::new();
    for seed in 0..1000 {
        match andon_kit_simulation::run_with(seed, sabotage) {
            Err(failure) if failure.checker == checker => return,
            Err(failure) => drop(others.insert(failure.checker)),
            Ok(_) => {}
        }
    }
    panic!("not seen by `{checker}`, but by {others:?}");
}

/// The checker that finds most faults first.
const STATES: &str = "states are those of the records";

/// Returns a sabotage by flaws that another checker than [`STATES`] must find.
fn flaws(flaws: Flaws) -> Sabotage {
    Sabotage { flaws, blind: &[STATES], ..Sabotage::default() }
}

#[test]
fn a_broken_fence_is_seen() {
    let broken = flaws(Flaws { ignores_versions: true, ..Flaws::default() });
    sees("each commit follows the one before", broken);
    sees("one identity, one content", broken);
}

#[test]
fn lost_positions_are_seen() {
    let broken = flaws(Flaws { forgets_positions: true, ..Flaws::default() });
    sees("positions never go back", broken);
    // A record that is folded twice with its arrival hardly ever changes a decision; the checker finds it all the same.
    sees("nothing is folded twice", Sabotage { blind: &[STATES, "positions never go back"], ..broken });
}

#[test]
fn a_stale_rule_pointer_is_seen() {
    sees("published is what was decided", flaws(Flaws { stale_pointer: true, ..Flaws::default() }));
}

#[test]
fn lost_decisions_are_seen() {
    sees("published is what was decided", flaws(Flaws { loses_outbox: true, ..Flaws::default() }));
}

#[test]
fn lost_events_are_seen() {
    sees("published is what was decided", flaws(Flaws { loses_bus: true, ..Flaws::default() }));
}

#[test]
fn events_out_of_order_are_seen() {
    sees("published is what was decided", flaws(Flaws { reorders_bus: true, ..Flaws::default() }));
}

#[test]
fn a_state_change_that_is_offered_before_the_one_before_was_accepted_is_seen() {
    sees("published is what was decided", flaws(Flaws { accepts_too_early: true, ..Flaws::default() }));
}

#[test]
fn checkpoints_that_go_back_are_seen() {
    sees("checkpoints never go back", flaws(Flaws { ignores_revisions: true, ..Flaws::default() }));
}

#[test]
fn views_that_go_back_are_seen() {
    sees("views show the newest", flaws(Flaws { ignores_sequences: true, ..Flaws::default() }));
}

#[test]
fn sequences_that_begin_anew_are_seen() {
    sees("one identity, one content", flaws(Flaws { forgets_views: true, ..Flaws::default() }));
}

#[test]
fn rejections_that_are_written_after_the_commits_are_seen() {
    sees("rejections are kept", flaws(Flaws { rejects_after_commits: true, ..Flaws::default() }));
}

#[test]
fn score_requests_that_are_sent_after_the_commits_are_seen() {
    let broken = flaws(Flaws { asks_after_commits: true, ..Flaws::default() });
    sees("score requests are sent before the commit", broken);
    // A process that crashes between the two never sends them.
    let blind = &[STATES, "score requests are sent before the commit"];
    sees("no score request is lost", Sabotage { blind, ..broken });
}

#[test]
fn lost_score_requests_are_seen() {
    sees("a model that is well answers", flaws(Flaws { loses_score_requests: true, ..Flaws::default() }));
}

#[test]
fn lost_objects_are_seen() {
    let broken = flaws(Flaws { loses_objects: true, ..Flaws::default() });
    sees("rejections are kept", broken);
}

#[test]
fn an_unpark_that_forgets_what_arrived_meanwhile_is_seen() {
    sees("each commit follows the one before", flaws(Flaws { unparks_blindly: true, ..Flaws::default() }));
}

#[test]
fn lost_due_times_are_seen() {
    sees("due times are never late", flaws(Flaws { loses_due: true, ..Flaws::default() }));
}

#[test]
fn an_expired_state_with_an_alarm_is_seen() {
    sees("only what is at rest is forgotten", flaws(Flaws { expires_all: true, ..Flaws::default() }));
}

#[test]
fn forged_messages_that_are_accepted_are_seen() {
    sees("rejections are kept", Sabotage { trusts_a_forger: true, ..flaws(Flaws::default()) });
}

#[test]
fn records_that_are_skipped_after_a_failure_are_seen() {
    sees("nothing is lost", Sabotage { skips_failures: true, ..flaws(Flaws::default()) });
}
