//! Asking models.
//!
//! Each message of the queue is a call of one endpoint, with the features of one or more equipments. Calls go side by
//! side, within the time there is. A score goes back into the stream as a data point of its equipment, under the event
//! time of its inputs, so that asking twice is harmless: the fold takes the first. What could not be done in time, or
//! could not be written, comes again; what failed for good has the meaning that its binding gives it.
//!
//! Nothing here is waited for by whoever folds the stream.

pub mod answer;
mod async_inference;
mod attempts;
pub mod backoff;
pub mod body;
pub mod cache;
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

pub use message::{AsyncNotification, EnrichMessage, Poll};
pub use summary::EnrichSummary;

use self::attempts::{CallEnd, default_timeout_ms};
use self::cache::{Cache, CacheKey};
use self::limiter::{CircuitBreaker, EndpointLimiter, PAUSE_MS, lane};
use crate::limits;
use crate::ports::{
    Clock, Failures, ModelCall, Models, Objects, PortError, QueueEntry, ScoreRequestQueue, Stream,
    StreamEntry,
};

/// What asking models needs of the world.
pub trait EnrichPorts: Models + ScoreRequestQueue + Stream + Objects + Failures + Clock {}

impl<P: Models + ScoreRequestQueue + Stream + Objects + Failures + Clock> EnrichPorts for P {}

/// What can be set about asking models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    /// Calls that one invocation makes side by side.
    pub concurrency: usize,
    /// Scores that are remembered between invocations, at most.
    pub cached: usize,
    /// Nothing is begun when less time than this is left, ms.
    pub reserve_ms: i64,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self { concurrency: 20, cached: limits::CACHED_SCORES, reserve_ms: 1500 }
    }
}

/// A message, or a notice.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueDelivery {
    /// How whoever delivered it names it.
    pub id: String,
    /// How often it was delivered, this time included.
    pub receive_count: u32,
    /// What it says; or why it cannot be read, with what came.
    pub content: Result<DeliveryContent, String>,
}

/// What is delivered.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryContent {
    /// Out of the queue.
    Message(EnrichMessage),
    /// Of an endpoint that answers later.
    Notification(AsyncNotification),
}

/// How a batch of messages ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrichAnswer {
    /// Messages that are not done, and are to come again.
    pub not_done: Vec<String>,
    /// What happened.
    pub summary: EnrichSummary,
}

impl EnrichAnswer {
    /// As the event source expects it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let failures: Vec<_> =
            self.not_done.iter().map(|id| serde_json::json!({"itemIdentifier": id})).collect();
        serde_json::json!({"batchItemFailures": failures})
    }
}

/// Asks models. Kept between invocations: it remembers scores, and which endpoints are in trouble.
#[derive(Debug)]
pub struct Enricher<P> {
    ports: P,
    seal: Authenticator,
    settings: EnrichSettings,
    cache: RefCell<Cache>,
    health: RefCell<CircuitBreaker>,
}

/// What lasts through one invocation.
struct Run<'e> {
    deadline_ms: i64,
    /// The time that there was at the start, ms.
    given_ms: i64,
    summary: RefCell<EnrichSummary>,
    in_flight: Cell<u64>,
    places: EndpointLimiter<'e>,
    /// Endpoints of which a failure was reported: of a thousand of the same kind a person needs one.
    reported: RefCell<BTreeSet<String>>,
}

/// What a message came to.
#[derive(Debug)]
enum MessageOutcome {
    /// Done, once these are in the stream.
    Done(Scores),
    /// It is to come again.
    Again,
    /// Done, once these are in the stream and this is in the queue: its endpoint is in trouble.
    Postponed(Scores, QueueEntry),
}

/// Points that are to be written.
#[derive(Debug, Default)]
struct Scores {
    points: Vec<StreamEntry>,
    /// So many of them are scores, the others stand for failures.
    numbers: u64,
    /// When the inputs had arrived, ms.
    asked_ms: i64,
    /// What is to be done when they are written.
    then: Option<FollowUp>,
}

/// What follows on the points of a call that was answered later.
#[derive(Debug)]
enum FollowUp {
    /// It is over.
    Forget(String),
    /// It counts as failed; a late answer will find this.
    GiveUp(String, Vec<u8>),
}

impl Scores {
    fn add(&mut self, request: &ScoreRequest, score: &Score, seal: &Authenticator) {
        self.points.push(point::score_record(request, score, seal));
    }
}

impl<P: EnrichPorts> Enricher<P> {
    /// An enricher over ports; scores are sealed by an authenticator.
    pub fn new(ports: P, seal: Authenticator, settings: EnrichSettings) -> Self {
        Self {
            ports,
            seal,
            settings,
            cache: RefCell::new(Cache::new(settings.cached)),
            health: RefCell::default(),
        }
    }

