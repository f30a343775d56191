//! From the outbox to the bus.
//!
//! The transitions of an equipment are offered in their order, and the next one only after the one before was accepted.
//! Equipments go side by side: a request holds at most one entry of each. What is refused for good is reported to the
//! failure destination and does not hold up what follows; what fails for now is reported as not done, and comes again.

mod event;
mod republish;

use std::collections::{BTreeMap, VecDeque};

use andon_domain::Transition;
use andon_ingest::gzip::gunzip;
use futures_util::stream::{self, StreamExt as _};

pub use event::{DETAIL_TYPE, EVENT_SCHEMA, SOURCE, StateChange};
pub use republish::{Republished, preview, republish};

use crate::limits;
use crate::ports::{
    Accepted, Bus, BusEntry, Clock, Failures, Objects, OutboxItem, Payload, PortError, StateStore, View,
};

/// What publishing needs of the world.
pub trait PublishPorts: Bus + Objects + StateStore + Failures + Clock {}

impl<P: Bus + Objects + StateStore + Failures + Clock> PublishPorts for P {}

/// An item of the outbox's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxDelivery {
    /// Its place in that stream, as the event source names it.
    pub sequence_number: String,
    /// The item; or why it cannot be read, with what came.
    pub item: Result<OutboxItem, String>,
}

/// How a batch of the outbox's stream ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishAnswer {
    /// The first item that is not done.
    pub first_not_done: Option<String>,
    /// What happened.
    pub summary: PublishSummary,
}

impl PublishAnswer {
    /// As the event source expects it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let failures: Vec<_> =
            self.first_not_done.iter().map(|number| serde_json::json!({"itemIdentifier": number})).collect();
        serde_json::json!({"batchItemFailures": failures})
    }
}

/// What an invocation did, for one line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishSummary {
    /// Items of the outbox.
    pub items: u64,
    /// Equipments.
    pub keys: u64,
    /// State changes that the bus took.
    pub published: u64,
    /// State changes that it will never take, reported to the failure destination.
    pub undeliverable: u64,
    /// Items that cannot be read, reported to the failure destination.
    pub unreadable: u64,
    /// Requests to the bus.
    pub requests: u64,
    /// Entries offered again.
    pub retries: u64,
    /// Views written.
    pub views: u64,
    /// Items that are not done, and come again.
    pub items_not_done: u64,
    /// Explanations that were cut to fit.
    pub cut: u64,
    /// Clock of the key at the newest item, ms.
    pub newest_clock_ms: i64,
    /// Errors of ports.
    pub errors: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

impl PublishSummary {
    fn error(&mut self, error: &PortError) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }
}

/// What is still to be published of one equipment.
#[derive(Debug, Default)]
struct Line {
    /// With the number of the delivery that it belongs to.
    waiting: VecDeque<(usize, Transition)>,
    /// Of each rule, the last one that the bus took, with the number of the delivery that it belongs to.
    newest: BTreeMap<String, (usize, Transition)>,
    /// Times in a row that the first one was not taken.
    attempts: u32,
    stopped: bool,
}

/// Entries of one request, as the bus takes them.
const ENTRIES_PER_REQUEST: usize = 10;

/// Offers of one entry in one invocation.
const ATTEMPTS: u32 = 4;

/// Wait before entries are offered again, ms; doubled each time.
const FIRST_WAIT_MS: u64 = 100;

/// Publishes a batch of the outbox's stream; nothing is begun after `deadline_ms`.
pub async fn publish<P: PublishPorts>(
    ports: &P,
    deliveries: &[OutboxDelivery],
    deadline_ms: i64,
) -> PublishAnswer {
    let mut summary = PublishSummary { items: deliveries.len() as u64, ..PublishSummary::default() };
    let mut done = vec![true; deliveries.len()];
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    for (number, delivery) in deliveries.iter().enumerate() {
        let mut not_done = |summary: &mut PublishSummary, error: &PortError| {
            summary.error(error);
            if let Some(done) = done.get_mut(number) {
                *done = false;
            }
        };
        let item = match &delivery.item {
            Ok(item) => item,
            Err(reason) => {
                summary.unreadable += 1;
                let report = serde_json::json!({
                    "what": "an item of the outbox cannot be read",
                    "reason": reason,
                    "sequenceNumber": delivery.sequence_number,
                });
                if let Err(error) = ports.report_failure(&report.to_string()).await {
                    not_done(&mut summary, &error);
                }
                continue;
            }
        };
        summary.newest_clock_ms = summary.newest_clock_ms.max(item.clock_ms);
        let line = lines.entry(&item.equipment).or_default();
        if line.stopped {
            not_done(&mut summary, &PortError::transient("an earlier item of this equipment is not done"));
            continue;
        }
        match transitions_of(ports, item).await {
            Ok(transitions) => {
                line.waiting.extend(transitions.into_iter().map(|transition| (number, transition)));
            }
            Err(error) if error.is_transient() => {
                line.stopped = true;
                not_done(&mut summary, &error);
            }
            Err(error) => {
                summary.unreadable += 1;
                let report = serde_json::json!({
                    "what": "an item of the outbox cannot be read",
                    "reason": error.message,
                    "equipmentId": item.equipment,
                    "version": item.version,
                });
                if let Err(error) = ports.report_failure(&report.to_string()).await {
                    line.stopped = true;
                    not_done(&mut summary, &error);
                }
            }
        }
    }
    summary.keys = lines.len() as u64;
    // A line that stopped for an item still publishes what came before it.
    for line in lines.values_mut() {
        line.stopped = false;
    }
    offer_all(ports, &mut lines, deadline_ms, &mut summary).await;
    for line in lines.values() {
        for (number, _) in &line.waiting {
            if let Some(done) = done.get_mut(*number) {
                *done = false;
            }
        }
    }
    for number in write_views(ports, &lines, &mut summary).await {
        // The delivery that the view shows comes again; the bus hears it once more, under the same identity.
        if let Some(done) = done.get_mut(number) {
            *done = false;
        }
    }
    summary.items_not_done = done.iter().filter(|done| !**done).count() as u64;
    let first = done.iter().position(|done| !done).and_then(|first| deliveries.get(first));
    PublishAnswer { first_not_done: first.map(|delivery| delivery.sequence_number.clone()), summary }
}

