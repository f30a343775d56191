use super::*;
use crate::encode::{self, EventRecord};

const SEQUENCE: &str = "49590338271490256608559692538361571095921575989136588898";

fn sequence(number: u64) -> SequenceNumber {
    format!("{SEQUENCE}{number}").get(1..).unwrap().parse().unwrap()
}

/// An event of records with these partition keys and data.
fn event(records: &[(&str, &str)]) -> String {
    let shard: ShardId = "shardId-000000000006".parse().unwrap();
    let records: Vec<_> = records.iter().zip(0..).collect();
    encode::event(
        "points",
        records.iter().map(|((partition_key, data), number)| EventRecord {
            shard: &shard,
            sequence: sequence(*number),
            partition_key,
            arrival_ms: 1_700_000_000_000 + i64::try_from(*number).unwrap() * 9,
            data: data.as_bytes(),
        }),
    )
}

/// Both readers give the same, or the fast one gives up.
fn both(event: &str) -> Result<Vec<StreamRecord<'_>>, EventError> {
    let general = general::read(event.as_bytes());
    if let Some(records) = fast_path::read(event.as_bytes()) {
        assert_eq!(Ok(&records), general.as_ref(), "{event}");
    }
    assert_eq!(read(event.as_bytes()), general, "{event}");
    general
}

fn refused(event: &str) -> String {
    both(event).expect_err(event).to_string()
}

#[test]
fn an_event_of_lambda_is_read_on_the_fast_path() {
    let event = event(&[("filler-1", "a"), ("", ""), ("cäpper 2", "cc"), ("x", "ddd")]);
    assert!(fast_path::read(event.as_bytes()).is_some());
    let records = both(&event).unwrap();
    assert_eq!(records.len(), 4);
    let StreamRecord { shard, stream, sequence: at, partition_key, arrival_ms, data } = &records[2];
    assert_eq!((shard.to_string().as_str(), stream.as_deref()), ("shardId-000000000006", Some("points")));
    assert_eq!((*at, partition_key.as_ref(), data.as_ref()), (sequence(2), "cäpper 2", &b"Y2M="[..]));
    assert_eq!(*arrival_ms, 1_700_000_000_018);
    assert!(matches!(partition_key, Cow::Borrowed(_)) && matches!(data, Cow::Borrowed(_)));
}

#[test]
fn an_event_without_records_is_empty() {
    assert_eq!(both(r#"{"Records":[]}"#), Ok(vec![]));
    assert_eq!(both(" { \"Records\" : [ ] } \n"), Ok(vec![]));
}

#[test]
fn keys_may_come_in_any_order_with_unknown_ones_and_white_space() {
    let event = r#"{"window": {"start": 1}, "Records": [ {
        "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lines/consumer/andon:1",
        "eventID": "shardId-000000000006:12", "surprise": [[[{"kinesis": 1e999}]]],
        "kinesis": {"data": "YQ==", "encryptionType": null, "approximateArrivalTimestamp": 1.700000000123E9,
                    "sequenceNumber": "12", "partitionKey": "k"}
    } ], "state": null}"#;
    let records = both(event).unwrap();
    assert_eq!(records[0].stream.as_deref(), Some("lines"));
    assert_eq!((records[0].arrival_ms, records[0].data.as_ref()), (1_700_000_000_123, &b"YQ=="[..]));
}

