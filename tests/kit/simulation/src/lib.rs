//! The real workflows in a simulated world: one thread, one seed.
//!
//! Producers write a random case into a stream that is split and merged meanwhile; event sources invoke the real
//! `evaluate` and `publish`, `tick` runs beside them, rules change in the middle, keys break, are parked, mended and
//! unparked, models are asked that are slow, fail or are dead, nothing comes for weeks and states expire. Every effect may
//! fail before or after it took place, every process may crash or stand still there. When the faults stop and everything
//! has drained, `check` looks at what came of it, without the help of the workflows.

mod actors;
mod check;
mod enrich;
mod executor;
mod lanes;
mod plan;
mod produce;
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
use self::enrich::Askers;
use self::executor::{Dice, Process};
use self::lanes::Lanes;
use self::plan::{Plan, Republish, What};
use self::source::Source;
use andon_kit_cases::generate;
use andon_kit_ports::memory::{Flaws, World};

/// The key of internal records.
const KEY: [u8; 32] = [7; 32];

/// The key of somebody else.
const FORGER: [u8; 32] = [8; 32];

/// Steps in which everything must have drained once nothing fails any more.
const MOST_STEPS: u64 = 400_000;

/// Lines of a case that are used: more make a seed slower, not sharper.
const MOST_LINES: usize = 100;

/// What a run was.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Faults and other events.
    pub tally: Tally,
    /// State changes published, without repeats.
    pub transitions: u64,
    /// Steps: each lets one process go on to its next effect.
    pub steps: u64,
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// Promises that the ports break.
    pub flaws: Flaws,
    /// `evaluate` takes internal messages of somebody else for its own.
    pub trusts_a_forger: bool,
    /// An event source goes on after a batch that failed.
    pub skips_failures: bool,
    /// What these checkers find is passed over, to show that another one would have found it too. For those that look at
    /// every single commit, and so come first.
    pub blind: &'static [&'static str],
}

/// Runs a seed.
///
/// # Errors
/// What is wrong, for [`Display`](std::fmt::Display).
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_with(seed, Sabotage::default())
}

