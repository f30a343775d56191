//! The Lambda function `tick`: time for silent keys. A schedule invokes it once a minute, and it runs for that minute.

#[cfg(test)]
mod tests;

use andon_ingest::Authenticator;
use andon_runtime::telemetry::{Function, Report};
use andon_runtime::{Done, Handler};
use andon_workflows::tick::{TickPorts, TickSettings, TickSummary, tick};

/// Time for which the function runs, ms: until it is invoked again.
const MINUTE_MS: i64 = 60_000;

/// Minimum time left before the deadline for a scan to start, ms.
const RESERVE_MS: i64 = 1500;

/// The function over ports.
pub struct Tick<P> {
    ports: P,
    seal: Authenticator,
    settings: TickSettings,
}

impl<P: TickPorts> Tick<P> {
    /// Creates the function over ports, with the authenticator that seals ticks.
    pub fn new(ports: P, seal: Authenticator, settings: TickSettings) -> Self {
        Self { ports, seal, settings }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Sends ticks for a minute, or until the deadline is near.
    pub async fn tick(&self, deadline_ms: i64) -> TickSummary {
        let minute_ms = self.ports.now_ms().saturating_add(MINUTE_MS);
        let until_ms = minute_ms.min(deadline_ms.saturating_sub(RESERVE_MS));
        tick(&self.ports, &self.seal, &self.settings, until_ms).await
    }
}

impl<P: TickPorts> Handler for Tick<P> {
    const FUNCTION: Function = Function::Tick;

    /// The event only triggers the function; its content does not matter.
    async fn handle(&self, _event: &[u8], deadline_ms: i64) -> Result<Done, String> {
        let summary = self.tick(deadline_ms).await;
        Ok(Done { answer: serde_json::Value::Null, report: Report::Ticked(summary) })
    }
}
