//! The queue of score requests, and models behind endpoints.

use std::collections::BTreeMap;

use andon_workflows::enrich::AsyncNotification;
use andon_workflows::ports::{
    Accepted, AsyncInvocation, AsyncOutput, CallError, CallErrorKind, ModelCall, Models, PortError,
    QueueEntry, ScoreRequestQueue,
};

use super::{Call, Gate, Memory, Sent, World};

/// Maximum size of a message in bytes, as SQS accepts it everywhere.
const MESSAGE_BYTES: usize = 256 << 10;

/// A queue of SQS: at least once, in no order.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    messages: BTreeMap<u64, Queued>,
    sent: u64,
    /// The bodies of messages that were received too often: the dead-letter queue.
    pub dead: Vec<String>,
}

/// A queued message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its body.
    pub body: String,
    /// The time before which it cannot be received, ms.
    pub visible_ms: i64,
    /// The number of receives.
    pub received: u32,
}

impl Queue {
    /// Adds a message.
    pub fn send(&mut self, entry: &QueueEntry, now_ms: i64) {
        self.sent += 1;
        let visible_ms = now_ms + i64::from(entry.delay_s) * 1000;
        self.messages.insert(self.sent, Queued { body: entry.body.clone(), visible_ms, received: 0 });
    }

    /// Receives up to `most` visible messages and hides them for `hidden_ms`. A message that was received `most_receives`
    /// times goes to the dead-letter queue instead.
    pub fn receive(
        &mut self,
        most: usize,
        now_ms: i64,
        hidden_ms: i64,
        most_receives: u32,
    ) -> Vec<(u64, Queued)> {
        let ids: Vec<u64> = self.visible(now_ms).take(most).collect();
        ids.into_iter()
            .filter_map(|id| Some((id, self.take(id, now_ms, hidden_ms, most_receives)?)))
            .collect()
    }

    /// Returns the ids of visible messages, in the order in which they were sent.
    pub fn visible(&self, now_ms: i64) -> impl Iterator<Item = u64> {
        self.messages.iter().filter(move |(_, message)| message.visible_ms <= now_ms).map(|(id, _)| *id)
    }

    /// Receives one message, as [`Queue::receive`] does.
    pub fn take(&mut self, id: u64, now_ms: i64, hidden_ms: i64, most_receives: u32) -> Option<Queued> {
        let message = self.messages.get_mut(&id)?;
        message.received += 1;
        if message.received > most_receives {
            self.dead.extend(self.messages.remove(&id).map(|message| message.body));
            return None;
        }
        message.visible_ms = now_ms + hidden_ms;
        Some(message.clone())
    }

    /// Deletes a message.
    pub fn delete(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    /// Returns the number of messages, hidden ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns the number of messages sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns all messages, hidden ones included.
    pub fn messages(&self) -> impl Iterator<Item = &Queued> {
        self.messages.values()
    }
}

/// A model. It reads CSV without quotes and answers in CSV.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    /// The latency of a call, ms.
    pub latency_ms: u64,
    /// Calls that fail, in thousandths.
    pub errors: u32,
    /// It never answers.
    pub dead: bool,
    /// It refuses every call for its content.
    pub refuses: bool,
    /// The score of a row.
    pub score: fn(&str) -> f64,
    /// The number of calls.
    pub calls: u64,
    /// Concurrent calls.
    pub in_flight: u64,
    /// The maximum number of concurrent calls.
    pub most_in_flight: u64,
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self {
            latency_ms: 5,
            errors: 0,
            dead: false,
            refuses: false,
            score: |row| row.split(',').filter_map(|field| field.parse::<f64>().ok()).sum(),
            calls: 0,
            in_flight: 0,
            most_in_flight: 0,
        }
    }
}

/// An answer of an asynchronous endpoint.
#[derive(Clone, Debug)]
pub struct AsyncAnswer {
    /// The id of the call.
    pub inference_id: String,
    /// The time at which it is there, ms.
    pub at_ms: i64,
    /// The answer, or the reason of the failure.
    pub outcome: Result<Vec<u8>, String>,
    /// Whether no notification of it was taken yet.
    pub untold: bool,
}

impl MemoryModel {
    /// Begins a call and returns its result.
    fn begin(&mut self, body: &[u8]) -> Result<Vec<u8>, CallErrorKind> {
        self.calls += 1;
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        // Spread over the calls, and the same in every run.
        let chance = self.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        if self.refuses {
            return Err(CallErrorKind::Refused);
        }
        if chance % 1000 < u64::from(self.errors) {
            return Err(CallErrorKind::Busy);
        }
        let text = String::from_utf8_lossy(body);
        let scores: Vec<String> = text.lines().map(|row| (self.score)(row).to_string()).collect();
        Ok(scores.join("\n").into_bytes())
    }
}

impl World {
    fn model(&mut self, endpoint: &str) -> Result<&mut MemoryModel, CallError> {
        self.models.get_mut(endpoint).ok_or_else(|| {
            CallError::new(CallErrorKind::Refused, format!("there is no endpoint `{endpoint}`"))
        })
    }

