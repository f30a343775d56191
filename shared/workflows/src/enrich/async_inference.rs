//! Asynchronous endpoints: they write their answer to an object and send a notification by SNS.
//!
//! A call is stored as an object from before it is made until it is answered, and a message of the queue polls it: a
//! notification may be lost, and then the poll finds the answer, or that there is none. A call that was given up stays
//! stored, so that a later answer is known to be late. The score is written nevertheless, and the fold decides.

use andon_domain::ScoreRequestBatch;

use super::attempts::{CallEnd, default_timeout_ms};
use super::limiter::{ASYNC_QUEUE_KEY, Admission};
use super::message::{AsyncCall, AsyncNotification, EnrichMessage, Poll, inference_id};
use super::{EnrichPorts, Enricher, FollowUp, MessageOutcome, Run, Scores, answer, body, rows};
use crate::limits::QUEUE_DELAY_S;
use crate::object_keys;
use crate::ports::{Accepted, AsyncInvocation, AsyncOutput, PortError, QueueEntry};

/// Timeout of `InvokeEndpointAsync`, which only accepts the call, ms.
const ACCEPT_TIMEOUT_MS: i64 = 5_000;

impl<P: EnrichPorts> Enricher<P> {
    /// Starts an asynchronous call. Scores from the cache are written at once.
    pub(super) async fn start_async(
        &self,
        batch: ScoreRequestBatch,
        receive_count: u32,
        admission: Admission<'_>,
        mut scores: Scores,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let id = inference_id(&batch);
        if self.async_call(&id).await?.is_some_and(|call| call.accepted || call.given_up) {
            // The message was delivered again: the call is in flight.
            return Ok(MessageOutcome::Done(scores));
        }
        let wait_ms = batch.endpoint.timeout.map_or(default_timeout_ms(&batch.endpoint), |timeout| timeout.0);
        let due_ms = self.ports.now_ms().saturating_add(wait_ms);
        let mut call =
            AsyncCall { batch, due_ms, accepted: false, output: None, failure: None, given_up: false };
        let name = object_keys::async_calls(&id);
        self.ports.put_object(&name, call.to_bytes()).await?;
        self.schedule_poll(&id, wait_ms).await?;
        let batch = &call.batch;
        let rows = rows(batch);
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let body = body::body(&batch.endpoint, &rows);
        let called = self
            .try_calls(batch, receive_count, ACCEPT_TIMEOUT_MS, admission, run, async |_| {
                let invocation = AsyncInvocation {
                    endpoint: &batch.endpoint.name,
                    content_type: body::content_type(&batch.endpoint),
                    accept: body::usual(batch.endpoint.format),
                    body: &body,
                    inference_id: &id,
                    request_ttl_s: seconds(wait_ms),
                };
                self.ports.invoke_async(&invocation).await
            })
            .await;
        match called {
            Ok(AsyncOutput { output, failure }) => {
                run.summary.borrow_mut().async_calls += 1;
                call = AsyncCall { accepted: true, output, failure, ..call };
                self.ports.put_object(&name, call.to_bytes()).await?;
            }
            Err(CallEnd::Again | CallEnd::CircuitOpen { .. }) => return Ok(MessageOutcome::Again),
            Err(CallEnd::Failed(reason)) => {
                self.fail_all(&call.batch, &reason, &mut scores, run);
                scores.then = Some(FollowUp::Forget(name));
            }
        }
        Ok(MessageOutcome::Done(scores))
    }

