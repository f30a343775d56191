use andon_domain::RuleDocument;

use super::*;
use crate::replay::{Replay, Sink};
use crate::{CompiledRules, RuleSet};

struct Quiet;
impl Sink for Quiet {
    fn transition(&mut self, _: andon_domain::Transition) {}
}

fn rules(json: &str) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(RuleDocument::from_json(json).unwrap()).unwrap())
}

fn point(at_ms: i64, tag: &str, value: &str) -> String {
    format!(r#"{{"timestamp":{at_ms},"equipmentId":"e","tag":"{tag}","value":{value}}}"#)
}

const ONE_RULE: &str = r#"{"rules":[{"id":"r","groups":[{"id":"g","states":[{"state":"A","when":"avg(t,'1m') > 4 || s == 'x'","for":"5s"}]}]}]}"#;

fn folded(rules: &CompiledRules, lines: &[String]) -> KeyState {
    let mut replay = Replay::new(rules.clone());
    for line in lines {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
    }
    replay.keys()[0].clone()
}

fn seconds(count: i64) -> Vec<String> {
    (0..count)
        .map(|second| {
            point(
                1_700_000_000_000 + second * 1000,
                "t",
                &format!("{}", f64::from(u16::try_from(second).unwrap()).sin() * 50.0),
            )
        })
        .collect()
}

#[test]
fn a_state_with_old_panes_is_read_back_from_head_and_segments() {
    let rules = rules(ONE_RULE);
    let mut replay = Replay::new(rules.clone());
    let mut segments: std::collections::BTreeMap<SegmentId, Vec<u8>> = std::collections::BTreeMap::new();
    let mut sealed = 0;
    for line in seconds(900) {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
        replay
            .replace_keys(|rules, key| {
                let packed = key.clone().pack();
                sealed += packed.new_segments.len();
                for segment in packed.new_segments {
                    segments.insert(segment.id, segment.bytes);
                }
                assert_eq!(segments_of(&packed.head)?, packed.live_segments);
                segments.retain(|id, _| packed.live_segments.contains(id));
                KeyState::unpack("e", rules, &packed.head, |id| segments.get(&id).map(Vec::as_slice))
            })
            .unwrap();
    }
    let whole = folded(&rules, &seconds(900));
    let key = &replay.keys()[0];
    assert_eq!((&key.entries, &key.sources), (&whole.entries, &whole.sources));
    assert_eq!(key.tags[0].newest, whole.tags[0].newest);
    let covered = |key: &KeyState| -> Vec<_> {
        key.windows[0].covered(key.rules.plan.windows[0], key.watermark_ms).cloned().collect()
    };
    assert_eq!(covered(key), covered(&whole));
    assert_eq!(covered(key).len(), 60);
    assert!(sealed > 0 && segments.len() < 8, "sealed {sealed} times, {} live", segments.len());
}

#[test]
fn a_state_is_refused_by_rules_that_mean_something_else() {
    let here = rules(ONE_RULE);
    let head = folded(&here, &seconds(3)).pack().head;
    let none = |_: SegmentId| -> Option<&'static [u8]> { None };
    assert!(KeyState::unpack("e", &here, &head, none).is_ok());
    let others = rules(&ONE_RULE.replace("'1m'", "'2m'"));
    assert_eq!(KeyState::unpack("e", &others, &head, none).unwrap_err(), UnpackError::OtherRules);
    let mut newer = head.clone();
    newer[0] = 9;
    assert_eq!(KeyState::unpack("e", &here, &newer, none).unwrap_err(), UnpackError::Version(9));
    for length in 0..head.len() {
        assert!(KeyState::unpack("e", &here, &head[..length], none).is_err(), "{length} bytes");
    }
}

#[test]
fn a_missing_or_changed_segment_is_noticed() {
    let rules = rules(ONE_RULE);
    let mut state = folded(&rules, &seconds(300));
    let packed = state.pack();
    let [segment] = packed.new_segments.as_slice() else { panic!("{} segments", packed.new_segments.len()) };
    let missing = KeyState::unpack("e", &rules, &packed.head, |_| None).unwrap_err();
    assert_eq!(missing, UnpackError::Segment(segment.id));
    let mut changed = segment.bytes.clone();
    changed[3] ^= 1;
    assert!(KeyState::unpack("e", &rules, &packed.head, |_| Some(changed.as_slice())).is_err());
    assert!(KeyState::unpack("e", &rules, &packed.head, |_| Some(segment.bytes.as_slice())).is_ok());
}

#[test]
fn values_of_every_kind_come_back_bit_for_bit() {
    let rules = rules(ONE_RULE);
    for value in [
        "0",
        "-0.0",
        "80.1",
        "-12345.678901",
        "1e300",
        "0.1",
        "4503599627370497",
        "1.7976931348623157e308",
        "true",
        "false",
        "\"x\"",
        "\"\"",
        "\"längerer Text mit Umlauten und mehr\"",
    ] {
        let mut state =
            folded(&rules, &[point(1_700_000_000_000, "t", value), point(1_700_000_000_000, "s", value)]);
        let head = state.pack().head;
        let back = KeyState::unpack("e", &rules, &head, |_| None).unwrap();
        let bits = |key: &KeyState| match &key.tags[0].newest.as_ref().unwrap().value {
            andon_domain::Value::Number(number) => format!("{:x}", number.to_bits()),
            other => format!("{other:?}"),
        };
        assert_eq!(bits(&back), bits(&state), "{value}");
        assert_eq!(back.windows, state.windows, "{value}");
    }
}

#[test]
fn a_time_before_all_times_is_corrupt() {
    // A damaged head may lack the watermark from which the times of pending points are counted.
    assert_eq!(Reader(&[0]).time(i64::MIN), Err(UnpackError::Corrupt("a time is out of range")));
    assert_eq!(Reader(&[0]).time(i64::MAX), Err(UnpackError::Corrupt("a time is out of range")));
}

#[test]
fn a_segment_after_the_greatest_number_can_be_made() {
    let rules = rules(ONE_RULE);
    let mut replay = Replay::new(rules.clone());
    for line in seconds(300) {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
    }
    let packed = replay.keys()[0].clone().pack();
    let segment = packed.new_segments[0].bytes.clone();
    // The number of the last segment follows the version and the flags.
    assert_eq!(packed.head[2], 1);
    let greatest = [&[0xff; 9][..], &[0x01]].concat();
    let head = [&packed.head[..2], &greatest, &packed.head[3..]].concat();
    replay
        .replace_keys(|rules, _| KeyState::unpack("e", rules, &head, |_| Some(segment.as_slice())))
        .unwrap();
    for line in seconds(600) {
        replay.line(line.as_bytes(), &mut Quiet).unwrap();
    }
    let mut key = replay.keys()[0].clone();
    let packed = key.pack();
    assert_eq!(packed.new_segments.len(), 1);
    assert_eq!(segments_of(&packed.head).unwrap(), packed.live_segments);
}

const ONE_MODEL: &str = r#"{"models":[{"id":"m","inputs":[{"name":"t","value":"t"}],"at_most_every":"10s","endpoint":{"name":"e"}},
    {"id":"n","inputs":[{"name":"u","value":"u"}],"every":"1m","endpoint":{"name":"e"}}]}"#;

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const WAITS: &str = r#"{"settings":{"max_out_of_orderness":"5s"},"rules":[{"id":"r","groups":[{"id":"g","states":[{"state":"A","when":"t > 4 || s == 'x'"}]}]}]}"#;

