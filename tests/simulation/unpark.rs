//! Unparking, step by step: cases that a seed seldom hits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use andon_ingest::encode::{EventRecord, event};
use andon_kit_ports::memory::{Call, Flaws, Gate, Memory, Open, World};
use andon_workflows::evaluate::{EvaluateSettings, Evaluator, UnparkError, with_batch};
use andon_workflows::ports::PortError;

const HOUR_MS: i64 = 3_600_000;
const FILLER: &str = "filler-1";

/// Runs a future that never waits.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing waits in a world where nothing fails"),
    }
}

/// A world with one key, and its evaluator.
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

    /// Writes a point to the stream and returns it as an event.
    fn event(&mut self) -> String {
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
        event("points", [record])
    }

    /// Sends a point and folds it, in as many invocations as needed.
    fn send(&mut self) {
        let event = self.event();
        assert!((0..10).any(|_| self.folds_event(&event)), "the record is never done");
    }

    /// Folds an event in one invocation and returns whether its record is done.
    fn folds_event(&self, event: &str) -> bool {
        let deadline_ms = self.world.borrow().now_ms + 60_000;
        let mut arena = andon_ingest::Arena::new();
        let done = with_batch(event.as_bytes(), &mut arena, None, |batch| {
            at_once(self.evaluator.evaluate(&batch, deadline_ms)).first_not_done.is_none()
        });
        done.unwrap()
    }

    fn breaks(&self) {
        self.world.borrow_mut().refused_equipment = Some(FILLER.to_owned());
    }

    fn fix_key(&self) {
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

    /// Returns the number of commits that folded something.
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
fn a_parked_key_continues_where_it_stopped() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.send();
    assert!(matches!(line.unpark(), Err(UnparkError::Port(error)) if !error.is_transient()));
    line.fix_key();
    assert_eq!(line.unpark(), Ok(2));
    assert_eq!(line.unpark(), Err(UnparkError::NotParked));
    assert!(line.parked_objects().is_empty());
}

#[test]
fn records_that_an_earlier_parking_left_behind_are_not_folded_again() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    let left = line.parked_objects();
    line.fix_key();
    line.unpark().unwrap();
    // As if the process had crashed before it deleted them.
    line.world.borrow_mut().objects.extend(left);
    // Late enough, and on another shard, so that its position is forgotten.
    line.split();
    line.world.borrow_mut().now_ms += 30 * HOUR_MS;
    line.send();
    line.breaks();
    line.send();
    line.fix_key();
    assert_eq!(line.unpark(), Ok(1));
}

#[test]
fn records_of_an_interrupted_unpark_are_not_folded_twice_after_any_time() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.split();
    line.world.borrow_mut().now_ms += 30 * HOUR_MS;
    line.send();
    line.fix_key();
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
    line.fix_key();
    let parked = line.parked_objects();
    line.world.borrow_mut().objects.remove(&parked[1].0);
    assert!(matches!(line.unpark(), Err(UnparkError::Damaged { .. })));
    line.world.borrow_mut().objects.extend(parked);
    assert_eq!(line.unpark(), Ok(2), "the first one was folded");
}

#[test]
fn a_late_object_of_a_writer_that_lost_its_commit_does_not_hold_a_key_up() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    let lost = line.parked_objects();
    line.send();
    line.send();
    line.fix_key();
    let damaged = line.parked_objects().last().unwrap().clone();
    line.world.borrow_mut().objects.insert(damaged.0.clone(), b"no gzip".to_vec());
    assert!(matches!(line.unpark(), Err(UnparkError::Damaged { .. })));
    // The first two were folded, and are gone; now its writer stores the first one again, which is not in the head.
    line.world.borrow_mut().objects.extend([damaged].into_iter().chain(lost));
    assert_eq!(line.unpark(), Ok(1));
    assert!(line.parked_objects().is_empty());
}

#[test]
fn an_object_without_a_commit_is_not_folded_and_not_left_behind() {
    let mut line = Line::new();
    line.send();
    line.breaks();
    line.send();
    line.fix_key();
    let name = line.parked_objects().pop().unwrap().0.replace("/000000000001-", "/000000000002-");
    line.world.borrow_mut().objects.insert(name, b"no gzip".to_vec());
    assert_eq!(line.unpark(), Ok(1));
    assert!(line.parked_objects().is_empty());
}