    /// The ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Works through messages; nothing is begun that could outlast the deadline, ms.
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
            places: EndpointLimiter::new(self.settings.concurrency, &self.health),
            reported: RefCell::default(),
        };
        let run = &run;
        // All wait for places of their own, and scores are written while other models are still being asked, as many at
        // a time as there are.
        let done: Vec<Vec<(usize, bool)>> = stream::iter(deliveries.iter().enumerate())
            .map(|(number, delivery)| async move { (number, self.work(delivery, run).await) })
            .buffer_unordered(deliveries.len().max(1))
            .ready_chunks(limits::SCORES_PER_REQUEST)
            .map(|worked| self.write(worked, run))
            .buffer_unordered(limits::SCORE_REQUESTS)
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

    async fn work(&self, delivery: &QueueDelivery, run: &Run<'_>) -> MessageOutcome {
        let worked = match &delivery.content {
            Ok(DeliveryContent::Message(EnrichMessage::ScoreRequests(batch))) => {
                self.ask(batch, delivery.receive_count, run).await
            }
            Ok(DeliveryContent::Message(EnrichMessage::Poll(check))) => self.check(check, run).await,
            Ok(DeliveryContent::Notification(notice)) => self.hear(notice, run).await,
            Err(reason) => {
                run.summary.borrow_mut().malformed += 1;
                let report = serde_json::json!({
                    "what": "a message of the queue of questions cannot be read",
                    "reason": reason,
                    "messageId": delivery.id,
                });
                self.ports
                    .report_failure(&report.to_string())
                    .await
                    .map(|()| MessageOutcome::Done(Scores::default()))
            }
        };
        worked.unwrap_or_else(|error| {
            run.summary.borrow_mut().error(&error);
            MessageOutcome::Again
        })
    }

    /// Asks what a message says.
    async fn ask(
        &self,
        batch: &ScoreRequestBatch,
        receive_count: u32,
        run: &Run<'_>,
    ) -> Result<MessageOutcome, PortError> {
        let turn = run.places.turn(&lane(&batch.endpoint), self.ports.now_ms()).await;
        let now_ms = self.ports.now_ms();
        let count = batch.requests.len() as u64;
        run.summary.borrow_mut().questions += count;
        if now_ms.saturating_sub(batch.asked_ms) > batch.endpoint.too_old.0 {
            run.summary.borrow_mut().too_old += count;
            return Ok(MessageOutcome::Done(Scores::default()));
        }
        let mut scores = Scores { asked_ms: batch.asked_ms, ..Scores::default() };
        let open = self.remembered(batch, now_ms, &mut scores, run);
        if open.requests.is_empty() {
            return Ok(MessageOutcome::Done(scores));
        }
        if batch.endpoint.asynchronous {
            return self.start_async(open, receive_count, turn, scores, run).await;
        }
        let rows = rows(&open);
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let body = body::body(&open.endpoint, &rows);
        let timeout_ms =
            open.endpoint.timeout.map_or(default_timeout_ms(&open.endpoint), |timeout| timeout.0);
        let called = self
            .try_calls(&open, receive_count, timeout_ms, turn, run, async |timeout_ms| {
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
            Ok(answer) => self.take(&open, &answer, &mut scores, run).await,
            Err(CallEnd::Again) => return Ok(MessageOutcome::Again),
            Err(CallEnd::Failed(reason)) => self.fail(&open, &reason, &mut scores, run),
            Err(CallEnd::CircuitOpen { failed }) => {
                let batch = ScoreRequestBatch { failed, ..open };
                let body = EnrichMessage::ScoreRequests(Box::new(batch)).to_json();
                let delay_s = u32::try_from(PAUSE_MS / 1000).unwrap_or_default();
                return Ok(MessageOutcome::Postponed(scores, QueueEntry { body, delay_s }));
            }
        }
        Ok(MessageOutcome::Done(scores))
    }

    /// Answers what it can from memory; what is still to be asked.
    fn remembered(
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

    /// Takes the scores out of an answer.
    async fn take(&self, batch: &ScoreRequestBatch, answer: &[u8], scores: &mut Scores, run: &Run<'_>) {
        let numbers = match answer::read(&batch.endpoint, batch.requests.len(), answer) {
            Ok(numbers) => numbers,
            Err(reason) => {
                run.summary.borrow_mut().unreadable += 1;
                self.report(batch, &reason, run).await;
                return self.fail(batch, &reason, scores, run);
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

    /// Gives all questions of a call the meaning of a failure.
    fn fail(&self, batch: &ScoreRequestBatch, reason: &str, scores: &mut Scores, run: &Run<'_>) {
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
        summary.unanswered += 1;
        summary.failure(&format!("`{}`: {reason}", batch.endpoint.name));
        if let Some(score) = point::on_failure(batch.endpoint.on_failure) {
            scores.add(request, &score, &self.seal);
        }
    }

    /// Tells a person of what trying again does not mend; of each endpoint once in an invocation.
    async fn report(&self, batch: &ScoreRequestBatch, reason: &str, run: &Run<'_>) {
        if !run.reported.borrow_mut().insert(batch.endpoint.name.clone()) {
            return;
        }
        let report = serde_json::json!({
            "what": "a model cannot be asked, or not be understood",
            "endpoint": batch.endpoint.name,
            "reason": reason,
            "names": batch.names,
            "first": batch.requests.first(),
            "questions": batch.requests.len(),
        });
        if let Err(error) = self.ports.report_failure(&report.to_string()).await {
            run.summary.borrow_mut().error(&error);
        }
    }
}

fn rows(batch: &ScoreRequestBatch) -> Vec<Vec<u8>> {
    batch.requests.iter().map(|request| body::row(&batch.endpoint, &batch.names, &request.inputs)).collect()
}
