//! The content of the stream, read with `ingest` alone.

use std::collections::{BTreeMap, BTreeSet};

use andon_ingest::encode::{EventRecord, event};
use andon_ingest::{Arena, Authenticator, Decoded, Item, ItemBody, ItemOutcome, SequenceNumber, ShardId};
use andon_workflows::envelope::Position;

use super::Failure;
use andon_kit_ports::memory::World;

/// The content of the stream.
pub(super) struct StreamContent {
    /// The messages to fold, by machine and shard, in the order of the shard.
    pub of_machines: BTreeMap<String, BTreeMap<ShardId, Vec<Message>>>,
    /// The messages and records to refuse.
    pub refused: Vec<Refused>,
}

/// A message that concerns a machine.
pub(super) struct Message {
    pub position: Position,
    pub arrival_ms: i64,
    pub raw: Vec<u8>,
}

/// A message or record that cannot be used.
pub(super) struct Refused {
    pub shard: ShardId,
    pub sequence_number: SequenceNumber,
    pub index: Option<u32>,
    pub reason: &'static str,
    pub bytes: Vec<u8>,
}

/// Reads the stream. With a parallelization factor above 1, a message under a strange partition key is not folded there:
/// it must have been written back under its own.
pub(super) fn read_stream(
    world: &World,
    parallelization_factor: usize,
    trust: &Authenticator,
) -> Result<StreamContent, Failure> {
    let mut content = StreamContent { of_machines: BTreeMap::new(), refused: Vec::new() };
    let mut at_home = BTreeSet::new();
    let mut strangers = BTreeSet::new();
    for shard in world.stream.shards().iter().filter(|shard| !shard.records.is_empty()) {
        let Ok(id) = shard.id.parse::<ShardId>() else { continue };
        let event = event(
            "points",
            shard.records.iter().map(|record| EventRecord {
                shard: &id,
                sequence: record.sequence_number,
                partition_key: &record.partition_key,
                arrival_ms: record.arrival_ms,
                data: &record.data,
            }),
        );
        let mut arena = Arena::new();
        let decoded = Decoded::new(event.as_bytes(), &mut arena)
            .map_err(|error| Failure::new("the stream is readable", error.to_string()))?;
        for record in decoded.records() {
            let stream = record.stream();
            record.for_each(Some(trust), |outcome| match outcome {
                ItemOutcome::Item(item)
                    if parallelization_factor > 1 && item.equipment != stream.partition_key =>
                {
                    strangers.insert(content_of(&item));
                }
                ItemOutcome::Item(item) => {
                    if parallelization_factor > 1 {
                        at_home.insert(content_of(&item));
                    }
                    let of = content.of_machines.entry(item.equipment.clone().into_owned()).or_default();
                    of.entry(id.clone()).or_default().push(Message {
                        position: Position { sequence_number: stream.sequence, index: item.index },
                        arrival_ms: stream.arrival_ms,
                        raw: item.message.to_vec(),
                    });
                }
                ItemOutcome::Refused(refused) => content.refused.push(Refused {
                    shard: id.clone(),
                    sequence_number: stream.sequence,
                    index: refused.index,
                    reason: refused.reason.as_str(),
                    bytes: refused.bytes.to_vec(),
                }),
            });
        }
    }
    match strangers.difference(&at_home).next() {
        Some(lost) => Err(Failure::new("what is under a strange key comes back under its own", lost.clone())),
        None => Ok(content),
    }
}

/// Returns the content of an item, whatever its form.
fn content_of(item: &Item<'_>) -> String {
    match &item.body {
        ItemBody::Tick => format!("`{}`: tick", item.equipment),
        body => format!("`{}`: {:?}", item.equipment, body.points()),
    }
}
