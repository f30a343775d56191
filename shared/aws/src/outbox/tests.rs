use super::event::deliveries;
use super::*;

fn decided(payload: Payload) -> OutboxItem {
    OutboxItem {
        equipment: "filler 1".to_owned(),
        version: 3,
        clock_ms: 1_700_000_000_123,
        expires_s: 1_700_691_200,
        payload,
    }
}

fn long_list() -> String {
    format!("[{{\"a\":1}}{}]", ",{\"a\":1}".repeat(40))
}

#[test]
fn a_decision_is_read_as_it_was_written() {
    for payload in [
        Payload::Inline("[]".to_owned()),
        Payload::Inline("[\"\u{fc} \\u0000\"]".to_owned()),
        Payload::Inline(long_list()),
        Payload::Object("decided/filler%201/3".to_owned()),
    ] {
        let item = encode(&decided(payload.clone())).unwrap();
        assert_eq!(decode(item), Ok(decided(payload)));
    }
}

#[test]
fn a_long_list_is_stored_compressed_and_a_short_one_as_it_is() {
    let long = encode(&decided(Payload::Inline(long_list()))).unwrap();
    assert!(long.contains_key("z") && crate::item::size(&long) < 100, "{long:?}");
    let short = encode(&decided(Payload::Inline("[]".to_owned()))).unwrap();
    assert_eq!(short.get("t"), Some(&text("[]")));
}

/// A record of the table's stream, as Lambda delivers it.
fn record(name: &str, number: &str, payload: &str) -> String {
    format!(
        r#"{{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"{name}","eventVersion":"1.1","eventSource":"aws:dynamodb",
        "awsRegion":"eu-central-1","dynamodb":{{"ApproximateCreationDateTime":1700000000,"Keys":{{"id":{{"S":"filler 1"}},"v":{{"N":"3"}}}},
        "NewImage":{{"id":{{"S":"filler 1"}},"v":{{"N":"3"}},"c":{{"N":"1700000000123"}},"x":{{"N":"1700691200"}},{payload}}},
        "SequenceNumber":"{number}","SizeBytes":26,"StreamViewType":"NEW_IMAGE"}},
        "eventSourceARN":"arn:aws:dynamodb:eu-central-1:1:table/andon-outbox/stream/2015-06-27T00:48:05.899"}}"#
    )
}

fn event(records: &[String]) -> String {
    format!("{{\"Records\":[{}]}}", records.join(","))
}

/// [`long_list`], compressed by another program than ours.
const PACKED: &str = "H4sIAAAAAAACA4uuVkpUsjKs1RmlKaJjAf7Gu6NJAQAA";

