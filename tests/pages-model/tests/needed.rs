//! Each rule is needed: left out, a state that breaks a property can be reached. Traces are shortest ones.

use std::collections::BTreeSet;

use andon_pages_model::chance::Chance;
use andon_pages_model::explore::explore;
use andon_pages_model::invariants::Invariant;
use andon_pages_model::rules::Rule;
use andon_pages_model::worlds;

const README: &str = include_str!("../README.md");

/// Leaves a rule out of a world, and checks that the property breaks and that the readme says so.
macro_rules! needed {
    ($($test:ident: $rule:ident in $world:ident breaks $invariant:ident;)*) => {
        $(#[test]
        fn $test() {
            let world = worlds::$world().without(Rule::$rule);
            let report = explore(&world);
            let (broken, trace) = report.broken.expect("a rule that is left out is found");
            println!("{:?} in `{}`: {broken:?} after {} states: {trace:?}", Rule::$rule, world.name, report.states);
            assert_eq!(broken, Invariant::$invariant, "{trace:?}");
            let row =
                format!("| `{:?}` | `{broken:?}` | {} | {} |", Rule::$rule, world.name, trace.len());
            assert!(README.contains(&row), "README.md has no row `{row}`; {} states", report.states);
        })*

        #[test]
        fn every_rule_is_left_out_once() {
            let left_out = [$(Rule::$rule),*, Rule::NewPagesRepeatNothing].map(|rule| format!("{rule:?}"));
            let all = Rule::ALL.map(|rule| format!("{rule:?}"));
            assert_eq!(BTreeSet::from(left_out), BTreeSet::from(all));
        }
    };
}

needed! {
    without_its_condition_a_commit_decides_again: CommitIsConditional in two_invocations breaks DecidedOnce;
    an_evaluate_that_creates_heads_brings_a_split_page_back: EvaluateCreatesNoPage in split breaks OneHeadPerRange;
    without_positions_a_record_is_folded_again: FoldedRecordsAreSkipped in two_invocations breaks RecordIsFoldedOnce;
    a_batch_reported_as_done_loses_what_is_not: FirstNotDoneIsReported in set_back breaks NoRecordIsLost;
    an_old_layout_that_is_kept_stops_the_shard: MissingHeadRereadsLayout in split breaks EverythingDrains;
    kept_states_under_another_name_undo_a_commit: KeptStatesGoByName in kept_states breaks NoRecordIsLost;
    states_kept_without_a_commit_are_not_the_body: KeptStatesWaitForCommit in kept_states breaks KeptStatesAreTheBody;
    a_decision_that_is_not_carried_is_lost: UnpublishedIsCarried in delivery breaks NoDecisionIsLost;
    a_carried_decision_that_is_not_asked_for_is_lost: CarriedStaysUntilHistory in delivery breaks NoDecisionIsLost;
    a_watermark_of_the_history_loses_what_the_stream_lost: HistoryIsAskedByVersion in delivery breaks NoDecisionIsLost;
    a_history_written_first_claims_what_was_not_published: HistoryIsWrittenLast in delivery breaks RecordedIsPublished;
    a_view_written_without_its_condition_goes_back: ViewsOnlyGoForward in delivery breaks ViewsGoForward;
    a_page_settled_unasked_loses_its_decisions: SettlingAsksHistory in delivery breaks NoDecisionIsLost;
    an_unsettled_page_that_is_split_loses_its_decisions: OnlySettledPagesAreRearranged in split breaks NoDecisionIsLost;
    a_child_that_carries_its_parents_decisions_overtakes_them: NewPagesCarryNothing in split breaks FirstAppearanceInOrder;
    a_split_that_keeps_the_id_lets_old_layouts_write_into_it: PagesTakeNewIds in split breaks MachineIsInItsPage;
    a_split_that_does_not_check_heads_loses_a_commit: RearrangeChecksHeads in split breaks NoDecisionIsLost;
    a_plan_that_does_not_check_the_layout_undoes_another: RearrangeChecksLayout in old_plan breaks OneHeadPerRange;
    a_merge_that_takes_the_greater_position_loses_records: MergeTakesLesserFirstGroup in merge breaks NoRecordIsLost;
    a_merge_that_takes_one_position_for_all_folds_again: MergeKeepsGroups in merge breaks RecordIsFoldedOnce;
    bodies_without_a_digest_in_their_names_are_mixed_up: NamesCarryDigest in two_keepers breaks MachineIsInItsPage;
    two_readers_of_a_shard_hide_each_others_records: OneReaderPerShard in one_shard breaks NoRecordIsLost;
    a_failing_machine_in_the_common_group_loses_its_record: FailingMachineHasOwnGroup in failing_machine breaks NoRecordIsLost;
    an_own_group_that_ends_too_early_folds_again: OwnGroupEndsBeforeFailure in failing_machine breaks RecordIsFoldedOnce;
    a_page_that_stops_at_a_failure_delays_the_healthy: PageGoesOnPastFailure in failing_machine breaks HealthyIsNotDelayed;
    a_park_before_its_object_names_what_is_not_there: ParkedRecordsAreWrittenFirst in parked_machine breaks SetAsideIsWritten;
    a_batch_done_before_its_foreign_records_loses_them: PutBackComesBeforeDone in rekeying breaks NoRecordIsLost;
    a_fold_that_takes_repeated_points_folds_them_again: FoldIgnoresRepeatedPoint in rekeying breaks RecordIsFoldedOnce;
    a_head_before_its_body_names_what_is_not_there: BodyComesBeforeHead in sweep breaks NamedBodyIsThere;
    a_body_taken_for_empty_loses_the_page: UnreadableIsNotEmpty in store_away breaks NoRecordIsLost;
    a_missing_body_taken_for_damage_gives_a_healthy_page_up: MissingBodyRereadsHead in sweep breaks OnlyDamagedIsGivenUp;
    a_parked_machine_that_expires_loses_its_records: OnlyMachinesAtRestExpire in expiry_of_failing breaks NoRecordIsLost;
    a_sweep_by_version_alone_takes_a_settled_pages_body: SweepSparesNamed in sweep breaks NamedBodyIsThere;
    a_sweep_by_name_alone_takes_a_coming_body: SweepSparesComingVersions in sweep breaks NamedBodyIsThere;
    a_sweep_of_pages_without_heads_takes_the_unborn: SweepSparesUnborn in sweep_beside_keepers breaks NamedBodyIsThere;
    a_sweep_that_reads_the_layout_last_takes_the_newly_born: SweepReadsLayoutFirst in sweep_beside_keepers breaks NamedBodyIsThere;
}

#[test]
fn a_new_page_that_repeats_its_parents_decisions_harms_nothing() {
    let report = explore(&worlds::split().with(Chance::Zombie, 0).without(Rule::NewPagesRepeatNothing));
    println!("{} states", report.states);
    assert_eq!(report.broken, None, "a repeat under the same identity is allowed");
}

#[test]
fn a_merge_after_an_expiry_folds_a_record_again_as_the_plan_stands() {
    for world in [worlds::expiry_and_merge(), worlds::expiry_and_merge_beside_a_zombie()] {
        let report = explore(&world);
        let (broken, trace) = report.broken.expect("the error of the plan is found");
        println!("{}: {broken:?} after {} states: {trace:?}", world.name, report.states);
        assert_eq!(broken, Invariant::RecordIsFoldedOnce);
    }
}
