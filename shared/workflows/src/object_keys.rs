//! Names of objects.

use andon_ingest::SequenceNumber;
use sha2::{Digest as _, Sha256};

/// So many bytes of the SHA-256 of a content, in hexadecimal.
#[must_use]
pub fn digest(content: &[u8], bytes: usize) -> String {
    Sha256::digest(content).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// An equipment as part of an object's name: what is not a letter, digit, `.`, `_` or `-` of ASCII is
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

/// Where the records of a key are that is parked since a time, ms. What an earlier parking left behind is not among them.
#[must_use]
pub fn parked_prefix(equipment: &str, since_ms: i64) -> String {
    format!("parked/{}/{since_ms:015}/", safe(equipment))
}

/// An object of parked records: the number in the order of parking, the first record, a digest of the content.
#[must_use]
pub fn parked(equipment: &str, since_ms: i64, number: u64, first: SequenceNumber, content: &[u8]) -> String {
    format!("{}{number:012}-{first}-{}.jsonl.gz", parked_prefix(equipment, since_ms), digest(content, 8))
}

/// The number of an object of parked records, out of its name.
#[must_use]
pub fn parked_number(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.split('-').next()?.parse().ok()
}

/// A state that is too large for an item.
#[must_use]
pub fn state(equipment: &str, version: u64, content: &[u8]) -> String {
    format!("state/{}/{version:020}-{}", safe(equipment), digest(content, 8))
}

/// Decisions that are too large for an item.
#[must_use]
pub fn decided(equipment: &str, version: u64, content: &[u8]) -> String {
    format!("decided/{}/{version:020}-{}.json.gz", safe(equipment), digest(content, 8))
}

/// A call of a model that is answered later.
#[must_use]
pub fn async_calls(inference_id: &str) -> String {
    format!("async/{}.json", safe(inference_id))
}

/// `YYYY/MM/DD/HH` in UTC.
#[must_use]
pub fn hour(at_ms: i64) -> String {
    let hours = at_ms.div_euclid(3_600_000);
    let (year, month, day) = civil(hours.div_euclid(24));
    format!("{year:04}/{month:02}/{day:02}/{:02}", hours.rem_euclid(24))
}

/// Year, month and day of a day since the epoch, in the Gregorian calendar (after Howard Hinnant's
/// `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + carry, month, day)
}

/// In base64, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// What [`base64()`] wrote.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).ok()
}

/// The bucket of an equipment in the index of due times: FNV-1a of its name.
#[must_use]
pub fn due_bucket(equipment: &str) -> u32 {
    andon_domain::fnv::fnv32(equipment.as_bytes()) % crate::limits::DUE_BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_named_by_its_date_in_utc() {
        assert_eq!(hour(0), "1970/01/01/00");
        assert_eq!(hour(1_700_000_000_000), "2023/11/14/22");
        assert_eq!(hour(951_782_400_000), "2000/02/29/00");
        assert_eq!(hour(-1), "1969/12/31/23");
    }

    #[test]
    fn a_name_with_slashes_stays_one_part_of_a_path() {
        assert_eq!(safe("line 1/filler-2"), "line%201%2Ffiller-2");
    }
}
