//! Rejected messages and points, as lines for an operator to read.

use std::collections::BTreeSet;

use andon_domain::{Reason, Value, never};
use andon_engine::RejectedPoint;
use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};
use serde::{Deserialize, Serialize};

use super::batch::{RefusedMessage, StreamMessage};
use crate::limits;
use crate::object_keys;
use crate::{base64, utc};

/// A line of an object under `rejected/`. Lines of the same shard, sequence number, index and point are one rejection,
/// written again by a retry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedLine {
    /// The reason: `late`, `duplicate`, `malformed`, `forged`, ..
    pub reason: String,
    /// The value that was found and the one that was expected, if the reason alone does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The id of the machine, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equipment_id: Option<String>,
    /// The shard of the record at which the rejection was found.
    pub shard: String,
    /// The sequence number of that record.
    pub sequence_number: String,
    /// The index of the message in that record, from 0; absent for a whole record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The arrival of the record, ms.
    pub arrival: i64,
    /// The point. A `duplicate` or `superseded` one may have arrived in an earlier record and been pending since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<RejectedValue>,
    /// The message as received, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The message as received, in base64, if it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_base64: Option<String>,
    /// The number of equal refusals, if there was more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// True if the message was longer than [`limits::REJECTED_BYTES`] and only its beginning is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A point that the fold rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedValue {
    /// Its tag.
    pub tag: String,
    /// Its timestamp as sent, ms.
    pub timestamp: i64,
    /// Its `sequenceNumber`, or 0.
    pub sequence_number: i64,
    /// Its value, if it had one.
    pub value: Option<serde_json::Value>,
}

impl RejectedLine {
    /// Creates the line of a message that cannot be folded.
    pub(super) fn refused(shard: &ShardId, refused: &RefusedMessage<'_>) -> Self {
        let RefusedMessage { sequence_number, arrival_ms, refused } = refused;
        let mut line = Self::at(shard, *sequence_number, refused.index, *arrival_ms);
        line.reason = refused.reason.as_str().to_owned();
        line.detail = refused.detail.to_string();
        line.set_message(refused.bytes);
        line.cut |= refused.cut;
        line.count = (refused.count > 1).then_some(refused.count);
        line
    }

    /// Creates the line of a point that the fold rejected; with the message, unless another line has it.
    pub(super) fn point(
        shard: &ShardId,
        message: &StreamMessage<'_>,
        rejected: &RejectedPoint,
        with_message: bool,
    ) -> Self {
        let position = message.position;
        let mut line = Self::at(shard, position.sequence_number, Some(position.index), message.arrival_ms);
        line.reason = rejected.reason.as_str().to_owned();
        line.equipment_id = Some(message.equipment.clone().into_owned());
        line.point = Some(RejectedValue {
            tag: rejected.tag.to_string(),
            timestamp: rejected.sent_ms,
            sequence_number: rejected.sequence_number,
            value: rejected.value.as_ref().map(|value| match value {
                Value::Number(number) => serde_json::json!(number),
                Value::Bool(bool) => serde_json::json!(bool),
                Value::Text(text) => serde_json::json!(text.as_str()),
            }),
        });
        // These two may have been pending since an earlier record, so this message need not hold them.
        if with_message && !matches!(rejected.reason, Reason::Duplicate | Reason::Superseded) {
            line.set_message(message.raw);
        }
        line
    }

    fn at(shard: &ShardId, sequence_number: SequenceNumber, index: Option<u32>, arrival_ms: i64) -> Self {
        Self {
            reason: String::new(),
            detail: String::new(),
            equipment_id: None,
            shard: shard.to_string(),
            sequence_number: sequence_number.to_string(),
            index,
            arrival: arrival_ms,
            point: None,
            message: None,
            message_base64: None,
            count: None,
            cut: false,
        }
    }

    /// Sets the message of the line, cut to [`limits::REJECTED_BYTES`].
    fn set_message(&mut self, raw: &[u8]) {
        let kept = raw.get(..limits::REJECTED_BYTES).unwrap_or(raw);
        self.cut = kept.len() < raw.len();
        match std::str::from_utf8(kept) {
            Ok(text) => self.message = Some(text.to_owned()),
            Err(_) => self.message_base64 = Some(base64::encode(kept)),
        }
    }
}

/// The rejections of one invocation, with the parts of their object's name.
#[derive(Debug)]
pub(super) struct Rejections {
    shard: ShardId,
    first: SequenceNumber,
    arrival_ms: i64,
    /// All lines of this invocation as JSON: a line is written once.
    seen: BTreeSet<String>,
    /// Lines that are not written yet.
    waiting: Vec<String>,
}

impl Rejections {
    /// Creates an empty list for a batch of a shard, with its first record and its arrival, ms.
    pub(super) fn new(shard: ShardId, first: SequenceNumber, arrival_ms: i64) -> Self {
        Self { shard, first, arrival_ms, seen: BTreeSet::new(), waiting: Vec::new() }
    }

    pub(super) fn add(&mut self, line: &RejectedLine) {
        match serde_json::to_string(line) {
            Ok(text) => {
                if self.seen.insert(text.clone()) {
                    self.waiting.push(text);
                }
            }
            Err(error) => never!("a rejected line is not written as JSON: {error}"),
        }
    }

    /// Returns name and content of the object that holds the waiting lines; `None` if no line waits.
    ///
    /// The name holds the hour of the arrival, the first record of the batch and a digest of the content. A retry that
    /// finds the same lines writes the same object. One that finds fewer, because some keys are done, writes another.
    pub(super) fn object(&self) -> Option<(String, Vec<u8>)> {
        if self.waiting.is_empty() {
            return None;
        }
        let mut content = self.waiting.join("\n");
        content.push('\n');
        let name = format!(
            "rejected/{}/{}/{}-{}.jsonl.gz",
            utc::hour(self.arrival_ms),
            self.shard,
            self.first,
            object_keys::digest(content.as_bytes(), 8),
        );
        Some((name, gzip(content.as_bytes(), Spare::Time)))
    }

    /// Forgets the waiting lines: they are written.
    pub(super) fn written(&mut self) {
        self.waiting.clear();
    }
}