/// Returns points of two tags that rules name and of one that no rule names. One in seven is late, and comes twice.
fn waiting() -> Vec<String> {
    let mut number = 0;
    let mut lines = Vec::new();
    for second in 0..9 {
        for (tag, value) in [
            ("t", format!("{}", 20.0 + f64::from(second) / 4.0)),
            ("s", "\"on\"".to_owned()),
            ("u", (second % 4 == 0).to_string()),
        ] {
            number += 1;
            let at_ms = 1_700_000_000_000 + i64::from(second) * 1000 - if number % 7 == 0 { 1500 } else { 0 };
            lines.push(format!(
                r#"{{"timestamp":{at_ms},"equipmentId":"e","tag":"{tag}","value":{value},"meta":{{"sequenceNumber":{number}}}}}"#
            ));
        }
    }
    lines
}

/// Heads of all versions of this program: a key without pending points, one with model bindings, of which one has a
/// request and a timer, and one with pending points. This version writes the last head of each.
const WRITTEN: [(&str, &[&str]); 3] = [
    (
        ONE_RULE,
        &[
            "01070000895500e9152e9ac6a0bfabfef96200a01f0001000000380000d7d473e780bb46408000000002d00f0000010003000103000038021a12bf0f6a094540d7d473e780bb4640",
            "03070000895500e9152e9ac6a0bfabfef96200a01f0001000000380000d7d473e780bb46408000000002d00f0000010003000103000038021a12bf0f6a094540d7d473e780bb4640",
        ],
    ),
    (
        ONE_MODEL,
        &[
            "0207000033ea7737a9ada585a0bfabfef96200a01f0001000000380000d7d473e780bb46408000000007a01f55bc4781eb309fbd00c103a82d410cd7ff7c04dfd10400",
            "030f000033ea7737a9ada585a0bfabfef96200a01f0001000000380000d7d473e780bb46408000000007a01f55bc4781eb309fbd00c103a82d410cd7ff7c04dfd10400",
        ],
    ),
    (
        WAITS,
        &[
            "010700002ca85934c111e31f809dacfef962904e807d904e0100000032904e14b6203b904e0200026f6e0003000103807d0006cf0f02320004327a017504e707017901750ce70703320009323b01020079017502cf0f02320002323b010200cf0f03320004323b01020079017502cf0f03320002323b0102007a01750200",
            "030700002ca85934c111e31f809dacfef962904e807d904e0100000032904e14b6203b904e0200026f6e0003000103807d0006cf0f02320006323a0201751ee70701390206e7070380323b010600390211cf0f0280323b010500cf0f0380328100390212cf0f03803281003a020500",
        ],
    ),
];

