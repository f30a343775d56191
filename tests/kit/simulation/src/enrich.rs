//! Invocations of `enrich`, with messages of the queue in any order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use andon_workflows::enrich::{
    AsyncNotification, DeliveryContent, EnrichMessage, EnrichSettings, EnrichSummary, Enricher, QueueDelivery,
};

use super::executor::{Dice, FaultGate, Kind, Process, Status, Step};
use super::plan::Health;
use super::{KEY, Simulation, authenticator};
use andon_kit_ports::memory::{Memory, MemoryModel};

/// The endpoint of all bindings of random cases.
const ENDPOINT: &str = "endpoint";

/// Timeout of an invocation, ms.
const TIMEOUT_MS: i64 = 30_000;

/// Visibility timeout of a received message, ms. An invocation that stalls for longer meets the next delivery.
const HIDDEN_MS: i64 = 35_000;

/// Maximum number of receives of a message.
const MOST_RECEIVES: u32 = 5;

/// Maximum difference between the clocks of two processes, ms.
const CLOCKS_MS: i64 = 5000;

/// Concurrent invocations.
const SIDE_BY_SIDE: usize = 3;

/// Messages in an invocation.
const MOST_MESSAGES: usize = 10;

/// An environment that is kept between invocations.
type Environment = (Rc<Enricher<Memory<FaultGate>>>, Rc<Status>);

/// The invocations of `enrich`, and the score requests that they owe.
#[derive(Default)]
pub(super) struct EnrichActors {
    running: Vec<Process<()>>,
    warm: Rc<RefCell<Vec<Environment>>>,
    /// Messages that must be answered by scores: no fault occurred while they were in the queue.
    pub owed: Vec<String>,
    /// Messages that were received under faults. An asynchronous endpoint is not called again for one of them.
    tried: BTreeSet<String>,
    fixed: bool,
    /// The number of messages sent before the last fault.
    sent: usize,
}

impl Simulation {
    /// Puts the model behind its endpoint.
    pub(super) fn put_model(&self) {
        let Some(models) = &self.plan.models else { return };
        let mut model = MemoryModel::default();
        match models.health {
            Health::Healthy => {}
            Health::Slow => model.latency_ms = 5000,
            Health::Failing => model.errors = 500,
            Health::Dead => model.dead = true,
        }
        self.dice.count(match models.health {
            Health::Healthy => "healthy models",
            Health::Slow => "models that are slow",
            Health::Failing => "models that fail half of the time",
            Health::Dead => "models that are dead",
        });
        self.world.borrow_mut().models.insert(ENDPOINT.to_owned(), model);
    }

    pub(super) fn fix_model(&self) {
        if let Some(model) = self.world.borrow_mut().models.get_mut(ENDPOINT) {
            (model.latency_ms, model.errors, model.dead) = (5, 0, false);
        }
    }

    /// Returns whether no invocation runs and the queue is empty.
    pub(super) fn all_requests_are_done(&self) -> bool {
        self.plan.models.is_none()
            || self.enrich_actors.running.is_empty() && self.world.borrow().queue.is_empty()
    }

    /// Notes the end of all faults: messages that were never received must be answered.
    pub(super) fn note_open_score_requests(&mut self) {
        let world = self.world.borrow();
        self.enrich_actors.sent = world.sent.len();
        self.enrich_actors.fixed = true;
        let fresh = world.queue.messages().filter(|message| message.received == 0);
        self.enrich_actors.owed = fresh.map(|message| message.body.clone()).collect();
        self.dice.add("score requests left when all faults were fixed", self.enrich_actors.owed.len() as u64);
    }

    /// Adds the messages since the last fault to those that must be answered, without those that are too old by now.
    pub(super) fn note_new_score_requests(&mut self) {
        let Some(models) = &self.plan.models else { return self.enrich_actors.owed.clear() };
        let world = self.world.borrow();
        let new = world.sent.iter().skip(self.enrich_actors.sent).map(|sent| sent.body.clone());
        self.enrich_actors.owed.extend(new);
        let oldest_ms = world.now_ms + CLOCKS_MS - models.too_old_ms;
        let tried = &self.enrich_actors.tried;
        self.enrich_actors.owed.retain(|body| match EnrichMessage::read(body) {
            Ok(EnrichMessage::ScoreRequests(batch)) => batch.asked_ms >= oldest_ms && !tried.contains(body),
            _ => false,
        });
    }