    /// Puts a message into the queue.
    pub(super) fn take_score_request(&mut self, entry: &QueueEntry) {
        if !(self.flaws.loses_score_requests && self.every(5)) {
            self.queue.send(entry, self.now_ms);
        }
        let after_commits = self.commits.len();
        self.sent.push(Sent { at_ms: self.now_ms, after_commits, body: entry.body.clone() });
    }

    /// Takes the notifications of answers that are new.
    pub fn take_notices(&mut self) -> Vec<AsyncNotification> {
        let now_ms = self.now_ms;
        let come = self.later.iter_mut().filter(|later| later.untold && later.at_ms <= now_ms);
        come.map(|later| {
            later.untold = false;
            let outcome = later.outcome.as_ref().map(|_| Some(output(&later.inference_id)));
            AsyncNotification {
                inference_id: later.inference_id.clone(),
                outcome: outcome.map_err(Clone::clone),
            }
        })
        .collect()
    }
}

fn output(inference_id: &str) -> String {
    format!("memory://output/{inference_id}")
}

fn failure(inference_id: &str) -> String {
    format!("memory://failure/{inference_id}")
}

impl<G: Gate> ScoreRequestQueue for Memory<G> {
    fn has_queue(&self) -> bool {
        self.world().has_queue
    }

    async fn enqueue(&self, entries: &[QueueEntry]) -> Result<Vec<Accepted>, PortError> {
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            let call = Call { method: "enqueue", subject: "" };
            let answered = self.call(call, |world| {
                if let Some(refusal) = self.gate.refuses(&call) {
                    return Ok(Accepted::No(refusal));
                }
                if entry.body.len() > MESSAGE_BYTES {
                    return Ok(Accepted::No(PortError::permanent(format!(
                        "the message has {} bytes; a message takes {MESSAGE_BYTES}",
                        entry.body.len()
                    ))));
                }
                if world.flaws.asks_after_commits {
                    self.unsent.borrow_mut().push(entry.clone());
                } else {
                    world.take_score_request(entry);
                }
                Ok(Accepted::Yes)
            });
            answers.push(answered.await?);
        }
        Ok(answers)
    }
}

fn busy(error: PortError) -> CallError {
    CallError::new(CallErrorKind::Busy, error.message)
}

impl<G: Gate> Models for Memory<G> {
    async fn call(&self, call: &ModelCall<'_>) -> Result<Vec<u8>, CallError> {
        let gate = Call { method: "call", subject: call.endpoint };
        self.gate.before(&gate).await.map_err(busy)?;
        let (outcome, latency_ms) = {
            let mut world = self.world_mut();
            let model = world.model(call.endpoint)?;
            let outcome = model.begin(call.body);
            (outcome, if model.dead { u64::MAX } else { model.latency_ms })
        };
        let in_time = latency_ms <= call.timeout_ms;
        self.gate.sleep_ms(&self.world, latency_ms.min(call.timeout_ms)).await;
        self.world_mut().model(call.endpoint)?.in_flight -= 1;
        self.gate.after(&gate).await.map_err(busy)?;
        if !in_time {
            return Err(CallError::new(
                CallErrorKind::Timeout,
                format!("`{}`: no answer in {} ms", call.endpoint, call.timeout_ms),
            ));
        }
        outcome.map_err(|kind| CallError::new(kind, format!("`{}` failed", call.endpoint)))
    }

    async fn invoke_async(&self, call: &AsyncInvocation<'_>) -> Result<AsyncOutput, CallError> {
        let gate = Call { method: "invoke_async", subject: call.endpoint };
        self.gate.before(&gate).await.map_err(busy)?;
        {
            let mut world = self.world_mut();
            let now_ms = world.now_ms;
            let model = world.model(call.endpoint)?;
            let outcome = model.begin(call.body);
            model.in_flight -= 1;
            let (dead, at_ms) = (model.dead, now_ms.saturating_add_unsigned(model.latency_ms));
            let outcome = outcome.map_err(|_| "it failed".to_owned());
            let inference_id = call.inference_id.to_owned();
            if !dead {
                world.later.push(AsyncAnswer { inference_id, at_ms, outcome, untold: true });
            }
        }
        self.gate.after(&gate).await.map_err(busy)?;
        Ok(AsyncOutput { output: Some(output(call.inference_id)), failure: Some(failure(call.inference_id)) })
    }

    async fn read_async_output(&self, place: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.call(Call { method: "read_async_output", subject: place }, |world| {
            let now_ms = world.now_ms;
            let come = world.later.iter().filter(|later| later.at_ms <= now_ms);
            let mut found = come.filter_map(|later| match &later.outcome {
                Ok(answer) if output(&later.inference_id) == place => Some(answer.clone()),
                Err(reason) if failure(&later.inference_id) == place => Some(reason.clone().into_bytes()),
                _ => None,
            });
            Ok(found.next_back())
        })
        .await
    }
}
