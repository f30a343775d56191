//! The real workflows in a simulated world: one thread, one seed.
//!
//! Producers write a random case into a stream whose shards split and merge. Event sources invoke the real `evaluate` and
//! `publish`; `tick` runs beside them. Rules change, keys break and are parked, fixed and unparked. Models are slow, fail
//! or are dead. Sources are silent for weeks, and states expire. Every effect may fail before or after it took place, and
//! every process may crash or stall there. When the faults stop and everything has drained, `check` compares the result
//! with a fold of the records by the engine, without the workflows.

mod actors;
mod check;
mod enrich;
mod executor;
mod plan;
mod produce;
mod slices;
mod source;
mod sweep;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use andon_ingest::Authenticator;
use fastrand::Rng;

pub use check::Failure;
pub use executor::{FaultGate, Faults, Tally};
pub use sweep::{Swept, sweep};

use self::actors::Warm;
use self::enrich::EnrichActors;
use self::executor::{Dice, Process};
use self::plan::{KeyFaultKind, Plan, Republish};
use self::slices::Slices;
use self::source::Source;
use andon_kit_cases::generate;
use andon_kit_ports::memory::{Flaws, World};

/// The key of internal records.
const KEY: [u8; 32] = [7; 32];

/// The key of a forger.
const FORGER: [u8; 32] = [8; 32];

/// Maximum number of steps until everything has drained after the last fault.
const MOST_STEPS: u64 = 400_000;

/// Maximum number of lines of a case: more make a seed slower, not sharper.
const MOST_LINES: usize = 100;

/// A report of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Faults and other events, with their counts.
    pub tally: Tally,
    /// State changes published, without repeats.
    pub transitions: u64,
    /// Steps: each runs one process to its next effect.
    pub steps: u64,
}

/// A set of promises that are broken on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// Promises that the ports break.
    pub flaws: Flaws,
    /// `evaluate` accepts internal messages of a forger.
    pub trusts_a_forger: bool,
    /// An event source goes on after a batch that failed.
    pub skips_failures: bool,
    /// Checkers whose findings are ignored, to show that another one finds the fault too. For checkers of single commits,
    /// which come first.
    pub blind: &'static [&'static str],
}

/// Runs a seed.
///
/// # Errors
/// The finding of a checker.
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_with(seed, Sabotage::default())
}

/// Runs a seed with something broken on purpose.
///
/// # Errors
/// See [`run`].
pub fn run_with(seed: u64, sabotage: Sabotage) -> Result<Report, Failure> {
    andon_domain::never::panic_on_broken();
    let mut simulation = Simulation::new(seed, sabotage);
    let checked = simulation.run().and_then(|()| simulation.check());
    let (tally, transitions) = checked.map_err(|failure| Failure { seed, ..failure })?;
    for (what, count) in tally {
        simulation.dice.add(what, count);
    }
    Ok(Report { tally: simulation.dice.tally.take(), transitions, steps: simulation.steps })
}

struct Simulation {
    world: Rc<RefCell<World>>,
    dice: Rc<Dice>,
    trust: Rc<Authenticator>,
    forger: Authenticator,
    /// The authenticator of an `evaluate` that accepts the forger.
    gullible: Rc<Authenticator>,
    sabotage: Sabotage,
    plan: Plan,
    case: andon_kit_cases::Case,
    slices: Slices,
    shards: BTreeMap<(usize, usize), (Source, Warm)>,
    outbox: Source,
    ticker: Option<Process<()>>,
    next_tick_ms: i64,
    unparkers: Vec<Process<()>>,
    next_unpark_ms: Rc<Cell<i64>>,
    republisher: Option<Process<()>>,
    enrich_actors: EnrichActors,
    /// A message that waits for the next one, to share its record.
    held: Option<Vec<u8>>,
    /// By machine: the time up to which it sent its flow, ms.
    flowed: BTreeMap<String, i64>,
    /// Ids of rules that were removed once.
    removed: BTreeSet<String>,
    began_ms: i64,
    /// The number of steps made.
    steps: u64,
}

#[allow(
    clippy::expect_used,
    reason = "the keys are long enough; a simulation without them would show nothing"
)]
fn authenticator(key: &[u8; 32]) -> Authenticator {
    Authenticator::new(key).expect("a key of 32 bytes")
}

#[allow(clippy::expect_used, reason = "as above")]
fn gullible() -> Authenticator {
    authenticator(&KEY).and_opens(&FORGER).expect("a key of 32 bytes")
}