/// Runs a seed with something broken on purpose.
///
/// # Errors
/// See [`run`].
pub fn run_with(seed: u64, sabotage: Sabotage) -> Result<Report, Failure> {
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
    /// Who takes the forger for one of us.
    gullible: Rc<Authenticator>,
    sabotage: Sabotage,
    plan: Plan,
    case: andon_kit_cases::Case,
    lanes: Lanes,
    shards: BTreeMap<(usize, usize), (Source, Warm)>,
    outbox: Source,
    ticker: Option<Process<()>>,
    next_tick_ms: i64,
    unparkers: Vec<Process<()>>,
    next_unpark_ms: Rc<Cell<i64>>,
    republisher: Option<Process<()>>,
    askers: Askers,
    /// A message that waits for the next one, to share its record.
    held: Option<Vec<u8>>,
    /// Up to when each equipment has sent its flow, ms.
    flowed: BTreeMap<String, i64>,
    /// Ids of rules that were removed once.
    removed: BTreeSet<String>,
    began_ms: i64,
    /// How many steps were made.
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
            lanes: Lanes::new(plan.lanes),
            plan,
            case,
            shards: BTreeMap::new(),
            outbox: Source::new(),
            ticker: None,
            next_tick_ms: 0,
            unparkers: Vec::new(),
            next_unpark_ms: Rc::default(),
            republisher: None,
            askers: Askers::default(),
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
        if self.plan.lanes > 1 {
            self.dice.count("runs with several lanes");
        }
        let lines = std::mem::take(&mut self.case.lines);
        for (number, line) in lines.iter().enumerate() {
            self.trouble(number);
            if self.plan.models.as_ref().is_some_and(|models| models.until == number) {
                self.mend_model();
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
        self.mend();
        self.mend_model();
        self.dice.faults.set(None);
        self.note_open_questions();
        self.settle(|simulation| {
            simulation.is_drained() && simulation.nobody_waits() && simulation.parked().is_none()
        })?;
        self.note_new_questions();
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
        let owed = &self.askers.owed;
        check::check(&self.world.borrow(), self.plan.lanes, in_order, owed, self.sabotage.blind)
    }

    /// Breaks what is to break before a line, and mends what is to be mended.
    fn trouble(&mut self, number: usize) {
        if self.plan.troubles.iter().any(|trouble| trouble.until == number) {
            self.mend();
        }
        let Some(trouble) = self.plan.troubles.iter().find(|trouble| trouble.from == number) else { return };
        let mut world = self.world.borrow_mut();
        let which = self.dice.below(world.heads.len());
        let Some(equipment) = world.heads.keys().nth(which).cloned() else { return };
        match trouble.what {
            What::Refused => {
                world.refused_equipment = Some(equipment);
                self.dice.count("keys that cannot be stored");
            }
            What::SegmentsLost => {
                let lost = world.hide_segments(&equipment);
                self.dice.add("segments lost", lost as u64);
            }
        }
    }

    fn mend(&mut self) {
        let mut world = self.world.borrow_mut();
        world.refused_equipment = None;
        world.find_segments();
    }

    /// All goes on until something is reached. What needs many effects in a row may not get there while there are faults:
    /// in the second half of the time there are none.
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

    /// What has not come to its end.
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
            left.push("somebody is still at work".to_owned());
        }
        if !self.all_is_asked() {
            left.push(format!("{} messages are in the queue of questions", world.queue.len()));
        }
        for (equipment, head) in &world.heads {
            if let Some(parked) = &head.parked {
                left.push(format!("`{equipment}` stays parked: {}", parked.reason));
            }
            if let Some(due) = head.due.filter(|due| due.at_ms <= world.now_ms) {
                left.push(format!(
                    "`{equipment}` is due since {} and hears nothing at {}",
                    due.at_ms, world.now_ms
                ));
            }
        }
        left.join("; ")
    }

    /// Nothing comes for so long, ms, but ticks; then what has expired is gone.
    fn silence(&mut self, for_ms: i64) -> Result<(), Failure> {
        self.dice.count("silences");
        // No key stays parked for longer than what belongs to its state is kept.
        let long = self.world.borrow().now_ms - self.began_ms + for_ms >= self.plan.state_ttl_ms;
        if long {
            self.mend();
        }
        self.settle(|simulation| simulation.is_drained() && !(long && simulation.parked().is_some()))?;
        for _ in 0..3 {
            self.forget_the_past();
            self.world.borrow_mut().now_ms += for_ms / 3;
            self.settle(|simulation| simulation.is_drained() && simulation.nobody_waits())?;
        }
        self.forget_the_past();
        let mut world = self.world.borrow_mut();
        let before = world.expired.len();
        world.expire();
        self.dice.add("heads expired", (world.expired.len() - before) as u64);
        Ok(())
    }

    /// The streams keep records for a day; what was read does not come again.
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
        (0..self.plan.lanes).all(|lane| {
            let records = self.lanes.count(shard, lane);
            let source = self.shards.get(&(shard, lane));
            source.map_or(records == 0, |(source, _)| source.next >= records && source.is_idle())
        })
    }

    fn parents_drained(&self, shard: usize) -> bool {
        let world = self.world.borrow();
        let parents = world.stream.shards().get(shard).map(|shard| shard.parents.as_slice());
        parents.unwrap_or_default().iter().all(|parent| self.shard_drained(*parent))
    }

    /// Whether everything that was sent was read, and nobody is at work.
    fn is_drained(&mut self) -> bool {
        self.lanes.look(&self.world.borrow().stream);
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
            && self.all_is_asked()
    }

    /// Whether no key is due for a tick.
    fn nobody_waits(&self) -> bool {
        let world = self.world.borrow();
        !world.heads.values().any(|head| head.due.is_some_and(|due| due.at_ms <= world.now_ms))
    }

    /// A parked key.
    fn parked(&self) -> Option<String> {
        let world = self.world.borrow();
        let parked: Vec<&String> =
            world.heads.iter().filter(|(_, head)| head.parked.is_some()).map(|(id, _)| id).collect();
        parked.get(self.dice.below(parked.len())).map(|id| (*id).clone())
    }
}
