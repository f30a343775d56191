//! Unparking, step by step: what a seed would seldom hit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use andon_ingest::encode::{EventRecord, event};
use andon_kit_ports::memory::{Call, Gate, Memory, Open, World};
use andon_workflows::evaluate::{EvaluateSettings, Evaluator, UnparkError, with_batch};
use andon_workflows::ports::PortError;

const HOUR_MS: i64 = 3_600_000;
const FILLER: &str = "filler-1";

/// Runs what never waits.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing waits in a world where nothing fails"),
    }
}

/// A world with one key, and who evaluates in it.
struct Line {
    world: Rc<RefCell<World>>,
    evaluator: Evaluator<Memory>,
    sent: usize,
}

impl Line {
    fn new() -> Self {
        Self::of(Rc::new(RefCell::new(World::new())))
    }

    fn of(world: Rc<RefCell<World>>) -> Self {
        let evaluator = Evaluator::new(Memory::of(&world, Open), EvaluateSettings::new("points"));
        Self { world, evaluator, sent: 0 }
    }

    /// Sends a point and folds it, as often as it takes.
    fn send(&mut self) {
        self.sent += 1;
        let now_ms = self.world.borrow().now_ms;
        let data = format!(
            r#"{{"timestamp":{now_ms},"equipmentId":"{FILLER}","tag":"level","value":{}}}"#,
            self.sent
        );
        let (shard, sequence) = self.world.borrow_mut().stream.put(FILLER, data.as_bytes(), now_ms);
        let shard = shard.parse().unwrap();
        let record = EventRecord {
            shard: &shard,
            sequence,
            partition_key: FILLER,
            arrival_ms: now_ms,
            data: data.as_bytes(),
        };
        let event = event("points", [record]);
        for _ in 0..10 {
            let mut arena = andon_ingest::Arena::new();
            let deadline_ms = now_ms + 60_000;
            let folded = with_batch(event.as_bytes(), &mut arena, None, |batch| {
                at_once(self.evaluator.evaluate(&batch, deadline_ms)).first_not_done.is_none()
            });
            if folded.unwrap() {
                return;
            }
        }
        panic!("the record is never done");
    }

    fn breaks(&self) {
        self.world.borrow_mut().refused_equipment = Some(FILLER.to_owned());
    }

    fn mend(&self) {
        self.world.borrow_mut().refused_equipment = None;
    }

    fn unpark(&self) -> Result<u64, UnparkError> {
        at_once(self.evaluator.unpark(FILLER, None)).map(|unparked| unparked.messages)
    }

    fn parked_objects(&self) -> Vec<(String, Vec<u8>)> {
        let world = self.world.borrow();
        let parked = world.objects.iter().filter(|(name, _)| name.starts_with("parked/"));
        parked.map(|(name, content)| (name.clone(), content.clone())).collect()
    }

    /// How many commits folded something.
    fn folds(&self) -> usize {
        let world = self.world.borrow();
        let bodies: Vec<&Vec<u8>> = world.commits.iter().map(|commit| &commit.head.body).collect();
        bodies.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    fn split(&self) {
        let open = self.world.borrow().stream.shards().iter().position(|shard| shard.open).unwrap();
        assert!(self.world.borrow_mut().stream.split(open));
    }
}

#[test]
fn a_parked_key_goes_on_where_it_stopped() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.send();
    assert!(matches!(line.unpark(), Err(UnparkError::Port(error)) if !error.is_transient()));
    line.mend();
    assert_eq!(line.unpark(), Ok(2));
    assert_eq!(line.unpark(), Err(UnparkError::NotParked));
    assert!(line.parked_objects().is_empty());
}

#[test]
fn what_an_earlier_parking_left_behind_is_not_folded_again() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    let left = line.parked_objects();
    line.mend();
    line.unpark().unwrap();
    // As if the process had crashed before it deleted them.
    line.world.borrow_mut().objects.extend(left);
    // So long after, and on another shard, that its position is forgotten.
    line.split();
    line.world.borrow_mut().now_ms += 30 * HOUR_MS;
    line.send();
    line.breaks();
    line.send();
    line.mend();
    assert_eq!(line.unpark(), Ok(1));
}

