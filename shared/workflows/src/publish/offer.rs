//! Offering transitions to the bus: the next of every key in one pass, until all are accepted or given up.

use std::collections::BTreeMap;

use andon_domain::never;
use futures_util::stream::{self, StreamExt as _};

use super::{KeyQueue, PublishPorts, PublishSummary, event};
use crate::limits;
use crate::ports::{Accepted, BusEntry, PortError};
use crate::retry::{self, Deadline, Retry};

/// Entries of one request: the maximum of EventBridge.
const ENTRIES_PER_REQUEST: usize = 10;

/// Wait before entries are offered again, ms; doubled after each pass in a row that was not accepted as a whole.
const FIRST_WAIT_MS: u64 = 100;

/// An entry that is offered for a key.
struct Offer<'k> {
    equipment: &'k str,
    entry: BusEntry,
    explanation_truncated: bool,
}

/// Offers the transitions of all keys; nothing starts after `deadline_ms`.
pub(super) async fn offer_all<P: PublishPorts>(
    ports: &P,
    queues: &mut BTreeMap<&str, KeyQueue>,
    deadline_ms: i64,
    summary: &mut PublishSummary,
) {
    // Each key counts its own attempts: passes go on as long as one of them may be offered.
    let mut passes = Retry::new(u32::MAX);
    loop {
        let offers: Vec<Offer<'_>> =
            queues.iter().filter_map(|(&equipment, queue)| queue.next(equipment)).collect();
        if offers.is_empty() || ports.now_ms() >= deadline_ms {
            return;
        }
        summary.requests += offers.len().div_ceil(ENTRIES_PER_REQUEST) as u64;
        let mut refused = false;
        for (offer, answer) in offer_once(ports, offers).await {
            let Some(queue) = queues.get_mut(offer.equipment) else {
                never!("`{}` was offered and has no queue", offer.equipment);
                continue;
            };
            match answer {
                Accepted::Yes => {
                    summary.published += 1;
                    summary.explanations_truncated += u64::from(offer.explanation_truncated);
                    queue.accepted();
                }
                Accepted::No(error) if error.is_transient() => {
                    refused = true;
                    summary.error(&error);
                    queue.stopped = !queue.attempts.is_left_after_failure();
                    summary.retries += u64::from(!queue.stopped);
                }
                Accepted::No(error) => give_up(ports, &offer, &error, queue, summary).await,
            }
        }
        if refused && passes.is_left_after_failure() {
            retry::wait(ports, retry::doubled_ms(FIRST_WAIT_MS, passes.failed()), Deadline::NONE).await;
        } else {
            passes.reset();
        }
    }
}

/// Offers entries in requests side by side and returns each with its answer, in order.
async fn offer_once<'k, P: PublishPorts>(ports: &P, offers: Vec<Offer<'k>>) -> Vec<(Offer<'k>, Accepted)> {
    let answers: Vec<Vec<Accepted>> = stream::iter(offers.chunks(ENTRIES_PER_REQUEST))
        .map(|chunk| async move {
            let entries: Vec<BusEntry> = chunk.iter().map(|offer| offer.entry.clone()).collect();
            let answers = ports.offer(&entries).await;
            let answers = answers.unwrap_or_else(|error| vec![Accepted::No(error); chunk.len()]);
            if answers.len() != chunk.len() {
                never!("the bus answered {} of {} entries", answers.len(), chunk.len());
            }
            answers
        })
        .buffered(limits::CONCURRENT_REQUESTS)
        .collect()
        .await;
    offers.into_iter().zip(answers.into_iter().flatten()).collect()
}

/// Reports a transition that the bus never accepts to the failure destination, so that it does not hold up the next.
async fn give_up<P: PublishPorts>(
    ports: &P,
    offer: &Offer<'_>,
    error: &PortError,
    queue: &mut KeyQueue,
    summary: &mut PublishSummary,
) {
    let report = serde_json::json!({
        "what": "the bus refuses a state change",
        "reason": error.message,
        "detail": offer.entry.detail,
    });
    match ports.report_failure(&report.to_string()).await {
        Ok(()) => {
            summary.undeliverable += 1;
            queue.accepted();
        }
        Err(error) => {
            summary.error(&error);
            queue.stopped = true;
        }
    }
}

impl KeyQueue {
    /// Returns the next transition of a key as an entry, unless the key is stopped.
    fn next<'k>(&self, equipment: &'k str) -> Option<Offer<'k>> {
        let (_, transition) = self.waiting.front().filter(|_| !self.stopped)?;
        let (entry, explanation_truncated) = event::entry(transition.clone());
        Some(Offer { equipment, entry, explanation_truncated })
    }

    /// Takes out the first transition: it is done, and shows in the view of its rule.
    fn accepted(&mut self) {
        self.attempts.reset();
        match self.waiting.pop_front() {
            Some((delivery, transition)) => {
                self.newest.insert(transition.rule_id.to_string(), (delivery, transition));
            }
            None => never!("the bus accepted a state change that was not waiting"),
        }
    }
}
