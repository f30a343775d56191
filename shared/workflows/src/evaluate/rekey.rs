//! Rekeying: with a parallelization factor above 1, Lambda keeps order per partition key. A message under another
//! partition key than its machine is written back to the stream under the right one.

use std::collections::BTreeMap;

use andon_domain::{DataPoint, Value};
use andon_ingest::SequenceNumber;

use super::batch::{Batch, StreamMessage};
use super::{EvaluatePorts, Evaluator, Summary};
use crate::ports::{StreamEntry, Written};

impl<P: EvaluatePorts> Evaluator<P> {
    /// Writes the messages that are not folded here back to the stream. Returns the first record for which that failed.
    ///
    /// A retry writes them once more. The fold rejects such a point as a duplicate, if a rule names its tag.
    pub(super) async fn rekey(
        &self,
        batch: &Batch<'_>,
        folded_here: impl Fn(&StreamMessage<'_>) -> bool,
        summary: &mut Summary,
    ) -> Option<SequenceNumber> {
        let rekeyed: Vec<&StreamMessage<'_>> =
            batch.messages.iter().filter(|message| !folded_here(message)).collect();
        if rekeyed.is_empty() {
            return None;
        }
        let mut parts: BTreeMap<_, u32> = BTreeMap::new();
        for message in &batch.messages {
            *parts.entry(message.position).or_default() += 1;
        }
        let entries: Vec<StreamEntry> = rekeyed
            .iter()
            .map(|message| StreamEntry {
                partition_key: message.equipment.clone().into_owned(),
                data: match parts.get(&message.position) {
                    Some(1) => message.raw.to_vec(),
                    _ => points_as_json(&message.equipment, message.points()),
                },
            })
            .collect();
        let written = match self.ports.put_records(&entries).await {
            Ok(written) => written,
            Err(error) => {
                summary.error(&error);
                return rekeyed.first().map(|message| message.position.sequence_number);
            }
        };
        let mut first_failed = None;
        for (message, written) in rekeyed.iter().zip(written) {
            match written {
                Written::At { .. } => summary.rekeyed += 1,
                Written::No(error) => {
                    summary.error(&error);
                    first_failed.get_or_insert(message.position.sequence_number);
                }
            }
        }
        first_failed
    }
}

/// Returns the points of one machine out of a message with several machines, as JSON.
fn points_as_json(equipment: &str, points: &[DataPoint<'_>]) -> Vec<u8> {
    let points = points.iter().map(|point| point_as_json(equipment, point)).collect();
    serde_json::Value::Array(points).to_string().into_bytes()
}

fn point_as_json(equipment: &str, point: &DataPoint<'_>) -> serde_json::Value {
    serde_json::json!({
        "version": 1,
        "timestamp": point.timestamp_ms,
        "equipmentId": equipment,
        "tag": point.tag,
        "value": match &point.value {
            None => serde_json::Value::Null,
            Some(Value::Number(number)) => serde_json::json!(number),
            Some(Value::Bool(bool)) => serde_json::json!(bool),
            Some(Value::Text(text)) => serde_json::json!(text.as_str()),
        },
        "quality": if point.quality_ok { "Ok" } else { "Bad" },
        "meta": {
            "sequenceNumber": point.sequence_number,
            "sourceId": point.source,
            "createdAt": point.created_at_ms,
        },
    })
}
