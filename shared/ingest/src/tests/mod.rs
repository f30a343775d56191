//! From an event to outcomes, as the service sees it.

mod data;
mod hostile;
mod messages;
mod trust;

use andon_domain::Value;

use crate::encode::{self, EventRecord};
use crate::gzip::Spare;
use crate::{Arena, Authenticator, Decoded, ItemBody, ItemOutcome, SequenceNumber, ShardId};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    crate::gzip::gzip(bytes, Spare::Bytes)
}

/// Equipment, and number, of a point in the usual form.
fn point(equipment: &str, value: u64) -> String {
    format!(
        r#"{{"version":1,"timestamp":1700000000000,"equipmentId":"{equipment}","tag":"temperature","value":{value},"quality":"Ok","meta":{{"sequenceNumber":{value}}}}}"#
    )
}

fn event(data: &[&[u8]]) -> String {
    let shard: ShardId = "shardId-000000000001".parse().unwrap();
    let records: Vec<(SequenceNumber, &[u8])> =
        data.iter().zip(100..).map(|(data, at)| (at.to_string().parse().unwrap(), *data)).collect();
    encode::event(
        "points",
        records.iter().map(|(sequence, data)| EventRecord {
            shard: &shard,
            sequence: *sequence,
            partition_key: "key",
            arrival_ms: 1_700_000_000_000,
            data,
        }),
    )
}

/// An outcome in a few words: `#0 filler-1 = 1,2`, `#1 filler-1 tick`, `#2 malformed x1`.
fn words(outcome: &ItemOutcome<'_>) -> String {
    match outcome {
        ItemOutcome::Item(item) => match &item.body {
            ItemBody::Tick => format!("#{} {} tick", item.index, item.equipment),
            body => {
                let values: Vec<String> = body
                    .points()
                    .iter()
                    .map(|point| match &point.value {
                        Some(Value::Number(number)) => number.to_string(),
                        other => format!("{other:?}"),
                    })
                    .collect();
                format!("#{} {} = {}", item.index, item.equipment, values.join(","))
            }
        },
        ItemOutcome::Refused(refused) => {
            let index = refused.index.map_or("-".to_owned(), |index| index.to_string());
            format!("#{index} {} x{}", refused.reason, refused.count)
        }
    }
}

/// The outcomes of each record, in words, and the details of the refusals.
fn read(data: &[&[u8]], trust: Option<&Authenticator>) -> (Vec<Vec<String>>, Vec<String>) {
    let event = event(data);
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    assert_eq!(decoded.deferred(), []);
    let mut details = Vec::new();
    let outcomes = decoded.records().map(|record| {
        let mut outcomes = Vec::new();
        record.for_each(trust, |outcome| {
            outcomes.push(words(&outcome));
            if let ItemOutcome::Refused(refused) = outcome {
                details.push(refused.detail.into_owned());
            }
        });
        outcomes
    });
    let outcomes = outcomes.collect();
    (outcomes, details)
}

/// The outcomes of one record.
fn one(data: impl AsRef<[u8]>) -> Vec<String> {
    read(&[data.as_ref()], None).0.remove(0)
}

/// The one refusal of a record, between good records that stay good.
fn refusal(data: impl AsRef<[u8]>) -> (String, String) {
    let (before, after) = (point("a", 1), point("b", 2));
    let (mut outcomes, details) = read(&[before.as_bytes(), data.as_ref(), after.as_bytes()], None);
    assert_eq!(outcomes[0], ["#0 a = 1"]);
    assert_eq!(outcomes[2], ["#0 b = 2"]);
    assert_eq!((outcomes[1].len(), details.len()), (1, 1), "{outcomes:?}");
    (outcomes[1].remove(0), details[0].clone())
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
