//! The same points in the forms in which senders bring them.

use andon_domain::wire::{Message, MessageContent};
use andon_ingest::encode::{EventRecord, aggregate, event};
use andon_ingest::gzip::{Spare, gzip};
use andon_ingest::{SequenceNumber, ShardId};

use crate::Result;

/// Points in a batch.
pub(crate) const POINTS: usize = 6000;

/// Points in a record that holds several: about 50 KB, which is what the Kinesis Producer Library fills.
const POINTS_PER_RECORD: usize = 180;

#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// One point a record.
    Records,
    /// Aggregated by the Kinesis Producer Library.
    Aggregated,
    /// JSON lines.
    Lines,
    /// JSON lines, compressed.
    Gzip,
}

impl Form {
    pub(crate) const ALL: [Self; 4] = [Self::Records, Self::Aggregated, Self::Lines, Self::Gzip];

    /// As on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Aggregated => "aggregated",
            Self::Lines => "lines",
            Self::Gzip => "gzip",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Records => "6,000 records of a point",
            Self::Aggregated => "34 records, aggregated (KPL)",
            Self::Lines => "34 records of JSON lines",
            Self::Gzip => "34 records of JSON lines, gzip",
        }
    }

    /// The event of a batch, as Lambda hands it over.
    pub(crate) fn event(self, lines: &[&[u8]], number: usize) -> Result<String> {
        let shard: ShardId = "shardId-000000000000".parse()?;
        let per_record = if matches!(self, Self::Records) { 1 } else { POINTS_PER_RECORD };
        let mut records = Vec::new();
        for chunk in lines.chunks(per_record) {
            let mut users = Vec::with_capacity(chunk.len());
            let mut arrival_ms = i64::MIN;
            for line in chunk {
                let message = Message::read(line);
                arrival_ms = arrival_ms.max(message.arrival_or_greatest_ms().unwrap_or_default());
                let MessageContent::One(equipment, _) = message.content else {
                    return Err("W1 is of points".into());
                };
                users.push((equipment.into_owned(), *line));
            }
            let key = users.first().map(|(key, _)| key.clone()).unwrap_or_default();
            let data = match self {
                Self::Records | Self::Lines => chunk.join(&b'\n'),
                Self::Gzip => gzip(&chunk.join(&b'\n'), Spare::Bytes),
                Self::Aggregated => {
                    let users: Vec<(&str, &[u8])> =
                        users.iter().map(|(key, line)| (key.as_str(), *line)).collect();
                    aggregate(&users)
                }
            };
            records.push((key, arrival_ms, data));
        }
        let first = u128::try_from(number * POINTS)? + 1;
        let sequences =
            (first..).map(|sequence| format!("4959033827149025660855969253{sequence:028}").parse());
        let mut numbered = Vec::with_capacity(records.len());
        for ((key, arrival_ms, data), sequence) in records.iter().zip(sequences) {
            let sequence: SequenceNumber = sequence?;
            numbered.push(EventRecord {
                shard: &shard,
                sequence,
                partition_key: key,
                arrival_ms: *arrival_ms,
                data,
            });
        }
        Ok(event("points", numbered))
    }
}
