//! The protocol as it is planned holds in every state of each small world.

#![allow(clippy::print_stdout, reason = "a test says how many states it visited")]

use andon_pages_model::explore::explore;
use andon_pages_model::world::World;
use andon_pages_model::worlds;

const README: &str = include_str!("../README.md");

/// Visits all states of a world, and checks that the readme has their number.
fn holds(world: World) {
    let report = explore(&world);
    println!("{}: {} states, {} steps, depth {}", world.name, report.states, report.steps, report.depth);
    assert_eq!(report.broken, None, "in the world `{}`", world.name);
    assert_eq!(report.used, world.chances, "a chance that never comes shows nothing");
    let row = format!("| {} | {} |", world.name, thousands(report.states));
    assert!(README.contains(&row), "README.md has no row `{row}`");
}

/// Writes a number with a comma before each group of three digits.
fn thousands(number: usize) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", thousands(number / 1000), number % 1000)
}

macro_rules! holds {
    ($($test:ident: $world:ident;)*) => {
        $(#[test]
        fn $test() {
            holds(worlds::$world());
        })*

        #[test]
        fn every_world_is_visited() {
            let tested = [$(worlds::$world().name),*];
            let all: Vec<&str> = worlds::all().iter().map(|world| world.name).collect();
            assert_eq!(all, tested);
        }
    };
}

holds! {
    two_invocations_of_a_batch_decide_once_whichever_crashes: two_invocations;
    a_commit_that_lands_late_changes_nothing: late_commits;
    a_commit_that_lands_late_finds_its_body: late_commits_and_sweep;
    a_commit_that_lands_late_finds_its_page_gone: late_commits_and_merge;
    kept_states_are_never_older_or_newer_than_the_body: kept_states;
    kept_states_go_on_while_the_object_store_is_away: kept_states_while_away;
    a_decision_survives_lost_images_crashes_and_operators: delivery;
    a_page_that_goes_takes_no_decision_along: delivery_beside_keepers;
    a_split_beside_invocations_loses_nothing: split;
    a_merge_of_pages_at_different_positions_loses_and_repeats_nothing: merge;
    a_merge_survives_an_event_source_set_back: set_back;
    of_two_keepers_one_wins_whole: two_keepers;
    an_old_plan_is_refused: old_plan;
    a_sweep_takes_no_body_that_a_head_names: sweep;
    a_sweep_takes_no_body_of_a_page_about_to_be_born: sweep_beside_keepers;
    an_object_store_that_is_away_loses_nothing: store_away;
    a_damaged_body_stops_no_other_page_and_is_never_taken_for_empty: damage;
    a_failing_machine_neither_loses_records_nor_delays_others: failing_machine;
    a_machine_that_fails_in_one_shard_goes_on_in_another: failing_across_shards;
    a_machine_is_parked_and_unparked_while_the_object_store_is_away: parked_machine;
    a_machine_of_two_shards_is_parked_and_unparked: parked_across_shards;
    an_unparking_beside_a_split_and_a_crash_loses_nothing: unpark;
    two_event_sources_share_a_page: two_shards;
    one_reader_folds_a_shard_in_order: one_shard;
    a_merge_of_pages_in_two_shards_keeps_both_positions: merge_across_shards;
    a_record_that_is_put_back_twice_is_folded_once: rekeying;
    a_record_that_was_put_back_may_fail: rekeying_of_failing;
    a_machine_that_expired_is_not_folded_again: expiry;
    a_machine_that_fails_or_is_parked_does_not_expire: expiry_of_failing;
}

#[test]
fn first_groups_by_range_repair_a_merge_after_an_expiry() {
    for (world, name) in [
        (worlds::expiry_and_merge(), "expiry and merge, repaired"),
        (worlds::expiry_and_merge_beside_a_zombie(), "expiry and merge, zombie, repaired"),
    ] {
        holds(World { has_first_groups_by_range: true, name, ..world });
    }
}
