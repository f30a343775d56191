//! Encodes data points as JSON, by hand for speed: a shift has a million of them.

use crate::line::Source;

/// The value of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number in hundredths, so that it is written with two decimals.
    Hundredths(i64),
    Text(&'static str),
    Flag(bool),
}

/// A damage to a line on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The line ends in the middle.
    CutShort,
    /// The value is an object, as a wrongly set up gateway sends it.
    ObjectValue,
}

/// A data point on its way from the machine to the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// Time of the measurement.
    pub(crate) timestamp_ms: i64,
    /// Time at which the sender made the record.
    pub(crate) created_ms: i64,
    /// Its place among the points of its sender; 0 until it is sent.
    pub(crate) sequence: u64,
    pub(crate) equipment: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) value: Value,
    pub(crate) source: Source,
    pub(crate) good: bool,
    /// The first point of this tag in the shift.
    pub(crate) first: bool,
}

/// Appends the line of a point that reaches the stream at `arrival_ms`: bare where that is when its sender made
/// it, since this is how a bare record is read, otherwise with the arrival in an envelope.
pub(crate) fn write_line(out: &mut Vec<u8>, point: &Point, arrival_ms: i64, damage: Option<Damage>) {
    let begin = out.len();
    let bare = arrival_ms == point.created_ms;
    if !bare {
        out.extend_from_slice(b"{\"arrival\":");
        write_integer(out, arrival_ms);
        out.extend_from_slice(b",\"data\":");
    }
    write_record(out, point, damage == Some(Damage::ObjectValue));
    if !bare {
        out.push(b'}');
    }
    if damage == Some(Damage::CutShort) {
        let written = out.len() - begin;
        out.truncate(begin + written / 2);
    }
    out.push(b'\n');
}

fn write_record(out: &mut Vec<u8>, point: &Point, as_object: bool) {
    out.extend_from_slice(b"{\"version\":1,\"timestamp\":");
    write_integer(out, point.timestamp_ms);
    out.extend_from_slice(b",\"equipmentId\":\"");
    out.extend_from_slice(point.equipment.as_bytes());
    out.extend_from_slice(b"\",\"tag\":\"");
    out.extend_from_slice(point.tag.as_bytes());
    out.extend_from_slice(b"\",\"value\":");
    if as_object {
        out.extend_from_slice(b"{\"raw\":");
    }
    write_value(out, point.value);
    if as_object {
        out.push(b'}');
    }
    out.extend_from_slice(if point.good { b",\"quality\":\"Ok\"" } else { b",\"quality\":\"Bad\"" });
    out.extend_from_slice(b",\"meta\":{\"sequenceNumber\":");
    write_unsigned(out, point.sequence);
    out.extend_from_slice(if point.first { b",\"flags\":[\"Fst\"]" } else { b",\"flags\":[]" });
    out.extend_from_slice(b",\"createdAt\":");
    write_integer(out, point.created_ms);
    out.extend_from_slice(b",\"sourceId\":\"");
    out.extend_from_slice(point.source.id().as_bytes());
    out.extend_from_slice(b"\"}}");
}

fn write_value(out: &mut Vec<u8>, value: Value) {
    match value {
        Value::Hundredths(hundredths) => {
            if hundredths < 0 {
                out.push(b'-');
            }
            let magnitude = hundredths.unsigned_abs();
            write_unsigned(out, magnitude / 100);
            out.push(b'.');
            out.push(digit(magnitude / 10));
            out.push(digit(magnitude));
        }
        Value::Text(text) => {
            // Only the line's own words come here; none needs escaping.
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        Value::Flag(true) => out.extend_from_slice(b"true"),
        Value::Flag(false) => out.extend_from_slice(b"false"),
    }
}

fn write_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(out, value.unsigned_abs());
}

fn write_unsigned(out: &mut Vec<u8>, value: u64) {
    // 20 digits hold the greatest value.
    let mut digits = [0_u8; 20];
    let mut used = 0;
    let mut rest = value;
    for slot in digits.iter_mut().rev() {
        *slot = digit(rest);
        used += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// The last decimal digit, in ASCII.
#[allow(clippy::cast_possible_truncation, reason = "a remainder by ten fits in a byte")]
fn digit(value: u64) -> u8 {
    b'0' + (value % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: Value, arrival_ms: i64, damage: Option<Damage>) -> String {
        let point = Point {
            timestamp_ms: 1_700_000_000_000,
            created_ms: 1_700_000_000_050,
            sequence: 123,
            equipment: "filler-1",
            tag: "pressure",
            value,
            source: Source::Gateway1,
            good: true,
            first: true,
        };
        let mut out = Vec::new();
        write_line(&mut out, &point, arrival_ms, damage);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_point_that_arrives_when_it_was_created_is_bare_with_its_keys_in_the_usual_order() {
        assert_eq!(
            line(Value::Hundredths(1345), 1_700_000_000_050, None),
            concat!(
                r#"{"version":1,"timestamp":1700000000000,"equipmentId":"filler-1","tag":"pressure","value":13.45,"#,
                r#""quality":"Ok","meta":{"sequenceNumber":123,"flags":["Fst"],"createdAt":1700000000050,"#,
                r#""sourceId":"gateway-1"}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_point_that_arrives_at_another_time_names_it() {
        let bare = line(Value::Flag(true), 1_700_000_000_050, None);
        let late = line(Value::Flag(true), 1_700_000_600_000, None);
        assert_eq!(late, format!("{{\"arrival\":1700000600000,\"data\":{}}}\n", bare.trim_end()));
    }

    #[test]
    fn hundredths_are_written_with_two_decimals() {
        for (hundredths, text) in
            [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-100, "-1.00"), (1_800_010, "18000.10")]
        {
            let line = line(Value::Hundredths(hundredths), 0, None);
            assert!(line.contains(&format!("\"value\":{text},")), "{line}");
        }
    }

    #[test]
    fn a_damaged_line_is_still_one_line() {
        let whole = line(Value::Text("running"), 0, None);
        let cut = line(Value::Text("running"), 0, Some(Damage::CutShort));
        assert!(whole.starts_with(cut.trim_end()) && cut.ends_with('\n') && cut.len() < whole.len());
        let object = line(Value::Text("running"), 0, Some(Damage::ObjectValue));
        assert_eq!(object, whole.replace("\"running\"", "{\"raw\":\"running\"}"));
    }
}