#[test]
fn what_the_stream_delivers_is_read_in_its_order() {
    let removed = r#"{"eventName":"REMOVE","dynamodb":{"Keys":{},"SequenceNumber":"4"}}"#.to_owned();
    let event = event(&[
        record("INSERT", "111", r#""t":{"S":"[]"}"#),
        record("INSERT", "222", &format!(r#""z":{{"B":"{PACKED}"}}"#)),
        removed,
        record("MODIFY", "333", r#""o":{"S":"decided/1"}"#),
    ]);
    let found = deliveries(event.as_bytes()).unwrap();
    let numbers: Vec<&str> = found.iter().map(|delivery| delivery.sequence_number.as_str()).collect();
    assert_eq!(numbers, ["111", "222", "333"]);
    let items: Vec<OutboxItem> = found.into_iter().map(|delivery| delivery.item.unwrap()).collect();
    let expected = [
        Payload::Inline("[]".to_owned()),
        Payload::Inline(long_list()),
        Payload::Object("decided/1".to_owned()),
    ];
    assert_eq!(items, expected.map(decided));
}

#[test]
fn what_is_written_is_what_the_stream_delivers() {
    let item = encode(&decided(Payload::Inline(long_list()))).unwrap();
    let packed = item.get("z").and_then(|value| value.as_b().ok()).unwrap();
    let image = format!(r#""z":{{"B":"{}"}}"#, andon_workflows::base64::encode(packed.as_ref()));
    let found = deliveries(event(&[record("INSERT", "1", &image)]).as_bytes()).unwrap();
    assert_eq!(found[0].item, Ok(decided(Payload::Inline(long_list()))));
}

#[test]
fn a_record_that_cannot_be_read_does_not_spoil_the_others() {
    let good = record("INSERT", "9", r#""t":{"S":"[]"}"#);
    let bomb = andon_workflows::base64::encode(&gzip(&vec![b' '; 17 << 20], Spare::Bytes));
    let with = |payload: &str| record("INSERT", "8", payload);
    let bad = [
        (with(r#""t":{"N":"1"}"#), "8"),
        (with(r#""t":{"S":"[]"},"o":{"S":"x"}"#), "8"),
        (with(r#""z":{"B":"no base64"}"#), "8"),
        (with(r#""z":{"B":"AAAA"}"#), "8"),
        (with(&format!(r#""z":{{"B":"{bomb}"}}"#)), "8"),
        (with(r#""t":{"S":[]}"#), "8"),
        (with(r#""t":{"S":"[]"}"#).replace(r#""NewImage""#, r#""OldImage""#), "8"),
        (with(r#""t":{"S":"[]"}"#).replace(r#"{"N":"1700691200"}"#, r#"{"S":"soon"}"#), "8"),
        (r#"{"eventName":"INSERT","dynamodb":{"SequenceNumber":"8"}}"#.to_owned(), "8"),
        (r#"{"eventName":7,"dynamodb":{"SequenceNumber":"8"}}"#.to_owned(), "8"),
        (r#"{"eventName":"INSERT","dynamodb":{"SequenceNumber":8}}"#.to_owned(), ""),
        (r#"{"eventName":"INSERT"}"#.to_owned(), ""),
        ("[]".to_owned(), ""),
        ("null".to_owned(), ""),
        ("7".to_owned(), ""),
    ];
    for (bad, number) in bad {
        let found = deliveries(event(&[bad.clone(), good.clone()]).as_bytes()).unwrap();
        let shown: String = bad.chars().take(200).collect();
        assert_eq!(found[0].sequence_number, number, "{shown}");
        let reason = found[0].item.clone().unwrap_err();
        assert!(reason.len() < 6000 && reason.contains("; in "), "{reason}");
        assert_eq!(found[1].item, Ok(decided(Payload::Inline("[]".to_owned()))), "{shown}");
    }
}

#[test]
fn what_is_no_event_is_refused_as_a_whole() {
    let whole = event(&[record("INSERT", "1", r#""t":{"S":"[]"}"#)]);
    for cut in [0, 1, 12, whole.len() / 2, whole.len() - 1] {
        assert!(deliveries(&whole.as_bytes()[..cut]).is_err(), "{cut}");
    }
    for text in ["null", "[]", "{}", r#"{"Records":{}}"#, r#"{"Records":7}"#] {
        let error = deliveries(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("not an event of a DynamoDB stream"), "{error}");
    }
    assert!(deliveries(b"{\"Records\":[\xff]}").is_err());
    assert!(deliveries(&[b'['; 1 << 20]).is_err());
    assert!(deliveries(format!("{{\"Records\":[{}", "[".repeat(1 << 20)).as_bytes()).is_err());
    assert!(deliveries(br#"{"Records":[]}"#).unwrap().is_empty());
}

#[test]
fn an_event_of_megabytes_is_read() {
    let list = format!("[\"{}\"]", "x".repeat(300_000));
    let records: Vec<String> = (0..20)
        .map(|number| {
            record("INSERT", &number.to_string(), &format!(r#""t":{{"S":{}}}"#, serde_json::json!(list)))
        })
        .collect();
    let found = deliveries(event(&records).as_bytes()).unwrap();
    assert!(
        found.len() == 20
            && found.iter().all(|delivery| delivery.item == Ok(decided(Payload::Inline(list.clone()))))
    );
}

#[test]
fn places_in_lists_are_read_as_they_were_written() {
    assert_eq!(start("7 a b"), Ok(item([("id", text("a b")), ("v", number(7))])));
    assert!(start("x").is_err() && start("-1 e").is_err());
}
