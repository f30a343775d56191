//! The real workflows in a simulated world: one thread, one seed.
//!
//! Producers write a random case into a stream that is split and merged meanwhile; event sources invoke the real
//! `evaluate` and `publish`, `tick` runs beside them, rules change in the middle. Every effect may fail before or after it
//! took place, every process may crash or stand still there. When the faults stop and everything has drained, `check`
//! looks at what came of it, without the help of the workflows.

mod check;
mod executor;
mod source;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use andon_intake::encode::{EventRecord, event};
use andon_intake::{Arena, Authenticator, ShardId};
use andon_model::RuleDocument;
use andon_service::evaluate::{EvaluateSettings, Evaluator};
use andon_service::publish::{Delivery, publish};
use andon_service::rulebook::{self, KeepSets, PutError};
use andon_service::tick::{TickSettings, tick, tick_record};
use fastrand::Rng;
use serde_json::Value;

pub use check::Failure;
pub use executor::{FaultGate, Faults, Tally};

use self::executor::{Dice, Process, Status};
use self::source::Source;
use crate::generate;
use crate::memory::{Flaws, Memory, Open, ShardRecord, World, lane_of};

/// The key of internal records.
const KEY: [u8; 32] = [7; 32];

/// Steps after which a run that has not drained has failed.
const MOST_STEPS: u64 = 3_000_000;

/// What a run was.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Faults and other events.
    pub tally: Tally,
    /// State changes published, without repeats.
    pub transitions: u64,
}

/// Runs a seed.
///
/// # Errors
/// What is wrong, for [`Display`](std::fmt::Display).
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_with(seed, Flaws::default())
}

/// Runs a seed in a world that breaks promises.
///
/// # Errors
/// See [`run`].
pub fn run_with(seed: u64, flaws: Flaws) -> Result<Report, Failure> {
    let mut simulation = Simulation::new(seed, flaws);
    simulation
        .run()
        .and_then(|()| check::check(&simulation.world.borrow(), simulation.lanes))
        .map_err(|mut failure| {
            failure.seed = seed;
            failure
        })
        .map(|transitions| Report { tally: simulation.dice.tally.borrow().clone(), transitions })
}

struct Simulation {
    world: Rc<RefCell<World>>,
    dice: Rc<Dice>,
    trust: Rc<Authenticator>,
    lanes: usize,
    /// Whether children are read before their parents are drained.
    impatient: bool,
    case: crate::Case,
    shards: BTreeMap<(usize, usize), Source>,
    outbox: Source,
    ticker: Option<Process<()>>,
    next_tick_ms: i64,
}

#[allow(clippy::expect_used, reason = "the key is long enough; a simulation without it would show nothing")]
fn trust() -> Authenticator {
    Authenticator::new(&KEY).expect("a key of 32 bytes")
}

fn settings(lanes: usize) -> EvaluateSettings {
    EvaluateSettings {
        lanes: u32::try_from(lanes).unwrap_or(1),
        checkpoint_interval_ms: 500,
        ..EvaluateSettings::new("points")
    }
}

impl Simulation {
    fn new(seed: u64, flaws: Flaws) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut world = World::new();
        world.flaws = flaws;
        world.page = rng.usize(2..50);
        let mut case = generate::case(seed);
        case.lines.truncate(120);
        let faults = Faults {
            crash: rng.u32(..15),
            throttle: rng.u32(..40),
            lost_answer: rng.u32(..40),
            stall: rng.u32(..10),
        };
        let lanes = rng.usize(1..4);
        let impatient = rng.bool();
        let dice =
            Dice { rng: RefCell::new(rng), faults: Cell::new(Some(faults)), tally: RefCell::default() };
        Self {
            world: Rc::new(RefCell::new(world)),
            dice: Rc::new(dice),
            trust: Rc::new(trust()),
            lanes,
            impatient,
            case,
            shards: BTreeMap::new(),
            outbox: Source::new(),
            ticker: None,
            next_tick_ms: 0,
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        let rules = self.case.rules.clone();
        self.put_rules(&rules);
        self.world.borrow_mut().now_ms += 12_000;
        let lines = std::mem::take(&mut self.case.lines);
        for line in &lines {
            self.produce(line);
            for _ in 0..self.dice.below(60) {
                self.step();
            }
            self.reshard();
        }
        self.dice.faults.set(None);
        for step in 0.. {
            self.step();
            if step % 64 == 0 && self.is_drained() {
                return Ok(());
            }
            if step > MOST_STEPS {
                return Err(Failure::new("progress", "it has not drained".to_owned()));
            }
        }
        Ok(())
    }

