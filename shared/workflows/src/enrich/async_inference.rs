//! Endpoints that answer later, into an object, and say so by SNS.
//!
//! A call is kept as an object from before it is made until it is answered, and the queue reminds of it: a notice may be
//! lost, and then the reminder finds the answer, or that there is none. What was given up is kept too, so that an answer
//! that comes after all is known to be late; it is written nevertheless, and the fold decides.

use andon_domain::ScoreRequestBatch;

use super::attempts::{CallEnd, default_timeout_ms};
use super::limiter::{LATER, Permit};
use super::message::{AsyncNotification, Context, EnrichMessage, Poll, inference_id};
use super::{EnrichPorts, Enricher, FollowUp, MessageOutcome, Run, Scores, answer, body, rows};
use crate::limits::QUEUE_DELAY_S;
use crate::object_keys;
use crate::ports::{Accepted, AsyncInvocation, AsyncOutput, PortError, QueueEntry};

/// How long an endpoint that answers later may take to take a call, ms.
const TAKE_MS: i64 = 5_000;

impl<P: EnrichPorts> Enricher<P> {
    /// Asks an endpoint that answers later; scores from memory are written at once.
    pub(super) async fn start_async(
        &self,
        batch: ScoreRequestBatch,
        receive_count: u32,
        turn: Permit<'_>,
        mut scores: Scores,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let id = inference_id(&batch);
        if self.context(&id).await?.is_some_and(|context| context.asked || context.given_up) {
            // Delivered again: it is under way.
            return Ok(MessageOutcome::Done(scores));
        }
        let wait_ms = batch.endpoint.timeout.map_or(default_timeout_ms(&batch.endpoint), |timeout| timeout.0);
        let due_ms = self.ports.now_ms().saturating_add(wait_ms);
        let mut context =
            Context { batch, due_ms, asked: false, output: None, failure: None, given_up: false };
        let name = object_keys::async_calls(&id);
        self.ports.put_object(&name, context.to_bytes()).await?;
        self.remind(&id, wait_ms).await?;
        let batch = &context.batch;
        let rows = rows(batch);
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let body = body::body(&batch.endpoint, &rows);
        let called = self
            .try_calls(batch, receive_count, TAKE_MS, turn, run, async |_| {
                let call = AsyncInvocation {
                    endpoint: &batch.endpoint.name,
                    content_type: body::content_type(&batch.endpoint),
                    accept: body::usual(batch.endpoint.format),
                    body: &body,
                    inference_id: &id,
                    wanted_for_s: seconds(wait_ms),
                };
                self.ports.invoke_async(&call).await
            })
            .await;
        match called {
            Ok(AsyncOutput { output, failure }) => {
                run.summary.borrow_mut().async_calls += 1;
                context = Context { asked: true, output, failure, ..context };
                self.ports.put_object(&name, context.to_bytes()).await?;
            }
            Err(CallEnd::Again | CallEnd::CircuitOpen { .. }) => return Ok(MessageOutcome::Again),
            Err(CallEnd::Failed(reason)) => {
                self.fail(&context.batch, &reason, &mut scores, run);
                scores.then = Some(FollowUp::Forget(name));
            }
        }
        Ok(MessageOutcome::Done(scores))
    }

    /// Looks whether a call was answered.
    pub(super) async fn check(&self, check: &Poll, run: &Run<'_>) -> Result<MessageOutcome, PortError> {
        let _place = run.places.turn(LATER, self.ports.now_ms()).await;
        let id = &check.inference_id;
        let Some(context) = self.context(id).await?.filter(|context| !context.given_up) else {
            return Ok(MessageOutcome::Done(Scores::default()));
        };
        run.summary.borrow_mut().checks += 1;
        if !context.asked {
            // There was no time to make the call, or to note it: the question comes again by itself, with a reminder of
            // its own.
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        if let Some(place) = &context.output
            && let Some(answer) = self.ports.read_async_output(place).await?
        {
            return Ok(self.answered(id, &context, &answer, run).await);
        }
        if let Some(place) = &context.failure
            && let Some(said) = self.ports.read_async_output(place).await?
        {
            return Ok(self.failed(id, context, &answer::shown(&said), run));
        }
        let left_ms = context.due_ms.saturating_sub(self.ports.now_ms());
        if left_ms > 0 {
            self.remind(id, left_ms).await?;
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        run.summary.borrow_mut().lost += context.batch.requests.len() as u64;
        Ok(self.failed(id, context, "no answer in time", run))
    }

    /// Hears of the end of a call.
    pub(super) async fn hear(
        &self,
        notice: &AsyncNotification,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let _place = run.places.turn(LATER, self.ports.now_ms()).await;
        let id = &notice.inference_id;
        let Some(context) = self.context(id).await? else {
            run.summary.borrow_mut().unknown_notices += 1;
            return Ok(MessageOutcome::Done(Scores::default()));
        };
        let place = match &notice.outcome {
            Ok(place) => place.as_ref().or(context.output.as_ref()),
            Err(_) if context.given_up => return Ok(MessageOutcome::Done(Scores::default())),
            Err(reason) => return Ok(self.failed(id, context, reason, run)),
        };
        let place = place.ok_or_else(|| {
            PortError::permanent(format!("the notice of `{id}` does not say where the answer is"))
        })?;
        let answer = self.ports.read_async_output(place).await?;
        let answer = answer
            .ok_or_else(|| PortError::transient(format!("there is no answer of `{id}` at `{place}`")))?;
        Ok(self.answered(id, &context, &answer, run).await)
    }

    async fn answered(&self, id: &str, context: &Context, answer: &[u8], run: &Run<'_>) -> MessageOutcome {
        let batch = &context.batch;
        if context.given_up {
            run.summary.borrow_mut().late += batch.requests.len() as u64;
        }
        let mut scores = Scores { asked_ms: batch.asked_ms, ..Scores::default() };
        self.take(batch, answer, &mut scores, run).await;
        scores.then = Some(FollowUp::Forget(object_keys::async_calls(id)));
        MessageOutcome::Done(scores)
    }

    fn failed(&self, id: &str, context: Context, reason: &str, run: &Run<'_>) -> MessageOutcome {
        let mut scores = Scores { asked_ms: context.batch.asked_ms, ..Scores::default() };
        self.fail(&context.batch, reason, &mut scores, run);
        let kept = Context { given_up: true, ..context };
        scores.then = Some(FollowUp::GiveUp(object_keys::async_calls(id), kept.to_bytes()));
        MessageOutcome::Done(scores)
    }

    async fn context(&self, id: &str) -> Result<Option<Context>, PortError> {
        let name = object_keys::async_calls(id);
        let Some(bytes) = self.ports.get_object(&name).await? else { return Ok(None) };
        let context = serde_json::from_slice(&bytes);
        context
            .map(Some)
            .map_err(|error| PortError::permanent(format!("the object `{name}` is damaged: {error}")))
    }

    /// Lets the queue remind of a call, at the end of the wait or as near to it as the queue can.
    async fn remind(&self, id: &str, wait_ms: i64) -> Result<(), PortError> {
        let body = EnrichMessage::Poll(Poll { inference_id: id.to_owned() }).to_json();
        let entry = QueueEntry { body, delay_s: seconds(wait_ms).min(QUEUE_DELAY_S) };
        match self.ports.enqueue(&[entry]).await?.pop() {
            Some(Accepted::Yes) => Ok(()),
            Some(Accepted::No(error)) => Err(error),
            None => Err(PortError::transient("no answer to a reminder")),
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1000).unwrap_or(u32::MAX)
}
