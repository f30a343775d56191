//! Attempts of a model call, repeated where that can help and there is time.

use andon_domain::fnv::fnv64;
use andon_domain::{ModelEndpoint, ScoreRequestBatch};

use super::limiter::{Admission, Permit, queue_key};
use super::summary::longer;
use super::{EnrichPorts, Enricher, Run, backoff};
use crate::ports::{CallError, CallErrorKind};
use crate::retry::{Deadline, wait};

/// Default timeout of an attempt, ms.
const TIMEOUT_MS: i64 = 5_000;

/// Default timeout of an asynchronous answer, ms: SageMaker's own default for the processing of one request.
const ASYNC_TIMEOUT_MS: i64 = 15 * 60_000;

/// Returns the timeout of an attempt, or of an asynchronous answer, for a binding that has none, ms.
pub(super) const fn default_timeout_ms(endpoint: &ModelEndpoint) -> i64 {
    if endpoint.asynchronous { ASYNC_TIMEOUT_MS } else { TIMEOUT_MS }
}

/// The end of a call without an answer.
#[derive(Debug)]
pub(super) enum CallEnd {
    /// Too little time is left: the message is delivered again.
    Again,
    /// All attempts failed, or no further one can help.
    Failed(String),
    /// The circuit of the endpoint is open: the call is made later.
    CircuitOpen {
        /// Attempts that failed, those of earlier deliveries included.
        failed: u32,
    },
}

/// The attempts of one call.
struct Attempts {
    /// Failed attempts of earlier deliveries.
    before: u32,
    /// Attempts that this delivery may make.
    allowed: u32,
    /// Failed attempts of this delivery.
    failed: u32,
    timeout_ms: i64,
    /// Time that must be left when an attempt starts, ms.
    needed_ms: i64,
}

impl Attempts {
    /// Earlier deliveries count as an attempt each: they made one at least, or the process died of it.
    fn of(batch: &ScoreRequestBatch, receive_count: u32, timeout_ms: i64, run: &Run<'_>) -> Self {
        let before = batch.failed.saturating_add(receive_count.saturating_sub(1));
        Self {
            before,
            allowed: batch.endpoint.retries.saturating_add(1).saturating_sub(before).max(1),
            failed: 0,
            timeout_ms,
            // The timeout of an endpoint may be longer than that of the function. Then half of the latter must do.
            needed_ms: timeout_ms.min(run.given_ms / 2),
        }
    }

    fn circuit_open(&self) -> CallEnd {
        CallEnd::CircuitOpen { failed: self.before.saturating_add(self.failed) }
    }

    /// Takes the permit out of an admission. A probe that failed for another call counts as an attempt of this one.
    fn permit<'l>(&mut self, admission: Admission<'l>) -> Result<Permit<'l>, CallEnd> {
        match admission {
            Admission::Granted(permit) => Ok(permit),
            Admission::CircuitOpen => Err(self.circuit_open()),
            Admission::FailedWhileWaiting if self.failed + 1 < self.allowed => {
                self.failed += 1;
                Err(self.circuit_open())
            }
            Admission::FailedWhileWaiting => {
                Err(CallEnd::Failed("the circuit breaker is open, and its probe failed".to_owned()))
            }
        }
    }
}

impl<P: EnrichPorts> Enricher<P> {
    /// Calls until there is an answer, the attempts are used up, too little time is left, or the circuit opens.
    pub(super) async fn try_calls<T>(
        &self,
        batch: &ScoreRequestBatch,
        receive_count: u32,
        timeout_ms: i64,
        mut admission: Admission<'_>,
        run: &Run<'_>,
        call: impl AsyncFn(u64) -> Result<T, CallError>,
    ) -> Result<T, CallEnd> {
        let mut attempts = Attempts::of(batch, receive_count, timeout_ms, run);
        let seed = seed(batch);
        let key = queue_key(&batch.endpoint);
        let deadline = Deadline { at_ms: run.deadline_ms, needed_ms: attempts.needed_ms };
        loop {
            let permit = attempts.permit(admission)?;
            match self.attempt(&mut attempts, batch, permit, run, &call).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(end) => return Err(end),
            }
            let wait_ms = backoff::wait_ms(seed, attempts.failed);
            if !wait(&self.ports, wait_ms, deadline).await {
                run.summary.borrow_mut().out_of_time += 1;
                return Err(CallEnd::Again);
            }
            admission = run.limiter.admit(&key, self.ports.now_ms()).await;
        }
    }

    /// Makes one attempt; `None` if another one may follow.
    async fn attempt<T>(
        &self,
        attempts: &mut Attempts,
        batch: &ScoreRequestBatch,
        permit: Permit<'_>,
        run: &Run<'_>,
        call: &impl AsyncFn(u64) -> Result<T, CallError>,
    ) -> Result<Option<T>, CallEnd> {
        let left_ms = run.deadline_ms.saturating_sub(self.ports.now_ms());
        if left_ms < attempts.needed_ms.max(1) {
            run.summary.borrow_mut().out_of_time += 1;
            return Err(CallEnd::Again);
        }
        let given_ms = attempts.timeout_ms.min(left_ms);
        run.summary.borrow_mut().retries += u64::from(attempts.failed > 0);
        let error = match self.call_once(given_ms, run, call).await {
            Ok(answer) => {
                permit.on_success();
                return Ok(Some(answer));
            }
            Err(error) => error,
        };
        run.summary.borrow_mut().failure(&error.message);
        if error.kind == CallErrorKind::Refused {
            permit.on_success();
            self.report(batch, &error.message, run).await;
            return Err(CallEnd::Failed(error.message));
        }
        if error.kind == CallErrorKind::Timeout && given_ms < attempts.timeout_ms {
            // The function ran out of time, not the model.
            run.summary.borrow_mut().out_of_time += 1;
            return Err(CallEnd::Again);
        }
        attempts.failed += 1;
        // An asynchronous endpoint only accepts the call: that failing says nothing about the model.
        let is_open = !batch.endpoint.asynchronous && permit.on_failure(self.ports.now_ms());
        if attempts.failed >= attempts.allowed {
            return Err(CallEnd::Failed(error.message));
        }
        if is_open {
            return Err(attempts.circuit_open());
        }
        Ok(None)
    }

    async fn call_once<T>(
        &self,
        given_ms: i64,
        run: &Run<'_>,
        call: &impl AsyncFn(u64) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let in_flight = run.in_flight.get() + 1;
        run.in_flight.set(in_flight);
        {
            let mut summary = run.summary.borrow_mut();
            summary.model_calls += 1;
            summary.in_flight = summary.in_flight.max(in_flight);
        }
        let began_ms = self.ports.now_ms();
        let answer = call(u64::try_from(given_ms).unwrap_or_default()).await;
        run.in_flight.set(run.in_flight.get().saturating_sub(1));
        let mut summary = run.summary.borrow_mut();
        match &answer {
            Ok(_) => summary.call_ms = longer(summary.call_ms, self.ports.now_ms().saturating_sub(began_ms)),
            Err(error) => match error.kind {
                CallErrorKind::Timeout => summary.model_timeouts += 1,
                CallErrorKind::Busy => summary.model_call_errors += 1,
                CallErrorKind::Refused => summary.model_calls_rejected += 1,
            },
        }
        answer
    }
}

/// Returns a seed that tells the waits of one call from those of another.
fn seed(batch: &ScoreRequestBatch) -> u64 {
    let Some(first) = batch.requests.first() else { return 0 };
    fnv64(first.equipment_id.as_bytes()) ^ first.at.cast_unsigned()
}
