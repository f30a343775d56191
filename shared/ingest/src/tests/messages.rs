//! Messages in the data of a record.

use super::*;
use crate::{RefusalReason, limits};

#[test]
fn a_list_gives_an_item_for_each_equipment() {
    let list = format!("[{},{},{},{{}}]", point("b", 1), point("a", 2), point("b", 3));
    let lines = format!("{}\n{list}\n{}", point("c", 0), point("c", 4));
    assert_eq!(one(lines), ["#0 c = 0", "#1 b = 1,3", "#1 a = 2", "#1 malformed x1", "#2 c = 4"]);
}

#[test]
fn blank_lines_do_not_count_and_line_ends_may_have_a_return() {
    let lines = format!("\r\n  \n{}\r\n\t\r\n{}\n\n", point("a", 1), point("a", 2));
    assert_eq!(one(lines), ["#0 a = 1", "#1 a = 2"]);
    assert_eq!(one(point("a", 1) + " \r\n"), ["#0 a = 1"]);
}

#[test]
fn a_bad_line_leaves_the_others() {
    for bad in ["{", "7", "\"", "}{", "{\"a\":", "nonsense", "\u{fffd}", "[]", "{}"] {
        let good = [point("a", 1), point("a", 2)];
        for (at, expected) in [
            (0, ["#0 malformed x1", "#1 a = 1", "#2 a = 2"]),
            (1, ["#0 a = 1", "#1 malformed x1", "#2 a = 2"]),
            (2, ["#0 a = 1", "#1 a = 2", "#2 malformed x1"]),
        ] {
            let mut lines = good.to_vec();
            lines.insert(at, bad.to_owned());
            assert_eq!(one(lines.join("\n")), expected, "{lines:?}");
        }
    }
}

#[test]
fn a_line_that_is_not_utf_8_leaves_the_others() {
    let lines = [point("a", 1).as_bytes(), b"\n\xff\xfe\n", point("a", 2).as_bytes()].concat();
    assert_eq!(one(lines), ["#0 a = 1", "#1 malformed x1", "#2 a = 2"]);
}

#[test]
fn a_document_over_several_lines_is_one_message() {
    let object = point("a", 1).replace(',', ",\r\n  ");
    assert_eq!(one(&object), ["#0 a = 1"]);
    assert_eq!(one(object.replacen('{', "\n{\n", 1)), ["#0 a = 1"]);
    let list = format!("[\n  {},\n\n  {}\n]\n", point("a", 1), point("b", 2));
    assert_eq!(one(list), ["#0 a = 1", "#0 b = 2"]);
}

#[test]
fn points_of_any_form_are_read() {
    let odd = r#" { "value" : 7, "tag":"t", "timestamp": 5, "equipmentId":"e\u0031" } "#;
    assert_eq!(one(odd), ["#0 e1 = 7"]);
    assert_eq!(one([odd, odd].join("\n")), ["#0 e1 = 7", "#1 e1 = 7"]);
}

#[test]
fn a_record_without_a_message_is_refused() {
    for data in ["", " ", "\n\r\n"] {
        assert_eq!(refusal(data), ("#- malformed x1".to_owned(), "the record holds no message".to_owned()));
    }
    assert_eq!(refusal(gzip(b"")).0, "#- malformed x1");
}