/// A gate that runs something before the n-th commit of a process.
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
fn a_record_that_is_parked_at_any_moment_of_an_unpark_is_folded_too() {
    // Its commits: the fold, the note that it is folded, and the release of the key.
    for nth in 1..=3 {
        let mut line = Line::new();
        line.send();
        line.breaks();
        line.send();
        line.fix_key();
        let mut other = Line::of(Rc::clone(&line.world));
        let happens = RefCell::new(Box::new(move || other.send()) as Box<dyn FnMut()>);
        let gate = Meanwhile { commits: Cell::new(0), nth, happens };
        let evaluator = Evaluator::new(Memory::of(&line.world, gate), EvaluateSettings::new("points"));
        at_once(evaluator.unpark(FILLER, None)).unwrap();
        assert_eq!(line.folds(), 2, "before commit {nth}");
        assert!(line.parked_objects().is_empty());
    }
}

/// A gate that pauses its process once, before its first call of a method.
struct PauseBefore {
    method: &'static str,
    paused: Cell<bool>,
}

impl Gate for PauseBefore {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        if call.method == self.method && !self.paused.replace(true) {
            let mut polled = false;
            std::future::poll_fn(|context| {
                if std::mem::replace(&mut polled, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        Ok(())
    }
}

/// A gate that runs something before its first read of an object.
struct BeforeFirstObject {
    happens: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Gate for BeforeFirstObject {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        if call.method == "get_object"
            && let Some(happens) = self.happens.take()
        {
            happens();
        }
        Ok(())
    }
}

/// A future that answers with the first record that is not done.
type Invocation = std::pin::Pin<Box<dyn Future<Output = Option<andon_ingest::SequenceNumber>>>>;

fn poll(invocation: &mut Invocation) -> Poll<Option<andon_ingest::SequenceNumber>> {
    invocation.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets two writers park a key with different messages under one number. An operator unparks, and listed the objects
/// before the first writer wrote its own. Returns the number of messages that were folded.
fn folds_after_concurrent_parking(flaws: Flaws) -> usize {
    let mut line = Line::new();
    line.world.borrow_mut().flaws = flaws;
    line.send();
    line.breaks();
    let first = line.event();
    // The other writer reads another shard: otherwise its position would cover the first message.
    line.split();
    assert!(!line.folds_event(&first) && !line.folds_event(&first), "two failures do not park a key");
    let gate = PauseBefore { method: "put_object", paused: Cell::new(false) };
    let evaluator = Evaluator::new(Memory::of(&line.world, gate), EvaluateSettings::new("points"));
    let deadline_ms = line.world.borrow().now_ms + 60_000;
    let mut parker: Invocation = Box::pin(async move {
        let mut arena = andon_ingest::Arena::new();
        let decoded = andon_ingest::Decoded::new(first.as_bytes(), &mut arena).unwrap();
        let batch = andon_workflows::evaluate::Batch::of(&decoded, None).unwrap();
        evaluator.evaluate(&batch, deadline_ms).await.first_not_done
    });
    assert_eq!(poll(&mut parker), Poll::Pending, "it read the head, and did not write its object");
    line.send();
    line.fix_key();
    let finish = move || assert_eq!(poll(&mut parker), Poll::Ready(None), "its record is done");
    let gate = BeforeFirstObject { happens: RefCell::new(Some(Box::new(finish))) };
    let evaluator = Evaluator::new(Memory::of(&line.world, gate), EvaluateSettings::new("points"));
    at_once(evaluator.unpark(FILLER, None)).unwrap();
    assert!(line.parked_objects().is_empty());
    line.folds()
}

#[test]
fn messages_that_two_writers_park_at_once_are_all_folded() {
    assert_eq!(folds_after_concurrent_parking(Flaws::default()), 2);
    // Without the name of the newest object in the head, the first writer takes the commit of the second for its own.
    assert_eq!(folds_after_concurrent_parking(Flaws { mixes_up_parkers: true, ..Flaws::default() }), 1);
}