#[test]
fn a_head_of_every_version_is_readable() {
    for (document, written) in WRITTEN {
        let rules = rules(document);
        let mut state = folded(&rules, &if document == WAITS { waiting() } else { seconds(3) });
        let known = |key: &KeyState| {
            let of = |state: &crate::fold::BindingState| (state.requested_ms, state.inputs, state.due_ms);
            key.bindings.iter().map(of).collect::<Vec<_>>()
        };
        let head = state.pack().head;
        assert_eq!(Some(hex(&head).as_str()), written.last().copied());
        for head in written.iter().map(|head| bytes_of(head)) {
            let mut back = KeyState::unpack("e", &rules, &head, |_| None).unwrap();
            assert_eq!(known(&back), known(&state));
            assert_eq!(hex(&back.pack().head), hex(&state.pack().head));
            for length in 0..head.len() {
                assert!(KeyState::unpack("e", &rules, &head[..length], |_| None).is_err(), "{length} bytes");
            }
        }
    }
}

#[test]
fn points_that_wait_take_a_byte_and_their_value() {
    let rules = rules(WAITS);
    let line = |second: i64| {
        format!(
            r#"{{"timestamp":{},"equipmentId":"e","tag":"t","value":{},"meta":{{"sequenceNumber":{}}}}}"#,
            1_700_000_000_000 + second * 20,
            f64::from(u16::try_from(second % 7).unwrap()) / 4.0,
            second * 3
        )
    };
    let size = |count: i64| folded(&rules, &(0..count).map(line).collect::<Vec<_>>()).pack().head.len();
    // Each has an instant of its own: a byte for the time, one for the number of points.
    assert!(size(200) - size(100) <= 100 * 5, "{} bytes for 100 points", size(200) - size(100));
}

#[test]
fn the_time_of_a_score_request_outlives_its_binding() {
    let mut replay = Replay::new(rules(ONE_MODEL));
    replay.line(point(1_700_000_000_000, "t", "1").as_bytes(), &mut Quiet).unwrap();
    replay.line(br#"{"arrival":1700000001000,"rules":{"rules":[]}}"#, &mut Quiet).unwrap();
    replay.line(point(1_700_000_002_000, "t", "1").as_bytes(), &mut Quiet).unwrap();
    let mut key = replay.keys()[0].clone();
    let requests = key.retired_requests_ms.clone();
    assert_eq!(
        requests.iter().map(|(id, at)| (id.as_str(), *at)).collect::<Vec<_>>(),
        [("m", 1_700_000_000_000)]
    );
    let head = key.pack().head;
    let back = KeyState::unpack("e", replay.rules(), &head, |_| None).unwrap();
    assert_eq!(back.retired_requests_ms, requests);
}
