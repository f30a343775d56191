//! Actors: invocations of the functions, and operators.

use std::cell::RefCell;
use std::rc::Rc;

use andon_ingest::encode::{EventRecord, event};
use andon_ingest::{Arena, Authenticator, ShardId};
use andon_workflows::evaluate::{Batch, EvaluateSettings, Evaluator, Summary, UnparkError};
use andon_workflows::object_keys;
use andon_workflows::publish::{OutboxDelivery, publish, republish};
use andon_workflows::tick::{TickSettings, tick};

use super::Simulation;
use super::executor::{Dice, FaultGate, Kind, Process, Status, Step};
use super::plan::{Plan, Republish};
use super::source::Source;
use andon_kit_ports::memory::{Memory, ShardRecord};

/// Time between two runs of `tick`, ms.
const TICKS_MS: i64 = 10_000;

/// Time after which an operator tries again to unpark a key that still fails, ms.
const OPERATORS_MS: i64 = 10_000;

/// An environment that is kept between invocations.
type Environment = (Rc<Evaluator<Memory<FaultGate>>>, Rc<Status>);

/// The environment that the last invocation of a source left behind, if it came to its end.
pub(super) type Warm = Rc<RefCell<Option<Environment>>>;

fn settings(plan: &Plan) -> EvaluateSettings {
    EvaluateSettings {
        parallelization_factor: u32::try_from(plan.parallelization_factor).unwrap_or(1),
        checkpoint_interval_ms: 500,
        state_ttl_ms: plan.state_ttl_ms,
        outbox_ttl_ms: plan.state_ttl_ms / 2,
        ..EvaluateSettings::new("points")
    }
}

