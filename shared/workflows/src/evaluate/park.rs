//! Keys that cannot be folded: their records go aside, in order, until somebody has mended what is wrong.

use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};
use serde::{Deserialize, Serialize};

use super::batch::StreamMessage;

use crate::limits;
use crate::object_keys;
use crate::ports::{Commit, Head, Parked};

/// One line of an object of parked records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParkedLine {
    /// The shard.
    pub shard: String,
    /// The record.
    pub sequence_number: String,
    /// The message in it, from 0.
    pub index: u32,
    /// When it arrived, ms.
    pub arrival: i64,
    /// The whole message as it came, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The whole message as it came, in base64, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_base64: Option<String>,
}

impl ParkedLine {
    /// The message as it came; `None` if it is not readable.
    pub(super) fn raw(&self) -> Option<Vec<u8>> {
        match (&self.message, &self.message_base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => object_keys::from_base64(encoded),
            (None, None) => None,
        }
    }
}

/// What is to be written for a key that cannot be folded.
#[derive(Debug)]
pub(super) struct ParkPlan {
    /// To be written first, if the key is parked.
    pub object: Option<(String, Vec<u8>)>,
    pub commit: Commit,
    /// The key was parked by this step, or had been: its messages are done.
    pub parked: bool,
}

/// Counts a failure of a key; parks it when there were too many in a row.
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
        return ParkPlan { object: None, commit, parked: false };
    }
    let parked = Parked { since_ms: now_ms, reason: reason.to_owned(), ..Parked::default() };
    add(equipment, Head { failures, parked: Some(parked), ..head }, shard, messages)
}

/// Adds messages to those of a parked key.
///
/// Their order is that of the numbers in the objects' names. The number is taken by the commit of the head: who loses that
/// adds under the next number, and what it left under the first holds records that are in a later object as well, or come again.
pub(super) fn add(equipment: &str, head: Head, shard: &ShardId, messages: &[&StreamMessage<'_>]) -> ParkPlan {
    let read_version = head.version;
    let mut parked = head.parked.clone().unwrap_or_default();
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
            message_base64: text.is_none().then(|| object_keys::base64(message.raw)),
        };
        content.push_str(&serde_json::to_string(&line).unwrap_or_default());
        content.push('\n');
    }
    let first = messages.first().map_or(SequenceNumber::default(), |first| first.position.sequence_number);
    let name = object_keys::parked(equipment, parked.since_ms, parked.objects, first, content.as_bytes());
    parked.newest_object.clone_from(&name);
    // No ticks for a key that is not folded, and nothing of it is forgotten.
    let head = Head { version: read_version + 1, parked: Some(parked), due: None, expires_s: None, ..head };
    ParkPlan {
        object: Some((name, gzip(content.as_bytes(), Spare::Time))),
        commit: Commit { equipment: equipment.to_owned(), read_version, head, outbox: None },
        parked: true,
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
    fn two_who_add_other_messages_at_once_write_other_heads() {
        let shard: ShardId = "shardId-000000000000".parse().unwrap();
        let parked = Parked { since_ms: 1, objects: 1, ..Parked::default() };
        let head = Head { version: 7, parked: Some(parked), ..Head::default() };
        let one = add("filler-1", head.clone(), &shard, &[&message("1")]);
        let other = add("filler-1", head, &shard, &[&message("2")]);
        assert_ne!(one.commit.head, other.commit.head);
        assert_eq!(one.commit.head.version, other.commit.head.version);
    }
}
