//! Lines of event files as records of the stream.

use andon_domain::wire::{Message, MessageContent};
use andon_workflows::ports::StreamEntry;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A line as it goes into the stream.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// When it arrived in the recorded time, ms.
    pub(super) time_ms: Option<i64>,
    /// One for each equipment.
    pub(super) records: Vec<Record>,
}

/// A record of the stream.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) entry: StreamEntry,
    pub(super) points: u64,
}

/// A reason to skip a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SkipReason {
    /// It is a tick: a running system has its own, and takes no others.
    Tick,
    /// It brings a rule set: that goes another way.
    Rules,
    /// It cannot be read.
    Unreadable(String),
}

/// The envelope of a line.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads a line. Its times are moved by `shift_ms`.
pub(super) fn read(line: &[u8], shift_ms: i64) -> Result<Outgoing, SkipReason> {
    let message = Message::read(line);
    let time_ms = message.arrival_or_greatest_ms();
    let unreadable = |detail: String| SkipReason::Unreadable(detail);
    let data = || -> Result<&str, SkipReason> {
        let text = std::str::from_utf8(line).map_err(|error| unreadable(error.to_string()))?.trim();
        if message.arrival_ms.is_none() {
            return Ok(text);
        }
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        Ok(envelope.data.get())
    };
    let records = match &message.content {
        MessageContent::Tick(_) => return Err(SkipReason::Tick),
        MessageContent::Rules(_) => return Err(SkipReason::Rules),
        MessageContent::Nothing => {
            let first = message.rejections.first();
            return Err(unreadable(first.map_or_else(|| "no data point".to_owned(), ToString::to_string)));
        }
        MessageContent::One(equipment, _) => vec![record(equipment, shifted(data()?, shift_ms)?, 1)],
        MessageContent::Several(by_equipment) => match by_equipment.as_slice() {
            [(equipment, points)] => vec![record(equipment, shifted(data()?, shift_ms)?, points.len())],
            _ => by_equipment_records(data()?, shift_ms)?,
        },
    };
    Ok(Outgoing { time_ms, records })
}

/// The time of a line, for finding the newest.
pub(super) fn time_of(line: &[u8]) -> Option<i64> {
    Message::read(line).arrival_or_greatest_ms()
}

fn record(equipment: &str, data: String, points: usize) -> Record {
    let entry = StreamEntry { partition_key: equipment.to_owned(), data: data.into_bytes() };
    Record { entry, points: points as u64 }
}

/// A list with points of several machines, as a list for each: order is kept per partition key. What cannot be read in
/// it goes with the first, to be rejected with its reason.
fn by_equipment_records(data: &str, shift_ms: i64) -> Result<Vec<Record>, SkipReason> {
    let items: Vec<&RawValue> =
        serde_json::from_str(data).map_err(|error| SkipReason::Unreadable(error.to_string()))?;
    let mut groups: Vec<(Option<String>, Vec<&str>, usize)> = Vec::new();
    for item in items {
        let equipment = match Message::read(item.get().as_bytes()).content {
            MessageContent::One(equipment, _) => Some(equipment.into_owned()),
            _ => None,
        };
        let points = usize::from(equipment.is_some());
        let place = groups.iter_mut().find(|(known, ..)| equipment.is_none() || *known == equipment);
        match place {
            Some((_, items, count)) => {
                items.push(item.get());
                *count += points;
            }
            None => groups.push((equipment, vec![item.get()], points)),
        }
    }
    let records = groups.into_iter().map(|(equipment, items, points)| {
        let list = shifted(&format!("[{}]", items.join(",")), shift_ms)?;
        Ok(record(equipment.as_deref().unwrap_or(UNKNOWN), list, points))
    });
    records.collect()
}

/// The partition key of what names no equipment.
pub(super) const UNKNOWN: &str = "unknown";

/// JSON with its times moved.
fn shifted(data: &str, shift_ms: i64) -> Result<String, SkipReason> {
    if shift_ms == 0 {
        return Ok(data.to_owned());
    }
    let mut value: Value =
        serde_json::from_str(data).map_err(|error| SkipReason::Unreadable(error.to_string()))?;
    match &mut value {
        Value::Array(points) => points.iter_mut().for_each(|point| shift(point, shift_ms)),
        point => shift(point, shift_ms),
    }
    Ok(value.to_string())
}

