//! Processes of a simulation: futures that are polled by hand, so that a seed decides who goes on at every effect, and
//! who never does.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use andon_service::ports::PortError;
use fastrand::Rng;

use crate::memory::{Call, Gate, World};

/// Which faults happen, in thousandths of effects.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The process is gone, before or after the effect.
    pub crash: u32,
    /// The effect does not take place.
    pub throttle: u32,
    /// The effect takes place, and the answer is lost.
    pub lost_answer: u32,
    /// The process stands still for long, while others go on.
    pub stall: u32,
}

/// What happened, to be shown that it did.
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
        *self.tally.borrow_mut().entry(what).or_default() += 1;
    }

    pub(super) fn one_in_thousand(&self, chance: u32) -> bool {
        self.rng.borrow_mut().u32(..1000) < chance
    }

    pub(super) fn below(&self, bound: usize) -> usize {
        self.rng.borrow_mut().usize(..bound.max(1))
    }
}

/// What a process has come to.
#[derive(Debug, Default)]
pub(super) struct Status {
    crashed: Cell<bool>,
    /// Not to be polled for so many steps.
    stalled: Cell<u32>,
}

/// The gate of one process.
#[derive(Clone, Debug)]
pub struct FaultGate {
    pub(super) dice: Rc<Dice>,
    pub(super) status: Rc<Status>,
}

impl FaultGate {
    /// Lets others go on first.
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

    async fn crash(&self, chance: u32, when: &'static str) {
        if self.dice.one_in_thousand(chance) {
            self.dice.count(when);
            self.status.crashed.set(true);
            std::future::pending::<()>().await;
        }
    }
}

impl Gate for FaultGate {
    async fn before(&self, _: &Call<'_>) -> Result<(), PortError> {
        self.yields().await;
        let Some(faults) = self.dice.faults.get() else { return Ok(()) };
        self.crash(faults.crash, "crashes before an effect").await;
        if self.dice.one_in_thousand(faults.stall) {
            self.dice.count("stalls");
            self.status.stalled.set(u32::try_from(self.dice.below(400)).unwrap_or_default());
            self.yields().await;
        }
        if self.dice.one_in_thousand(faults.throttle) {
            self.dice.count("throttled");
            return Err(PortError::transient("throttled"));
        }
        Ok(())
    }

    async fn after(&self, _: &Call<'_>) -> Result<(), PortError> {
        self.yields().await;
        let Some(faults) = self.dice.faults.get() else { return Ok(()) };
        self.crash(faults.crash, "crashes after an effect").await;
        if self.dice.one_in_thousand(faults.lost_answer) {
            self.dice.count("answers lost");
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
        0
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

/// A process under way.
pub(super) struct Process<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    status: Rc<Status>,
}

/// What a step of a process came to.
pub(super) enum Step<T> {
    GoesOn,
    Crashed,
    Done(T),
}

impl<T> Process<T> {
    pub(super) fn new(status: Rc<Status>, future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), status }
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