impl Simulation {
    fn new(seed: u64, sabotage: Sabotage) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut case = generate::case(seed);
        case.lines.truncate(MOST_LINES);
        let plan = Plan::new(seed, &mut rng, case.lines.len());
        let mut world = World::new();
        let began_ms = world.now_ms;
        world.flaws = sabotage.flaws;
        world.page = plan.page;
        let faults = Cell::new(Some(plan.faults));
        let dice = Dice { rng: RefCell::new(rng), faults, tally: RefCell::default() };
        Self {
            world: Rc::new(RefCell::new(world)),
            dice: Rc::new(dice),
            trust: Rc::new(authenticator(&KEY)),
            forger: authenticator(&FORGER),
            gullible: Rc::new(gullible()),
            sabotage,
            slices: Slices::new(plan.parallelization_factor),
            plan,
            case,
            shards: BTreeMap::new(),
            outbox: Source::new(),
            ticker: None,
            next_tick_ms: 0,
            unparkers: Vec::new(),
            next_unpark_ms: Rc::default(),
            republisher: None,
            enrich_actors: EnrichActors::default(),
            held: None,
            flowed: BTreeMap::new(),
            removed: BTreeSet::new(),
            began_ms,
            steps: 0,
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        self.put_model();
        let rules = self.case.rules.clone();
        self.put_rules(rules);
        self.world.borrow_mut().now_ms += 12_000;
        if self.plan.parallelization_factor > 1 {
            self.dice.count("runs with a parallelization factor above 1");
        }
        let lines = std::mem::take(&mut self.case.lines);
        for (number, line) in lines.iter().enumerate() {
            self.apply_key_faults(number);
            if self.plan.models.as_ref().is_some_and(|models| models.until == number) {
                self.fix_model();
            }
            let silence = self.plan.silences.iter().find(|(at, _)| *at == number);
            if let Some((_, for_ms)) = silence.copied() {
                self.silence(for_ms)?;
            }
            self.produce(line);
            for _ in 0..self.dice.below(60) {
                self.step();
            }
            self.reshard();
        }
        self.fix_keys();
        self.fix_model();
        self.dice.faults.set(None);
        self.note_open_score_requests();
        self.settle(|simulation| {
            simulation.is_drained() && simulation.no_key_is_due() && simulation.parked().is_none()
        })?;
        self.note_new_score_requests();
        if self.plan.republish == Republish::Late {
            self.dice.faults.set(Some(self.plan.faults));
            self.republisher = Some(self.republisher());
            self.settle(|simulation| simulation.republisher.is_none())?;
            self.dice.faults.set(None);
            self.settle(Self::is_drained)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(Tally, u64), Failure> {
        let in_order = self.plan.republish != Republish::Early;
        let owed = &self.enrich_actors.owed;
        check::check(
            &self.world.borrow(),
            self.plan.parallelization_factor,
            in_order,
            owed,
            self.sabotage.blind,
        )
    }

    /// Starts and ends the faults of keys that are planned for a line.
    fn apply_key_faults(&mut self, number: usize) {
        if self.plan.key_faults.iter().any(|fault| fault.until == number) {
            self.fix_keys();
        }
        let Some(fault) = self.plan.key_faults.iter().find(|fault| fault.from == number) else { return };
        let mut world = self.world.borrow_mut();
        let which = self.dice.below(world.heads.len());
        let Some(equipment) = world.heads.keys().nth(which).cloned() else { return };
        match fault.kind {
            KeyFaultKind::Refused => {
                world.refused_equipment = Some(equipment);
                self.dice.count("keys that cannot be stored");
            }
            KeyFaultKind::SegmentsLost => {
                let lost = world.hide_segments(&equipment);
                self.dice.add("segments lost", lost as u64);
            }
        }
    }

    fn fix_keys(&mut self) {
        let mut world = self.world.borrow_mut();
        world.refused_equipment = None;
        world.find_segments();
    }

    /// Makes steps until a condition holds. A condition that needs many effects in a row may not be reached under faults:
    /// the second half of the steps has none.
    fn settle(&mut self, reached: impl Fn(&mut Self) -> bool) -> Result<(), Failure> {
        let faults = self.dice.faults.get();
        for step in 0..MOST_STEPS {
            if step % 64 == 0 && reached(self) {
                self.dice.faults.set(faults);
                return Ok(());
            }
            if step == MOST_STEPS / 2 && self.dice.faults.take().is_some() {
                self.dice.count("rests that faults did not allow");
            }
            self.step();
        }
        Err(Failure::new("progress", self.what_is_left()))
    }

    /// Describes the work that has not ended.
    fn what_is_left(&self) -> String {
        let world = self.world.borrow();
        let mut left = Vec::new();
        for (shard, of) in world.stream.shards().iter().enumerate() {
            if !self.shard_drained(shard) {
                left.push(format!("{} has not drained", of.id));
            }
        }
        if self.outbox.next < world.inserted.len() || !self.outbox.is_idle() {
            left.push("the outbox has not drained".to_owned());
        }
        if self.ticker.is_some() || !self.unparkers.is_empty() || self.republisher.is_some() {
            left.push("a process is still running".to_owned());
        }
        if !self.all_requests_are_done() {
            left.push(format!("{} messages are in the queue of score requests", world.queue.len()));
        }
        for (equipment, head) in &world.heads {
            if let Some(parked) = &head.parked {
                left.push(format!("`{equipment}` stays parked: {}", parked.reason));
            }
            if let Some(due) = head.due.filter(|due| due.at_ms <= world.now_ms) {
                left.push(format!(
                    "`{equipment}` is due since {} and has no tick at {}",
                    due.at_ms, world.now_ms
                ));
            }
        }
        left.join("; ")
    }

    /// Lets time pass without data points, ms; then expired items are gone.
    fn silence(&mut self, for_ms: i64) -> Result<(), Failure> {
        self.dice.count("silences");
        // No key stays parked for longer than its segments are kept.
        let long = self.world.borrow().now_ms - self.began_ms + for_ms >= self.plan.state_ttl_ms;
        if long {
            self.fix_keys();
        }
        self.settle(|simulation| simulation.is_drained() && !(long && simulation.parked().is_some()))?;
        for _ in 0..3 {
            self.forget_the_past();
            self.world.borrow_mut().now_ms += for_ms / 3;
            self.settle(|simulation| simulation.is_drained() && simulation.no_key_is_due())?;
        }
        self.forget_the_past();
        let mut world = self.world.borrow_mut();
        let before = world.expired.len();
        world.expire();
        self.dice.add("heads expired", (world.expired.len() - before) as u64);
        Ok(())
    }

    /// Drops the records that were read: streams keep them for a day.
    fn forget_the_past(&mut self) {
        self.outbox.floor = self.outbox.next;
        self.shards.values_mut().for_each(|(source, _)| source.floor = source.next);
    }

    fn reshard(&self) {
        let mut world = self.world.borrow_mut();
        let shards = world.stream.shards().len();
        let which = self.dice.below(shards);
        if shards < 8 && self.dice.one_in_thousand(40) && world.stream.split(which) {
            self.dice.count("splits");
        } else if shards < 8 && self.dice.one_in_thousand(30) && world.stream.merge(which) {
            self.dice.count("merges");
        }
    }

    fn shard_drained(&self, shard: usize) -> bool {
        (0..self.plan.parallelization_factor).all(|slice| {
            let records = self.slices.count(shard, slice);
            let source = self.shards.get(&(shard, slice));
            source.map_or(records == 0, |(source, _)| source.next >= records && source.is_idle())
        })
    }

    fn parents_drained(&self, shard: usize) -> bool {
        let world = self.world.borrow();
        let parents = world.stream.shards().get(shard).map(|shard| shard.parents.as_slice());
        parents.unwrap_or_default().iter().all(|parent| self.shard_drained(*parent))
    }

    /// Returns whether every record was read, and no process is running.
    fn is_drained(&mut self) -> bool {
        self.slices.update(&self.world.borrow().stream);
        let (shards, outbox) = {
            let world = self.world.borrow();
            (world.stream.shards().len(), world.inserted.len())
        };
        (0..shards).all(|shard| self.shard_drained(shard))
            && self.outbox.next >= outbox
            && self.outbox.is_idle()
            && self.ticker.is_none()
            && self.unparkers.is_empty()
            && self.republisher.is_none()
            && self.all_requests_are_done()
    }

    /// Returns whether no key is due for a tick.
    fn no_key_is_due(&self) -> bool {
        let world = self.world.borrow();
        !world.heads.values().any(|head| head.due.is_some_and(|due| due.at_ms <= world.now_ms))
    }

    /// Returns a parked key.
    fn parked(&self) -> Option<String> {
        let world = self.world.borrow();
        let parked: Vec<&String> =
            world.heads.iter().filter(|(_, head)| head.parked.is_some()).map(|(id, _)| id).collect();
        parked.get(self.dice.below(parked.len())).map(|id| (*id).clone())
    }
}
