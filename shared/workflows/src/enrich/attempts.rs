//! A call, made again where that may help and there is time.

use andon_domain::fnv::fnv64;
use andon_domain::{ModelEndpoint, ScoreRequestBatch};

use super::limiter::{Permit, lane};
use super::summary::longer;
use super::{EnrichPorts, Enricher, Run, backoff};
use crate::ports::{CallError, CallErrorKind};

/// How long an attempt may take, unless its binding says so, ms.
const TIMEOUT_MS: i64 = 5_000;

/// How long the answer of an endpoint that answers later is awaited, unless its binding says so, ms.
const LATER_MS: i64 = 15 * 60_000;

/// How long an attempt, or waiting for an answer, may take unless the binding says so, ms.
pub(super) const fn default_timeout_ms(endpoint: &ModelEndpoint) -> i64 {
    if endpoint.asynchronous { LATER_MS } else { TIMEOUT_MS }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum CallEnd {
    /// Too little time is left: the message is to come again.
    Again,
    /// All attempts were made, or no further one can help.
    Failed(String),
    /// The endpoint is in trouble: it is to be asked later, when so many attempts have failed.
    CircuitOpen {
        /// Those of earlier deliveries included.
        failed: u32,
    },
}

impl<P: EnrichPorts> Enricher<P> {
    /// Calls until there is an answer, the attempts are used up, too little time is left, or the endpoint is in trouble.
    /// Deliveries before this one count as an attempt each: they have made one at least, or died of it. Where an endpoint
    /// in trouble was tried for others, that has failed for this one too.
    pub(super) async fn try_calls<T>(
        &self,
        batch: &ScoreRequestBatch,
        receive_count: u32,
        timeout_ms: i64,
        mut turn: Permit<'_>,
        run: &Run<'_>,
        call: impl AsyncFn(u64) -> Result<T, CallError>,
    ) -> Result<T, CallEnd> {
        let before = batch.failed.saturating_add(receive_count.saturating_sub(1));
        let allowed = batch.endpoint.retries.saturating_add(1).saturating_sub(before).max(1);
        let seed = seed(batch);
        let lane = lane(&batch.endpoint);
        // An endpoint may be given longer than the function has. Then half of what it has must do.
        let needed_ms = timeout_ms.min(run.given_ms / 2);
        let mut failed = 0;
        loop {
            let place = match turn {
                Permit::Yours(place) => place,
                Permit::LeftAlone => {
                    return Err(CallEnd::CircuitOpen { failed: before.saturating_add(failed) });
                }
                Permit::TriedInVain if failed + 1 < allowed => {
                    return Err(CallEnd::CircuitOpen { failed: before.saturating_add(failed + 1) });
                }
                Permit::TriedInVain => {
                    return Err(CallEnd::Failed(
                        "it fails again and again, and was tried in vain".to_owned(),
                    ));
                }
            };
            let left_ms = run.deadline_ms.saturating_sub(self.ports.now_ms());
            if left_ms < needed_ms.max(1) {
                run.summary.borrow_mut().out_of_time += 1;
                return Err(CallEnd::Again);
            }
            let given_ms = timeout_ms.min(left_ms);
            run.summary.borrow_mut().retries += u64::from(failed > 0);
            let error = match self.call_once(given_ms, run, &call).await {
                Ok(answer) => {
                    place.answered();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            run.summary.borrow_mut().failure(&error.message);
            if error.kind == CallErrorKind::Refused {
                place.answered();
                self.report(batch, &error.message, run).await;
                return Err(CallEnd::Failed(error.message));
            }
            if error.kind == CallErrorKind::Timeout && given_ms < timeout_ms {
                // The time was ours, not the model's.
                run.summary.borrow_mut().out_of_time += 1;
                return Err(CallEnd::Again);
            }
            failed += 1;
            // An endpoint that answers later has only to take a call: it is no matter of the model.
            let is_in_trouble = !batch.endpoint.asynchronous && place.failed(self.ports.now_ms());
            if failed >= allowed {
                return Err(CallEnd::Failed(error.message));
            }
            if is_in_trouble {
                return Err(CallEnd::CircuitOpen { failed: before.saturating_add(failed) });
            }
            drop(place);
            let wait_ms = backoff::wait_ms(seed, failed);
            let ready_ms = self.ports.now_ms().saturating_add_unsigned(wait_ms);
            if run.deadline_ms.saturating_sub(ready_ms) < needed_ms {
                run.summary.borrow_mut().out_of_time += 1;
                return Err(CallEnd::Again);
            }
            self.ports.sleep_ms(wait_ms).await;
            turn = run.places.turn(&lane, self.ports.now_ms()).await;
        }
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
            summary.calls += 1;
            summary.in_flight = summary.in_flight.max(in_flight);
        }
        let began_ms = self.ports.now_ms();
        let answer = call(u64::try_from(given_ms).unwrap_or_default()).await;
        run.in_flight.set(run.in_flight.get().saturating_sub(1));
        let mut summary = run.summary.borrow_mut();
        match &answer {
            Ok(_) => summary.call_ms = longer(summary.call_ms, self.ports.now_ms().saturating_sub(began_ms)),
            Err(error) => match error.kind {
                CallErrorKind::Timeout => summary.timeouts += 1,
                CallErrorKind::Busy => summary.call_errors += 1,
                CallErrorKind::Refused => summary.refused += 1,
            },
        }
        answer
    }
}

/// What tells one call's waits from another's.
fn seed(batch: &ScoreRequestBatch) -> u64 {
    let Some(first) = batch.requests.first() else { return 0 };
    fnv64(first.equipment_id.as_bytes()) ^ first.at.cast_unsigned()
}
