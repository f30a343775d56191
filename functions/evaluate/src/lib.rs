//! The Lambda function `evaluate`: folds a batch of the stream of data points.

#[cfg(test)]
mod tests;

use std::cell::RefCell;

use andon_ingest::{Arena, Authenticator, Decoded};
use andon_runtime::telemetry::{Function, Report};
use andon_runtime::{BatchResponse, Done, Handler};
use andon_workflows::evaluate::{
    Batch, BatchError, EvaluateAnswer, EvaluatePorts, EvaluateSettings, Evaluator,
};

/// The function over ports. Between invocations it keeps compiled rules and memory.
pub struct Evaluate<P> {
    evaluator: Evaluator<P>,
    trust: Authenticator,
    arena: RefCell<Arena>,
}

impl<P: EvaluatePorts> Evaluate<P> {
    /// Creates the function over ports, with the authenticator of ticks and scores.
    pub fn new(ports: P, settings: EvaluateSettings, trust: Authenticator) -> Self {
        Self { evaluator: Evaluator::new(ports, settings), trust, arena: RefCell::default() }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        self.evaluator.ports()
    }

    /// Folds the batch of an event.
    ///
    /// # Errors
    /// If it is no event of a Kinesis stream. Single records that cannot be used are written to `rejected/`.
    pub async fn evaluate(&self, event: &[u8], deadline_ms: i64) -> Result<EvaluateAnswer, BatchError> {
        let mut arena = self.arena.take();
        let answer = match Decoded::new(event, &mut arena) {
            Ok(decoded) => match Batch::of(&decoded, Some(&self.trust)) {
                Ok(batch) => Ok(self.evaluator.evaluate(&batch, deadline_ms).await),
                Err(error) => Err(error),
            },
            Err(error) => Err(BatchError::Event(error)),
        };
        self.arena.replace(arena);
        answer
    }
}

impl<P: EvaluatePorts> Handler for Evaluate<P> {
    const FUNCTION: Function = Function::Evaluate;

    async fn handle(&self, event: &[u8], deadline_ms: i64) -> Result<Done, String> {
        let answer = self.evaluate(event, deadline_ms).await.map_err(|error| error.to_string())?;
        let response = BatchResponse::not_done(answer.first_not_done);
        Ok(Done { answer: response.into(), report: Report::Evaluated(answer.summary) })
    }
}