/// What an item holds.
pub(crate) async fn transitions_of(
    ports: &impl Objects,
    item: &OutboxItem,
) -> Result<Vec<Transition>, PortError> {
    let json = match &item.payload {
        Payload::Inline(json) => json.clone(),
        Payload::Object(name) => {
            let packed = ports.get_object(name).await?;
            let packed =
                packed.ok_or_else(|| PortError::permanent(format!("the object `{name}` is missing")))?;
            let damaged =
                |error: String| PortError::permanent(format!("the object `{name}` is damaged: {error}"));
            let json =
                gunzip(&packed, limits::UNPACKED_OBJECT_BYTES).map_err(|error| damaged(error.to_string()))?;
            String::from_utf8(json).map_err(|error| damaged(error.to_string()))?
        }
    };
    serde_json::from_str(&json).map_err(|error| {
        let (equipment, version) = (&item.equipment, item.version);
        PortError::permanent(format!(
            "the transitions of `{equipment}`, version {version}, are damaged: {error}"
        ))
    })
}

async fn offer_all<P: PublishPorts>(
    ports: &P,
    lines: &mut BTreeMap<&str, Line>,
    deadline_ms: i64,
    summary: &mut PublishSummary,
) {
    let mut wait_ms = FIRST_WAIT_MS;
    loop {
        let heads: Vec<(&str, Transition)> = lines
            .iter()
            .filter(|(_, line)| !line.stopped)
            .filter_map(|(equipment, line)| Some((*equipment, line.waiting.front()?.1.clone())))
            .collect();
        if heads.is_empty() || ports.now_ms() >= deadline_ms {
            return;
        }
        let entries: Vec<(&str, BusEntry, bool)> = heads
            .into_iter()
            .map(|(equipment, transition)| {
                let (entry, cut) = event::entry(transition);
                (equipment, entry, cut)
            })
            .collect();
        let answers: Vec<(&str, bool, BusEntry, Accepted)> =
            stream::iter(entries.chunks(ENTRIES_PER_REQUEST))
                .map(|chunk| async move {
                    let offered: Vec<BusEntry> = chunk.iter().map(|(_, entry, _)| entry.clone()).collect();
                    let answers = ports.offer(&offered).await;
                    let answers = answers.unwrap_or_else(|error| vec![Accepted::No(error); chunk.len()]);
                    let pairs = chunk.iter().zip(answers);
                    pairs
                        .map(|((equipment, entry, cut), answer)| (*equipment, *cut, entry.clone(), answer))
                        .collect::<Vec<_>>()
                })
                .buffered(limits::CONCURRENT_REQUESTS)
                .collect::<Vec<_>>()
                .await
                .into_iter()
                .flatten()
                .collect();
        summary.requests += entries.len().div_ceil(ENTRIES_PER_REQUEST) as u64;
        let mut refused = false;
        for (equipment, cut, entry, answer) in answers {
            let Some(line) = lines.get_mut(equipment) else { continue };
            match answer {
                Accepted::Yes => {
                    summary.published += 1;
                    summary.cut += u64::from(cut);
                    line.taken();
                }
                Accepted::No(error) if error.is_transient() => {
                    refused = true;
                    summary.error(&error);
                    line.attempts += 1;
                    line.stopped = line.attempts >= ATTEMPTS;
                    summary.retries += u64::from(!line.stopped);
                }
                Accepted::No(error) => {
                    let report = serde_json::json!({
                        "what": "the bus refuses a state change",
                        "reason": error.message,
                        "detail": entry.detail,
                    });
                    match ports.report_failure(&report.to_string()).await {
                        Ok(()) => {
                            summary.undeliverable += 1;
                            line.taken();
                        }
                        Err(error) => {
                            summary.error(&error);
                            line.stopped = true;
                        }
                    }
                }
            }
        }
        if refused {
            ports.sleep_ms(wait_ms).await;
            wait_ms *= 2;
        } else {
            wait_ms = FIRST_WAIT_MS;
        }
    }
}

impl Line {
    /// The first one is done: it shows in the view of its rule.
    fn taken(&mut self) {
        self.attempts = 0;
        if let Some((number, transition)) = self.waiting.pop_front() {
            self.newest.insert(transition.rule_id.to_string(), (number, transition));
        }
    }
}

/// Writes the views of what was published; answers the numbers of the deliveries for which that failed.
async fn write_views<P: PublishPorts>(
    ports: &P,
    lines: &BTreeMap<&str, Line>,
    summary: &mut PublishSummary,
) -> Vec<usize> {
    let views = lines.iter().flat_map(|(equipment, line)| {
        line.newest.values().map(|(number, transition)| {
            let view = View {
                equipment: (*equipment).to_owned(),
                rule: transition.rule_id.to_string(),
                sequence: transition.sequence,
                transition: serde_json::to_string(transition).unwrap_or_default(),
            };
            (*number, view)
        })
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
                // A view that can never be written must not hold up state changes.
                if error.is_transient() {
                    failed.push(number);
                }
                summary.error(&error);
            }
        }
    }
    failed
}
