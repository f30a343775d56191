//! Publishing: from the outbox to the bus.
//!
//! The transitions of a key are offered in their order: the next one after the bus accepted the one before. Keys are
//! offered side by side: a request holds at most one entry of each. A transition that the bus never accepts goes to the
//! failure destination and does not hold up the next one. A transient failure leaves its item to be delivered again.

mod event;
mod offer;
mod republish;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use andon_domain::{Transition, never};
use futures_util::stream::{self, StreamExt as _};

pub use event::{DETAIL_TYPE, EVENT_SCHEMA, SOURCE, StateChange};
pub use republish::{Republished, preview, republish};

use crate::limits;
use crate::measures::summary;
use crate::outbox;
use crate::ports::{Bus, Clock, Failures, Objects, OutboxItem, PortError, StateStore, View};
use crate::retry::Retry;

/// The ports of `publish`.
pub trait PublishPorts: Bus + Objects + StateStore + Failures + Clock {}

impl<P: Bus + Objects + StateStore + Failures + Clock> PublishPorts for P {}

/// A delivery of the outbox's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxDelivery {
    /// Its sequence number in that stream.
    pub sequence_number: String,
    /// The item, or the reason why it cannot be read.
    pub item: Result<OutboxItem, String>,
}

/// A result of a batch of the outbox's stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishAnswer {
    /// The first item that is not done: the event source delivers the batch again from there.
    pub first_not_done: Option<String>,
    /// Counters of the invocation.
    pub summary: PublishSummary,
}

summary! {
    /// A summary of an invocation of `publish`, for one line of the log.
    pub struct PublishSummary {
        ages {
            /// Time from the arrival of the newest record that decided something to the bus: a consumer's delay without the sender's own.
            since_arrival_ms of newest_clock_ms: i64, metric info
                "`iteratorAgeMs` of evaluate; `itemsNotDone` here.";
        }
        counts {
            /// Machines in the batch.
            keys: log info;
            /// Items of the outbox.
            items: log info;
            /// State changes that the bus accepted.
            published: metric info "As `transitions`.";
            /// Requests to the bus.
            requests: log info;
            /// Entries offered again.
            retries: metric info "The limit of PutEvents of the account.";
            /// Views written.
            views: log info;
            /// State changes whose explanation was truncated to fit.
            explanations_truncated: metric warn "Rules of very many operands.";
            /// Items that are not done; they are delivered again.
            items_not_done: metric warn "`firstError`.";
            /// State changes that the bus will never accept; reported to the failure destination.
            undeliverable: metric error "Look there. After the fix, `andon republish`.";
            /// Items of the outbox that cannot be read; reported to the failure destination.
            unreadable: metric error "Something else writes to the table, or a version was rolled back.";
        }
    }
}

/// A queue of the transitions of one key that are to be published, in their order.
#[derive(Debug)]
struct KeyQueue {
    /// Transitions, each with the number of its delivery.
    waiting: VecDeque<(usize, Transition)>,
    /// The last published transition of each rule, with the number of its delivery.
    newest: BTreeMap<String, (usize, Transition)>,
    /// Attempts of the first transition.
    attempts: Retry,
    /// Set if nothing more of the key is read or offered in this invocation.
    stopped: bool,
}

impl Default for KeyQueue {
    fn default() -> Self {
        let attempts = Retry::new(ATTEMPTS);
        Self { waiting: VecDeque::new(), newest: BTreeMap::new(), attempts, stopped: false }
    }
}

/// The deliveries of a batch that are not done, by number.
#[derive(Debug, Default)]
struct NotDone(BTreeSet<usize>);

impl NotDone {
    /// Notes a delivery that an error kept from being done.
    fn note(&mut self, number: usize, error: &PortError, summary: &mut PublishSummary) {
        summary.error(error);
        self.0.insert(number);
    }
}

/// Attempts to publish one entry in one invocation.
const ATTEMPTS: u32 = 4;