    /// Puts one line of the case into the world, at about its own pace.
    fn produce(&self, line: &str) {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return self.send("nobody", line.as_bytes());
        };
        self.world.borrow_mut().now_ms += i64::try_from(self.dice.below(3000)).unwrap_or_default();
        if let Some(rules) = value.get("rules") {
            if let Ok(rules) = serde_json::from_value::<RuleDocument>(rules.clone()) {
                self.put_rules(&rules);
            }
            return;
        }
        let data = value.get("data").unwrap_or(&value);
        let Some(equipment) = equipment_of(data) else { return self.send("nobody", line.as_bytes()) };
        if data.get("tick").is_some() {
            let record = tick_record(equipment, &self.trust);
            return self.send(equipment, &record.data);
        }
        // Times as they are in the case, moved to now, so that points are as late or as early as they were.
        let mut data = data.clone();
        let arrival_ms = value.get("arrival").and_then(Value::as_i64);
        let shift_ms = arrival_ms.map_or(0, |arrival_ms| self.world.borrow().now_ms - arrival_ms);
        shift(&mut data, shift_ms);
        self.send(equipment, data.to_string().as_bytes());
    }

    fn send(&self, partition_key: &str, data: &[u8]) {
        let mut world = self.world.borrow_mut();
        let now_ms = world.now_ms;
        world.stream.put(partition_key, data, now_ms);
    }

    /// Puts a rule set; at its start, which is in the future, it counts.
    fn put_rules(&self, rules: &RuleDocument) {
        let ports = Memory::of(&self.world, Open);
        let put = rulebook::put(&ports, rules, None, "", KeepSets::default());
        match at_once(put) {
            Ok(_) => self.dice.count("rule sets put"),
            Err(PutError::Invalid(_)) => self.dice.count("rule sets refused"),
            Err(_) => self.dice.count("rule sets not put"),
        }
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

    /// Everybody goes on a little, in an order that the seed decides.
    fn step(&mut self) {
        if self.dice.one_in_thousand(200) {
            self.world.borrow_mut().now_ms += i64::try_from(self.dice.below(200)).unwrap_or_default();
        }
        match self.dice.below(8) {
            0 => self.step_outbox(),
            1 => self.step_ticker(),
            _ => self.step_shard(),
        }
    }

    fn step_shard(&mut self) {
        let shards = self.world.borrow().stream.shards().len();
        let (shard, lane) = (self.dice.below(shards), self.dice.below(self.lanes));
        if !self.impatient && !self.parents_drained(shard) {
            return;
        }
        let (id, records) = self.lane(shard, lane);
        let Ok(id) = id.parse::<ShardId>() else { return };
        let (world, dice, trust) = (&self.world, &self.dice, &self.trust);
        let lanes = self.lanes;
        let source = self.shards.entry((shard, lane)).or_insert_with(Source::new);
        source.step(dice, records.len(), |next, count| {
            let batch: Vec<ShardRecord> = records.iter().skip(next).take(count).cloned().collect();
            let status = Rc::new(Status::default());
            let gate = FaultGate { dice: Rc::clone(dice), status: Rc::clone(&status) };
            let evaluator = Rc::new(Evaluator::new(Memory::of(world, gate), settings(lanes)));
            let deadline_ms = world.borrow().now_ms + 60_000;
            Process::new(status, evaluate(evaluator, Rc::clone(trust), id, batch, deadline_ms))
        });
    }

    fn step_outbox(&mut self) {
        let items = self.world.borrow().inserted.len();
        let (world, dice) = (&self.world, &self.dice);
        self.outbox.step(dice, items, |next, count| {
            let deliveries: Vec<Delivery> = world
                .borrow()
                .inserted
                .iter()
                .enumerate()
                .skip(next)
                .take(count)
                .map(|(number, item)| Delivery {
                    sequence_number: number.to_string(),
                    item: Ok(item.clone()),
                })
                .collect();
            let status = Rc::new(Status::default());
            let gate = FaultGate { dice: Rc::clone(dice), status: Rc::clone(&status) };
            let ports = Memory::of(world, gate);
            Process::new(status, async move {
                let answer = publish(&ports, &deliveries, i64::MAX).await;
                let first = answer.first_not_done;
                let done =
                    deliveries.iter().position(|delivery| Some(&delivery.sequence_number) == first.as_ref());
                done.unwrap_or(deliveries.len())
            })
        });
    }

    fn step_ticker(&mut self) {
        if let Some(ticker) = &mut self.ticker {
            if !matches!(ticker.step(), executor::Step::GoesOn) {
                self.ticker = None;
            }
            return;
        }
        let now_ms = self.world.borrow().now_ms;
        // Without faults nothing is sent any more, so that the world comes to rest.
        if now_ms < self.next_tick_ms || self.dice.faults.get().is_none() {
            return;
        }
        self.next_tick_ms = now_ms + 10_000;
        let status = Rc::new(Status::default());
        let gate = FaultGate { dice: Rc::clone(&self.dice), status: Rc::clone(&status) };
        let (ports, trust) = (Memory::of(&self.world, gate), Rc::clone(&self.trust));
        let dice = Rc::clone(&self.dice);
        self.ticker = Some(Process::new(status, async move {
            let summary = tick(&ports, &trust, &TickSettings::default(), now_ms).await;
            (0..summary.sent).for_each(|_| dice.count("ticks sent"));
            (0..summary.announced).for_each(|_| dice.count("ticks for rules"));
        }));
    }

    fn lane(&self, shard: usize, lane: usize) -> (String, Vec<ShardRecord>) {
        let world = self.world.borrow();
        let Some(shard) = world.stream.shards().get(shard) else { return Default::default() };
        let records =
            shard.records.iter().filter(|record| lane_of(&record.partition_key, self.lanes) == lane);
        (shard.id.clone(), records.cloned().collect())
    }

    fn shard_drained(&self, shard: usize) -> bool {
        (0..self.lanes).all(|lane| {
            let records = self.lane(shard, lane).1.len();
            self.shards
                .get(&(shard, lane))
                .map_or(records == 0, |source| source.next >= records && source.is_idle())
        })
    }

    fn parents_drained(&self, shard: usize) -> bool {
        let parents = self
            .world
            .borrow()
            .stream
            .shards()
            .get(shard)
            .map(|shard| shard.parents.clone())
            .unwrap_or_default();
        parents.into_iter().all(|parent| self.shard_drained(parent))
    }

    fn is_drained(&self) -> bool {
        let shards = self.world.borrow().stream.shards().len();
        let outbox = self.world.borrow().inserted.len();
        (0..shards).all(|shard| self.shard_drained(shard))
            && self.outbox.next >= outbox
            && self.outbox.is_idle()
            && self.ticker.is_none()
    }
}

