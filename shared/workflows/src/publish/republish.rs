//! Saying again what was decided, for consumers that missed it.

use andon_domain::Transition;

use super::{OutboxDelivery, PublishPorts, publish, transitions_of};
use crate::ports::{Objects, OutboxStore, PortError};

/// What republishing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Republished {
    /// Items of the outbox.
    pub items: u64,
    /// State changes that the bus took again, under their identities.
    pub published: u64,
    /// State changes that could not be published.
    pub failed: u64,
}

/// Publishes again what was decided since a clock, ms, as long as the outbox remembers it. Tells after each page how far
/// it has come.
///
/// # Errors
/// When the outbox cannot be read.
pub async fn republish<P: PublishPorts + OutboxStore>(
    ports: &P,
    since_ms: i64,
    equipment: Option<&str>,
    mut progress: impl FnMut(&Republished),
) -> Result<Republished, PortError> {
    let mut done = Republished::default();
    let mut next = None;
    loop {
        let page = ports.decided(since_ms, equipment, next.as_deref()).await?;
        let deliveries: Vec<OutboxDelivery> = page
            .items
            .into_iter()
            .map(|item| OutboxDelivery { sequence_number: format!("{}", item.version), item: Ok(item) })
            .collect();
        let answer = publish(ports, &deliveries, i64::MAX).await;
        done.items += deliveries.len() as u64;
        done.published += answer.summary.published;
        done.failed +=
            answer.summary.undeliverable + answer.summary.unreadable + answer.summary.items_not_done;
        progress(&done);
        next = page.next;
        if next.is_none() {
            return Ok(done);
        }
    }
}

/// Tells what would be published again, per equipment in the order of decision.
///
/// # Errors
/// When the outbox cannot be read, or `f` does not want more.
pub async fn preview<P: OutboxStore + Objects, E: From<PortError>>(
    ports: &P,
    since_ms: i64,
    equipment: Option<&str>,
    mut f: impl FnMut(Transition) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = None;
    loop {
        let page = ports.decided(since_ms, equipment, next.as_deref()).await?;
        for item in &page.items {
            transitions_of(ports, item).await?.into_iter().try_for_each(&mut f)?;
        }
        next = page.next;
        if next.is_none() {
            return Ok(());
        }
    }
}
