//! The Lambda function `publish`: publishes state changes from the stream of the outbox to the bus.

#[cfg(test)]
mod tests;

use andon_aws::outbox_event::deliveries;
use andon_runtime::telemetry::{Function, Report};
use andon_runtime::{BatchResponse, Done, Handler};
use andon_workflows::publish::{PublishAnswer, PublishPorts, publish};

/// Minimum time left before the deadline for a request to start, ms.
const RESERVE_MS: i64 = 1500;

/// The function over ports.
pub struct Publish<P> {
    ports: P,
}

impl<P: PublishPorts> Publish<P> {
    /// Creates the function over ports.
    pub fn new(ports: P) -> Self {
        Self { ports }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Publishes the new items of the outbox in an event.
    ///
    /// # Errors
    /// If it is no event of the stream of a DynamoDB table.
    pub async fn publish(&self, event: &[u8], deadline_ms: i64) -> Result<PublishAnswer, String> {
        let deliveries = deliveries(event).map_err(|error| error.to_string())?;
        Ok(publish(&self.ports, &deliveries, deadline_ms.saturating_sub(RESERVE_MS)).await)
    }
}

impl<P: PublishPorts> Handler for Publish<P> {
    const FUNCTION: Function = Function::Publish;

    async fn handle(&self, event: &[u8], deadline_ms: i64) -> Result<Done, String> {
        let answer = self.publish(event, deadline_ms).await?;
        let response = BatchResponse::not_done(answer.first_not_done);
        Ok(Done { answer: response.into(), report: Report::Published(answer.summary) })
    }
}