    /// Polls an asynchronous call for its answer.
    pub(super) async fn poll(&self, poll: &Poll, run: &Run<'_>) -> Result<MessageOutcome, PortError> {
        let _permit = run.limiter.admit(ASYNC_QUEUE_KEY, self.ports.now_ms()).await;
        let id = &poll.inference_id;
        let Some(call) = self.async_call(id).await?.filter(|call| !call.given_up) else {
            return Ok(MessageOutcome::Done(Scores::default()));
        };
        run.summary.borrow_mut().async_polls += 1;
        if !call.accepted {
            // The invocation had no time to make the call, or to note it. The score request is delivered again by itself,
            // and schedules a poll of its own.
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        if let Some(place) = &call.output
            && let Some(answer) = self.ports.read_async_output(place).await?
        {
            return Ok(self.on_result(id, &call, &answer, run).await);
        }
        if let Some(place) = &call.failure
            && let Some(said) = self.ports.read_async_output(place).await?
        {
            return Ok(self.give_up(id, call, &answer::shown(&said), run));
        }
        let left_ms = call.due_ms.saturating_sub(self.ports.now_ms());
        if left_ms > 0 {
            self.schedule_poll(id, left_ms).await?;
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        run.summary.borrow_mut().async_results_lost += call.batch.requests.len() as u64;
        Ok(self.give_up(id, call, "no answer in time", run))
    }

    /// Handles the notification that a call has ended.
    pub(super) async fn on_notification(
        &self,
        notification: &AsyncNotification,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let _permit = run.limiter.admit(ASYNC_QUEUE_KEY, self.ports.now_ms()).await;
        let id = &notification.inference_id;
        let Some(call) = self.async_call(id).await? else {
            run.summary.borrow_mut().unknown_notifications += 1;
            return Ok(MessageOutcome::Done(Scores::default()));
        };
        let place = match &notification.outcome {
            Ok(place) => place.as_ref().or(call.output.as_ref()),
            Err(_) if call.given_up => return Ok(MessageOutcome::Done(Scores::default())),
            Err(reason) => return Ok(self.give_up(id, call, reason, run)),
        };
        let place = place.ok_or_else(|| {
            PortError::permanent(format!("the notification of `{id}` does not say where the answer is"))
        })?;
        let answer = self.ports.read_async_output(place).await?;
        let answer = answer
            .ok_or_else(|| PortError::transient(format!("there is no answer of `{id}` at `{place}`")))?;
        Ok(self.on_result(id, &call, &answer, run).await)
    }

    async fn on_result(&self, id: &str, call: &AsyncCall, answer: &[u8], run: &Run<'_>) -> MessageOutcome {
        let batch = &call.batch;
        if call.given_up {
            run.summary.borrow_mut().async_results_late += batch.requests.len() as u64;
        }
        let mut scores = Scores { asked_ms: batch.asked_ms, ..Scores::default() };
        self.accept_answer(batch, answer, &mut scores, run).await;
        scores.then = Some(FollowUp::Forget(object_keys::async_calls(id)));
        MessageOutcome::Done(scores)
    }

    fn give_up(&self, id: &str, call: AsyncCall, reason: &str, run: &Run<'_>) -> MessageOutcome {
        let mut scores = Scores { asked_ms: call.batch.asked_ms, ..Scores::default() };
        self.fail_all(&call.batch, reason, &mut scores, run);
        let given_up = AsyncCall { given_up: true, ..call };
        scores.then = Some(FollowUp::GiveUp(object_keys::async_calls(id), given_up.to_bytes()));
        MessageOutcome::Done(scores)
    }

    async fn async_call(&self, id: &str) -> Result<Option<AsyncCall>, PortError> {
        let name = object_keys::async_calls(id);
        let Some(bytes) = self.ports.get_object(&name).await? else { return Ok(None) };
        let call = serde_json::from_slice(&bytes);
        call.map(Some)
            .map_err(|error| PortError::permanent(format!("the object `{name}` is damaged: {error}")))
    }

    /// Puts a poll into the queue, delayed until the end of the wait or as near to it as the queue can.
    async fn schedule_poll(&self, id: &str, wait_ms: i64) -> Result<(), PortError> {
        let body = EnrichMessage::Poll(Poll { inference_id: id.to_owned() }).to_json();
        let entry = QueueEntry { body, delay_s: seconds(wait_ms).min(QUEUE_DELAY_S) };
        match self.ports.enqueue(&[entry]).await?.pop() {
            Some(Accepted::Yes) => Ok(()),
            Some(Accepted::No(error)) => Err(error),
            None => Err(PortError::transient("the queue did not answer for a poll")),
        }
    }
}

/// Returns whole seconds, rounded up.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1000).unwrap_or(u32::MAX)
}
