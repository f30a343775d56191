use super::*;
use crate::{Reason, Value};

const USUAL: &str = r#"{"version":1,"timestamp":1700000000000,"equipmentId":"filler-1","tag":"water_temperature","value":13.45,"quality":"Ok","meta":{"sequenceNumber":123,"flags":["Fst","Drv"],"createdAt":1700000000050,"sourceId":"gateway-7"}}"#;

fn one(line: &str) -> (String, DataPoint<'_>) {
    match Message::read(line.as_bytes()) {
        Message { content: MessageContent::One(equipment, point), rejections, .. }
            if rejections.is_empty() =>
        {
            (equipment.into_owned(), point)
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn rejection(line: &str) -> String {
    let message = Message::read(line.as_bytes());
    assert_eq!(message.content, MessageContent::Nothing, "{line}");
    let [rejection] = message.rejections.as_slice() else { panic!("{line}: {:?}", message.rejections) };
    assert_eq!(rejection.reason, Reason::Malformed);
    rejection.detail.to_string()
}

#[test]
fn the_usual_form_is_read_on_the_fast_path() {
    assert!(Message::read_canonical(USUAL.as_bytes()).is_some());
    let (equipment, point) = one(USUAL);
    assert_eq!(equipment, "filler-1");
    assert_eq!(point.timestamp_ms, 1_700_000_000_000);
    assert_eq!(point.tag, "water_temperature");
    assert_eq!(point.value, Some(Value::Number(13.45)));
    assert!(point.quality_ok && point.derived);
    assert_eq!((point.sequence_number, point.created_at_ms), (123, Some(1_700_000_000_050)));
    assert_eq!(point.source, "gateway-7");
}

#[test]
fn both_readers_answer_the_same() {
    let values = [
        "0",
        "-0.5",
        "80",
        "80.25",
        "123456789012345678",
        "9007199254740993",
        "0.1",
        "1e3",
        "true",
        "false",
        "\"1l\"",
        "\"é\"",
        "\"a\\nb\"",
        "null",
        "007",
        "1.",
        "-",
        "\"\"",
    ];
    let rests = [
        "",
        r#","quality":"Bad""#,
        r#","quality":"Ok","meta":{}"#,
        r#","meta":{"sourceId":"s"}"#,
        r#","meta":{"createdAt":5,"sourceId":""}"#,
        r#","meta":{"flags":[]}"#,
        r#","meta":{"flags":["Abcd"]}"#,
        r#","meta":{"sequenceNumber":1,}"#,
    ];
    let mut fast = 0;
    for value in values {
        for rest in rests {
            for (head, tail) in [("", ""), (r#"{"arrival":7,"data":"#, "}")] {
                let line = format!(
                    r#"{head}{{"timestamp":5,"equipmentId":"e","tag":"t","value":{value}{rest}}}{tail}"#
                );
                if Message::read_canonical(line.as_bytes()).is_some() {
                    fast += 1;
                    assert_eq!(Message::read(line.as_bytes()), general::read(line.as_bytes()), "{line}");
                }
            }
        }
    }
    assert!(fast > 100, "only {fast} lines took the fast path");
}

/// Both readers on one line; answers whether the fast one took it.
fn both(line: &str) -> bool {
    assert_eq!(Message::read(line.as_bytes()), general::read(line.as_bytes()), "{line}");
    Message::read_canonical(line.as_bytes()).is_some()
}

#[test]
fn both_readers_find_the_end_of_a_name_wherever_it_is() {
    for length in 1..20 {
        for at in 0..length {
            for (odd, fast) in [
                ("x", true),
                (" ", true),
                ("!", true),
                ("~", true),
                ("[", true),
                ("é", true),
                ("\u{9f}", false),
                ("\u{7f}", false),
                ("\n", false),
                ("\u{1f}", false),
                ("\\", false),
                ("\\\"", false),
                ("\"", false),
            ] {
                let name = format!("{}{odd}{}", "n".repeat(at), "m".repeat(length - at - 1));
                for rest in ["", r#","meta":{"sourceId":"s"}"#] {
                    let line = format!(r#"{{"timestamp":5,"equipmentId":"{name}","tag":"{name}"{rest}}}"#);
                    assert!(!both(&line));
                    let line = line.replace(r#""tag""#, r#""tag":"t","value":1,"tag""#);
                    assert!(!both(&line));
                    let line = format!(
                        r#"{{"timestamp":5,"equipmentId":"{name}","tag":"t","value":1,"meta":{{"sourceId":"{name}"}}}}"#
                    );
                    assert_eq!(both(&line), fast, "{line}");
                }
            }
        }
    }
}

#[test]
fn both_readers_take_numbers_of_any_length() {
    for length in 1..=20 {
        let digits: String = "12345678901234567890".chars().take(length).collect();
        for number in
            [digits.to_owned(), format!("0{}", digits.trim_start_matches('1')), format!("-{digits}")]
        {
            let time = both(&format!(r#"{{"timestamp":{number},"equipmentId":"e","tag":"t","value":1}}"#));
            let superfluous_zero = length > 1 && number.starts_with('0');
            assert_eq!(time, length <= 16 && !superfluous_zero, "{number}");
            for meta in ["sequenceNumber", "createdAt"] {
                both(&format!(
                    r#"{{"timestamp":5,"equipmentId":"e","tag":"t","value":1,"meta":{{"{meta}":{number}}}}}"#
                ));
            }
            for value in [
                number.clone(),
                format!("{number}.5"),
                format!("1.{digits}"),
                format!("-0.{number}"),
                format!("{number}e1"),
            ] {
                both(&format!(r#"{{"timestamp":5,"equipmentId":"e","tag":"t","value":{value}}}"#));
            }
        }
    }
}

#[test]
fn both_readers_take_flags() {
    for (flags, fast) in [
        ("", true),
        (r#""Fst""#, true),
        (r#""Fst","Drv","Lst""#, true),
        (r#""Fst","drv""#, true),
        (r#""Drvx""#, false),
        (r#""Dr""#, false),
        (r#""D\rv""#, false),
        (r#""F{t""#, false),
        (r#""F@t""#, false),
        (r#""Fst",7"#, false),
        (r#""Fst","#, false),
        (r#""Fst" "#, false),
        ("\"\u{e9}v\"", false),
    ] {
        let line = format!(
            r#"{{"timestamp":5,"equipmentId":"e","tag":"t","value":1,"meta":{{"flags":[{flags}]}}}}"#
        );
        assert_eq!(both(&line), fast, "{line}");
    }
}

#[test]
fn a_line_is_read_from_the_lines_that_follow() {
    let expected = Message::read_canonical(USUAL.as_bytes()).unwrap();
    for (end, behind) in [("", ""), ("\r", ""), ("\n", ""), ("\n", "next\n"), ("\r\n", "next"), ("\n", "\n")]
    {
        let lines = format!("{USUAL}{end}{behind}");
        let (point, rest) = Message::read_canonical_line(lines.as_bytes()).unwrap();
        assert_eq!((point, rest), (expected.clone(), behind.as_bytes()), "{lines:?}");
    }
    for end in [" ", " \n", "}\n", "\r\r\n"] {
        assert!(Message::read_canonical_line(format!("{USUAL}{end}").as_bytes()).is_none());
    }
    // What the next line says is not of this one.
    for cut in 1..USUAL.len() {
        let (head, tail) = USUAL.split_at(cut);
        assert!(Message::read_canonical_line(format!("{head}\n{tail}").as_bytes()).is_none(), "{head}");
    }
    let flags = r#""Abc","#.repeat(limits::RECORD_BYTES / 6);
    let long = USUAL.replace(r#""Fst","#, &flags);
    assert!(long.len() > limits::RECORD_BYTES && Message::read_canonical_line(long.as_bytes()).is_none());
}

#[test]
fn keys_may_come_in_any_order_with_white_space_and_unknown_fields() {
    let (equipment, point) = one(
        r#" { "value" : "1l", "unknown": {"deep":[1e999]}, "tag":"product", "timestamp": 5, "equipmentId":"filler-1" } "#,
    );
    assert_eq!((equipment.as_str(), point.timestamp_ms), ("filler-1", 5));
    assert_eq!(point.value, Some(Value::Text("1l".into())));
    assert!(point.quality_ok);
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    assert_eq!(one(r#"{"timestamp":5,"equipmentId":"e","tag":"a","tag":"b","value":1}"#).1.tag, "b");
}

#[test]
fn what_is_malformed_says_what_was_expected() {
    for (line, said) in [
        ("{oops", "not JSON"),
        ("", "empty"),
        ("7", "`7` is no record"),
        ("null", "`null` is no record"),
        ("[]", "the list is empty"),
        (r#"{"tag":"t","timestamp":5,"value":1}"#, "no `equipmentId`"),
        (r#"{"equipmentId":"e","timestamp":5,"value":1}"#, "no `tag`"),
        (r#"{"equipmentId":"e","tag":"t","value":1}"#, "no `timestamp`"),
        (r#"{"equipmentId":"","tag":"t","timestamp":5}"#, "0 bytes"),
        (r#"{"equipmentId":"a\u0007","tag":"t","timestamp":5}"#, "control character"),
        (r#"{"equipmentId":7,"tag":"t","timestamp":5}"#, "expected a text"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":"yesterday"}"#, "integer milliseconds"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":5.5}"#, "integer milliseconds"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":9223372036854775807}"#, "integer milliseconds"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":5,"value":[1]}"#, "`[1]`"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":5,"value":1e999}"#, "finite"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":5,"value":1,"meta":7}"#, "expected an object"),
        (r#"{"equipmentId":"e","tag":"t","timestamp":5,"value":1,"meta":{"sourceId":7}}"#, "meta.sourceId"),
        (r#"{"arrival":"now","data":{}}"#, "`arrival`"),
        (r#"{"arrival":5,"data":7}"#, "`data` is `7`"),
    ] {
        let detail = rejection(line);
        assert!(detail.contains(said), "{line}: {detail}");
    }
}

#[test]
fn a_bad_point_in_a_list_leaves_the_others() {
    let line = r#"[{"timestamp":5,"equipmentId":"a","tag":"t","value":1e999},{"timestamp":6,"equipmentId":"b","tag":"t","value":1},{"timestamp":9,"equipmentId":"a","tag":"t","value":2},{"timestamp":7,"equipmentId":"b","tag":"u"}]"#;
    let message = Message::read(line.as_bytes());
    let MessageContent::Several(by_equipment) = &message.content else { panic!("{message:?}") };
    let shape: Vec<_> =
        by_equipment.iter().map(|(equipment, points)| (equipment.as_ref(), points.len())).collect();
    assert_eq!(shape, [("b", 2), ("a", 1)]);
    assert_eq!(message.rejections.len(), 1);
    assert!(message.rejections[0].detail.starts_with("item 1: "));
    assert_eq!(message.arrival_or_greatest_ms(), Some(9));
}

#[test]
fn ticks_and_rule_sets_are_distinguished_from_points() {
    assert_eq!(
        Message::read(br#"{"arrival":5,"data":{"equipmentId":"e","tick":true}}"#).content,
        MessageContent::Tick("e".into())
    );
    let message = Message::read(br#"{"arrival":5,"rules":{"rules":[]}}"#);
    assert_eq!((message.arrival_ms, message.content), (Some(5), MessageContent::Rules(r#"{"rules":[]}"#)));
}

#[test]
fn hostile_messages_are_rejected_in_linear_time_without_a_deep_stack() {
    let deep = "[".repeat(1_000_000);
    assert!(rejection(&deep).contains("not JSON"));
    let nested = format!(
        r#"{{"equipmentId":"e","tag":"t","timestamp":5,"value":{}{}}}"#,
        "[".repeat(500_000),
        "]".repeat(500_000)
    );
    assert!(rejection(&nested).contains("expected a number"));
    let long =
        format!(r#"{{"equipmentId":"e","tag":"t","timestamp":5,"value":"{}"}}"#, "x".repeat(9_000_000));
    assert!(rejection(&long).contains("the limit is 4096"));
    let tag = format!(r#"{{"equipmentId":"e","tag":"{}","timestamp":5,"value":1}}"#, "x".repeat(9_000_000));
    assert!(rejection(&tag).contains("expected 1 to 256"));
    assert!(rejection(&"x".repeat(limits::RECORD_BYTES + 1)).contains("the limit is"));
}
