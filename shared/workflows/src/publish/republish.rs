//! Republishing: state changes are published again for consumers that missed them.

use andon_domain::Transition;

use super::{OutboxDelivery, PublishPorts, publish};
use crate::outbox;
use crate::ports::{Objects, OutboxStore, PortError};

/// Counters of a republishing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Republished {
    /// Items of the outbox.
    pub items: u64,
    /// State changes that the bus accepted again, under their identities.
    pub published: u64,
    /// State changes that could not be published.
    pub failed: u64,
}

/// Publishes again the state changes since a clock, ms, that the outbox still holds. Calls `progress` after each page.
///
/// # Errors
/// If the outbox cannot be read.
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

/// Calls `f` with each state change that would be published again, per key in the order of decision.
///
/// # Errors
/// If the outbox cannot be read, or `f` returns an error.
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
            outbox::read(ports, item).await?.into_iter().try_for_each(&mut f)?;
        }
        next = page.next;
        if next.is_none() {
            return Ok(());
        }
    }
}