/// Publishes a batch of the outbox's stream; nothing starts after `deadline_ms`.
pub async fn publish<P: PublishPorts>(
    ports: &P,
    deliveries: &[OutboxDelivery],
    deadline_ms: i64,
) -> PublishAnswer {
    let mut summary = PublishSummary { items: deliveries.len() as u64, ..PublishSummary::default() };
    let mut not_done = NotDone::default();
    let mut queues: BTreeMap<&str, KeyQueue> = BTreeMap::new();
    for (number, delivery) in deliveries.iter().enumerate() {
        match &delivery.item {
            Ok(item) => {
                summary.newest_clock_ms = summary.newest_clock_ms.max(item.clock_ms);
                let queue = queues.entry(&item.equipment).or_default();
                read_item(ports, number, item, queue, &mut not_done, &mut summary).await;
            }
            Err(reason) => {
                let report = serde_json::json!({
                    "what": UNREADABLE,
                    "reason": reason,
                    "sequenceNumber": delivery.sequence_number,
                });
                summary.unreadable += 1;
                if let Err(error) = ports.report_failure(&report.to_string()).await {
                    not_done.note(number, &error, &mut summary);
                }
            }
        }
    }
    summary.keys = queues.len() as u64;
    // A key that stopped at an item still publishes the transitions before it.
    for queue in queues.values_mut() {
        queue.stopped = false;
    }
    offer::offer_all(ports, &mut queues, deadline_ms, &mut summary).await;
    for queue in queues.values() {
        not_done.0.extend(queue.waiting.iter().map(|(number, _)| *number));
    }
    // The delivery that such a view shows comes again. The bus gets it once more, under the same identity.
    not_done.0.extend(write_views(ports, &queues, &mut summary).await);
    summary.items_not_done = not_done.0.len() as u64;
    let first = not_done.0.first().and_then(|first| deliveries.get(*first));
    PublishAnswer { first_not_done: first.map(|delivery| delivery.sequence_number.clone()), summary }
}

/// The report of an item that cannot be read.
const UNREADABLE: &str = "an item of the outbox cannot be read";

/// Reads the transitions of an item into the queue of its key. Stops the key if an item must come again.
async fn read_item<P: PublishPorts>(
    ports: &P,
    number: usize,
    item: &OutboxItem,
    queue: &mut KeyQueue,
    not_done: &mut NotDone,
    summary: &mut PublishSummary,
) {
    if queue.stopped {
        let error = PortError::transient("an earlier item of this equipment is not done");
        return not_done.note(number, &error, summary);
    }
    match outbox::read(ports, item).await {
        Ok(transitions) => {
            queue.waiting.extend(transitions.into_iter().map(|transition| (number, transition)));
        }
        Err(error) if error.is_transient() => {
            queue.stopped = true;
            not_done.note(number, &error, summary);
        }
        Err(error) => {
            summary.unreadable += 1;
            let report = serde_json::json!({
                "what": UNREADABLE,
                "reason": error.message,
                "equipmentId": item.equipment,
                "version": item.version,
            });
            if let Err(error) = ports.report_failure(&report.to_string()).await {
                queue.stopped = true;
                not_done.note(number, &error, summary);
            }
        }
    }
}

/// Writes the views of published transitions and returns the numbers of the deliveries for which that failed.
async fn write_views<P: PublishPorts>(
    ports: &P,
    queues: &BTreeMap<&str, KeyQueue>,
    summary: &mut PublishSummary,
) -> Vec<usize> {
    let views = queues.iter().flat_map(|(equipment, queue)| {
        queue.newest.values().filter_map(|(number, transition)| Some((*number, view(equipment, transition)?)))
    });
    let written: Vec<_> = stream::iter(views)
        .map(|(number, view)| async move { (number, ports.write_view(&view).await) })
        .buffered(limits::CONCURRENT_REQUESTS)
        .collect()
        .await;
    let mut failed = Vec::new();
    for (number, written) in written {
        match written {
            Ok(()) => summary.views += 1,
            Err(error) => {
                // A view that can never be written must not hold up the next state changes.
                if error.is_transient() {
                    failed.push(number);
                }
                summary.error(&error);
            }
        }
    }
    failed
}

fn view(equipment: &str, transition: &Transition) -> Option<View> {
    match serde_json::to_string(transition) {
        Ok(json) => Some(View {
            equipment: equipment.to_owned(),
            rule: transition.rule_id.to_string(),
            sequence: transition.sequence,
            transition: json,
        }),
        Err(error) => {
            never!("a transition is not written as JSON: {error}");
            None
        }
    }
}
