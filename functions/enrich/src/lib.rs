//! The Lambda function `enrich`: calls models for the score requests of the fold, and writes the scores into the stream.
//!
//! Its events are messages of the queue of score requests, and notifications of asynchronous endpoints by SNS.

#[cfg(test)]
mod tests;

use andon_ingest::Authenticator;
use andon_runtime::telemetry::{Function, Report};
use andon_runtime::{BatchResponse, Done, Handler};
use andon_workflows::enrich::{EnrichAnswer, EnrichPorts, EnrichSettings, Enricher, deliveries};

/// The function, over ports. Kept between invocations, with its cache of scores and its circuit breakers.
pub struct Enrich<P> {
    enricher: Enricher<P>,
}

/// The result of an event.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// The answer of the workflow.
    pub answer: EnrichAnswer,
    /// Whether single messages can be delivered again.
    pub one_by_one: bool,
}

impl<P: EnrichPorts> Enrich<P> {
    /// Creates the function over ports; the authenticator seals scores.
    pub fn new(ports: P, seal: Authenticator, settings: EnrichSettings) -> Self {
        Self { enricher: Enricher::new(ports, seal, settings) }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        self.enricher.ports()
    }

    /// Handles the messages of an event.
    ///
    /// # Errors
    /// When it is neither an event of a queue nor one of a topic.
    pub async fn enrich(&self, event: &[u8], deadline_ms: i64) -> Result<Enriched, String> {
        let all = deliveries(event).map_err(|error| error.to_string())?;
        let answer = self.enricher.enrich(&all.deliveries, deadline_ms).await;
        Ok(Enriched { answer, one_by_one: all.one_by_one })
    }
}

impl<P: EnrichPorts> Handler for Enrich<P> {
    const FUNCTION: Function = Function::Enrich;

    async fn handle(&self, event: &[u8], deadline_ms: i64) -> Result<Done, String> {
        let Enriched { answer, one_by_one } = self.enrich(event, deadline_ms).await?;
        if !one_by_one && !answer.not_done.is_empty() {
            // A topic delivers the whole event again to a function that fails.
            let summary = answer.summary;
            let reason = summary.first_error.or(summary.first_failure).unwrap_or_default();
            return Err(format!("{} notifications are not done: {reason}", answer.not_done.len()));
        }
        let response = BatchResponse::not_done(answer.not_done);
        Ok(Done { answer: response.into(), report: Report::Enriched(answer.summary) })
    }
}
