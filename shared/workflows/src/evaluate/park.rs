//! Parking: the records of a key that cannot be folded go to objects, in order, until an operator fixed the cause.

use andon_domain::never;
use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};
use serde::{Deserialize, Serialize};

use super::batch::StreamMessage;
use super::plan::ParkPlan;
use crate::base64;
use crate::limits;
use crate::object_keys;
use crate::ports::{Commit, Head, Parked};

/// A line of an object of parked records: one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParkedLine {
    /// The shard of the record.
    pub shard: String,
    /// The sequence number of the record.
    pub sequence_number: String,
    /// The index of the message in the record, from 0.
    pub index: u32,
    /// The arrival of the record, ms.
    pub arrival: i64,
    /// The whole message as received, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The whole message as received, in base64, if it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_base64: Option<String>,
}

impl ParkedLine {
    /// Returns the message as received; `None` if the line holds none, or no valid base64.
    pub(super) fn raw(&self) -> Option<Vec<u8>> {
        match (&self.message, &self.message_base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => base64::decode(encoded),
            (None, None) => None,
        }
    }
}

/// Plans to count a failure of a key, or to park it after [`limits::FAILURES_BEFORE_PARKING`] failures in a row.
pub(super) fn fail(
    equipment: &str,
    head: Head,
    reason: &str,
    shard: &ShardId,
    messages: &[&StreamMessage<'_>],
    now_ms: i64,
) -> ParkPlan {
    let failures = head.failures.saturating_add(1);
    if failures < limits::FAILURES_BEFORE_PARKING {
        let read_version = head.version;
        let head = Head { version: read_version + 1, failures, ..head };
        let commit = Commit { equipment: equipment.to_owned(), read_version, head, outbox: None };
        return ParkPlan { object: None, commit, done: 0 };
    }
    let parked = Parked { since_ms: now_ms, reason: reason.to_owned(), ..Parked::default() };
    add(equipment, Head { failures, parked: Some(parked), ..head }, shard, messages)
}

/// Plans to add messages to those of a parked key, in a new object. The numbers in the names of objects give their order.
///
/// Committing the head claims the number. A writer that loses retries with the next number; its orphaned object is
/// harmless, because the same records are in a later object or will be redelivered.
pub(super) fn add(equipment: &str, head: Head, shard: &ShardId, messages: &[&StreamMessage<'_>]) -> ParkPlan {
    let read_version = head.version;
    let mut parked = head.parked.clone().unwrap_or_else(|| {
        never!("messages are added to `{equipment}`, which is not parked");
        Parked::default()
    });
    parked.objects += 1;
    let mut content = String::new();
    for message in messages {
        let text = std::str::from_utf8(message.raw).ok();
        let line = ParkedLine {
            shard: shard.to_string(),
            sequence_number: message.position.sequence_number.to_string(),
            index: message.position.index,
            arrival: message.arrival_ms,
            message: text.map(str::to_owned),
            message_base64: text.is_none().then(|| base64::encode(message.raw)),
        };
        match serde_json::to_string(&line) {
            Ok(line) => content.push_str(&line),
            Err(error) => never!("a parked message is not written as JSON: {error}"),
        }
        content.push('\n');
    }
    let first = messages.first().map_or_else(
        || {
            never!("no message of `{equipment}` is parked");
            SequenceNumber::default()
        },
        |first| first.position.sequence_number,
    );
    let name = object_keys::parked(equipment, parked.since_ms, parked.objects, first, content.as_bytes());
    parked.newest_object.clone_from(&name);
    // A parked key gets no ticks and does not expire.
    let head = Head { version: read_version + 1, parked: Some(parked), due: None, expires_s: None, ..head };
    ParkPlan {
        object: Some((name, gzip(content.as_bytes(), Spare::Time))),
        commit: Commit { equipment: equipment.to_owned(), read_version, head, outbox: None },
        done: messages.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use andon_ingest::ItemBody;

    use super::*;
    use crate::envelope::Position;

    fn message(number: &str) -> StreamMessage<'static> {
        StreamMessage {
            equipment: Cow::Borrowed("filler-1"),
            position: Position { sequence_number: number.parse().unwrap(), index: 0 },
            arrival_ms: 1000,
            body: ItemBody::Tick,
            raw: b"{}",
            on_own_key: true,
        }
    }

    #[test]
    fn concurrent_writers_that_park_different_messages_write_different_heads() {
        let shard: ShardId = "shardId-000000000000".parse().unwrap();
        let parked = Parked { since_ms: 1, objects: 1, ..Parked::default() };
        let head = Head { version: 7, parked: Some(parked), ..Head::default() };
        let one = add("filler-1", head.clone(), &shard, &[&message("1")]);
        let other = add("filler-1", head, &shard, &[&message("2")]);
        assert_ne!(one.commit.head, other.commit.head);
        assert_eq!(one.commit.head.version, other.commit.head.version);
    }
}
