//! Rules that are put into a slow table, or by an operator that is cut off while writing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use andon_domain::RuleDocument;
use andon_kit_ports::memory::{Call, Gate, Memory, World};
use andon_workflows::limits::SET_NOTICE_MS;
use andon_workflows::ports::{Clock as _, PortError, RuleStore as _, RuleVersion};
use andon_workflows::rulebook::{self, Change, KeepSets, PutError, PutSummary};

use super::unpark::at_once;

/// Time to write one version, ms: a hundred a second.
const WRITE_MS: i64 = 10;

/// A slow table that stops answering after a number of versions.
#[derive(Clone)]
struct Slow {
    world: Rc<RefCell<World>>,
    left: Rc<Cell<usize>>,
}

impl Gate for Slow {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        if call.method == "write_versions" {
            self.left.set(self.left.get().checked_sub(1).ok_or_else(|| PortError::transient("cut off"))?);
            self.world.borrow_mut().now_ms += WRITE_MS;
        }
        Ok(())
    }
}

fn slow() -> Memory<Slow> {
    until_cut_off(&Rc::new(RefCell::new(World::new())), usize::MAX)
}

fn until_cut_off(world: &Rc<RefCell<World>>, left: usize) -> Memory<Slow> {
    Memory::of(world, Slow { world: Rc::clone(world), left: Rc::new(Cell::new(left)) })
}

fn rules(count: usize, limit: u32) -> RuleDocument {
    let rule = |number: usize| {
        serde_json::json!({"id": format!("rule-{number}"), "scope": {"equipment": format!("m-{number}")},
            "groups": [{"id": "g", "states": [{"state": "HOT", "when": format!("t > {limit}")}]}]})
    };
    serde_json::from_value(serde_json::json!({"rules": (0..count).map(rule).collect::<Vec<_>>()})).unwrap()
}

fn put(ports: &Memory<Slow>, document: &RuleDocument, start_ms: Option<i64>) -> Result<PutSummary, PutError> {
    let current = at_once(rulebook::current(ports)).unwrap();
    let change = Change { start_ms, note: "", keep: KeepSets::default(), on_progress: &|_| {} };
    at_once(rulebook::replace(ports, &current, document, change))
}

#[test]
fn twenty_thousand_rules_on_a_slow_table_start_soon_after_they_are_written() {
    let ports = slow();
    let begun_ms = ports.now_ms();
    let current = at_once(rulebook::current(&ports)).unwrap();
    let heard = RefCell::new(Vec::new());
    let told = |done: usize| {
        assert!(ports.world().pointer.sets.is_empty(), "in force after {done}");
        heard.borrow_mut().push(done);
    };
    let change = Change { start_ms: None, note: "why", keep: KeepSets::default(), on_progress: &told };
    let put = at_once(rulebook::replace(&ports, &current, &rules(20_000, 80), change)).unwrap();
    let written_ms = begun_ms + 20_000 * WRITE_MS;
    assert_eq!(ports.now_ms(), written_ms);
    assert!(put.start_ms >= written_ms + SET_NOTICE_MS, "{}", put.start_ms - written_ms);
    assert!(put.start_ms <= written_ms + SET_NOTICE_MS + 2_000, "{}", put.start_ms - written_ms);
    let heard = heard.into_inner();
    assert!(heard.len() > 10 && heard.is_sorted(), "{heard:?}");
    assert_eq!((heard.first(), heard.last()), (Some(&0), Some(&20_000)));

    // Told by when they took effect, not by when they were written.
    let history = at_once(rulebook::history(&ports, "rule-19999")).unwrap();
    assert_eq!(history.iter().map(|lived| lived.start_ms).collect::<Vec<_>>(), [put.start_ms]);
}

#[test]
fn a_put_that_is_cut_off_leaves_nothing_in_force_and_is_done_again() {
    let world = Rc::new(RefCell::new(World::new()));
    let ports = until_cut_off(&world, usize::MAX);
    let first = put(&ports, &rules(3, 80), None).unwrap();
    for left in [0, 1, 1_700] {
        let before = ports.world().pointer.clone();
        assert!(matches!(put(&until_cut_off(&world, left), &rules(2_000, 90), None), Err(PutError::Port(_))));
        assert_eq!(ports.world().pointer, before, "after {left}");
        let history = at_once(rulebook::history(&ports, "rule-0")).unwrap();
        assert_eq!(history.iter().map(|lived| lived.start_ms).collect::<Vec<_>>(), [first.start_ms]);
    }
    let again = put(&ports, &rules(2_000, 90), None).unwrap();
    assert_eq!((again.changed.len(), again.added.len()), (3, 1_997));
    let history = at_once(rulebook::history(&ports, "rule-0")).unwrap();
    let starts: Vec<i64> = history.iter().map(|lived| lived.start_ms).collect();
    assert_eq!(starts, [first.start_ms, again.start_ms]);
}

#[test]
fn a_start_that_was_asked_for_is_kept_or_nothing_is_put() {
    let ports = slow();
    let in_a_minute = ports.now_ms() + 60_000;
    let refused = put(&ports, &rules(20_000, 80), Some(in_a_minute));
    assert!(matches!(refused, Err(PutError::TooSlow { start_ms }) if start_ms == in_a_minute), "{refused:?}");
    assert!(ports.world().pointer.sets.is_empty());
    let in_an_hour = ports.now_ms() + 3_600_000;
    assert_eq!(put(&ports, &rules(20_000, 80), Some(in_an_hour)).unwrap().start_ms, in_an_hour);
    // A set that cannot be put leaves no trace.
    let since_ms = ports.now_ms();
    let refused = put(&ports, &rules(20_000, 90), Some(in_a_minute));
    assert!(matches!(refused, Err(PutError::TooEarly { .. })), "{refused:?}");
    assert_eq!(ports.now_ms(), since_ms);
}

#[test]
fn versions_that_were_written_with_their_start_are_still_told() {
    let ports = slow();
    let start_ms = put(&ports, &rules(1, 80), None).unwrap().start_ms;
    ports.world_mut().versions.clear();
    let version = |number: i64| RuleVersion {
        id: "rule-0".to_owned(),
        number,
        set: None,
        document: Some("{}".to_owned()),
        note: String::new(),
    };
    // One of a set that was dropped, one of a set that is listed, and one of a set that was never put.
    at_once(ports.write_versions(&[version(5), version(start_ms), version(start_ms + 1)])).unwrap();
    let history = at_once(rulebook::history(&ports, "rule-0")).unwrap();
    assert_eq!(history.iter().map(|lived| lived.start_ms).collect::<Vec<_>>(), [5, start_ms]);
}
