//! Whatever is sent: no panic, and nothing without an outcome.

use super::*;
use crate::limits;

/// All ways of packing a few messages.
fn seeds() -> Vec<Vec<u8>> {
    let trust = Authenticator::new(&[1; 32]).unwrap();
    let tick = trust.seal(r#"{"equipmentId":"e","tick":true}"#);
    let text = [point("a", 1), format!("[{},{}]", point("b", 2), point("c", 3)), tick].join("\n");
    let packed = (gzip(text.as_bytes()), zstd(text.as_bytes()));
    let users: [(&str, &[u8]); 4] = [("a", text.as_bytes()), ("b", &packed.0), ("a", &packed.1), ("c", b"")];
    let aggregated = encode::aggregate(&users);
    vec![text.into_bytes(), packed.0, packed.1, aggregated]
}

#[test]
fn damaged_data_never_panic_and_never_spoil_their_neighbours() {
    let trust = Authenticator::new(&[1; 32]).unwrap();
    let seeds = seeds();
    let good = point("good", 1);
    let mut random = fastrand::Rng::with_seed(42);
    let mut arena = Arena::new();
    for _ in 0..3_000 {
        let damaged: Vec<Vec<u8>> = (0..3)
            .map(|_| {
                let mut data = seeds[random.usize(..seeds.len())].clone();
                for _ in 0..random.usize(1..6) {
                    let at = random.usize(..data.len());
                    match random.u8(..5) {
                        0 => data[at] = random.u8(..),
                        1 => data[at] ^= 1 << random.u8(..8),
                        2 => data.insert(at, random.u8(..)),
                        3 => data.truncate(at.max(1)),
                        _ => {
                            let other = &seeds[random.usize(..seeds.len())];
                            data.extend_from_slice(&other[random.usize(..other.len())..]);
                        }
                    }
                }
                data
            })
            .collect();
        let mut data: Vec<&[u8]> = Vec::new();
        for damaged in &damaged {
            data.extend([good.as_bytes(), damaged]);
        }
        data.push(good.as_bytes());
        let event = event(&data);
        let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
        for (place, record) in decoded.records().enumerate() {
            let mut outcomes = Vec::new();
            let mut last = 0;
            record.for_each(Some(&trust), |outcome| {
                if let ItemOutcome::Item(item) = &outcome {
                    assert!(item.index >= last, "indices go up");
                    last = item.index;
                }
                outcomes.push(words(&outcome));
            });
            assert!(!outcomes.is_empty(), "nothing was said of {:?}", record.sent());
            if place % 2 == 0 {
                assert_eq!(outcomes, ["#0 good = 1"]);
            }
        }
    }
}

#[test]
fn random_bytes_behind_each_magic_never_panic() {
    let mut random = fastrand::Rng::with_seed(43);
    let magics: [&[u8]; 4] = [b"", &[0x1f, 0x8b, 8, 0], &[0x28, 0xb5, 0x2f, 0xfd], &crate::kpl::MAGIC];
    for round in 0..8_000 {
        let mut data = magics[round % magics.len()].to_vec();
        let length = random.usize(..60);
        data.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
        assert!(!one(&data).is_empty());
    }
}

#[test]
fn deep_json_is_refused_without_a_deep_stack() {
    for data in [
        "[".repeat(1_000_000),
        format!("{}\n{}", "[".repeat(500_000), "[".repeat(500_000)),
        "[\n".repeat(100_000),
        format!(r#"{{"auth":"{}","data":{}"#, "A".repeat(43), "[".repeat(1_000_000)),
    ] {
        let outcomes = one(gzip(data.as_bytes()));
        assert!(outcomes.iter().all(|outcome| !outcome.contains('=')), "{outcomes:?}");
    }
    let nested = format!("{}{}", "[\n".repeat(500_000), "]\n".repeat(500_000));
    assert_eq!(one(gzip(nested.as_bytes())), ["#0 malformed x1"]);
}

#[test]
fn many_empty_members_frames_and_user_records_cost_no_more_than_their_bytes() {
    let member = gzip(b"");
    assert_eq!(one(member.repeat(20_000)), ["#- malformed x1"]);
    assert_eq!(one(zstd(b"").repeat(20_000)), ["#- malformed x1"]);
    let users: Vec<(&str, &[u8])> = vec![("k", &member); 20_000];
    assert_eq!(one(encode::aggregate(&users)), ["#- malformed x1"]);
    let users: Vec<(&str, &[u8])> = vec![("k", b""); limits::USER_RECORDS + 1];
    assert_eq!(one(encode::aggregate(&users)), ["#- too_large x1"]);
}

#[test]
fn an_event_of_six_megabytes_is_read_whole() {
    let good = point("a", 1);
    let data: Vec<&[u8]> = vec![good.as_bytes(); 9_500];
    let event = event(&data);
    assert!(event.len() > 5_500_000, "{}", event.len());
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let mut items = 0;
    decoded.records().for_each(|record| {
        record.for_each(None, |outcome| {
            assert!(matches!(outcome, ItemOutcome::Item(_)));
            items += 1;
        });
    });
    assert_eq!(items, 9_500);
}

#[test]
fn one_record_may_fill_the_event() {
    let lines = (point("a", 1) + "\n").repeat(30_000);
    let event = event(&[lines.as_bytes()]);
    let mut arena = Arena::new();
    let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
    let mut items = 0;
    decoded.records().next().unwrap().for_each(None, |_| items += 1);
    assert_eq!(items, 30_000);
}
