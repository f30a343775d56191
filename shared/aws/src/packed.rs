//! Compressed values. DynamoDB charges them by their bytes, and only programs read them.

use andon_ingest::gzip::{Spare, gunzip, gzip};
use andon_workflows::ports::PortError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of one attribute that stays in its item; the rest is left to keys and the other attributes.
pub(crate) const INLINE_BYTES: usize = 360 << 10;

/// Most bytes that JSON in an item may unpack to.
const JSON_BYTES: usize = 64 << 20;

/// Unpacks bytes that [`gzip`] packed. This system never packs more than `most` bytes, so more are an error.
pub(crate) fn unpacked(what: &str, packed: &[u8], most: usize) -> Result<Vec<u8>, PortError> {
    gunzip(packed, most).map_err(|error| PortError::permanent(format!("{what} is damaged: {error}")))
}

/// Packs a value as compressed JSON.
pub(crate) fn pack(what: &str, value: &impl Serialize) -> Result<Vec<u8>, PortError> {
    let json = serde_json::to_vec(value)
        .map_err(|error| PortError::permanent(format!("cannot write {what} as json: {error}")))?;
    Ok(gzip(&json, Spare::Bytes))
}

/// Unpacks a value that [`pack`] packed.
pub(crate) fn unpack<T: DeserializeOwned>(what: &str, packed: &[u8]) -> Result<T, PortError> {
    let json = unpacked(what, packed, JSON_BYTES)?;
    serde_json::from_slice(&json).map_err(|error| PortError::permanent(format!("{what} is damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_not_unpacked_and_named() {
        let packed = gzip(&vec![0; 1 << 20], Spare::Bytes);
        let error = unpacked("the set `s`", &packed, (1 << 20) - 1).unwrap_err();
        assert_eq!(error.message, "the set `s` is damaged: it unpacks to more than 1048575 bytes");
        assert!(unpacked("it", &packed[..20], 1 << 20).is_err());
    }
}