fn shift(point: &mut Value, shift_ms: i64) {
    let moved = |value: Option<&mut Value>| {
        if let Some(value) = value
            && let Some(ms) = value.as_i64()
        {
            *value = ms.saturating_add(shift_ms).into();
        }
    };
    moved(point.get_mut("timestamp"));
    moved(point.get_mut("meta").and_then(|meta| meta.get_mut("createdAt")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(line: &str, shift_ms: i64) -> Vec<(String, String, u64)> {
        let outgoing = read(line.as_bytes(), shift_ms).unwrap();
        let shown = |record: Record| {
            (record.entry.partition_key, String::from_utf8(record.entry.data).unwrap(), record.points)
        };
        outgoing.records.into_iter().map(shown).collect()
    }

    const POINT: &str = r#"{"version":1, "timestamp":1000, "equipmentId":"m", "tag":"t", "value":0.1, "meta":{"createdAt":1005}}"#;

    #[test]
    fn a_bare_point_goes_as_it_is_under_its_equipment() {
        assert_eq!(sent(&format!(" {POINT}\r"), 0), [("m".to_owned(), POINT.to_owned(), 1)]);
    }

    #[test]
    fn an_envelope_is_taken_off_and_its_arrival_is_the_time() {
        let line = format!(r#"{{"arrival":7000,"data":{POINT}}}"#);
        assert_eq!(sent(&line, 0), [("m".to_owned(), POINT.to_owned(), 1)]);
        assert_eq!(read(line.as_bytes(), 0).unwrap().time_ms, Some(7000));
        assert_eq!(time_of(POINT.as_bytes()), Some(1005));
    }

    #[test]
    fn a_list_of_several_machines_is_a_record_for_each() {
        let line = r#"[{"timestamp":1,"equipmentId":"a","tag":"t","value":1},{"timestamp":2,"equipmentId":"b","tag":"t","value":1},
            {"tag":"unseen"},{"timestamp":3,"equipmentId":"a","tag":"t","value":2}]"#
            .replace('\n', "");
        let found = sent(&line, 0);
        let a = r#"[{"timestamp":1,"equipmentId":"a","tag":"t","value":1},{"tag":"unseen"},{"timestamp":3,"equipmentId":"a","tag":"t","value":2}]"#;
        let b = r#"[{"timestamp":2,"equipmentId":"b","tag":"t","value":1}]"#;
        assert_eq!(found, [("a".to_owned(), a.to_owned(), 2), ("b".to_owned(), b.to_owned(), 1)]);
    }

    #[test]
    fn times_are_moved_and_nothing_else() {
        let found = sent(POINT, 100);
        let value: Value = serde_json::from_str(&found[0].1).unwrap();
        let expected = r#"{"version":1,"timestamp":1100,"equipmentId":"m","tag":"t","value":0.1,"meta":{"createdAt":1105}}"#;
        assert_eq!(value, serde_json::from_str::<Value>(expected).unwrap());
        let list = sent(&format!("[{POINT},{POINT}]"), -500);
        assert!(
            list[0].1.contains(r#""timestamp":500"#) && list[0].1.contains(r#""createdAt":505"#),
            "{list:?}"
        );
    }

    #[test]
    fn ticks_and_rules_are_distinguished_from_unreadable_lines() {
        let not_sent = |line: &str| read(line.as_bytes(), 0).err().unwrap();
        assert_eq!(not_sent(r#"{"equipmentId":"m","tick":true}"#), SkipReason::Tick);
        assert_eq!(not_sent(r#"{"arrival":1,"rules":{"rules":[]}}"#), SkipReason::Rules);
        assert!(matches!(not_sent("{"), SkipReason::Unreadable(_)));
        assert!(
            matches!(not_sent(r#"{"equipmentId":"m","tag":"t","value":1}"#), SkipReason::Unreadable(reason) if reason.contains("timestamp"))
        );
    }
}
