//! Heads and segments made of any bytes, with the right fingerprint and checksums.

use andon_engine::{CompiledRules, KeyState, Record, RecordBody, SegmentId};
use andon_kit_cases::Choices;
use andon_kit_cases::generate::START_MS;

use super::stored::{EQUIPMENT, StoredKey};

/// The flag of a head whose rule set has always been in force.
const ALWAYS: u8 = 0x01;

/// Returns a head of version, flags, start of the rule set, list of segments and fingerprint, then any bytes.
pub(super) fn stored(rules: &CompiledRules, choices: &mut Choices) -> StoredKey {
    let flags = choices.u8(..);
    let start_ms = if flags & ALWAYS != 0 { None } else { Some(START_MS + choices.pick(&[0, 60_000])) };
    let mut stored = StoredKey::default();
    let mut list = Vec::new();
    let count = choices.usize(..4);
    let last_number = choices.pick(&[3, 1, u64::MAX, u64::MAX - 1]);
    unsigned(&mut list, last_number);
    unsigned(&mut list, u64::try_from(count).unwrap_or_default());
    for back in (0..count).rev() {
        let back = u64::try_from(back).unwrap_or_default();
        let length = usize::from(choices.u8(..));
        let bytes = [&[1_u8][..], &choices.take(length)].concat();
        let id = SegmentId { number: last_number.saturating_sub(back), checksum: checksum(&bytes) };
        unsigned(&mut list, last_number - id.number);
        list.extend(id.checksum.to_le_bytes());
        let expires_ms = choices.pick(&[i64::MAX, START_MS + 60_000, 0, i64::MIN]);
        unsigned(&mut list, ((expires_ms << 1) ^ (expires_ms >> 63)).cast_unsigned());
        stored.segments.insert(id, bytes);
    }
    let mut head = vec![1, flags];
    if let Some(start_ms) = start_ms {
        unsigned(&mut head, (start_ms << 1).cast_unsigned());
    }
    head.extend(list);
    head.extend(fingerprint(rules, start_ms));
    head.extend(choices.take(usize::MAX));
    stored.head = head;
    stored
}

/// Returns the fingerprint of the rules that start at a time, as in a state that was folded with them.
fn fingerprint(rules: &CompiledRules, start_ms: Option<i64>) -> Vec<u8> {
    let arrival_ms = start_ms.unwrap_or(START_MS - 1);
    let state = KeyState::new(EQUIPMENT, rules, arrival_ms).map(|mut state| {
        let ticked = state.apply(rules, &Record { arrival_ms, body: RecordBody::Tick });
        assert!(ticked.is_ok());
        state.pack().head
    });
    let head = state.unwrap_or_else(|error| panic!("{error}"));
    // Behind version and flags: the start where there is one, the number of the last segment (0) and their count (0).
    let mut rest = head.get(2..).unwrap_or_default();
    if head.get(1).is_some_and(|flags| flags & ALWAYS == 0) {
        let end = rest.iter().position(|byte| *byte < 0x80).map_or(0, |last| last + 1);
        rest = rest.get(end..).unwrap_or_default();
    }
    rest.get(2..10).unwrap_or_default().to_vec()
}

fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        out.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    out.push(low);
}

/// Returns the CRC-32 of IEEE 802.3.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