#[test]
fn a_record_without_a_source_has_no_stream() {
    let event = r#"{"Records":[{"eventID":"s:1","kinesis":{"data":"","approximateArrivalTimestamp":0,"sequenceNumber":"1","partitionKey":"k"}}]}"#;
    assert_eq!(both(event).unwrap()[0].stream, None);
    let odd = event.replace(r#"{"eventID""#, r#"{"eventSourceARN":"arn:aws:sqs:queue","eventID""#);
    assert_eq!(both(&odd).unwrap()[0].stream, None);
}

#[test]
fn escapes_are_undone_wherever_they_stand() {
    let usual = event(&[("a", "1"), ("b", "2"), ("c", "3")]);
    for (from, to) in [
        (r#""partitionKey":"b""#, r#""partitionKey":"\u0062""#),
        (r#""partitionKey":"b""#, r#""partitionKey":"\"\\\u00e9\ud83d\ude00\n""#),
        (r#""data":"Mg==""#, r#""data":"M\u0067=\u003d""#),
        (r#""partitionKey":"a""#, r#""partitionKey":"\u0061""#),
        (r#""eventID":"shardId-0"#, r#""eventID":"shard\u0049d-0"#),
        (r#""partitionKey":"c""#, r#""partition\u004bey":"c""#),
    ] {
        let escaped = usual.replace(from, to);
        assert_ne!(escaped, usual);
        let records = both(&escaped).unwrap();
        assert_eq!(records.len(), 3);
        let key = records[1].partition_key.as_ref();
        assert!(key == "b" || key == "\"\\é😀\n", "{key}");
        assert_eq!(records[1].data.as_ref(), b"Mg==");
        assert_eq!(records[2].partition_key, "c");
    }
}

#[test]
fn slashes_of_base64_may_be_escaped() {
    let event = event(&[("a", "1"), ("b", "???")]).replace("Pz8/", r"Pz8\/");
    assert_eq!(both(&event).unwrap()[1].data.as_ref(), b"Pz8/");
}

#[test]
fn records_of_several_shards_and_forms_may_be_mixed() {
    let usual = event(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let mixed = usual.replacen("shardId-000000000006", "shardId-000000000007", 1).replacen(
        r#","eventName":"aws:kinesis:record""#,
        "",
        2,
    );
    let records = both(&mixed).unwrap();
    let shards: Vec<_> = records.iter().map(|record| record.shard.to_string()).collect();
    assert_eq!(shards[0], "shardId-000000000007");
    assert!(shards[1..].iter().all(|shard| shard == "shardId-000000000006"));
}

#[test]
fn sequence_numbers_of_other_lengths_are_read() {
    let event = event(&[("a", "1"), ("b", "2"), ("c", "3")]).replace(&sequence(1).to_string(), "007");
    assert_eq!(both(&event).unwrap()[1].sequence.to_string(), "007");
}

#[test]
fn an_arrival_is_read_to_the_millisecond_without_drift() {
    for (text, ms) in [
        ("1700000000.123", 1_700_000_000_123),
        ("1700000000.12", 1_700_000_000_120),
        ("1700000000.1", 1_700_000_000_100),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.0", 1_700_000_000_000),
        ("1700000000.1229999", 1_700_000_000_123),
        ("1700000000.1234999", 1_700_000_000_123),
        ("1700000000.9995", 1_700_000_001_000),
        ("1.700000000123E9", 1_700_000_000_123),
        ("17000000001.23e-1", 1_700_000_000_123),
        ("17e8", 1_700_000_000_000),
        ("1.7e+9", 1_700_000_000_000),
        ("0", 0),
        ("0.0004", 0),
        ("0.0005", 1),
        ("0e999", 0),
        ("8640000000000", 8_640_000_000_000_000),
    ] {
        assert_eq!(arrival::milliseconds(text.as_bytes()), Some(ms), "{text}");
        if let Some((usual, rest)) = arrival::usual(format!("{text}}}").as_bytes()) {
            assert_eq!((usual, rest), (ms, &b"}"[..]), "{text}");
        }
    }
    assert!(arrival::usual(b"1700000000.123}").is_some());
    for ms in (0..1000).map(|ms| 1_700_000_000_000_i64 + ms) {
        let text = format!("{}.{:03}}}", ms / 1000, ms % 1000);
        assert_eq!(arrival::usual(text.as_bytes()).map(|(read, _)| read), Some(ms));
    }
}

#[test]
fn an_arrival_that_is_no_time_is_refused() {
    for text in
        ["-1", "1e99", "8640000000001", "99999999999999999999", "1e1001", "null", "\"1\"", "true", "[1]"]
    {
        let event = event(&[("a", "1")]).replace("1700000000.000", text);
        let error = refused(&event);
        let expected = "`Records[0].kinesis.approximateArrivalTimestamp` is `".to_owned()
            + text
            + "`; expected seconds since 1970";
        assert_eq!(error, expected);
    }
    for text in ["01700000000.1", ".5", "5.", "1700000000..1", "1.2.3", "0x1", ""] {
        refused(&event(&[("a", "1"), ("b", "2")]).replace("1700000000.009", text));
    }
}

#[test]
fn an_event_that_cannot_be_read_says_where() {
    let good = event(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let third = sequence(2).to_string();
    for (event, said) in [
        (String::new(), "line 1 column 0"),
        ("null".to_owned(), "expected struct Event"),
        ("{}".to_owned(), "missing field `Records` at line 1 column 2"),
        (r#"{"Records":{}}"#.to_owned(), "expected a sequence"),
        (r#"{"Records":[7]}"#.to_owned(), "at line 1 column 13"),
        (good.replacen(r#","eventID""#, r#","eventId""#, 1), "missing field `eventID`"),
        (good.replace(r#""data":"Mw==","#, ""), "missing field `data`"),
        (good.replace(r#""data":"Mw==","#, r#""data":7,"#), "invalid type: integer `7`"),
        (good.replace(&format!("\"{third}\""), "\"12x\""), "`Records[2].kinesis.sequenceNumber` is `12x`"),
        (good.replace(&format!(":{third}"), ""), "`Records[2].eventID` is `shardId-000000000006`"),
        (good.replacen(r#""data":"Mw==","#, r#""data":"Mw==","data":"Mw==","#, 1), "duplicate field `data`"),
        (good.strip_suffix("]}").unwrap().to_owned(), "EOF"),
        (format!("{good}{{}}"), "trailing characters"),
        (good.replace("\"b\"", "\"\u{1}\""), "control character"),
    ] {
        let error = refused(&event);
        assert!(error.contains(said), "{event}: {error}");
    }
    let long = " ".repeat(limits::EVENT_BYTES + 1);
    assert!(read(long.as_bytes()).unwrap_err().to_string().contains("the limit is 16777216"));
}

#[test]
fn text_that_is_not_utf_8_is_an_error() {
    let mut bytes = event(&[("a", "1"), ("bbb", "2")]).into_bytes();
    let at = memchr::memmem::find(&bytes, b"bbb").unwrap();
    bytes[at] = 0xff;
    assert!(read(&bytes).unwrap_err().to_string().contains("invalid unicode"));
}

#[test]
fn deep_nesting_costs_no_stack() {
    let deep = format!(r#"{{"deep":{}{},"Records":[]}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(both(&deep), Ok(vec![]));
    refused(&format!(r#"{{"Records":{}"#, "[".repeat(1_000_000)));
}

#[test]
fn both_readers_agree_on_damaged_events() {
    let mut random = fastrand::Rng::with_seed(7);
    let good = event(&[("a", "1"), ("b/é", "22"), ("c", "333"), ("d", "4444")]);
    let alphabet: Vec<char> = "\"\\:,.{}[]019eE-=+/ a\u{1}é".chars().collect();
    let (mut fast, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut chars: Vec<char> = good.chars().collect();
        for _ in 0..random.usize(1..3) {
            let at = random.usize(..chars.len());
            match random.u8(..3) {
                0 => chars[at] = alphabet[random.usize(..alphabet.len())],
                1 => chars.insert(at, alphabet[random.usize(..alphabet.len())]),
                _ => drop(chars.remove(at)),
            }
        }
        let damaged: String = chars.into_iter().collect();
        fast += usize::from(fast_path::read(damaged.as_bytes()).is_some());
        refused += usize::from(both(&damaged).is_err());
    }
    assert!(fast > 500 && refused > 2_000, "{fast} were read fast, {refused} were refused");
}