#[test]
fn envelopes_and_rules_do_not_come_by_the_stream() {
    let inner = point("a", 1);
    for (message, said) in [
        (format!(r#"{{"arrival":5,"data":{inner}}}"#), "Kinesis says when"),
        (format!(r#"{{"data":{inner}, "arrival":5}}"#), "Kinesis says when"),
        (r#"{"arrival":5,"data":{"equipmentId":"e","tick":true}}"#.to_owned(), "Kinesis says when"),
        (r#"{"arrival":5,"rules":{"rules":[]}}"#.to_owned(), "andon rules put"),
    ] {
        let (outcome, detail) = refusal(&message);
        assert_eq!(outcome, "#0 malformed x1", "{message}");
        assert!(detail.contains(said), "{message}: {detail}");
    }
}

#[test]
fn an_item_carries_its_message_and_a_refusal_its_bytes() {
    let (good, bad) = (point("a", 1), "{\"tag\":1}");
    let list = format!("[{good},{good},{bad}]");
    let event = event(&[[good.as_str(), bad, &list].join("\n").as_bytes()]);
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let mut bytes = Vec::new();
    decoded.records().next().unwrap().for_each(None, |outcome| match outcome {
        ItemOutcome::Item(item) => bytes.push(item.message),
        ItemOutcome::Refused(refused) => {
            assert!(!refused.cut);
            bytes.push(refused.bytes);
        }
    });
    assert_eq!(bytes, [good.as_bytes(), bad.as_bytes(), list.as_bytes(), list.as_bytes()]);
}

#[test]
fn bad_items_of_a_list_are_refused_together() {
    let list = format!("[{}{}]", "{},".repeat(250), point("a", 1));
    let (outcomes, details) = read(&[list.as_bytes()], None);
    assert_eq!(outcomes[0], ["#0 a = 1", "#0 malformed x250"]);
    assert!(details[0].starts_with("item 1: the point has no `equipmentId`; item 2: "), "{}", details[0]);
    assert!(details[0].ends_with("; and 240 more"), "{}", details[0]);
}

#[test]
fn of_many_refusals_the_first_are_listed_and_all_are_counted() {
    let tick = r#"{"equipmentId":"e","tick":true}"#;
    let lines =
        format!("{}{}{}\n{}", "{}\n".repeat(150), format!("{tick}\n").repeat(30), point("a", 1), "{}");
    let event = event(&[lines.as_bytes()]);
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let (mut items, mut refusals) = (Vec::new(), Vec::new());
    decoded.records().next().unwrap().for_each(None, |outcome| match outcome {
        ItemOutcome::Item(item) => items.push(item),
        ItemOutcome::Refused(refused) => refusals.push(refused),
    });
    assert_eq!((items.len(), items[0].index), (1, 180));
    assert_eq!(refusals.len(), limits::LISTED_REFUSALS + 2);
    let count = |reason| refusals.iter().filter(|r| r.reason == reason).map(|r| r.count).sum::<u64>();
    assert_eq!((count(RefusalReason::Malformed), count(RefusalReason::Forged)), (151, 30));
    let last = refusals.last().unwrap();
    assert_eq!((last.index, last.count, last.bytes), (None, 30, lines.as_bytes()));
}

#[test]
fn messages_beyond_the_bound_are_refused_at_once() {
    let most = limits::MESSAGES_PER_RECORD as usize;
    let unlisted = most - limits::LISTED_REFUSALS;
    let outcomes = one(gzip("{}\n".repeat(most).as_bytes()));
    assert_eq!(outcomes[limits::LISTED_REFUSALS..], [format!("#- malformed x{unlisted}")]);
    let outcomes = one(gzip("{}\n".repeat(most + 5).as_bytes()));
    let expected = [format!("#- malformed x{unlisted}"), "#- too_large x1".to_owned()];
    assert_eq!(outcomes[limits::LISTED_REFUSALS..], expected);
    // Good points that come after too many bad messages are among what is refused.
    let late = format!("{}{}", "{}\n".repeat(most), point("a", 1));
    assert_eq!(one(gzip(late.as_bytes()))[limits::LISTED_REFUSALS..], expected);
}

#[test]
fn good_points_alone_never_reach_the_bound_of_messages() {
    let shortest = r#"{"timestamp":5,"equipmentId":"e","tag":"t"}"#;
    assert_eq!(one(shortest), ["#0 e = None"]);
    assert!(limits::UNPACKED_BYTES / (shortest.len() + 1) < limits::MESSAGES_PER_RECORD as usize);
}

#[test]
fn the_same_bytes_give_the_same_outcomes() {
    let list = format!("[{},{{}},{}]", point("z", 1), point("a", 2));
    let text =
        [point("a", 1), "{".to_owned(), list, r#"{"equipmentId":"e","tick":true}"#.to_owned()].join("\n");
    let users: [(&str, &[u8]); 2] = [("k", text.as_bytes()), ("j", text.as_bytes())];
    let record = encode::aggregate(&users);
    let first = read(&[&record], None);
    assert_eq!(first, read(&[&record], None));
    assert_eq!(first.0[0].last().unwrap(), "#7 forged x1");
}

#[test]
fn a_message_that_was_kept_is_read_again_with_the_same_outcome() {
    let trust = Authenticator::new(&[1; 32]).unwrap();
    let list = format!("[{},{{}},{}]", point("b", 1), point("a", 2));
    let tick = r#"{"equipmentId":"e","tick":true}"#;
    let messages = [point("a", 1), list, trust.seal(tick), tick.to_owned(), "{".to_owned()];
    let (outcomes, _) = read(&[messages.join("\r\n").as_bytes()], Some(&trust));
    let mut again = Vec::new();
    for (index, message) in (0..).zip(&messages) {
        crate::read_message(message.as_bytes(), index, Some(&trust), |outcome| again.push(words(&outcome)));
    }
    assert_eq!(outcomes[0], again);
    assert_eq!(again.len(), 7);
}
