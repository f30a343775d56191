//! The other direction: events and records as producers, Kinesis and Lambda make them. For tests, local runs and senders.

use std::fmt::Write as _;

use andon_domain::never;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kpl::{MAGIC, digest};
use crate::{SequenceNumber, ShardId};

/// A record to be written into an event.
#[derive(Clone, Copy, Debug)]
pub struct EventRecord<'a> {
    /// The shard that it comes from.
    pub shard: &'a ShardId,
    /// Its place in the shard.
    pub sequence: SequenceNumber,
    /// The key that led it there.
    pub partition_key: &'a str,
    /// When Kinesis took it, ms; not negative.
    pub arrival_ms: i64,
    /// The data, not yet in base64.
    pub data: &'a [u8],
}

/// An event as Lambda writes it, of records of a stream in an imagined account.
#[must_use]
pub fn event<'a>(stream: &str, records: impl IntoIterator<Item = EventRecord<'a>>) -> String {
    let arn = quoted(&format!("arn:aws:kinesis:eu-central-1:000000000000:stream/{stream}"));
    let mut out = String::from(r#"{"Records":["#);
    for (place, record) in records.into_iter().enumerate() {
        let EventRecord { shard, sequence, partition_key, arrival_ms, data } = record;
        let (seconds, ms) = (arrival_ms.max(0) / 1000, arrival_ms.max(0) % 1000);
        let key = quoted(partition_key);
        let id = quoted(&format!("{shard}:{sequence}"));
        out.push_str(if place == 0 { "" } else { "," });
        // Writing to a text cannot fail.
        let _ = write!(
            out,
            r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":{key},"sequenceNumber":"{sequence}","data":""#
        );
        STANDARD.encode_string(data, &mut out);
        let _ = write!(
            out,
            r#"","approximateArrivalTimestamp":{seconds}.{ms:03}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":{id},"eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::000000000000:role/andon-evaluate","awsRegion":"eu-central-1","eventSourceARN":{arn}}}"#
        );
    }
    out.push_str("]}");
    out
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One record of several user records, each with its partition key, as the Kinesis Producer Library aggregates them.
#[must_use]
pub fn aggregate(user_records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut keys: Vec<&str> = user_records.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut message = Vec::new();
    for key in &keys {
        bytes_field(&mut message, 1, key.as_bytes());
    }
    for (key, data) in user_records {
        let position = keys.binary_search(key).unwrap_or_else(|place| {
            never!("the key of a user record is not in the table of keys");
            place
        });
        let mut record = Vec::with_capacity(data.len() + 16);
        varint(&mut record, 1 << 3);
        varint(&mut record, position);
        bytes_field(&mut record, 3, data);
        bytes_field(&mut message, 3, &record);
    }
    [&MAGIC, message.as_slice(), &digest(&message)].concat()
}

fn bytes_field(out: &mut Vec<u8>, number: usize, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}
