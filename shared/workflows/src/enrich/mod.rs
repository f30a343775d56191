//! Sends score requests to models.
//!
//! Each message of the queue is a call of one endpoint, with the features of one or more machines. Calls run concurrently,
//! within the time of the invocation. A score goes back into the stream as a data point of its machine, under the event
//! time of its inputs. Calling twice is harmless: the fold takes the first score. A message that could not be done in
//! time, or whose scores could not be written, is delivered again. A call that failed permanently becomes the score that
//! its binding names for a failure.
//!
//! The fold does not wait for any of this.

pub mod answer;
mod async_inference;
mod attempts;
pub mod backoff;
pub mod body;
pub mod cache;
mod delivery;
pub mod failure;
mod limiter;
mod message;
pub mod point;
mod summary;
mod write;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use andon_domain::{Score, ScoreRequest, ScoreRequestBatch};
use andon_ingest::Authenticator;
use futures_util::stream::{self, StreamExt as _};

pub use delivery::{Deliveries, DeliveryContent, QueueDelivery, deliveries};
pub use message::{AsyncNotification, EnrichMessage, Poll};
pub use summary::EnrichSummary;

use self::attempts::{CallEnd, default_timeout_ms};
use self::cache::{Cache, CacheKey};
use self::limiter::{CircuitBreaker, EndpointLimiter, OPEN_MS, queue_key};
use crate::limits;
use crate::ports::{
    Clock, Failures, ModelCall, Models, Objects, PortError, QueueEntry, ScoreRequestQueue, Stream,
    StreamEntry,
};

/// The ports that model calls need.
pub trait EnrichPorts: Models + ScoreRequestQueue + Stream + Objects + Failures + Clock {}

impl<P: Models + ScoreRequestQueue + Stream + Objects + Failures + Clock> EnrichPorts for P {}

/// Settings of `enrich`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    /// Maximum of concurrent calls of one invocation.
    pub concurrency: usize,
    /// Maximum of scores in the cache, which is kept between invocations.
    pub cached: usize,
    /// Time before the deadline in which the function begins nothing, ms.
    pub reserve_ms: i64,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self { concurrency: 20, cached: limits::CACHED_SCORES, reserve_ms: 1500 }
    }
}

/// The result of a batch of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrichAnswer {
    /// Ids of the messages that are not done, to be delivered again.
    pub not_done: Vec<String>,
    /// The summary for the log.
    pub summary: EnrichSummary,
}

/// The workflow of `enrich`. Kept between invocations, with its cache of scores and its circuit breakers.
#[derive(Debug)]
pub struct Enricher<P> {
    ports: P,
    seal: Authenticator,
    settings: EnrichSettings,
    cache: RefCell<Cache>,
    breaker: RefCell<CircuitBreaker>,
}

/// The state of one invocation.
struct Run<'e> {
    deadline_ms: i64,
    /// Time to the deadline at the start, ms.
    given_ms: i64,
    summary: RefCell<EnrichSummary>,
    in_flight: Cell<u64>,
    limiter: EndpointLimiter<'e>,
    /// Endpoints with a reported failure. An operator needs one report of an endpoint, not a thousand.
    reported: RefCell<BTreeSet<String>>,
}

/// The outcome of a message.
#[derive(Debug)]
enum MessageOutcome {
    /// Done, once the scores are in the stream.
    Done(Scores),
    /// To be delivered again.
    Again,
    /// Done, once the scores are in the stream and the entry is in the queue: the circuit of its endpoint is open.
    Postponed(Scores, QueueEntry),
}

/// Points to write.
#[derive(Debug, Default)]
struct Scores {
    points: Vec<StreamEntry>,
    /// Number of scores among the points; the others stand for failures.
    numbers: u64,
    /// When the inputs arrived, ms.
    asked_ms: i64,
    /// The step after the points are written.
    then: Option<FollowUp>,
}

/// The last step of an asynchronous call, after its points are written.
#[derive(Debug)]
enum FollowUp {
    /// Delete the stored call.
    Forget(String),
    /// Store the call as given up, so that a late answer is recognized.
    GiveUp(String, Vec<u8>),
}

impl Scores {
    fn add(&mut self, request: &ScoreRequest, score: &Score, seal: &Authenticator) {
        self.points.push(point::score_record(request, score, seal));
    }
}

