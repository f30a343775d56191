//! Target `state`: stored states, whole and damaged.
//!
//! The first byte chooses: any bytes as a head; a head and segments whose guards (fingerprint, checksums) are right,
//! since no mutation would ever guess them, around any bytes; or a state that was really folded and packed, with some
//! bytes changed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use andon_domain::{DataPoint, Value};
use andon_engine::replay::Replay;
use andon_engine::{
    CompiledRules, KeyState, Outcome, PackedState, Record, RecordBody, SegmentId, UnpackError, segments_of,
};

use super::choices::Choices;
use super::script::{self, START_MS};
use super::{Kept, compiled, document, state_raw};

pub(super) const EQUIPMENT: &str = "filler-1";

const PLAIN: &str = r#"{"rules":[{"id":"r","groups":[{"id":"g","otherwise":"CALM","states":[
    {"state":"HOT","when":"level > 4","for":"2s","keep_for":"1s","times":2},
    {"state":"OPEN","when":"door_open","until":"machine_state == 'running'"}]}]}]}"#;
const WINDOWS: &str = r#"{"rules":[
    {"id":"a","groups":[{"id":"g","states":[{"state":"HIGH","when":"avg(level, '1m') > 4 || stddev(level, '5s') > 2"}]}]},
    {"id":"b","groups":[{"id":"g","states":[{"state":"BUSY","when":"changes(machine_state, '7d') > 3","for":"31d"},
        {"state":"SILENT","when":"absent(door_open, '31d') || rate(level, '50ms') > 1"}]}]}]}"#;

pub(super) fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.byte() % 4 {
        0 => {
            let head = choices.rest();
            let _ = segments_of(head);
            used(fixed(0), Stored::of_head(head), true, &mut choices);
        }
        1 | 2 => {
            let rules = fixed(choices.below(3));
            let stored = state_raw::stored(rules, &mut choices);
            used(rules, stored, true, &mut Choices::new(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]));
        }
        _ => folded_and_damaged(&mut choices),
    }
}

/// Rule sets to unpack with; the last has three, so that the state may be of any of them.
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

/// What a table holds of a key.
#[derive(Clone, Default)]
pub(super) struct Stored {
    pub(super) head: Vec<u8>,
    pub(super) segments: BTreeMap<SegmentId, Vec<u8>>,
}

impl Stored {
    fn of_head(head: &[u8]) -> Self {
        Self { head: head.to_vec(), segments: BTreeMap::new() }
    }

    fn store(&mut self, packed: PackedState) {
        self.head = packed.head;
        self.segments.extend(packed.new_segments.into_iter().map(|segment| (segment.id, segment.bytes)));
        self.segments.retain(|id, _| packed.live_segments.contains(id));
        assert_eq!(segments_of(&self.head), Ok(packed.live_segments));
    }

    fn unpack(&self, rules: &CompiledRules) -> Result<KeyState, UnpackError> {
        let listed = segments_of(&self.head);
        let unpacked =
            KeyState::unpack(EQUIPMENT, rules, &self.head, |id| self.segments.get(&id).map(Vec::as_slice));
        assert!(unpacked.is_err() || listed.is_ok(), "unpacked, but its segments cannot be listed");
        unpacked
    }
}

/// Unpacks what is stored, and folds, packs and unpacks on. A damaged state that was not noticed need not be one that
/// a fold makes, so it may be refused later; but it must do no harm.
fn used(rules: &CompiledRules, mut stored: Stored, damaged: bool, choices: &mut Choices<'_>) {
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
    choices: &mut Choices<'_>,
) -> (Outcome, Outcome) {
    let longest_ms = andon_domain::limits::TIMESTAMP_MS;
    let step_ms = choices.pick(&[1000, 0, 1, 250, 61_000, 86_400_000, 31 * 86_400_000]);
    let arrival_ms = match one.next_due_clock_ms() {
        Some(due_ms) if record == 2 => due_ms,
        _ => one.clock_ms().saturating_add(step_ms),
    };
    let arrival_ms = arrival_ms.clamp(-longest_ms, longest_ms);
    let value = match choices.below(4) {
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
        sequence_number: i64::from(choices.byte()),
        derived: choices.chance(32),
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

fn folded_and_damaged(choices: &mut Choices<'_>) {
    let flips: Vec<(u16, u8)> = (0..choices.below(4)).map(|_| (choices.number(), choices.byte())).collect();
    let every = choices.below(8) + 1;
    let burst = choices.byte();
    let mut case = script::case(choices);
    case.lines.extend(script::burst(&case, burst));
    let (mut whole, mut packing) =
        (Replay::new(compiled(case.rules.clone())), Replay::new(compiled(case.rules.clone())));
    let (mut kept, mut kept_packing) = (Kept::default(), Kept::default());
    let mut stored: BTreeMap<String, Stored> = BTreeMap::new();
    for (index, line) in case.lines.iter().enumerate() {
        assert!(whole.line(line.as_bytes(), &mut kept).is_ok());
        assert!(packing.line(line.as_bytes(), &mut kept_packing).is_ok());
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
    whole.close(&mut kept);
    packing.close(&mut kept_packing);
    assert_eq!(kept.0, kept_packing.0, "packing changed what is decided\n{case}");
    assert_eq!(kept.1, kept_packing.1, "packing changed what is asked\n{case}");
    let Some(mut stored) = stored.remove(EQUIPMENT) else { return };
    let whole_head = stored.head.clone();
    for (position, bits) in flips {
        let length = stored.head.len();
        if let Some(byte) = stored.head.get_mut(usize::from(position) % length.max(1)) {
            *byte ^= bits;
        }
    }
    let damaged = stored.head != whole_head;
    used(packing.rules(), stored, damaged, choices);
}
