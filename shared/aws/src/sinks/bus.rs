//! The EventBridge bus.

use andon_domain::never;
use andon_workflows::ports::{Accepted, Bus, BusEntry, PortError};
use andon_workflows::publish::SOURCE;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::requests;
use crate::Aws;
use crate::error::{entry_error, port_error};

/// Entries in one request.
const ENTRIES: usize = 10;

/// Bytes of all entries of a request, and so of one entry.
const BYTES: usize = 256 << 10;

/// The size of an entry's time, bytes. EventBridge counts it besides the texts.
const TIME_BYTES: usize = 14;

/// Returns the size of an entry as EventBridge counts it, bytes.
fn size(entry: &BusEntry) -> usize {
    TIME_BYTES + SOURCE.len() + entry.detail_type.len() + entry.detail.len() + entry.resource.len()
}

fn refused(entry: &BusEntry) -> Option<PortError> {
    let bytes = size(entry);
    (bytes > BYTES).then(|| {
        PortError::permanent(format!(
            "the state change of `{}` has {bytes} bytes; the bus takes {BYTES}",
            entry.resource
        ))
    })
}

impl Bus for Aws {
    async fn offer(&self, entries: &[BusEntry]) -> Result<Vec<Accepted>, PortError> {
        let mut answers: Vec<Accepted> = entries
            .iter()
            .map(|entry| match refused(entry) {
                Some(error) => Accepted::No(error),
                // Replaced by what the bus says.
                None => Accepted::Yes,
            })
            .collect();
        let sizes = entries.iter().map(|entry| Some(size(entry)).filter(|bytes| *bytes <= BYTES));
        for request in requests(sizes, ENTRIES, BYTES) {
            let offered: Vec<&BusEntry> = request.iter().filter_map(|number| entries.get(*number)).collect();
            let said = self.offer_one(&offered).await;
            for (number, said) in request.into_iter().zip(said) {
                match answers.get_mut(number) {
                    Some(answer) => *answer = said,
                    None => never!("an answer for entry {number} of {}", entries.len()),
                }
            }
        }
        Ok(answers)
    }
}

impl Aws {
    /// One request. Its error is that of each of its entries, so that what another request did is not forgotten.
    async fn offer_one(&self, entries: &[&BusEntry]) -> Vec<Accepted> {
        let wire = |entry: &&BusEntry| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.config.names.bus)
                .source(SOURCE)
                .detail_type(&entry.detail_type)
                .detail(&entry.detail)
                .resources(&entry.resource)
                .time(DateTime::from_millis(entry.at_ms))
                .build()
        };
        let what = |entry: &BusEntry| format!("cannot offer a state change of `{}`", entry.resource);
        let answer = self
            .eventbridge()
            .put_events()
            .set_entries(Some(entries.iter().map(wire).collect()))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let no = |entry: &&BusEntry| Accepted::No(port_error(what(entry), &error));
                return entries.iter().map(no).collect();
            }
        };
        let bytes = entries.iter().map(|entry| size(entry)).sum();
        self.meter.request("eventbridge.PutEvents", entries.len(), bytes);
        let mut said = answer.entries.unwrap_or_default().into_iter();
        entries
            .iter()
            .map(|entry| match said.next() {
                Some(result) => match result.error_code.filter(|code| !code.is_empty()) {
                    None => Accepted::Yes,
                    Some(code) => {
                        Accepted::No(entry_error(what(entry), &code, result.error_message.as_deref()))
                    }
                },
                None => Accepted::No(PortError::transient(format!("{}: no answer for it", what(entry)))),
            })
            .collect()
    }
}
