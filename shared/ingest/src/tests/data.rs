//! Packings of data.

use base64::Engine as _;

use super::*;
use crate::limits;

#[test]
fn the_same_messages_have_the_same_indices_however_they_are_packed() {
    let points = [point("a", 1), point("b", 2), point("a", 3)];
    let lines = points.join("\n");
    let expected = ["#0 a = 1", "#1 b = 2", "#2 a = 3"];
    assert_eq!(one(&lines), expected);
    assert_eq!(one(gzip(lines.as_bytes())), expected);
    assert_eq!(one(zstd(lines.as_bytes())), expected);
    let users: Vec<(&str, &[u8])> = points.iter().map(|point| ("k", point.as_bytes())).collect();
    assert_eq!(one(encode::aggregate(&users)), expected);
}

#[test]
fn members_and_frames_that_follow_each_other_are_one_text() {
    let (first, second) = (point("a", 1) + "\n", point("a", 2) + "\n");
    let expected = ["#0 a = 1", "#1 a = 2"];
    assert_eq!(one([gzip(first.as_bytes()), gzip(second.as_bytes())].concat()), expected);
    let skippable: &[u8] = &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [&zstd(first.as_bytes()), skippable, &zstd(second.as_bytes())].concat();
    assert_eq!(one(frames), expected);
}

#[test]
fn user_records_may_be_packed_themselves() {
    let two = [point("a", 1), point("a", 2)].join("\n");
    let packed = (gzip(two.as_bytes()), zstd(point("b", 3).as_bytes()));
    let plain = point("c", 4);
    let users: [(&str, &[u8]); 4] =
        [("x", &packed.0), ("y", &packed.1), ("x", b"{"), ("z", plain.as_bytes())];
    assert_eq!(
        one(encode::aggregate(&users)),
        ["#0 a = 1", "#1 a = 2", "#2 b = 3", "#3 malformed x1", "#4 c = 4"]
    );
}

#[test]
fn packing_has_one_level() {
    let once = gzip(point("a", 1).as_bytes());
    let aggregated = encode::aggregate(&[("k", &once)]);
    for twice in [gzip(&once), zstd(&once), gzip(&aggregated)] {
        let (outcome, detail) = refusal(&twice);
        assert_eq!(outcome, "#- undecodable x1");
        assert_eq!(detail, "data that are packed twice; one level is read");
    }
    assert_eq!(one(encode::aggregate(&[("k", &aggregated)])), ["#0 undecodable x1"]);
}

/// Made with Python's hashlib: two partition keys, a hash key, a tag, a field of a later version.
const AGGREGATED: &str = "84mawgoBYQoBYhIDMTIzGkAIARAAGjV7InRpbWVzdGFtcCI6NSwiZXF1aXBtZW50SWQiOiJlIiwidGFnIjoidCIsInZhbHVlIjoxfSIDCgFrGjkIABo1eyJ0aW1lc3RhbXAiOjUsImVxdWlwbWVudElkIjoiZSIsInRhZyI6InQiLCJ2YWx1ZSI6Mn06BWxhdGVy/Xd2AdmVllmeHq9lf5lLnQ==";

#[test]
fn an_aggregated_record_of_another_writer_is_read() {
    let record = base64::engine::general_purpose::STANDARD.decode(AGGREGATED).unwrap();
    assert_eq!(one(&record), ["#0 e = 1", "#1 e = 2"]);
    let message = &record[4..record.len() - 16];
    assert_eq!(crate::kpl::digest(message), record[record.len() - 16..]);
}

fn aggregated(message: &[u8]) -> Vec<u8> {
    [&crate::kpl::MAGIC, message, &crate::kpl::digest(message)].concat()
}

#[test]
fn a_broken_aggregated_record_is_refused_as_a_whole() {
    let record = b"\x1a\x05\x08\x00\x1a\x01x";
    for (message, said) in [
        (b"\x0a\x01k\x1a\x05\x08\x01\x1a\x01x".to_vec(), "names number 2 of 1 partition keys"),
        (record.to_vec(), "names number 1 of 0 partition keys"),
        (b"\x0a\x01k\x1a\x07\x08\x00\x10\x05\x1a\x01x".to_vec(), "names number 6 of 0 hash keys"),
        (b"\x0a\x01k\x1a\x03\x1a\x01x".to_vec(), "no key or no data"),
        (b"\x0a\x01k\x1a\x02\x08\x00".to_vec(), "no key or no data"),
        (b"\x0a\x01k\x1a\x7f\x08\x00".to_vec(), "broken at byte 7"),
        (b"\x0a\x01k\x1a\x05\x08\x00\x1a\x09x".to_vec(), "broken at byte 11"),
        (b"\x08\x01".to_vec(), "broken at byte"),
        (b"\x0b\x0c".to_vec(), "broken at byte 4"),
        (b"\x02\x00".to_vec(), "broken at byte 4"),
        ([&[0x0a][..], &[0xff; 10]].concat(), "broken at byte 4"),
        ([&[0x0a][..], &[0xff; 9], &[1]].concat(), "broken at byte 4"),
    ] {
        let (outcome, detail) = refusal(aggregated(&message));
        assert_eq!(outcome, "#- undecodable x1", "{message:?}");
        assert!(detail.contains(said), "{message:?}: {detail}");
    }
    assert!(refusal(&crate::kpl::MAGIC[..]).1.contains("no digest"));
    assert_eq!(refusal(aggregated(b"")).0, "#- malformed x1");
}

