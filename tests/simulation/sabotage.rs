//! What is broken on purpose is seen, and by whom.

use std::collections::BTreeSet;

use andon_kit_ports::memory::Flaws;
use andon_kit_simulation::Sabotage;

/// Asserts that a checker sees something broken, within so many seeds.
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

/// Sees most things first.
const STATES: &str = "states are those of the records";

/// What is broken, and must be seen by others than by what it makes of states.
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
    // What is folded twice with its arrival hardly ever decides anything else; that it was is seen all the same.
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
fn questions_that_are_sent_after_the_commits_are_seen() {
    let broken = flaws(Flaws { asks_after_commits: true, ..Flaws::default() });
    sees("questions are sent before the commit", broken);
    // Who crashes between the two never sends them.
    let blind = &[STATES, "questions are sent before the commit"];
    sees("no question is lost", Sabotage { blind, ..broken });
}

#[test]
fn lost_questions_are_seen() {
    sees("a model that is well answers", flaws(Flaws { loses_questions: true, ..Flaws::default() }));
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

/// Needs two who add at once, and one who has listed the objects before the second wrote its own: one in many thousand seeds.
#[test]
fn parked_messages_that_are_deleted_before_they_were_folded_are_seen() {
    let flaws = Flaws { mixes_up_parkers: true, ..Flaws::default() };
    let seen = andon_kit_simulation::run_with(16015, Sabotage { flaws, ..Sabotage::default() });
    assert_eq!(seen.map_err(|failure| failure.checker).err(), Some(STATES));
}

#[test]
fn lost_due_times_are_seen() {
    sees("due times are never late", flaws(Flaws { loses_due: true, ..Flaws::default() }));
}

#[test]
fn a_state_that_is_forgotten_with_an_alarm_in_it_is_seen() {
    sees("only what is at rest is forgotten", flaws(Flaws { expires_all: true, ..Flaws::default() }));
}

#[test]
fn forged_messages_that_are_believed_are_seen() {
    sees("rejections are kept", Sabotage { trusts_a_forger: true, ..flaws(Flaws::default()) });
}

#[test]
fn records_that_are_skipped_after_a_failure_are_seen() {
    sees("nothing is lost", Sabotage { skips_failures: true, ..flaws(Flaws::default()) });
}