#[test]
fn what_was_unparked_in_part_is_not_folded_twice_however_long_it_lay() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.split();
    line.world.borrow_mut().now_ms += 30 * HOUR_MS;
    line.send();
    line.mend();
    let parked = line.parked_objects();
    let damaged = parked.last().unwrap().0.clone();
    line.world.borrow_mut().objects.insert(damaged.clone(), b"no gzip".to_vec());
    let before = line.folds();
    assert!(matches!(line.unpark(), Err(UnparkError::Damaged { .. })));
    assert_eq!(line.folds(), before + 1, "the first one was folded");
    line.world.borrow_mut().objects.extend(parked);
    line.unpark().unwrap();
    assert_eq!(line.folds(), before + 2, "the first one was not folded again");
}

#[test]
fn a_key_stays_parked_while_some_of_its_records_are_missing() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.send();
    line.send();
    line.mend();
    let parked = line.parked_objects();
    line.world.borrow_mut().objects.remove(&parked[1].0);
    assert!(matches!(line.unpark(), Err(UnparkError::Damaged { .. })));
    line.world.borrow_mut().objects.extend(parked);
    assert_eq!(line.unpark(), Ok(2), "the first one was folded");
}

#[test]
fn what_comes_late_from_one_who_lost_its_commit_does_not_hold_a_key_up() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    let lost = line.parked_objects();
    line.send();
    line.send();
    line.mend();
    let damaged = line.parked_objects().last().unwrap().clone();
    line.world.borrow_mut().objects.insert(damaged.0.clone(), b"no gzip".to_vec());
    assert!(matches!(line.unpark(), Err(UnparkError::Damaged { .. })));
    // The first two were folded, and are gone; now its writer stores the first one again, which is not in the head.
    line.world.borrow_mut().objects.extend([damaged].into_iter().chain(lost));
    assert_eq!(line.unpark(), Ok(1));
    assert!(line.parked_objects().is_empty());
}

#[test]
fn what_is_not_committed_yet_is_not_folded_and_not_left_behind() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.mend();
    let name = line.parked_objects().pop().unwrap().0.replace("/000000000001-", "/000000000002-");
    line.world.borrow_mut().objects.insert(name, b"no gzip".to_vec());
    assert_eq!(line.unpark(), Ok(1));
    assert!(line.parked_objects().is_empty());
}

/// Something happens before the n-th commit of a process.
struct Meanwhile {
    commits: Cell<u32>,
    nth: u32,
    happens: RefCell<Box<dyn FnMut()>>,
}

impl Gate for Meanwhile {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        self.commits.update(|commits| commits + u32::from(call.method == "commit"));
        if call.method == "commit" && self.commits.get() == self.nth {
            (self.happens.borrow_mut())();
        }
        Ok(())
    }

    fn lag(&self, _: usize) -> usize {
        0
    }

    async fn sleep_ms(&self, _: &Rc<RefCell<World>>, _: u64) {}
}

#[test]
fn what_is_parked_at_any_moment_of_an_unpark_is_folded_too() {
    // Its commits: what was folded, that it was, and that the key goes on.
    for nth in 1..=3 {
        let mut line = Line::new();
        line.send();
        line.breaks();
        line.send();
        line.mend();
        let mut other = Line::of(Rc::clone(&line.world));
        let happens = RefCell::new(Box::new(move || other.send()) as Box<dyn FnMut()>);
        let gate = Meanwhile { commits: Cell::new(0), nth, happens };
        let evaluator = Evaluator::new(Memory::of(&line.world, gate), EvaluateSettings::new("points"));
        at_once(evaluator.unpark(FILLER, None)).unwrap();
        assert_eq!(line.folds(), 2, "before commit {nth}");
        assert!(line.parked_objects().is_empty());
    }
}
