//! What is stored compressed: it is charged by its bytes, and read by programs only.

use std::io::{Read as _, Write as _};

use andon_service::ports::PortError;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of one attribute that stays in its item; the rest is left to keys and the other attributes.
pub(crate) const INLINE_BYTES: usize = 360 << 10;

/// Most bytes that JSON in an item may unpack to.
const JSON_BYTES: usize = 64 << 20;

/// With gzip: the same bytes for the same content.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>, PortError> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer
        .write_all(content)
        .and_then(|()| writer.finish())
        .map_err(|error| PortError::permanent(format!("cannot compress {} bytes: {error}", content.len())))
}

/// Undoes [`gzip`]. More than `most` bytes are not of this system's making.
pub(crate) fn gunzip(what: &str, packed: &[u8], most: usize) -> Result<Vec<u8>, PortError> {
    let damaged = |how: String| PortError::permanent(format!("{what} is damaged: {how}"));
    let mut content = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut content)
        .map_err(|error| damaged(format!("it does not unpack, {error}")))?;
    if content.len() > most {
        return Err(damaged(format!("it unpacks to more than {most} bytes")));
    }
    Ok(content)
}

/// As JSON, compressed.
pub(crate) fn pack(what: &str, value: &impl Serialize) -> Result<Vec<u8>, PortError> {
    let json = serde_json::to_vec(value)
        .map_err(|error| PortError::permanent(format!("cannot write {what} as json: {error}")))?;
    gzip(&json)
}

/// Undoes [`pack`].
pub(crate) fn unpack<T: DeserializeOwned>(what: &str, packed: &[u8]) -> Result<T, PortError> {
    let json = gunzip(what, packed, JSON_BYTES)?;
    serde_json::from_slice(&json).map_err(|error| PortError::permanent(format!("{what} is damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for length in [0, 1, 1000, 1 << 20] {
            let content = vec![b'x'; length];
            assert_eq!(gunzip("it", &gzip(&content).unwrap(), length), Ok(content));
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let packed = gzip(&vec![0; 1 << 20]).unwrap();
        let error = gunzip("the set `s`", &packed, (1 << 20) - 1).unwrap_err();
        assert_eq!(error.message, "the set `s` is damaged: it unpacks to more than 1048575 bytes");
        assert!(gunzip("it", &packed[..20], 1 << 20).is_err());
        assert!(gunzip("it", b"what?", 10).is_err());
    }
}
