//! Target `state`: stored states, whole and damaged.
//!
//! The first byte chooses one of three: any bytes as a head; a head and segments around any bytes, with the right
//! fingerprint and checksums, since no mutation would guess them; a state that was folded and packed, with some bytes
//! changed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use andon_domain::{DataPoint, Value};
use andon_engine::replay::Replay;
use andon_engine::{CompiledRules, KeyState, Outcome, Record, RecordBody, UnpackError, segments_of};
use andon_kit_cases::generate::{self, START_MS};
use andon_kit_cases::{Case, Choices};
use serde_json::json;

use super::stored::{EQUIPMENT, StoredKey};
use super::{Recorder, compiled, document, state_raw};

const PLAIN: &str = r#"{"rules":[{"id":"r","groups":[{"id":"g","otherwise":"CALM","states":[
    {"state":"HOT","when":"level > 4","for":"2s","keep_for":"1s","times":2},
    {"state":"OPEN","when":"door_open","until":"machine_state == 'running'"}]}]}]}"#;
const WINDOWS: &str = r#"{"rules":[
    {"id":"a","groups":[{"id":"g","states":[{"state":"HIGH","when":"avg(level, '1m') > 4 || stddev(level, '5s') > 2"}]}]},
    {"id":"b","groups":[{"id":"g","states":[{"state":"BUSY","when":"changes(machine_state, '7d') > 3","for":"31d"},
        {"state":"SILENT","when":"absent(door_open, '31d') || rate(level, '50ms') > 1"}]}]}]}"#;

/// Choices for the steps of [`used`] where the bytes went into the state.
const PI: [u8; 16] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3];

pub(super) fn check(bytes: &[u8]) {
    let mut choices = Choices::of_bytes(bytes);
    match choices.u8(..4) {
        0 => {
            let head = choices.take(usize::MAX);
            let _ = segments_of(&head);
            used(fixed(0), StoredKey::of_head(&head), true, &mut choices);
        }
        1 | 2 => {
            let rules = fixed(choices.usize(..3));
            let stored = state_raw::stored(rules, &mut choices);
            used(rules, stored, true, &mut Choices::of_bytes(&PI));
        }
        _ => folded_and_damaged(&mut choices),
    }
}

/// Returns rule sets to unpack with. The last has three, so that the state may be of any of them.
pub(super) fn fixed(which: usize) -> &'static CompiledRules {
    static SETS: OnceLock<[CompiledRules; 3]> = OnceLock::new();
    let [plain, windows, several] = SETS.get_or_init(|| [0, 1, 2].map(compile_fixed));
    match which {
        0 => plain,
        1 => windows,
        _ => several,
    }
}

fn compile_fixed(which: usize) -> CompiledRules {
    let set = |json| {
        andon_engine::RuleSet::compile(document(json)).unwrap_or_else(|findings| panic!("{findings:?}"))
    };
    match which {
        0 => CompiledRules::new(set(PLAIN)),
        1 => CompiledRules::new(set(WINDOWS)),
        _ => {
            let mut rules = CompiledRules::new(set(PLAIN));
            let pushed =
                rules.push(START_MS, set(WINDOWS)).and_then(|()| rules.push(START_MS + 60_000, set(PLAIN)));
            assert!(pushed.is_ok());
            rules
        }
    }
}

/// Unpacks a stored state, and folds, packs and unpacks on. A damaged state that was not noticed need not be one that a
/// fold makes, so it may be refused later; but it must do no harm.
fn used(rules: &CompiledRules, mut stored: StoredKey, damaged: bool, choices: &mut Choices) {
    let refused = |error: UnpackError| assert!(damaged, "what was packed is refused: {error}");
    let mut state = match stored.unpack(rules) {
        Ok(state) => state,
        Err(error) => return refused(error),
    };
    for _ in 0..4 {
        stored.store(state.pack());
        let mut again = match stored.unpack(rules) {
            Ok(again) => again,
            Err(error) => return refused(error),
        };
        for record in 0..4 {
            let (one, other) = step(rules, &mut state, &mut again, record, choices);
            assert!(damaged || one == other, "packing changed what is decided: {one:?} and {other:?}");
        }
    }
}

