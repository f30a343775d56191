//! Computes the expected state changes by a replay of the stream.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use andon_aws::Config;
use andon_domain::{RuleDocument, Transition};
use andon_ingest::SequenceNumber;
use andon_local::sources::{KinesisReader, ReadError, Reader as _};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::support;

/// State changes by rule, machine and sequence.
pub(super) type Changes = BTreeMap<(String, String), BTreeMap<u64, Transition>>;

/// The stream, as far as it was read.
#[derive(Default)]
pub(super) struct StreamCopy {
    /// By shard. Ids grow, so children come behind their parents.
    pub(super) shards: BTreeMap<String, Shard>,
    /// Data that count for nothing.
    pub(super) ignored: BTreeSet<Vec<u8>>,
}

#[derive(Default)]
pub(super) struct Shard {
    next: Option<String>,
    is_over: bool,
    pub(super) last: Option<String>,
    /// Arrivals, ms, and data.
    records: Vec<(i64, Vec<u8>)>,
    numbers: Vec<String>,
}

impl Shard {
    /// Returns the number of records behind a position.
    pub(super) fn behind(&self, position: Option<SequenceNumber>) -> usize {
        self.numbers.iter().filter(|number| number.parse().ok() > position).count()
    }
}

impl StreamCopy {
    /// Reads new records, perhaps not all: a slow emulator returns the rest later.
    pub(super) async fn on(&mut self, reader: &KinesisReader) {
        for listed in reader.shards().await.unwrap_or_default() {
            self.shards.entry(listed.id).or_default();
        }
        for (id, shard) in &mut self.shards {
            while !shard.is_over {
                let from = match shard.next.take() {
                    Some(next) => next,
                    None => match reader.begin(id, shard.last.as_deref()).await {
                        Ok(from) => from,
                        Err(ReadError::Gone(_)) => {
                            shard.is_over = true;
                            break;
                        }
                        Err(ReadError::Other(_)) => break,
                    },
                };
                match reader.read(id, &from).await {
                    Ok(page) => {
                        shard.next = page.next;
                        shard.is_over = shard.next.is_none();
                        let is_empty = page.records.is_empty();
                        for record in page.records {
                            shard.records.push(stamped(&record.json));
                            shard.numbers.push(record.number.clone());
                            shard.last = Some(record.number);
                        }
                        if is_empty {
                            break;
                        }
                    }
                    // One that the emulator has forgotten.
                    Err(ReadError::Gone(_)) => shard.is_over = true,
                    Err(ReadError::Other(_)) => break,
                }
            }
        }
    }

    /// Data in the order of each shard.
    pub(super) fn data(&self) -> impl Iterator<Item = &[u8]> {
        self.shards.values().flat_map(|shard| shard.records.iter().map(|(_, data)| data.as_slice()))
    }

    pub(super) fn count(&self) -> usize {
        self.shards.values().map(|shard| shard.records.len()).sum()
    }

    /// The state changes that it amounts to, under rules that start at an arrival.
    pub(super) fn changes(&self, config: &Config, rules: &RuleDocument, start_ms: i64) -> Changes {
        let seal = config.authenticator().unwrap();
        let mut lines = vec![json!({"arrival": start_ms, "rules": rules}).to_string()];
        for (arrival_ms, data) in self.shards.values().flat_map(|shard| &shard.records) {
            if self.ignored.contains(data) {
                continue;
            }
            for message in unpacked(data).split(|byte| *byte == b'\n') {
                let message = seal.open(message).unwrap_or(message);
                if let Ok(text) = str::from_utf8(message) {
                    lines.push(format!("{{\"arrival\":{arrival_ms},\"data\":{text}}}"));
                }
            }
        }
        let lines = lines.iter().map(String::as_str);
        sorted(support::replay(RuleDocument::default(), lines, false).0)
    }
}

pub(super) fn sorted(transitions: impl IntoIterator<Item = Transition>) -> Changes {
    let mut changes = Changes::new();
    for transition in transitions {
        let key = (transition.rule_id.to_string(), transition.equipment_id.to_string());
        changes.entry(key).or_default().insert(transition.sequence, transition);
    }
    changes
}

/// Returns the arrival time of a record in ms, and its data.
fn stamped(json: &str) -> (i64, Vec<u8>) {
    let record: Value = serde_json::from_str(json).unwrap();
    let record = &record["kinesis"];
    let arrival = record["approximateArrivalTimestamp"].as_f64().unwrap() * 1000.0;
    let data = base64::engine::general_purpose::STANDARD.decode(record["data"].as_str().unwrap()).unwrap();
    (format!("{arrival:.0}").parse().unwrap(), data)
}

fn unpacked(data: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match data.starts_with(&[0x1f, 0x8b]) {
        true => drop(flate2::read::GzDecoder::new(data).read_to_end(&mut unpacked).unwrap()),
        false => unpacked.extend(data),
    }
    unpacked
}
