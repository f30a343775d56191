//! The outer JSON of an event, read without a tree.
//!
//! `general` reads any JSON. `fast_path` is fast where a record differs from the one before it only in its five values, as
//! Lambda sends them. Both give the same.

mod arrival;
mod fast_path;
mod general;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::refusal::excerpt;
use crate::{SequenceNumber, ShardId, limits};
use general::Fields;

/// A record of the stream, its data still encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord<'a> {
    /// The shard that it was read from.
    pub shard: ShardId,
    /// The name of the stream, where the event tells it.
    pub stream: Option<Cow<'a, str>>,
    /// Its place in the shard.
    pub sequence: SequenceNumber,
    /// The key that led it to its shard.
    pub partition_key: Cow<'a, str>,
    /// When Kinesis took it, ms.
    pub arrival_ms: i64,
    /// The data in base64.
    pub data: Cow<'a, [u8]>,
}

/// An event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub(crate) String);

/// Reads the records of an event, as Lambda delivers it: `{"Records":[{"kinesis":{..},"eventID":..},..]}`.
///
/// Keys may come in any order; unknown ones are ignored.
///
/// # Errors
/// An event that is not of this form, with the place. No record of it can be reported as done or not done, so the whole event
/// fails.
pub fn read(event: &[u8]) -> Result<Vec<StreamRecord<'_>>, EventError> {
    if event.len() > limits::EVENT_BYTES {
        let limit = limits::EVENT_BYTES;
        return Err(EventError(format!("the event is {} bytes long; the limit is {limit}", event.len())));
    }
    fast_path::read(event).map_or_else(|| general::read(event), Ok)
}

impl<'a> StreamRecord<'a> {
    /// Makes a record of the fields of `Records[place]`.
    fn new(fields: Fields<'a>, place: usize) -> Result<Self, EventError> {
        let refused = |path: &str, text: &[u8], expected: &str| {
            EventError(format!("`Records[{place}].{path}` is `{}`; expected {expected}", excerpt(text)))
        };
        let kinesis = fields.kinesis;
        let sequence = kinesis.sequence_number.as_bytes();
        let Some(sequence) = SequenceNumber::parse(sequence) else {
            return Err(refused("kinesis.sequenceNumber", sequence, "1 to 57 decimal digits"));
        };
        let arrival = kinesis.arrival.get().as_bytes();
        let Some(arrival_ms) = arrival::milliseconds(arrival) else {
            let path = "kinesis.approximateArrivalTimestamp";
            return Err(refused(path, arrival, "seconds since 1970"));
        };
        let Some(shard) = shard(&fields.event_id) else {
            return Err(refused("eventID", fields.event_id.as_bytes(), "`SHARD:SEQUENCE NUMBER`"));
        };
        let stream = fields.source.and_then(|arn| stream_name(arn.0));
        Ok(Self {
            shard,
            stream,
            sequence,
            partition_key: kinesis.partition_key,
            arrival_ms,
            data: kinesis.data,
        })
    }
}

/// The shard in an `eventID`.
fn shard(event_id: &str) -> Option<ShardId> {
    event_id.rsplit_once(':')?.0.parse().ok()
}

/// The name of the stream in its ARN, or in that of one of its consumers:
/// `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME[/consumer/..]`.
fn stream_name(arn: Cow<'_, str>) -> Option<Cow<'_, str>> {
    fn name(arn: &str) -> Option<&str> {
        arn.split_once(":stream/")?.1.split('/').next().filter(|name| !name.is_empty())
    }
    match arn {
        Cow::Borrowed(arn) => name(arn).map(Cow::Borrowed),
        Cow::Owned(arn) => name(&arn).map(|name| Cow::Owned(name.to_owned())),
    }
}
