//! Processes of a simulation: futures that are polled by hand. At every effect the seed decides which process continues,
//! and which crashes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use andon_engine::{CompiledRules, rule_set_of};
use andon_workflows::envelope::{StateEnvelope, Stored};
use andon_workflows::ports::{Head, PortError};
use fastrand::Rng;

use andon_kit_ports::memory::{Call, Gate, World};

/// Which faults happen, in thousandths of effects.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The process is gone, before or after the effect.
    pub crash: u32,
    /// The effect does not take place.
    pub throttle: u32,
    /// The effect takes place, and the answer is lost.
    pub lost_answer: u32,
    /// The process stalls, while others continue.
    pub stall: u32,
}

/// Counts of faults and other events, by name.
pub type Tally = BTreeMap<&'static str, u64>;

/// The dice and faults that all processes share.
#[derive(Debug)]
pub(super) struct Dice {
    pub rng: RefCell<Rng>,
    pub faults: Cell<Option<Faults>>,
    pub tally: RefCell<Tally>,
}

impl Dice {
    pub(super) fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    pub(super) fn add(&self, what: &'static str, count: u64) {
        if count > 0 {
            *self.tally.borrow_mut().entry(what).or_default() += count;
        }
    }

    pub(super) fn one_in_thousand(&self, chance: u32) -> bool {
        self.rng.borrow_mut().u32(..1000) < chance
    }

    pub(super) fn below(&self, bound: usize) -> usize {
        self.rng.borrow_mut().usize(..bound.max(1))
    }
}

/// A kind of process, for the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Evaluate,
    Publish,
    Tick,
    Rules,
    Unpark,
    Republish,
    Enrich,
}

impl Kind {
    fn crashes(self) -> &'static str {
        match self {
            Self::Evaluate => "crashes of `evaluate`",
            Self::Publish => "crashes of `publish`",
            Self::Tick => "crashes of `tick`",
            Self::Rules => "crashes of `rules put`",
            Self::Unpark => "crashes of `unpark`",
            Self::Republish => "crashes of `republish`",
            Self::Enrich => "crashes of `enrich`",
        }
    }
}

/// The status of a process.
#[derive(Debug, Default)]
pub(super) struct Status {
    crashed: Cell<bool>,
    /// The number of steps for which it is not polled.
    stalled: Cell<u32>,
    /// Whether its event source gave it up.
    pub given_up: Cell<bool>,
    /// The start of the newest rule set that it read, ms.
    newest_set_ms: Cell<Option<i64>>,
}

/// The gate of one process.
#[derive(Clone, Debug)]
pub struct FaultGate {
    pub(super) dice: Rc<Dice>,
    pub(super) status: Rc<Status>,
    pub(super) world: Rc<RefCell<World>>,
    pub(super) kind: Kind,
    skew_ms: i64,
}

/// Maximum skew of the clock of a process, ms.
const MOST_SKEW_MS: usize = 2000;

impl FaultGate {
    /// Creates the gate of a new process.
    pub(super) fn new(dice: &Rc<Dice>, world: &Rc<RefCell<World>>, kind: Kind) -> Self {
        let skew_ms = dice.below(2 * MOST_SKEW_MS).cast_signed() - MOST_SKEW_MS.cast_signed();
        Self {
            dice: Rc::clone(dice),
            status: Rc::default(),
            world: Rc::clone(world),
            kind,
            skew_ms: i64::try_from(skew_ms).unwrap_or_default(),
        }
    }