    pub(super) fn step_enrich(&mut self) {
        let running = self.enrich_actors.running.len();
        let which = self.dice.below(running);
        if let Some(actor) = self.enrich_actors.running.get_mut(which)
            && !matches!(actor.step(), Step::GoesOn)
        {
            drop(self.enrich_actors.running.swap_remove(which));
        }
        if self.enrich_actors.running.len() < SIDE_BY_SIDE {
            self.start_enrich();
        }
    }

    fn start_enrich(&mut self) {
        let mut deliveries = self.notices();
        if deliveries.is_empty() {
            deliveries = self.receive();
        }
        if deliveries.is_empty() {
            return;
        }
        let kept = self.enrich_actors.warm.borrow_mut().pop();
        let (enricher, status) = kept.unwrap_or_else(|| {
            let gate = FaultGate::new(&self.dice, &self.world, Kind::Enrich);
            let status = Rc::clone(&gate.status);
            let ports = Memory::of(&self.world, gate);
            (Rc::new(Enricher::new(ports, authenticator(&KEY), EnrichSettings::default())), status)
        });
        let deadline_ms = self.world.borrow().now_ms + TIMEOUT_MS;
        let (dice, world, warm) =
            (Rc::clone(&self.dice), Rc::clone(&self.world), Rc::clone(&self.enrich_actors.warm));
        self.enrich_actors.running.push(Process::new(Rc::clone(&status), async move {
            let answer = enricher.enrich(&deliveries, deadline_ms).await;
            count(&answer.summary, &dice);
            for delivery in &deliveries {
                let Ok(id) = delivery.id.parse() else { continue };
                let again = dice.faults.get().is_some() && dice.one_in_thousand(30);
                if again {
                    dice.count("score requests delivered again");
                } else if !answer.not_done.contains(&delivery.id) {
                    world.borrow_mut().queue.delete(id);
                }
            }
            warm.borrow_mut().push((enricher, status));
        }));
    }

    /// Takes the notifications of asynchronous endpoints. A lost one is not repeated, as if the topic had given up.
    fn notices(&self) -> Vec<QueueDelivery> {
        let notices = self.world.borrow_mut().take_notices();
        let lost = |_: &AsyncNotification| {
            let lost = self.dice.faults.get().is_some() && self.dice.one_in_thousand(200);
            if lost {
                self.dice.count("notices lost");
            }
            !lost
        };
        notices
            .into_iter()
            .filter(lost)
            .map(|notice| QueueDelivery {
                id: notice.inference_id.clone(),
                receive_count: 1,
                content: Ok(DeliveryContent::Notification(notice)),
            })
            .collect()
    }

    /// Receives some messages of the queue, in any order.
    fn receive(&mut self) -> Vec<QueueDelivery> {
        let mut world = self.world.borrow_mut();
        let now_ms = world.now_ms;
        let mut visible: Vec<u64> = world.queue.visible(now_ms).collect();
        if visible.is_empty() {
            return Vec::new();
        }
        let mut deliveries = Vec::new();
        for _ in 0..=self.dice.below(MOST_MESSAGES.min(visible.len())) {
            let id = visible.swap_remove(self.dice.below(visible.len()));
            let Some(message) = world.queue.take(id, now_ms, HIDDEN_MS, MOST_RECEIVES) else {
                self.dice.count("score requests given up");
                continue;
            };
            if !self.enrich_actors.fixed {
                self.enrich_actors.tried.insert(message.body.clone());
            }
            deliveries.push(QueueDelivery {
                id: id.to_string(),
                receive_count: message.received,
                content: EnrichMessage::read(&message.body).map(DeliveryContent::Message),
            });
        }
        deliveries
    }
}

fn count(summary: &EnrichSummary, dice: &Dice) {
    dice.add("score requests received", summary.score_requests);
    dice.add("scores written", summary.scores);
    dice.add("points in place of scores", summary.substitutes);
    dice.add("score requests without an answer", summary.requests_unanswered);
    dice.add("score requests too old", summary.score_requests_too_old);
    dice.add("cached scores", summary.cache_hits);
    dice.add("calls of models that took too long", summary.model_timeouts);
    dice.add("calls of models that failed", summary.model_call_errors);
    dice.add("calls of models made again", summary.retries);
    dice.add("score requests that come again", summary.messages_not_done);
    dice.add("score requests postponed while a circuit is open", summary.postponed);
    dice.add("asynchronous calls of models", summary.async_calls);
    dice.add("polls of asynchronous calls", summary.async_polls);
    dice.add("asynchronous calls that were not answered in time", summary.async_results_lost);
    dice.add("answers that came after all", summary.async_results_late);
}