/// One invocation of `evaluate`; answers how many records of the batch are done.
async fn evaluate(
    evaluator: Rc<Evaluator<Memory<FaultGate>>>,
    trust: Rc<Authenticator>,
    shard: ShardId,
    batch: Vec<ShardRecord>,
    deadline_ms: i64,
) -> usize {
    let event = event(
        "points",
        batch.iter().map(|record| EventRecord {
            shard: &shard,
            sequence: record.sequence_number,
            partition_key: &record.partition_key,
            arrival_ms: record.arrival_ms,
            data: &record.data,
        }),
    );
    let mut arena = Arena::new();
    let Ok(decoded) = andon_intake::Decoded::new(event.as_bytes(), &mut arena) else { return 0 };
    let Ok(parsed) = andon_service::evaluate::Batch::of(&decoded, Some(&trust)) else { return 0 };
    let answer = evaluator.evaluate(&parsed, deadline_ms).await;
    let first = answer.first_not_done;
    batch.iter().position(|record| Some(record.sequence_number) == first).unwrap_or(batch.len())
}

/// Runs what never waits.
fn at_once<T>(future: impl Future<Output = Result<T, PutError>>) -> Result<T, PutError> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => Err(PutError::Conflict),
    }
}

fn equipment_of(data: &Value) -> Option<&str> {
    let first = data.as_array().map_or(Some(data), |list| list.first())?;
    first.get("equipmentId")?.as_str()
}

/// Moves the times of points.
fn shift(data: &mut Value, by_ms: i64) {
    match data {
        Value::Array(list) => list.iter_mut().for_each(|item| shift(item, by_ms)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if (name == "timestamp" || name == "createdAt")
                    && let Some(at_ms) = value.as_i64()
                {
                    *value = at_ms.saturating_add(by_ms).into();
                }
                if name == "meta" {
                    shift(value, by_ms);
                }
            }
        }
        _ => {}
    }
}
