//! The Lambda function `enrich`: asks models what the fold wants to know, and brings their scores into the stream.
//!
//! It is invoked with messages of the queue of questions, and with what endpoints that answer later say by SNS.

#[cfg(test)]
mod tests;

use andon_aws::enrich_event::deliveries;
use andon_ingest::Authenticator;
use andon_runtime::telemetry::{Function, Report};
use andon_runtime::{Done, Handler};
use andon_workflows::enrich::{EnrichAnswer, EnrichPorts, EnrichSettings, Enricher};

/// The function, over ports. Kept between invocations; what it keeps of them is scores that may be asked for again.
pub struct Enrich<P> {
    enricher: Enricher<P>,
}

/// What came of an event.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// What was done.
    pub answer: EnrichAnswer,
    /// Whether single messages can come again.
    pub one_by_one: bool,
}

impl<P: EnrichPorts> Enrich<P> {
    /// The function over ports; scores are sealed by an authenticator.
    pub fn new(ports: P, seal: Authenticator, settings: EnrichSettings) -> Self {
        Self { enricher: Enricher::new(ports, seal, settings) }
    }

    /// The ports.
    pub fn ports(&self) -> &P {
        self.enricher.ports()
    }

    /// Works through the messages of an event.
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
            // A topic knows no parts of an event: it sends all of it again to a function that fails.
            let summary = answer.summary;
            let reason = summary.first_error.or(summary.first_failure).unwrap_or_default();
            return Err(format!("{} notices are not done: {reason}", answer.not_done.len()));
        }
        Ok(Done { answer: answer.to_json(), report: Report::Enriched(answer.summary) })
    }
}