    /// Lets other processes run first.
    async fn yields(&self) {
        let mut polled = false;
        poll_fn(|context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    async fn crash(&self, chance: u32, when: &'static str, commits: Option<&'static str>) {
        if self.dice.one_in_thousand(chance) {
            self.dice.count(when);
            self.dice.count(self.kind.crashes());
            commits.into_iter().for_each(|commit| self.dice.count(commit));
            self.status.crashed.set(true);
            std::future::pending::<()>().await;
        }
    }

    /// Returns the chance of a stall before an effect, in thousandths, and its maximum number of steps. Before a commit it
    /// is higher, because reads grow stale there; it is highest for operators, because they are few.
    fn stall(&self, faults: &Faults, call: &Call<'_>) -> (u32, usize) {
        match self.kind {
            Kind::Unpark if call.method == "commit" => (150, 80),
            _ if call.method == "commit" => (5 * faults.stall, 40),
            _ => (faults.stall, 400),
        }
    }

    /// Counts races that must occur now and then.
    fn watch(&self, call: &Call<'_>) {
        let world = self.world.borrow();
        let newest_ms = world.pointer.sets.last().map(|set| set.start_ms);
        match call.method {
            "pointer" => self.status.newest_set_ms.set(newest_ms),
            "read_heads" if self.status.newest_set_ms.get() < newest_ms => {
                let set_ms = world.heads.get(call.subject).and_then(set_of);
                if set_ms > self.status.newest_set_ms.get() {
                    self.dice.count("old rules met a state of newer ones");
                }
            }
            "commit" => {
                if self.status.given_up.get() {
                    self.dice.count("commits tried by zombies");
                }
                if self.kind == Kind::Evaluate && self.status.newest_set_ms.get() < newest_ms {
                    self.dice.count("commits tried with an old pointer");
                }
            }
            _ => {}
        }
    }
}

/// The start of the set that a state was folded with.
fn set_of(head: &Head) -> Option<i64> {
    match StateEnvelope::read(&head.body).ok()?.state {
        Stored::Here(packed) => rule_set_of(&packed).ok().filter(|start| *start != CompiledRules::ALWAYS_MS),
        Stored::Object(_) => None,
    }
}

impl Gate for FaultGate {
    async fn before(&self, call: &Call<'_>) -> Result<(), PortError> {
        self.yields().await;
        self.watch(call);
        let Some(faults) = self.dice.faults.get() else { return Ok(()) };
        let commits = (call.method == "commit").then_some("crashes before a commit");
        self.crash(faults.crash, "crashes before an effect", commits).await;
        let (chance, longest) = self.stall(&faults, call);
        if self.dice.one_in_thousand(chance) {
            self.dice.count("stalls");
            self.status.stalled.set(u32::try_from(self.dice.below(longest)).unwrap_or_default());
            self.yields().await;
        }
        if self.dice.one_in_thousand(faults.throttle) {
            self.dice.count("throttled");
            return Err(PortError::transient("throttled"));
        }
        Ok(())
    }

    async fn after(&self, call: &Call<'_>) -> Result<(), PortError> {
        self.yields().await;
        let Some(faults) = self.dice.faults.get() else { return Ok(()) };
        let commits = (call.method == "commit").then_some("crashes after a commit");
        self.crash(faults.crash, "crashes after an effect", commits).await;
        if self.dice.one_in_thousand(faults.lost_answer) {
            self.dice.count("answers lost");
            if call.method == "commit" {
                self.dice.count("commits without an answer");
            }
            return Err(PortError::transient("no answer"));
        }
        Ok(())
    }

    fn refuses(&self, _: &Call<'_>) -> Option<PortError> {
        let faults = self.dice.faults.get()?;
        self.dice.one_in_thousand(faults.throttle).then(|| {
            self.dice.count("entries refused");
            PortError::transient("throttled")
        })
    }

    fn skew_ms(&self) -> i64 {
        self.skew_ms
    }

    fn lag(&self, changes: usize) -> usize {
        self.dice.below(changes + 1)
    }

    async fn sleep_ms(&self, world: &Rc<RefCell<World>>, duration_ms: u64) {
        let until_ms = world.borrow().now_ms.saturating_add_unsigned(duration_ms);
        while world.borrow().now_ms < until_ms {
            self.yields().await;
        }
    }
}

/// A running process.
pub(super) struct Process<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    status: Rc<Status>,
}

/// A result of a step of a process.
pub(super) enum Step<T> {
    GoesOn,
    Crashed,
    Done(T),
}

impl<T> Process<T> {
    pub(super) fn new(status: Rc<Status>, future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), status }
    }

    /// Gives it up: its event source no longer waits, and it continues as a zombie.
    pub(super) fn give_up(&self) {
        self.status.given_up.set(true);
    }

    /// Runs it to its end while all others stand still. Not for a process that sleeps: time stands still too.
    pub(super) fn alone(mut self) -> Option<T> {
        loop {
            match self.step() {
                Step::GoesOn => {}
                Step::Crashed => return None,
                Step::Done(answer) => return Some(answer),
            }
        }
    }

    pub(super) fn step(&mut self) -> Step<T> {
        let stalled = self.status.stalled.get();
        if stalled > 0 {
            self.status.stalled.set(stalled - 1);
            return Step::GoesOn;
        }
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Step::Done(answer),
            Poll::Pending if self.status.crashed.get() => Step::Crashed,
            Poll::Pending => Step::GoesOn,
        }
    }
}
