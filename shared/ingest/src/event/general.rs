//! The general reader: any JSON of the right form, any order of keys, escapes and white space.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EventError, StreamRecord};

/// An event as serde reads it: texts are borrowed where they have no escapes, unknown fields are skipped.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Fields<'a>>,
}

/// The fields of a record that mean something.
#[derive(Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) kinesis: Kinesis<'a>,
    #[serde(rename = "eventID", borrow)]
    pub(super) event_id: Cow<'a, str>,
    #[serde(rename = "eventSourceARN", borrow)]
    pub(super) source: Option<Text<'a>>,
}

/// A text that is borrowed where it can be: serde would copy one in an `Option`.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize)]
pub(super) struct Kinesis<'a> {
    #[serde(rename = "partitionKey", borrow)]
    pub(super) partition_key: Cow<'a, str>,
    #[serde(rename = "sequenceNumber", borrow)]
    pub(super) sequence_number: Cow<'a, str>,
    /// As bytes: whether they are base64, and so text, is found out in decoding.
    #[serde(borrow)]
    pub(super) data: Cow<'a, [u8]>,
    #[serde(rename = "approximateArrivalTimestamp", borrow)]
    pub(super) arrival: &'a RawValue,
}

pub(super) fn read(event: &[u8]) -> Result<Vec<StreamRecord<'_>>, EventError> {
    let event: Event<'_> = serde_json::from_slice(event).map_err(|error| {
        EventError(format!("{error}; expected `{{\"Records\":[{{\"kinesis\":{{..}},\"eventID\":..}},..]}}`"))
    })?;
    event.records.into_iter().enumerate().map(|(place, fields)| StreamRecord::new(fields, place)).collect()
}
