//! The contract of the ports, as a suite of clauses that runs over any implementation.
//!
//! Each clause is a sentence of the documentation of the ports, and the name of the function that checks it. A clause
//! uses fresh names, so that the suite runs over tables in use. Only the rule pointer is shared: if other processes put
//! rules, run the suite over tables of its own.

mod checkpoints;
mod objects;
mod outbox;
mod rules;
mod segments;
mod sinks;
mod state;

use std::cell::RefCell;
use std::fmt::Debug;

use andon_workflows::ports::{
    Bus, CheckpointStore, Clock, Failures, Objects, OutboxStore, PortError, RuleStore, StateStore, Stream,
    TickMemoryStore,
};

/// A set of all ports.
pub trait Ports:
    StateStore
    + OutboxStore
    + RuleStore
    + CheckpointStore
    + TickMemoryStore
    + Objects
    + Bus
    + Stream
    + Failures
    + Clock
{
}

impl<P> Ports for P where
    P: StateStore
        + OutboxStore
        + RuleStore
        + CheckpointStore
        + TickMemoryStore
        + Objects
        + Bus
        + Stream
        + Failures
        + Clock
{
}

/// A verdict on a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The clause.
    pub clause: &'static str,
    /// The violation; `None` if the clause holds.
    pub broken: Option<String>,
}

/// A broken clause: the value found, and the value expected.
#[derive(Debug)]
struct Broken(String);

impl From<PortError> for Broken {
    fn from(error: PortError) -> Self {
        Self(format!("{:?} error: {}", error.kind, error.message))
    }
}

type Held = Result<(), Broken>;

/// A source of fresh names.
struct Names<'a>(RefCell<&'a mut dyn FnMut(&str) -> String>);

impl Names<'_> {
    fn fresh(&self, like: &str) -> String {
        (self.0.borrow_mut())(like)
    }
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Held {
    if found == expected {
        return Ok(());
    }
    let shown = |value: &T| {
        let text = format!("{value:?}");
        if text.len() < 2000 {
            text
        } else {
            format!("{}.. ({} characters)", text.chars().take(500).collect::<String>(), text.len())
        }
    };
    Err(Broken(format!("{what}: found {}; expected {}", shown(found), shown(expected))))
}

fn is(what: &str, holds: bool) -> Held {
    if holds { Ok(()) } else { Err(Broken(format!("expected {what}"))) }
}

/// Repeats a check until it holds, for up to ten seconds: for effects that may be late.
async fn soon(clock: &impl Clock, mut check: impl AsyncFnMut() -> Held) -> Held {
    const PAUSE_MS: u64 = 250;
    let mut waited_ms = 0;
    loop {
        match check().await {
            Err(_) if waited_ms < 10_000 => clock.sleep_ms(PAUSE_MS).await,
            held => return held,
        }
        waited_ms += PAUSE_MS;
    }
}

/// Returns bytes that do not compress and are the same for a seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
}

/// Expiry of the items of the suite, s: in the year 2100.
const LATER_S: i64 = 4_102_444_800;

macro_rules! clauses {
    ($($module:ident: $($clause:ident)+;)+) => {
        /// The names of all clauses.
        pub const CLAUSES: &[&str] = &[$($(stringify!($clause),)+)+];

        /// Runs all clauses except the skipped ones; `fresh` makes a fresh name that contains the given one.
        pub async fn verdicts<P: Ports>(
            ports: &P,
            mut fresh: impl FnMut(&str) -> String,
            skip: &[&str],
        ) -> Vec<Verdict> {
            let names = Names(RefCell::new(&mut fresh));
            let mut verdicts = Vec::new();
            $($(
                if !skip.contains(&stringify!($clause)) {
                    let held = $module::$clause(ports, &names).await;
                    verdicts.push(Verdict {
                        clause: stringify!($clause),
                        broken: held.err().map(|Broken(how)| how),
                    });
                }
            )+)+
            verdicts
        }
    };
}

clauses! {
    state:
        heads_come_in_the_order_asked_and_unknown_keys_have_none
        hundreds_of_heads_are_read_at_once
        megabytes_of_heads_are_read_at_once
        a_head_is_read_as_it_was_written
        a_commit_is_written_if_the_version_read_is_stored
        a_commit_on_another_version_conflicts_and_writes_nothing
        a_repeated_commit_is_done_without_a_second_effect
        a_commit_that_differs_in_anything_is_no_repeat
        a_repeat_after_a_later_commit_conflicts
        of_commits_that_race_one_is_done
        an_item_that_is_too_large_is_refused_forever_and_has_no_effect
        machines_with_unusual_names_do_not_collide
        due_keys_come_by_due_time_and_only_from_their_bucket
        a_due_time_moves_with_its_head
        many_due_keys_come_in_pages
        a_sweep_finds_every_head_once
        a_view_gives_way_to_a_greater_sequence_only
        views_come_by_rule_and_stay_with_their_equipment;
    outbox:
        a_head_and_what_was_decided_are_written_together
        a_conflict_writes_no_decision
        a_repeated_commit_writes_its_decision_once
        decisions_come_by_version_as_a_number
        decisions_are_found_by_their_clock
        many_large_decisions_come_in_pages
        many_large_decisions_among_those_of_others_come_in_pages
        decisions_are_read_as_they_were_written;
    segments:
        segments_are_read_as_they_were_written
        a_segment_written_twice_is_there_once
        a_segment_written_again_is_kept_as_long_as_it_then_says
        deleting_segments_twice_is_no_error
        many_large_segments_are_written_read_and_deleted
        segments_stay_with_their_equipment;
    rules:
        the_pointer_advances_one_revision_at_a_time
        of_pointers_that_race_one_advances
        a_pointer_holds_as_many_sets_as_it_may
        documents_of_any_length_are_read_as_they_were_written
        a_document_that_was_not_written_is_an_error
        versions_of_a_rule_come_oldest_first
        many_versions_are_written_at_once;
    checkpoints:
        a_shard_without_checkpoint_has_none
        a_checkpoint_is_read_as_it_was_written
        a_checkpoint_is_saved_one_revision_at_a_time
        of_checkpoints_that_race_one_is_saved
        a_checkpoint_holds_as_many_sources_as_it_may
        checkpoints_of_a_stream_come_by_shard
        what_tick_remembers_is_empty_at_first_and_read_as_written
        what_tick_remembers_is_written_one_revision_at_a_time;
    objects:
        an_object_is_read_as_it_was_written
        an_object_that_is_not_there_is_none
        an_object_is_written_over_another
        a_deleted_object_is_gone_and_can_be_deleted_again
        objects_are_listed_in_order_of_their_names
        more_objects_than_a_page_are_listed;
    sinks:
        the_bus_answers_every_entry
        the_stream_answers_every_record_with_an_open_shard
        records_of_one_key_go_to_one_shard_with_rising_numbers
        a_failure_is_reported
        sleeping_takes_its_time;
}