/// Applies the same record to both.
fn step(
    rules: &CompiledRules,
    one: &mut KeyState,
    other: &mut KeyState,
    record: usize,
    choices: &mut Choices,
) -> (Outcome, Outcome) {
    let longest_ms = andon_domain::limits::TIMESTAMP_MS;
    let step_ms = choices.pick(&[1000, 0, 1, 250, 61_000, 86_400_000, 31 * 86_400_000]);
    let arrival_ms = match one.next_due_clock_ms() {
        Some(due_ms) if record == 2 => due_ms,
        _ => one.clock_ms().saturating_add(step_ms),
    };
    let arrival_ms = arrival_ms.clamp(-longest_ms, longest_ms);
    let value = match choices.usize(..4) {
        0 => Value::Number(5.0),
        1 => Value::Number(-0.1),
        2 => Value::Bool(true),
        _ => Value::Text("running".into()),
    };
    let point = DataPoint {
        timestamp_ms: (arrival_ms - choices.pick(&[0, 1, 5000])).max(-longest_ms),
        tag: choices.pick(&["level", "door_open", "machine_state", "unwatched"]).into(),
        value: Some(value),
        quality_ok: true,
        sequence_number: i64::from(choices.u8(..)),
        derived: choices.chance(12),
        created_at_ms: None,
        source: choices.pick(&["", "gateway-1", "gateway-2"]).into(),
    };
    let body = if record == 2 { RecordBody::Tick } else { RecordBody::Points(std::slice::from_ref(&point)) };
    let record = Record { arrival_ms, body };
    let apply = |state: &mut KeyState| {
        let outcome = state.apply(rules, &record);
        assert!(state.watermark_ms().is_some(), "no watermark after a record");
        outcome.unwrap_or_else(|error| panic!("{error}"))
    };
    (apply(one), apply(other))
}

fn folded_and_damaged(choices: &mut Choices) {
    let flips: Vec<(usize, u8)> =
        (0..choices.usize(..4)).map(|_| (choices.usize(..65_536), choices.u8(..))).collect();
    let every = choices.usize(1..=8);
    let burst_s = choices.u8(..100);
    let mut case = generate::case_of_bytes(&choices.take(usize::MAX));
    case.lines.extend(burst(&case, burst_s));
    let (mut whole, mut packing) =
        (Replay::new(compiled(case.rules.clone())), Replay::new(compiled(case.rules.clone())));
    let (mut recorded, mut recorded_packing) = (Recorder::default(), Recorder::default());
    let mut stored: BTreeMap<String, StoredKey> = BTreeMap::new();
    for (index, line) in case.lines.iter().enumerate() {
        assert!(whole.line(line.as_bytes(), &mut recorded).is_ok());
        assert!(packing.line(line.as_bytes(), &mut recorded_packing).is_ok());
        let invariants = packing.keys().iter().try_for_each(KeyState::check_invariants);
        assert_eq!(invariants, Ok(()), "line {index} of\n{case}");
        if index % every != 0 {
            continue;
        }
        let replaced = packing.replace_keys(|rules, key| {
            let of_key = stored.entry(key.equipment().to_owned()).or_default();
            of_key.store(key.clone().pack());
            let mut unpacked = KeyState::unpack(key.equipment(), rules, &of_key.head, |id| {
                of_key.segments.get(&id).map(Vec::as_slice)
            })?;
            // Early costs a tick; late would miss what is due.
            let due_ms = |key: &KeyState| key.next_due_clock_ms().unwrap_or(i64::MAX);
            assert!(due_ms(&unpacked) <= due_ms(key), "due late after unpacking; line {index} of\n{case}");
            // Packing is a function of the state: nothing is left out, nothing wanders.
            assert_eq!(unpacked.pack().head, of_key.head, "line {index} of\n{case}");
            Ok::<_, UnpackError>(unpacked)
        });
        assert_eq!(replaced, Ok(()), "what was packed is refused\n{case}");
    }
    whole.close(&mut recorded);
    packing.close(&mut recorded_packing);
    assert_eq!(recorded.transitions, recorded_packing.transitions, "packing changed what is decided\n{case}");
    assert_eq!(recorded.requests, recorded_packing.requests, "packing changed the score requests\n{case}");
    let Some(mut stored) = stored.remove(EQUIPMENT) else { return };
    let whole_head = stored.head.clone();
    for (position, bits) in flips {
        let length = stored.head.len();
        if let Some(byte) = stored.head.get_mut(position % length.max(1)) {
            *byte ^= bits;
        }
    }
    let damaged = stored.head != whole_head;
    used(packing.rules(), stored, damaged, &mut Choices::of_bytes(&PI));
}

/// Returns lines behind a case: a point every second with values of many digits, so that windows fill and segments are
/// made. They begin where the stream is sure to have ended.
fn burst(case: &Case, seconds: u8) -> impl Iterator<Item = String> + use<> {
    let from_ms = START_MS + 3_600_000 * (1 + i64::try_from(case.lines.len()).unwrap_or_default());
    (0..seconds).map(move |second| {
        let at_ms = from_ms + 1000 * i64::from(second);
        let value = 20.0 * f64::from(second).sin();
        json!({"timestamp": at_ms, "equipmentId": EQUIPMENT, "tag": "level", "value": value}).to_string()
    })
}
