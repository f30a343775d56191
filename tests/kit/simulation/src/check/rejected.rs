//! Rejected messages and points are found again, with their reasons.

use std::collections::BTreeSet;
use std::io::Read as _;

use andon_engine::RejectedPoint;
use andon_ingest::ShardId;
use andon_workflows::envelope::Position;
use flate2::read::GzDecoder;
use serde_json::Value;

use super::{Checked, Failure};

/// A rejection that must be found, as texts: shard, sequence number, index, reason, tag, timestamp, sequence number of the
/// point.
pub(super) type Rejection = (String, String, Option<u64>, String, Option<(String, i64, i64)>);

/// Returns the rejection of a point that a fold rejected.
pub(super) fn of_point(shard: &ShardId, position: Position, rejected: &RejectedPoint) -> Rejection {
    (
        shard.to_string(),
        position.sequence_number.to_string(),
        Some(position.index.into()),
        rejected.reason.as_str().to_owned(),
        Some((rejected.tag.to_string(), rejected.sent_ms, rejected.sequence_number)),
    )
}

/// The reasons of refusals before the fold.
const REFUSALS: [&str; 4] = ["malformed", "forged", "too_large", "undecodable"];

/// Checks that every refused message and every rejected point is in an object, with its reason and its bytes; and that no
/// good message is in one as refused.
pub(super) fn are_kept(checked: &mut Checked<'_>, not_used: &BTreeSet<Rejection>) -> Result<(), Failure> {
    let mut kept = BTreeSet::new();
    let mut messages = BTreeSet::new();
    for (name, packed) in checked.world.objects.range("rejected/".to_owned()..) {
        if !name.starts_with("rejected/") {
            break;
        }
        let mut text = String::new();
        let unpacked = GzDecoder::new(packed.as_slice()).read_to_string(&mut text);
        unpacked.map_err(|error| Failure::new("rejections are readable", format!("`{name}`: {error}")))?;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)
                .map_err(|error| Failure::new("rejections are readable", format!("`{name}`: {error}")))?;
            let rejection = read(&line);
            if let Some(bytes) = bytes(&line) {
                messages.insert((rejection.0.clone(), rejection.1.clone(), rejection.2, bytes));
            }
            kept.insert(rejection);
        }
    }
    let lost = |rejection: &Rejection| Failure::new("rejections are kept", format!("{rejection:?}"));
    if let Some(missing) = not_used.difference(&kept).next() {
        return Err(lost(missing));
    }
    let mut refused = BTreeSet::new();
    for refusal in &checked.stream.refused {
        let (shard, number) = (refusal.shard.to_string(), refusal.sequence_number.to_string());
        let index = refusal.index.map(u64::from);
        if !messages.contains(&(shard.clone(), number.clone(), index, refusal.bytes.clone())) {
            return Err(lost(&(shard, number, index, refusal.reason.to_owned(), None)));
        }
        refused.insert((shard, number, index, refusal.reason.to_owned(), None));
    }
    if let Some(missing) = refused.difference(&kept).next() {
        return Err(lost(missing));
    }
    let good = kept.iter().find(|line| REFUSALS.contains(&line.3.as_str()) && !refused.contains(*line));
    if let Some(good) = good {
        return Err(Failure::new("nothing good is refused", format!("{good:?}")));
    }
    for (_, _, _, reason, _) in refused.iter().chain(not_used) {
        checked.add(found_again(reason), 1);
    }
    Ok(())
}

fn read(line: &Value) -> Rejection {
    let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let point = line.get("point").map(|point| {
        let number = |field: &str| point.get(field).and_then(Value::as_i64).unwrap_or_default();
        let tag = point.get("tag").and_then(Value::as_str).unwrap_or_default();
        (tag.to_owned(), number("timestamp"), number("sequenceNumber"))
    });
    let index = line.get("index").and_then(Value::as_u64);
    (text("shard"), text("sequenceNumber"), index, text("reason"), point)
}

fn bytes(line: &Value) -> Option<Vec<u8>> {
    let text = |field: &str| line.get(field).and_then(Value::as_str);
    match (text("message"), text("messageBase64")) {
        (Some(message), _) => Some(message.as_bytes().to_vec()),
        (None, Some(encoded)) => andon_workflows::base64::decode(encoded),
        (None, None) => None,
    }
}

fn found_again(reason: &str) -> &'static str {
    match reason {
        "malformed" => "found again: malformed",
        "forged" => "found again: forged",
        "undecodable" => "found again: undecodable",
        "late" => "found again: late",
        "duplicate" => "found again: duplicate",
        "superseded" => "found again: superseded",
        "bad_quality" => "found again: bad_quality",
        "no_value" => "found again: no_value",
        _ => "found again: for another reason",
    }
}
