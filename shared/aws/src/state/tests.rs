use andon_workflows::ports::{Due, Parked};
use aws_sdk_dynamodb::types::CancellationReason;

use super::commit::refused;
use super::*;
use crate::item::{item, size};
use crate::table::StoredItem;

fn full() -> Head {
    Head {
        version: 12,
        body: vec![1, 0, 255],
        due: Some(Due { bucket: 15, at_ms: 1_700_000_000_123 }),
        expires_s: Some(1_702_592_000),
        failures: 2,
        parked: Some(Parked {
            since_ms: 5,
            reason: "why \u{fc}".to_owned(),
            objects: 3,
            ..Parked::default()
        }),
    }
}

/// The first form of a head. It stays readable.
fn stored() -> Item {
    item([
        ("id", text("filler 1")),
        ("part", text("head")),
        ("v", number(12)),
        ("b", binary(vec![1, 0, 255])),
        ("x", number(1_702_592_000)),
        ("db", number(15)),
        ("da", number(1_700_000_000_123_i64)),
        ("f", number(2)),
        ("p", text("{\"sinceMs\":5,\"reason\":\"why \u{fc}\",\"objects\":3}")),
    ])
}

#[test]
fn a_head_is_stored_in_this_form() {
    assert_eq!(head::encode("filler 1", &full()), Ok(stored()));
    assert_eq!(head::decode(stored()), Ok(("filler 1".to_owned(), full())));
}

#[test]
fn a_head_says_only_what_differs_from_nothing() {
    let plain = Head { version: 1, ..Head::default() };
    let expected = item([("id", text("e")), ("part", text("head")), ("v", number(1))]);
    assert_eq!(head::encode("e", &plain), Ok(expected.clone()));
    assert_eq!(head::decode(expected), Ok(("e".to_owned(), plain)));
}

#[test]
fn a_head_that_is_never_due_is_not_in_the_index() {
    let item = head::encode("e", &Head { due: None, ..full() }).unwrap();
    assert!(!item.contains_key("db") && !item.contains_key("da"));
}

#[test]
fn all_but_its_body_takes_a_head_less_than_a_hundred_bytes() {
    let head = Head { parked: None, failures: 0, body: Vec::new(), ..full() };
    let bytes = size(&head::encode("0b8a2b1c-30d6-4c5e-8f7a-5d1f9c1e2a3b", &head).unwrap());
    assert!(bytes < 100, "{bytes} bytes");
}

#[test]
fn what_is_no_head_is_an_error_for_good() {
    for (name, value) in [("v", text("12")), ("b", text("x")), ("p", text("{}")), ("da", number("1.5"))] {
        let mut damaged = stored();
        damaged.insert(name.to_owned(), value);
        let error = head::decode(damaged).unwrap_err();
        assert!(!error.is_transient() && error.message.contains("the head of `filler 1`"), "{error}");
    }
    let mut nameless = stored();
    nameless.remove("id");
    assert!(head::decode(nameless).is_err());
}

#[test]
fn segments_and_views_are_stored_in_these_forms() {
    let segment = StoredSegment { name: "0000000001-0badcafe".to_owned(), bytes: vec![7], expires_s: 9 };
    let stored = item([
        ("id", text("e")),
        ("part", text("seg#0000000001-0badcafe")),
        ("b", binary(vec![7])),
        ("x", number(9)),
    ]);
    assert_eq!(encode_segment("e", &segment), stored);
    assert_eq!(decode_segment("e", stored), Ok(segment));
    let view =
        View { equipment: "e".to_owned(), rule: "r#1".to_owned(), sequence: 7, transition: "{}".to_owned() };
    let stored = item([("id", text("e")), ("part", text("rule#r#1")), ("q", number(7)), ("t", text("{}"))]);
    assert_eq!(encode_view(&view), stored);
    assert_eq!(decode_view("e", stored), Ok(view));
}

#[test]
fn places_in_lists_are_read_as_they_were_written() {
    for (equipment, part) in [("e", "head"), ("a b\n\"\u{fc}", "rule#x\ny"), ("", "head")] {
        assert_eq!(scan_start(&scan_cursor(equipment, part)), Ok(head::key(equipment, part)));
    }
    let mut start = head::key("a b", "head");
    start.insert("db".to_owned(), number(3));
    start.insert("da".to_owned(), number(-7));
    assert_eq!(due_start(3, "-7 a b"), Ok(start));
    assert!(due_start(3, "x").is_err() && due_start(3, "x e").is_err() && scan_start("x").is_err());
}

#[test]
fn a_cancelled_transaction_is_read_by_its_reasons() {
    let reason = |code: &str| CancellationReason::builder().code(code).message("said").build();
    let none = || CancellationReason::builder().code("None").build();
    let found = item([("v", number(3))]);
    let failed =
        CancellationReason::builder().code("ConditionalCheckFailed").set_item(Some(found.clone())).build();
    assert_eq!(refused("x", &[failed, none()]), Ok(Some(StoredItem(Some(found)))));
    for (code, transient) in [
        ("TransactionConflict", true),
        ("ThrottlingError", true),
        ("ProvisionedThroughputExceeded", true),
        ("ItemCollectionSizeLimitExceeded", false),
        ("ValidationError", false),
        ("NobodyKnows", true),
    ] {
        for reasons in
            [[reason(code), none()], [none(), reason(code)], [reason("TransactionConflict"), reason(code)]]
        {
            let error = refused("cannot write", &reasons).unwrap_err();
            assert_eq!(error.is_transient(), transient, "{error}");
        }
    }
    assert!(refused("x", &[]).unwrap_err().is_transient());
}
