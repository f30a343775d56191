//! gzip of whole texts, both ways. The same bytes always give the same, and no text unpacks to more than its bound.

use std::io::{Read as _, Write as _};

use andon_domain::never;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The resource that compression saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    /// Time of the invocation that compresses.
    Time,
    /// Bytes, where they are charged for.
    Bytes,
}

/// Returns bytes as gzip data.
#[must_use]
pub fn gzip(bytes: &[u8], spare: Spare) -> Vec<u8> {
    let level = match spare {
        Spare::Time => Compression::fast(),
        Spare::Bytes => Compression::default(),
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_else(|error| {
        never!("a vector refuses bytes: {error}");
        Vec::new()
    })
}

/// The reason why gzip data were not unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GunzipError {
    /// The data are damaged, or not gzip; with the message of the decoder.
    #[error("it does not unpack, {0}")]
    Damaged(String),
    /// The data unpack to more bytes than this bound.
    #[error("it unpacks to more than {0} bytes")]
    TooLarge(usize),
}

/// Returns the bytes that [`gzip`] packed.
///
/// # Errors
/// When the data are damaged or unpack to more than `most` bytes.
pub fn gunzip(packed: &[u8], most: usize) -> Result<Vec<u8>, GunzipError> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut content = Vec::new();
    let read = GzDecoder::new(packed).take(limit).read_to_end(&mut content);
    read.map_err(|error| GunzipError::Damaged(error.to_string()))?;
    if content.len() > most { Err(GunzipError::TooLarge(most)) } else { Ok(content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_and_a_bomb_does_not() {
        let zeros = vec![0; 1 << 20];
        for spare in [Spare::Time, Spare::Bytes] {
            let packed = gzip(&zeros, spare);
            assert_eq!(gunzip(&packed, 1 << 20).as_deref(), Ok(zeros.as_slice()));
            assert_eq!(gunzip(&packed, (1 << 20) - 1), Err(GunzipError::TooLarge((1 << 20) - 1)));
        }
        assert!(matches!(gunzip(b"no gzip data", 100), Err(GunzipError::Damaged(_))));
    }
}
