//! The stream of the outbox, as a Lambda function gets it.

use std::collections::BTreeMap;

use andon_workflows::base64;
use andon_workflows::publish::OutboxDelivery;
use serde::Deserialize;

use super::{CLOCK, EQUIPMENT, EXPIRES, LIST, OBJECT, PACKED_LIST, Stored, VERSION};
use crate::records::{self, EventError};

/// Bytes that are kept of a record that cannot be read.
const SHOWN_BYTES: usize = 4 << 10;

/// What is expected.
const EXPECTED: &str = "an event of a DynamoDB stream";

/// What can be said of a record whatever else is wrong with it.
#[derive(Deserialize)]
struct Place {
    dynamodb: Option<Numbered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Numbered {
    sequence_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    new_image: Option<BTreeMap<String, Attribute>>,
}

/// A text, a number or binary data; all else is not of the outbox.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attribute {
    s: Option<String>,
    n: Option<String>,
    b: Option<String>,
}

/// The new items of an event, in its order. One that cannot be read says why, with what came, and does not spoil the
/// others.
///
/// Items that expire are left out. One that was written over another counts as new: the state of its key had expired
/// and began again, and what it decided now has the version of a decision that is not deleted yet.
///
/// # Errors
/// When it is no such event.
pub fn deliveries(event: &[u8]) -> Result<Vec<OutboxDelivery>, EventError> {
    let records = records::read(event, EXPECTED)?;
    Ok(records.into_iter().filter_map(|record| delivery(record.get())).collect())
}

fn delivery(json: &str) -> Option<OutboxDelivery> {
    let item = match serde_json::from_str::<Record>(json) {
        Ok(record) if record.event_name == "REMOVE" => return None,
        Ok(record) => read(record),
        Err(error) => Err(error.to_string()),
    };
    let place = serde_json::from_str::<Place>(json).ok().and_then(|place| place.dynamodb);
    Some(OutboxDelivery {
        sequence_number: place.and_then(|numbered| numbered.sequence_number).unwrap_or_default(),
        item: item.map_err(|error| format!("{error}; in {}", shown(json))),
    })
}

fn read(record: Record) -> Result<andon_workflows::ports::OutboxItem, String> {
    let mut image = record.dynamodb.new_image.ok_or("the record has no new image")?;
    let mut taken = |name: &str| image.remove(name).unwrap_or_default();
    let missing = |name: &str, what: &str| format!("expected {what} as attribute `{name}`");
    let binary =
        taken(PACKED_LIST).b.map(|text| base64::decode(&text).ok_or_else(|| missing(PACKED_LIST, "base64")));
    let stored = Stored {
        equipment: taken(EQUIPMENT).s.ok_or_else(|| missing(EQUIPMENT, "a text"))?,
        version: number(taken(VERSION).n).ok_or_else(|| missing(VERSION, "a number"))?,
        clock_ms: number(taken(CLOCK).n).ok_or_else(|| missing(CLOCK, "a number"))?,
        expires_s: number(taken(EXPIRES).n).ok_or_else(|| missing(EXPIRES, "a number"))?,
        list: taken(LIST).s,
        packed_list: binary.transpose()?,
        object: taken(OBJECT).s,
    };
    stored.read().map_err(|error| error.message)
}

fn number<T: std::str::FromStr>(text: Option<String>) -> Option<T> {
    text?.parse().ok()
}

/// As much of a text as is worth showing.
fn shown(text: &str) -> String {
    let mut end = text.len().min(SHOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text.get(..end) {
        Some(start) if end < text.len() => format!("{start}.. ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}