impl Simulation {
    /// Makes one step of an actor that the seed chooses.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        if self.dice.one_in_thousand(200) {
            self.world.borrow_mut().now_ms += i64::try_from(self.dice.below(200)).unwrap_or_default();
        }
        let turns = if self.plan.models.is_some() { 18 } else { 16 };
        match self.dice.below(turns) {
            0 | 1 => self.step_outbox(),
            2 => self.step_ticker(),
            // Fast, so that a key continues while its records still come.
            3 => (0..=self.dice.below(8)).for_each(|_| self.step_unparkers()),
            4 => self.step_republisher(),
            16.. => self.step_enrich(),
            _ => self.step_shard(),
        }
    }

    fn evaluator(&self, kind: Kind) -> Environment {
        let gate = FaultGate::new(&self.dice, &self.world, kind);
        let status = Rc::clone(&gate.status);
        (Rc::new(Evaluator::new(Memory::of(&self.world, gate), settings(&self.plan))), status)
    }

    fn step_shard(&mut self) {
        self.slices.update(&self.world.borrow().stream);
        let shards = self.world.borrow().stream.shards().len();
        let (shard, slice) = (self.dice.below(shards), self.dice.below(self.plan.parallelization_factor));
        if !self.parents_drained(shard) {
            if !self.plan.impatient {
                return;
            }
            self.dice.count("steps of children before their parents were drained");
        }
        let id = self.world.borrow().stream.shards().get(shard).and_then(|shard| shard.id.parse().ok());
        let Some(id) = id else { return };
        let records = self.slices.count(shard, slice);
        let (mut source, warm) =
            self.shards.remove(&(shard, slice)).unwrap_or_else(|| (Source::new(), Warm::default()));
        source.step(&self.dice, self.sabotage.skips_failures, records, |next, count| {
            let batch = self.slices.batch(&self.world.borrow().stream, (shard, slice), next, count);
            let kept = warm.borrow_mut().take().filter(|_| !self.dice.one_in_thousand(100));
            let (evaluator, status) = kept.unwrap_or_else(|| self.evaluator(Kind::Evaluate));
            status.given_up.set(false);
            let trust = Rc::clone(if self.sabotage.trusts_a_forger { &self.gullible } else { &self.trust });
            let deadline_ms = self.world.borrow().now_ms + 60_000;
            let (dice, warm) = (Rc::clone(&self.dice), Rc::clone(&warm));
            let environment = (Rc::clone(&evaluator), Rc::clone(&status));
            Process::new(status, async move {
                let done = evaluate(&evaluator, &trust, &id, &batch, deadline_ms, &dice).await;
                *warm.borrow_mut() = Some(environment);
                done
            })
        });
        self.shards.insert((shard, slice), (source, warm));
    }

    fn step_outbox(&mut self) {
        let items = self.world.borrow().inserted.len();
        let (world, dice) = (&self.world, &self.dice);
        self.outbox.step(dice, false, items, |next, count| {
            let world_now = world.borrow();
            let numbered = world_now.inserted.iter().enumerate().skip(next).take(count);
            let deliveries: Vec<OutboxDelivery> = numbered
                .map(|(number, item)| OutboxDelivery {
                    sequence_number: number.to_string(),
                    item: Ok(item.clone()),
                })
                .collect();
            let gate = FaultGate::new(dice, world, Kind::Publish);
            let status = Rc::clone(&gate.status);
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
            if !matches!(ticker.step(), Step::GoesOn) {
                self.ticker = None;
                self.next_tick_ms = self.world.borrow().now_ms + TICKS_MS;
            }
            return;
        }
        let now_ms = self.world.borrow().now_ms;
        // Without faults `tick` runs only if a key is due, so that the world comes to rest.
        if now_ms < self.next_tick_ms || self.dice.faults.get().is_none() && self.no_key_is_due() {
            return;
        }
        let gate = FaultGate::new(&self.dice, &self.world, Kind::Tick);
        let status = Rc::clone(&gate.status);
        let (ports, trust) = (Memory::of(&self.world, gate), Rc::clone(&self.trust));
        let dice = Rc::clone(&self.dice);
        self.ticker = Some(Process::new(status, async move {
            let summary = tick(&ports, &trust, &TickSettings::default(), now_ms).await;
            dice.add("ticks sent", summary.ticks_sent);
            dice.add("ticks for rules", summary.announced);
            dice.add("scans of `tick` that were held back", summary.ticks_held_back);
        }));
    }

    /// Makes a step of operators that unpark: mostly one, sometimes two side by side.
    fn step_unparkers(&mut self) {
        if !self.unparkers.is_empty() {
            let which = self.dice.below(self.unparkers.len());
            if let Some(unparker) = self.unparkers.get_mut(which)
                && !matches!(unparker.step(), Step::GoesOn)
            {
                drop(self.unparkers.swap_remove(which));
            }
        }
        let side_by_side = self.dice.faults.get().is_some() && self.dice.one_in_thousand(20);
        let begins = match self.unparkers.len() {
            0 => self.world.borrow().now_ms >= self.next_unpark_ms.get(),
            1 => side_by_side,
            _ => false,
        };
        if !begins {
            return;
        }
        let Some(equipment) = self.parked() else { return };
        if !self.unparkers.is_empty() {
            self.dice.count("unparks side by side");
        }
        let objects = self.parked_objects(&equipment);
        let (evaluator, status) = self.evaluator(Kind::Unpark);
        let (dice, trust) = (Rc::clone(&self.dice), Rc::clone(&self.trust));
        let (world, next_unpark_ms) = (Rc::clone(&self.world), Rc::clone(&self.next_unpark_ms));
        self.unparkers.push(Process::new(status, async move {
            let failed_as_before = || {
                dice.count("unparks that failed as before");
                next_unpark_ms.set(world.borrow().now_ms + OPERATORS_MS);
            };
            match evaluator.unpark(&equipment, Some(&trust)).await {
                Ok(unparked) => {
                    dice.count("keys unparked");
                    dice.add("messages unparked", unparked.messages);
                    if unparked.objects > objects {
                        dice.count("unparks that found what was parked meanwhile");
                    }
                }
                Err(UnparkError::NotParked) => dice.count("unparks of keys that were not parked any more"),
                Err(UnparkError::Damaged { .. }) => dice.count("unparks of damaged objects"),
                Err(UnparkError::Port(error)) if error.is_transient() => dice.count("unparks cut short"),
                Err(UnparkError::StillFailing(_) | UnparkError::Port(_)) => failed_as_before(),
            }
        }));
    }

    /// Returns the number of parked objects of a key.
    fn parked_objects(&self, equipment: &str) -> u64 {
        let prefix = format!("parked/{}/", object_keys::safe(equipment));
        let world = self.world.borrow();
        world.objects.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)).count() as u64
    }

    fn step_republisher(&mut self) {
        if let Some(republisher) = &mut self.republisher {
            if !matches!(republisher.step(), Step::GoesOn) {
                self.republisher = None;
            }
            return;
        }
        let early = self.plan.republish == Republish::Early && self.dice.faults.get().is_some();
        if early && self.dice.one_in_thousand(20) {
            self.republisher = Some(self.republisher());
        }
    }

    /// Returns an operator that publishes recent state changes again.
    pub(super) fn republisher(&self) -> Process<()> {
        let gate = FaultGate::new(&self.dice, &self.world, Kind::Republish);
        let status = Rc::clone(&gate.status);
        let ports = Memory::of(&self.world, gate);
        let since_ms =
            self.world.borrow().now_ms - i64::try_from(self.dice.below(100_000)).unwrap_or_default();
        let dice = Rc::clone(&self.dice);
        Process::new(status, async move {
            if let Ok(done) = republish(&ports, since_ms, None, |_| {}).await {
                dice.add("state changes published again on request", done.published);
            }
        })
    }
}

/// Runs one invocation of `evaluate` and returns the number of records of the batch that are done.
async fn evaluate(
    evaluator: &Evaluator<Memory<FaultGate>>,
    trust: &Authenticator,
    shard: &ShardId,
    batch: &[ShardRecord],
    deadline_ms: i64,
    dice: &Dice,
) -> usize {
    let event = event(
        "points",
        batch.iter().map(|record| EventRecord {
            shard,
            sequence: record.sequence_number,
            partition_key: &record.partition_key,
            arrival_ms: record.arrival_ms,
            data: &record.data,
        }),
    );
    let mut arena = Arena::new();
    let Ok(decoded) = andon_ingest::Decoded::new(event.as_bytes(), &mut arena) else { return 0 };
    let Ok(parsed) = Batch::of(&decoded, Some(trust)) else { return 0 };
    let answer = evaluator.evaluate(&parsed, deadline_ms).await;
    count(&answer.summary, dice);
    let first = answer.first_not_done;
    batch.iter().position(|record| Some(record.sequence_number) == first).unwrap_or(batch.len())
}

fn count(summary: &Summary, dice: &Dice) {
    dice.add("commits lost to a second writer", summary.conflicts);
    dice.add("torn reads", summary.torn_reads);
    dice.add("messages that had been folded before", summary.skipped);
    dice.add("keys that failed", summary.failing_keys);
    dice.add("keys parked", summary.parked_keys);
    dice.add("messages parked", summary.parked_messages);
    dice.add("messages rekeyed", summary.rekeyed);
}