#[test]
fn tables_may_stand_behind_the_records() {
    let message = r#"{"timestamp":5,"equipmentId":"e","tag":"t","value":1}"#;
    let (length, user_length) = (b'5', b'9');
    assert_eq!((message.len(), message.len() + 4), (length.into(), user_length.into()));
    let user = [b"\x1a", &[user_length][..], b"\x08\x00\x1a", &[length], message.as_bytes()].concat();
    assert_eq!(one(aggregated(&[&user, &b"\x0a\x01k"[..]].concat())), ["#0 e = 1"]);
}

#[test]
fn damaged_data_are_refused_with_what_was_sent() {
    let text = [point("a", 1), point("a", 2)].join("\n");
    for packed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let cut = &packed[..packed.len() - 10];
        assert_eq!(refusal(cut).0, "#- undecodable x1");
        let trailing = [packed.as_slice(), b"trailing"].concat();
        assert_eq!(refusal(&trailing).0, "#- undecodable x1");
        assert_eq!(refusal(&packed[..4]).0, "#- undecodable x1");
        let event = event(&[cut]);
        let mut arena = Arena::new();
        let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
        decoded.records().next().unwrap().for_each(None, |outcome| {
            let ItemOutcome::Refused(refused) = outcome else { panic!("{outcome:?}") };
            assert_eq!((refused.bytes, refused.cut), (cut, false));
        });
    }
    let mut wrong = gzip(text.as_bytes());
    let checksum = wrong.len() - 6;
    wrong[checksum] ^= 1;
    assert_eq!(refusal(&wrong).0, "#- undecodable x1");
}

#[test]
fn data_that_are_not_base64_are_refused_with_that_text() {
    let good = point("a", 1);
    let encoded = base64::engine::general_purpose::STANDARD.encode("poison");
    let event = event(&[good.as_bytes(), b"poison", good.as_bytes()]).replace(&encoded, "cG9p*24=");
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let mut outcomes = Vec::new();
    for record in decoded.records() {
        record.for_each(None, |outcome| {
            outcomes.push(words(&outcome));
            if let ItemOutcome::Refused(refused) = outcome {
                assert_eq!(refused.bytes, b"cG9p*24=");
                assert!(refused.detail.contains("not base64"), "{}", refused.detail);
            }
        });
    }
    assert_eq!(outcomes, ["#0 a = 1", "#- undecodable x1", "#0 a = 1"]);
}

#[test]
fn a_bomb_is_stopped_and_leaves_what_is_beside_it() {
    let zeros = vec![b' '; limits::UNPACKED_BYTES + 1];
    for bomb in [gzip(&zeros), zstd(&zeros)] {
        assert!(bomb.len() < 20_000);
        let (outcome, detail) = refusal(&bomb);
        assert_eq!(outcome, "#- too_large x1");
        assert_eq!(detail, "the data of the record unpack to more than 10485760 bytes");
        let good = point("a", 1);
        let users: [(&str, &[u8]); 4] =
            [("k", good.as_bytes()), ("k", &bomb), ("k", good.as_bytes()), ("k", &bomb)];
        assert_eq!(
            one(encode::aggregate(&users)),
            ["#0 a = 1", "#1 too_large x1", "#2 a = 1", "#3 too_large x1"]
        );
    }
    let just = gzip(&zeros[1..]);
    assert_eq!(refusal(just), ("#- malformed x1".to_owned(), "the record holds no message".to_owned()));
}

#[test]
fn user_records_share_the_bound_of_their_record() {
    let half = gzip(&vec![b' '; limits::UNPACKED_BYTES / 2 + 1]);
    let good = gzip(point("a", 1).as_bytes());
    let users: [(&str, &[u8]); 3] = [("k", &half), ("k", &good), ("k", &half)];
    assert_eq!(one(encode::aggregate(&users)), ["#0 a = 1", "#1 too_large x1"]);
}

#[test]
fn a_zstd_frame_that_asks_for_much_memory_is_refused_before_it_gets_it() {
    // A header that declares a window of 64 MiB.
    let (outcome, detail) = refusal([0x28, 0xb5, 0x2f, 0xfd, 0x00, 16 << 3, 0x01, 0x00, 0x00]);
    assert_eq!(outcome, "#- too_large x1");
    assert!(detail.contains("window of 67108864 bytes"), "{detail}");
}

#[test]
fn an_event_of_bombs_is_taken_in_parts() {
    let bomb = gzip(&vec![b' '; limits::UNPACKED_BYTES + 1]);
    let good = point("a", 1);
    let data: Vec<&[u8]> = std::iter::repeat_n(bomb.as_slice(), 40).chain([good.as_bytes()]).collect();
    let event = event(&data);
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let read = decoded.records().len();
    assert_eq!(read, limits::UNPACKED_BYTES_PER_EVENT / limits::UNPACKED_BYTES + 1);
    assert_eq!(decoded.deferred().len(), 41 - read);
    let last_read = decoded.records().last().unwrap().stream().sequence;
    assert!(last_read < decoded.deferred()[0].sequence);
    // The next event finds the arena as new.
    let again = super::event(&[good.as_bytes()]);
    let decoded = Decoded::new(again.as_bytes(), &mut arena).unwrap();
    assert_eq!((decoded.records().len(), decoded.deferred().len()), (1, 0));
}

#[test]
fn an_arena_is_used_again_without_a_trace() {
    let mut arena = Arena::new();
    let long = gzip((point("a", 1) + "\n").repeat(50).as_bytes());
    let events = [event(&[&long, &long]), event(&[b"{"]), event(&[point("b", 2).as_bytes()])];
    let outcomes: Vec<usize> = events
        .iter()
        .map(|event| {
            let mut count = 0;
            let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
            decoded.records().for_each(|record| record.for_each(None, |_| count += 1));
            count
        })
        .collect();
    assert_eq!(outcomes, [100, 1, 1]);
}
