//! Names of objects in the bucket.

use andon_ingest::SequenceNumber;
use sha2::{Digest as _, Sha256};

/// Returns the first bytes of the SHA-256 of a content, in hexadecimal.
#[must_use]
pub fn digest(content: &[u8], bytes: usize) -> String {
    Sha256::digest(content).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns an id as part of an object's name: all bytes but ASCII letters, digits, `.`, `_` and `-` are
/// percent-encoded.
#[must_use]
pub fn safe(equipment: &str) -> String {
    let mut safe = String::with_capacity(equipment.len());
    for byte in equipment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

/// Returns the prefix of the objects of a key that is parked since a time, ms. Objects that an earlier parking left
/// behind have another prefix.
#[must_use]
pub fn parked_prefix(equipment: &str, since_ms: i64) -> String {
    format!("parked/{}/{since_ms:015}/", safe(equipment))
}

/// Returns the name of an object of parked records: its number in the order of parking, its first record, a digest of
/// the content.
#[must_use]
pub fn parked(equipment: &str, since_ms: i64, number: u64, first: SequenceNumber, content: &[u8]) -> String {
    format!("{}{number:012}-{first}-{}.jsonl.gz", parked_prefix(equipment, since_ms), digest(content, 8))
}

/// Returns the number of an object of parked records, from its name.
#[must_use]
pub fn parked_number(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.split('-').next()?.parse().ok()
}

/// Returns the name of the object for a state that is too large for an item.
#[must_use]
pub fn state(equipment: &str, version: u64, content: &[u8]) -> String {
    format!("state/{}/{version:020}-{}", safe(equipment), digest(content, 8))
}

/// Returns the name of the object for transitions that are too large for an item.
#[must_use]
pub fn decided(equipment: &str, version: u64, content: &[u8]) -> String {
    format!("decided/{}/{version:020}-{}.json.gz", safe(equipment), digest(content, 8))
}

/// Returns the name of the object for an asynchronous call of a model.
#[must_use]
pub fn async_calls(inference_id: &str) -> String {
    format!("async/{}.json", safe(inference_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_slashes_stays_one_part_of_a_path() {
        assert_eq!(safe("line 1/filler-2"), "line%201%2Ffiller-2");
    }
}
