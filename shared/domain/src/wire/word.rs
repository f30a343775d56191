//! Eight bytes at a time, in a register.

/// Returns the first eight bytes as a word, the first byte lowest; missing bytes are zeros.
#[inline(always)]
pub(super) fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => short_word(bytes),
    }
}

#[inline(never)]
fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Returns a word with this byte in each byte.
#[inline(always)]
pub(super) const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}
