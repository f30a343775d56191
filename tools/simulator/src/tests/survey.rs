//! Reads a whole shift as a consumer of the stream does.

use andon_domain::fnv::Fnv64;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::MINUTE_MS;
use crate::{DEFAULT_SEED, Incident, IncidentKind, Shift, ShiftOptions, Totals};

pub(super) struct Sample {
    pub(super) arrival_ms: i64,
    pub(super) timestamp_ms: i64,
    pub(super) created_ms: i64,
    pub(super) sequence: i64,
    pub(super) source: String,
    pub(super) good: bool,
    pub(super) value: Value,
}

/// A survey of all lines of a whole shift, in the order of arrival.
pub(super) struct Survey {
    pub(super) totals: Totals,
    pub(super) story: Vec<Incident>,
    tags: BTreeMap<(String, String), Vec<Sample>>,
    pub(super) unreadable: Vec<String>,
    pub(super) hash: u64,
    pub(super) greatest_line: usize,
}

impl Survey {
    pub(super) fn tag(&self, equipment: &str, tag: &str) -> &[Sample] {
        &self.tags[&(equipment.to_owned(), tag.to_owned())]
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.tags.values().flatten()
    }

    pub(super) fn incident(&self, kind: IncidentKind) -> &Incident {
        self.story.iter().find(|incident| incident.kind == kind).unwrap()
    }

    /// The numbers measured in an incident, and those measured when it was over for a quarter of an hour.
    pub(super) fn numbers(&self, incident: &Incident, tag: &str) -> (Vec<f64>, Vec<f64>) {
        let within = |from_ms: i64, until_ms: i64| {
            let samples = self.tag(incident.equipment, tag).iter();
            samples
                .filter(|s| (from_ms..until_ms).contains(&s.timestamp_ms))
                .map(|s| s.value.as_f64().unwrap())
                .collect()
        };
        let after_ms = incident.until_ms + 15 * MINUTE_MS;
        (within(incident.at_ms, incident.until_ms), within(after_ms, after_ms + 5 * MINUTE_MS))
    }
}

fn survey(seed: u64) -> Survey {
    let mut shift = Shift::new(&ShiftOptions { seed, ..ShiftOptions::default() });
    let story = shift.story().to_vec();
    let mut tags: BTreeMap<(String, String), Vec<Sample>> = BTreeMap::new();
    let (mut unreadable, mut hash, mut greatest_line) = (Vec::new(), Fnv64::default(), 0);
    let mut block = Vec::new();
    let mut last_arrival_ms = 0;
    while let Some(reached_ms) = shift.step(&mut block) {
        hash.write(&block);
        let text = std::str::from_utf8(&block).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        for line in text.lines() {
            greatest_line = greatest_line.max(line.len());
            let Ok(mut record) = serde_json::from_str::<Value>(line) else {
                unreadable.push(line.to_owned());
                continue;
            };
            let arrival_ms = record.get("arrival").map(|arrival| arrival.as_i64().unwrap());
            if arrival_ms.is_some() {
                record = record["data"].take();
            }
            let created_ms = record["meta"]["createdAt"].as_i64().unwrap();
            assert_ne!(arrival_ms, Some(created_ms), "an envelope that says nothing: {line}");
            let arrival_ms = arrival_ms.unwrap_or(created_ms);
            assert!(last_arrival_ms <= arrival_ms, "{line} comes after {last_arrival_ms}");
            assert!(arrival_ms < reached_ms, "{line} comes before {reached_ms}");
            last_arrival_ms = arrival_ms;
            assert_eq!(record["version"], 1);
            let name = |key: &str| record[key].as_str().unwrap().to_owned();
            let sample = Sample {
                arrival_ms,
                timestamp_ms: record["timestamp"].as_i64().unwrap(),
                created_ms,
                sequence: record["meta"]["sequenceNumber"].as_i64().unwrap(),
                source: record["meta"]["sourceId"].as_str().unwrap().to_owned(),
                good: record["quality"] == "Ok",
                value: record["value"].clone(),
            };
            if sample.value.is_object() {
                unreadable.push(line.to_owned());
            } else {
                tags.entry((name("equipmentId"), name("tag"))).or_default().push(sample);
            }
        }
        block.clear();
    }
    Survey { totals: *shift.totals(), story, tags, unreadable, hash: hash.finish(), greatest_line }
}

/// The documented shift, read once for all tests.
pub(super) fn documented() -> &'static Survey {
    static SURVEY: OnceLock<Survey> = OnceLock::new();
    SURVEY.get_or_init(|| survey(DEFAULT_SEED))
}
