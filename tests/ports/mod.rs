//! Tests the contract of the ports over memory and over AWS, and the size of commits.

mod async_inference;
mod aws;
mod weight;

use std::task::{Context, Poll, Waker};

use andon_kit_ports::contract;
use andon_kit_ports::memory::Memory;

/// Runs a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing waits in a world where nothing fails"),
    }
}

fn broken(ports: &Memory) -> Vec<String> {
    let mut made = 0;
    let fresh = |like: &str| {
        made += 1;
        format!("{like}-{made}")
    };
    let verdicts = at_once(contract::verdicts(ports, fresh, &[]));
    assert_eq!(verdicts.len(), contract::CLAUSES.len());
    let broken = verdicts.into_iter().filter_map(|verdict| Some((verdict.clause, verdict.broken?)));
    broken.map(|(clause, how)| format!("{clause}: {how}")).collect()
}

#[test]
fn memory_keeps_the_contract() {
    let broken = broken(&Memory::new());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn short_pages_change_nothing() {
    let ports = Memory::new();
    ports.world_mut().page = 3;
    let broken = broken(&ports);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_broken_promise_breaks_a_clause() {
    use andon_kit_ports::memory::Flaws;
    let none = Flaws::default();
    for (flaws, clause) in [
        (
            Flaws { ignores_versions: true, ..none },
            "a_commit_on_another_version_conflicts_and_writes_nothing",
        ),
        (Flaws { stale_pointer: true, ..none }, "the_pointer_advances_one_revision_at_a_time"),
        (Flaws { loses_outbox: true, ..none }, "decisions_come_by_version_as_a_number"),
        (Flaws { ignores_revisions: true, ..none }, "a_checkpoint_is_saved_one_revision_at_a_time"),
        (Flaws { ignores_sequences: true, ..none }, "a_view_gives_way_to_a_greater_sequence_only"),
        (Flaws { loses_objects: true, ..none }, "objects_are_listed_in_order_of_their_names"),
    ] {
        let ports = Memory::new();
        ports.world_mut().flaws = flaws;
        let broken = broken(&ports);
        assert!(broken.iter().any(|how| how.starts_with(clause)), "{flaws:?} broke {broken:#?}");
    }
}
