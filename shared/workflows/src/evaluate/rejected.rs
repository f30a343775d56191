//! What was not used, as lines for an operator to read back.

use std::collections::BTreeSet;

use andon_domain::{Reason, Value};
use andon_engine::RejectedPoint;
use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};
use serde::{Deserialize, Serialize};

use super::batch::{RefusedRecord, StreamMessage};
use crate::limits;
use crate::object_keys;

/// One line of an object under `rejected/`. Lines of the same shard, sequence number, index and point are the same
/// rejection, written again by a retry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedLine {
    /// Why: `late`, `duplicate`, `malformed`, `forged`, ..
    pub reason: String,
    /// What was found and what was expected, where the reason alone does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The equipment, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equipment_id: Option<String>,
    /// The shard of the record with which this was found.
    pub shard: String,
    /// The sequence number of that record.
    pub sequence_number: String,
    /// The message in that record, from 0; absent for the record as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// When the record arrived, ms.
    pub arrival: i64,
    /// The point. For `duplicate` and `superseded` it may have come in an earlier record, and have waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<RejectedValue>,
    /// The message as it came, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The message as it came, in base64, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_base64: Option<String>,
    /// How many were refused like this, where it was more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The message was longer than what is kept of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A point that the fold did not use.
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
    /// Of a message that could not be read.
    pub(super) fn refused(shard: &ShardId, refused: &RefusedRecord<'_>) -> Self {
        let RefusedRecord { sequence_number, arrival_ms, refused } = refused;
        let mut line = Self::at(shard, *sequence_number, refused.index, *arrival_ms);
        line.reason = refused.reason.as_str().to_owned();
        line.detail = refused.detail.to_string();
        line.keep(refused.bytes);
        line.cut |= refused.cut;
        line.count = (refused.count > 1).then_some(refused.count);
        line
    }

    /// Of a point that the fold did not use; with the message, unless another line has it.
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
        // These two may have waited since an earlier record, so this message need not hold them.
        if with_message && !matches!(rejected.reason, Reason::Duplicate | Reason::Superseded) {
            line.keep(message.raw);
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

    fn keep(&mut self, raw: &[u8]) {
        let kept = raw.get(..limits::REJECTED_BYTES).unwrap_or(raw);
        self.cut = kept.len() < raw.len();
        match std::str::from_utf8(kept) {
            Ok(text) => self.message = Some(text.to_owned()),
            Err(_) => self.message_base64 = Some(object_keys::base64(kept)),
        }
    }
}

/// The lines of one invocation that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    /// As JSON: what was written once in this invocation is not written again.
    seen: BTreeSet<String>,
    waiting: Vec<String>,
}

impl Rejections {
    pub(super) fn add(&mut self, line: &RejectedLine) {
        if let Ok(text) = serde_json::to_string(line)
            && self.seen.insert(text.clone())
        {
            self.waiting.push(text);
        }
    }

    /// The object that holds what waits: its name and content. The name says when the batch arrived, where it begins,
    /// and has a digest of the content: a retry that finds the same writes the same object, one that finds less (since
    /// some keys are done) writes another and spoils nothing.
    pub(super) fn object(
        &self,
        shard: &ShardId,
        first: SequenceNumber,
        arrival_ms: i64,
    ) -> Option<(String, Vec<u8>)> {
        if self.waiting.is_empty() {
            return None;
        }
        let mut content = self.waiting.join("\n");
        content.push('\n');
        let name = format!(
            "rejected/{}/{shard}/{first}-{}.jsonl.gz",
            object_keys::hour(arrival_ms),
            object_keys::digest(content.as_bytes(), 8),
        );
        Some((name, gzip(content.as_bytes(), Spare::Time)))
    }

    pub(super) fn written(&mut self) {
        self.waiting.clear();
    }
}
