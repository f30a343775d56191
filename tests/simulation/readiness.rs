//! What a new version would find in a running system, without changing anything in it.

use std::cell::RefCell;
use std::rc::Rc;

use andon_domain::wire::{Message, MessageContent};
use andon_engine::{CompiledRules, KeyState, Record, RecordBody, RuleSet};
use andon_kit_ports::memory::{Memory, Open, World};
use andon_workflows::envelope::{self, Positions, Stored};
use andon_workflows::ports::{Commit, Head, Parked, Pointer, RuleStore as _, SetRef, StateStore as _};
use andon_workflows::readiness::{rule_sets, states};

use super::unpark::at_once;

const START_MS: i64 = 1_000;
const GOOD: &str =
    r#"{"rules":[{"id":"hot","groups":[{"id":"g","states":[{"state":"HOT","when":"t > 80"}]}]}]}"#;
const BAD: &str =
    r#"{"rules":[{"id":"hot","groups":[{"id":"g","states":[{"state":"HOT","when":"avrg(t)"}]}]}]}"#;

fn system() -> Memory {
    let ports = Memory::of(&Rc::new(RefCell::new(World::new())), Open);
    let mut pointer = Pointer::default();
    for (start_ms, digest, document) in [(START_MS, "good", GOOD), (2 * START_MS, "bad", BAD)] {
        at_once(ports.write_set(digest, document.as_bytes())).unwrap();
        pointer.revision += 1;
        pointer.sets.push(SetRef {
            start_ms,
            digest: digest.to_owned(),
            written_ms: 0,
            rules: 1,
            note: String::new(),
        });
        at_once(ports.advance(&pointer)).unwrap();
    }
    ports
}

fn put(ports: &Memory, equipment: &str, head: Head) {
    let commit = Commit { equipment: equipment.to_owned(), read_version: 0, head, outbox: None };
    at_once(ports.commit(&commit)).unwrap();
}

/// A state as an evaluation writes it.
fn body() -> Vec<u8> {
    let set = RuleSet::compile(serde_json::from_str(GOOD).unwrap()).unwrap().starting(START_MS);
    let rules = CompiledRules::of(vec![set.into()]).unwrap();
    let message = Message::read(br#"{"timestamp":1500,"equipmentId":"filler-1","tag":"t","value":1}"#);
    let MessageContent::One(equipment, point) = &message.content else { panic!("it is a point") };
    let mut state = KeyState::new(equipment, &rules, 1_500).unwrap();
    let record = Record { arrival_ms: 1_500, body: RecordBody::Points(std::slice::from_ref(point)) };
    state.apply(&rules, &record).unwrap();
    let state = Stored::Here(state.pack().head);
    envelope::StateEnvelope { positions: Positions::default(), state }.write()
}

#[test]
fn a_rule_set_that_no_longer_compiles_and_a_state_that_cannot_be_read_are_found_and_nothing_is_written() {
    let ports = system();
    let head = |body: Vec<u8>| Head { version: 1, body, ..Head::default() };
    put(&ports, "filler-1", head(body()));
    put(&ports, "filler-2", head(vec![9, 1, 2, 3, 4, 5]));
    let mut damaged = body();
    damaged[3] ^= 1;
    put(&ports, "filler-3", head(damaged));
    let parked = Parked { since_ms: 1, reason: "damaged".to_owned(), ..Parked::default() };
    put(&ports, "filler-4", Head { parked: Some(parked), ..head(vec![9]) });

    let (pointer, sets) = at_once(rule_sets(&ports)).unwrap();
    assert_eq!(sets[0].problems, Vec::<String>::new());
    assert!(sets[1].problems[0].contains("avrg"), "{:?}", sets[1].problems);

    let mut found = at_once(states(&ports, &pointer, 100, |_| {})).unwrap();
    found.unreadable.sort();
    assert_eq!((found.inspected, found.more, found.rewritten, found.parked), (4, false, 0, 1));
    let [(second, later_version), (third, checksum)] = &found.unreadable[..] else {
        panic!("two cannot be read: {:?}", found.unreadable)
    };
    assert_eq!((second.as_str(), third.as_str()), ("filler-2", "filler-3"));
    assert!(later_version.contains("version 9"), "{later_version}");
    assert!(checksum.contains("checksum"), "{checksum}");

    let some = at_once(states(&ports, &pointer, 2, |_| {})).unwrap();
    assert_eq!((some.inspected, some.more), (2, true));
}