impl<P: EnrichPorts> Enricher<P> {
    /// Creates the workflow over ports; the authenticator seals scores.
    pub fn new(ports: P, seal: Authenticator, settings: EnrichSettings) -> Self {
        Self {
            ports,
            seal,
            settings,
            cache: RefCell::new(Cache::new(settings.cached)),
            breaker: RefCell::default(),
        }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Handles messages. It begins nothing that could outlast the deadline, ms.
    pub async fn enrich(&self, deliveries: &[QueueDelivery], deadline_ms: i64) -> EnrichAnswer {
        let deadline_ms = deadline_ms.saturating_sub(self.settings.reserve_ms);
        let run = Run {
            deadline_ms,
            given_ms: deadline_ms.saturating_sub(self.ports.now_ms()),
            summary: RefCell::new(EnrichSummary {
                messages: deliveries.len() as u64,
                ..EnrichSummary::default()
            }),
            in_flight: Cell::new(0),
            limiter: EndpointLimiter::new(self.settings.concurrency, &self.breaker),
            reported: RefCell::default(),
        };
        let run = &run;
        // Every message waits for a permit of its own. Scores are written in chunks while other calls are in flight.
        let done: Vec<Vec<(usize, bool)>> = stream::iter(deliveries.iter().enumerate())
            .map(|(number, delivery)| async move { (number, self.handle(delivery, run).await) })
            .buffer_unordered(deliveries.len().max(1))
            .ready_chunks(limits::SCORES_PER_WRITE)
            .map(|outcomes| self.write(outcomes, run))
            .buffer_unordered(limits::CONCURRENT_SCORE_WRITES)
            .collect()
            .await;
        let done: BTreeSet<usize> =
            done.into_iter().flatten().filter(|(_, done)| *done).map(|(number, _)| number).collect();
        let left = deliveries.iter().enumerate().filter(|(number, _)| !done.contains(number));
        let not_done: Vec<String> = left.map(|(_, delivery)| delivery.id.clone()).collect();
        let mut summary = run.summary.take();
        summary.messages_not_done = not_done.len() as u64;
        EnrichAnswer { not_done, summary }
    }

    async fn handle(&self, delivery: &QueueDelivery, run: &Run<'_>) -> MessageOutcome {
        let outcome = match &delivery.content {
            Ok(DeliveryContent::Message(EnrichMessage::ScoreRequests(batch))) => {
                self.score(batch, delivery.receive_count, run).await
            }
            Ok(DeliveryContent::Message(EnrichMessage::Poll(poll))) => self.poll(poll, run).await,
            Ok(DeliveryContent::Notification(notification)) => self.on_notification(notification, run).await,
            Err(reason) => {
                run.summary.borrow_mut().malformed += 1;
                let report = serde_json::json!({
                    "what": "a message of the queue of score requests cannot be read",
                    "reason": reason,
                    "messageId": delivery.id,
                });
                self.ports
                    .report_failure(&report.to_string())
                    .await
                    .map(|()| MessageOutcome::Done(Scores::default()))
            }
        };
        outcome.unwrap_or_else(|error| {
            run.summary.borrow_mut().error(&error);
            MessageOutcome::Again
        })
    }

    /// Gets the scores of a message: from the cache, or by a call.
    async fn score(
        &self,
        batch: &ScoreRequestBatch,
        receive_count: u32,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let admission = run.limiter.admit(&queue_key(&batch.endpoint), self.ports.now_ms()).await;
        let now_ms = self.ports.now_ms();
        let count = batch.requests.len() as u64;
        run.summary.borrow_mut().score_requests += count;
        if now_ms.saturating_sub(batch.asked_ms) > batch.endpoint.too_old.0 {
            run.summary.borrow_mut().score_requests_too_old += count;
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        let mut scores = Scores { asked_ms: batch.asked_ms, ..Scores::default() };
        let open = self.cached(batch, now_ms, &mut scores, run);
        if open.requests.is_empty() {
            return Ok(MessageOutcome::Done(scores));
        }
        if batch.endpoint.asynchronous {
            return self.start_async(open, receive_count, admission, scores, run).await;
        }
        let rows = rows(&open);
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let body = body::body(&open.endpoint, &rows);
        let timeout_ms =
            open.endpoint.timeout.map_or(default_timeout_ms(&open.endpoint), |timeout| timeout.0);
        let called = self
            .try_calls(&open, receive_count, timeout_ms, admission, run, async |timeout_ms| {
                let call = ModelCall {
                    endpoint: &open.endpoint.name,
                    variant: open.endpoint.variant.as_deref(),
                    content_type: body::content_type(&open.endpoint),
                    accept: body::usual(open.endpoint.format),
                    body: &body,
                    timeout_ms,
                };
                self.ports.call(&call).await
            })
            .await;
        match called {
            Ok(answer) => self.accept_answer(&open, &answer, &mut scores, run).await,
            Err(CallEnd::Again) => return Ok(MessageOutcome::Again),
            Err(CallEnd::Failed(reason)) => self.fail_all(&open, &reason, &mut scores, run),
            Err(CallEnd::CircuitOpen { failed }) => {
                let batch = ScoreRequestBatch { failed, ..open };
                let body = EnrichMessage::ScoreRequests(Box::new(batch)).to_json();
                let delay_s = u32::try_from(OPEN_MS / 1000).unwrap_or_default();
                return Ok(MessageOutcome::Postponed(scores, QueueEntry { body, delay_s }));
            }
        }
        Ok(MessageOutcome::Done(scores))
    }

    /// Adds the scores that are in the cache; returns the other score requests.
    fn cached(
        &self,
        batch: &ScoreRequestBatch,
        now_ms: i64,
        scores: &mut Scores,
        run: &Run<'_>,
    ) -> ScoreRequestBatch {
        let mut open = batch.clone();
        let Some(ttl) = batch.endpoint.cache else { return open };
        let mut cache = self.cache.borrow_mut();
        let mut summary = run.summary.borrow_mut();
        open.requests.retain(|request| {
            let row = body::row(&batch.endpoint, &batch.names, &request.inputs);
            match cache.get(CacheKey::of(&batch.endpoint, &row), ttl.0, now_ms) {
                Some(score) => {
                    summary.cache_hits += 1;
                    scores.numbers += 1;
                    scores.add(request, &Score::Number(score), &self.seal);
                    false
                }
                None => {
                    summary.cache_misses += 1;
                    true
                }
            }
        });
        open
    }

    /// Reads the scores of an answer.
    async fn accept_answer(
        &self,
        batch: &ScoreRequestBatch,
        answer: &[u8],
        scores: &mut Scores,
        run: &Run<'_>,
    ) {
        let numbers = match answer::read(&batch.endpoint, batch.requests.len(), answer) {
            Ok(numbers) => numbers,
            Err(reason) => {
                run.summary.borrow_mut().unreadable += 1;
                self.report(batch, &reason, run).await;
                return self.fail_all(batch, &reason, scores, run);
            }
        };
        let now_ms = self.ports.now_ms();
        let mut wrong = None;
        for (request, number) in batch.requests.iter().zip(numbers) {
            match number {
                Ok(number) => {
                    scores.numbers += 1;
                    scores.add(request, &Score::Number(number), &self.seal);
                    if batch.endpoint.cache.is_some() {
                        let row = body::row(&batch.endpoint, &batch.names, &request.inputs);
                        let key = CacheKey::of(&batch.endpoint, &row);
                        self.cache.borrow_mut().put(key, number, now_ms);
                    }
                }
                Err(reason) => {
                    run.summary.borrow_mut().unreadable += 1;
                    self.fail_one(batch, request, &reason, scores, run);
                    wrong.get_or_insert(reason);
                }
            }
        }
        if let Some(reason) = wrong {
            self.report(batch, &reason, run).await;
        }
    }

    /// Adds for every score request of a call the score that its binding names for a failure.
    fn fail_all(&self, batch: &ScoreRequestBatch, reason: &str, scores: &mut Scores, run: &Run<'_>) {
        for request in &batch.requests {
            self.fail_one(batch, request, reason, scores, run);
        }
    }

    fn fail_one(
        &self,
        batch: &ScoreRequestBatch,
        request: &ScoreRequest,
        reason: &str,
        scores: &mut Scores,
        run: &Run<'_>,
    ) {
        let mut summary = run.summary.borrow_mut();
        summary.requests_unanswered += 1;
        summary.failure(&format!("`{}`: {reason}", batch.endpoint.name));
        if let Some(score) = point::on_failure(batch.endpoint.on_failure) {
            scores.add(request, &score, &self.seal);
        }
    }

    /// Reports a failure that a retry does not fix; once for each endpoint and invocation.
    async fn report(&self, batch: &ScoreRequestBatch, reason: &str, run: &Run<'_>) {
        if !run.reported.borrow_mut().insert(batch.endpoint.name.clone()) {
            return;
        }
        let report = serde_json::json!({
            "what": "a model rejects a call, or its answer cannot be read",
            "endpoint": batch.endpoint.name,
            "reason": reason,
            "names": batch.names,
            "first": batch.requests.first(),
            "scoreRequests": batch.requests.len(),
        });
        if let Err(error) = self.ports.report_failure(&report.to_string()).await {
            run.summary.borrow_mut().error(&error);
        }
    }
}

fn rows(batch: &ScoreRequestBatch) -> Vec<Vec<u8>> {
    batch.requests.iter().map(|request| body::row(&batch.endpoint, &batch.names, &request.inputs)).collect()
}
