//! The ports of the queue of score requests and of models, over a world.

use andon_workflows::enrich::AsyncNotification;
use andon_workflows::ports::{
    Accepted, AsyncInvocation, AsyncOutput, CallError, CallErrorKind, ModelCall, Models, PortError,
    QueueEntry, ScoreRequestQueue,
};

use super::{AsyncAnswer, Call, Gate, Memory, MemoryModel, Sent, World};

/// Maximum size of a message in bytes, as SQS accepts it everywhere.
const MESSAGE_BYTES: usize = 256 << 10;

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

    /// Returns the notifications of new answers, and marks them as taken.
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
