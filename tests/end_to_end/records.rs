//! Makes the records of the tests, and the rules over them.

use andon_domain::{Millis, RuleDocument};
use andon_kit_cases::w1::W1;
use andon_simulator::{Shift, ShiftOptions};

use crate::support;

/// A record on its way to the stream: partition key and data.
pub(super) type OutgoingRecord = (String, Vec<u8>);

const W1_SECONDS: i64 = 20;
const SHIFT_SECONDS: i64 = 60;

/// A small W1, all of which is in the past at a time.
pub(super) fn w1(now_ms: i64, points: u64) -> W1 {
    W1 {
        machines: 20,
        points,
        hold: Millis(3000),
        start_ms: now_ms - (W1_SECONDS + 10) * 1000,
        ..W1::default()
    }
}

/// The rules of the small W1 and of the bottling line.
pub(super) fn rules() -> RuleDocument {
    let mut document = support::rules(&support::root().join("events/rules/bottling-line.yaml"));
    document.rules.extend(w1(0, 1).rules().rules);
    document
}

/// Points of the small W1, and the first minute of a shift, in turn.
pub(super) fn workload(now_ms: i64) -> Vec<OutgoingRecord> {
    let mut lines = shift(now_ms);
    let mut points = Vec::new();
    w1(now_ms, 3000).write_points(&mut points).unwrap();
    lines.extend(records(&points));
    // Each in its own order, one among the other.
    let count = lines.len();
    let (one, other) = lines.split_at(count / 2);
    let longer = one.len().max(other.len());
    (0..longer).flat_map(|place| [one.get(place), other.get(place)]).flatten().cloned().collect()
}

/// The first minute of a shift that ended just before a time, in the order in which a stream delivers it.
fn shift(now_ms: i64) -> Vec<OutgoingRecord> {
    let options = ShiftOptions {
        start_ms: now_ms - (SHIFT_SECONDS + 10) * 1000,
        duration_ms: SHIFT_SECONDS * 1000,
        ..ShiftOptions::default()
    };
    let mut lines = Vec::new();
    Shift::new(&options).write_to(&mut lines, |_| {}).unwrap();
    records(&lines)
}

/// Records of lines. The arrival that a line tells is left out: the stream says when a record arrived.
pub(super) fn records(lines: &[u8]) -> Vec<OutgoingRecord> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = lines.map(|line| {
        let text = str::from_utf8(line).unwrap();
        let data = text.strip_prefix("{\"arrival\":").and_then(|rest| rest.split_once(",\"data\":"));
        let data = data.map_or(text, |(_, data)| data.strip_suffix('}').unwrap_or(data));
        let key = data.split_once("\"equipmentId\":\"").and_then(|(_, rest)| rest.split_once('"'));
        (key.map_or("unknown", |(key, _)| key).to_owned(), data.as_bytes().to_vec())
    });
    records.collect()
}
