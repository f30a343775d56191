//! Authentication of messages that only this system may send. They come back by the same stream as all other messages.
//!
//! A sealed message is `{"auth":"MAC","data":JSON}`, exactly so, without white space around: the HMAC-SHA256 of the bytes
//! of `JSON`, in unpadded base64. It proves who wrote the message, not when: one that is recorded and sent again counts
//! as a redelivery does, which changes nothing but the clock of its key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::limits;

const HEAD: &[u8] = br#"{"auth":""#;
const MIDDLE: &[u8] = br#"","data":"#;
const TAIL: &[u8] = b"}";
/// Letters of a MAC of 32 bytes.
const MAC_LETTERS: usize = 43;

/// Seals and opens internal messages.
pub struct Authenticator {
    first: Hmac<Sha256>,
    others: Vec<Hmac<Sha256>>,
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of {length} bytes; expected at least {min}", min = limits::KEY_BYTES)]
pub struct KeyError {
    length: usize,
}

/// An error of opening a sealed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not `{"auth":"..","data":..}` to the byte.
    #[error("a sealed message is exactly `{{\"auth\":\"..\",\"data\":..}}` with 43 letters of base64")]
    Form,
    /// Sealed with no key that is known here, or changed since.
    #[error("sealed with no key that is known here, or changed since")]
    Forged,
}

impl fmt::Debug for Authenticator {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authenticator of {} keys", self.others.len() + 1)
    }
}

impl Authenticator {
    /// Makes an authenticator that seals and opens with a key.
    ///
    /// # Errors
    /// A key of fewer than [`limits::KEY_BYTES`].
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { first: mac(key)?, others: Vec::new() })
    }

    /// Opens with a further key too. To rotate keys, let all readers open with the new one first, then seal with it, then
    /// forget the old one after the retention of the stream.
    ///
    /// # Errors
    /// See [`Authenticator::new`].
    pub fn and_opens(mut self, key: &[u8]) -> Result<Self, KeyError> {
        self.others.push(mac(key)?);
        Ok(self)
    }

    /// Seals a message: a tick, a derived point, a list of them. It should have no line end, or it cannot share a record
    /// with others.
    #[must_use]
    pub fn seal(&self, json: &str) -> String {
        let digest = self.first.clone().chain_update(json.as_bytes()).finalize().into_bytes();
        format!(r#"{{"auth":"{}","data":{json}}}"#, STANDARD_NO_PAD.encode(digest))
    }

    /// Opens a sealed message: its JSON, byte by byte as it was sealed.
    ///
    /// # Errors
    /// A message that is not sealed, or not with a known key.
    pub fn open<'a>(&self, sealed: &'a [u8]) -> Result<&'a [u8], OpenError> {
        let (auth, data) = parts(sealed).ok_or(OpenError::Form)?;
        let digest = STANDARD_NO_PAD.decode(auth).map_err(|_| OpenError::Form)?;
        // Each comparison takes the same time wherever it fails.
        let opens = |key: &Hmac<Sha256>| key.clone().chain_update(data).verify_slice(&digest).is_ok();
        let opened = opens(&self.first) || self.others.iter().any(opens);
        if opened { Ok(data) } else { Err(OpenError::Forged) }
    }
}

/// Returns whether a message has the form of a sealed one. It is not authenticated yet.
pub(crate) fn looks_sealed(message: &[u8]) -> bool {
    message.starts_with(HEAD)
}

fn parts(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (auth, rest) = sealed.strip_prefix(HEAD)?.split_at_checked(MAC_LETTERS)?;
    Some((auth, rest.strip_prefix(MIDDLE)?.strip_suffix(TAIL)?))
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
    let refused = KeyError { length: key.len() };
    if key.len() < limits::KEY_BYTES {
        return Err(refused);
    }
    Hmac::new_from_slice(key).map_err(|_| refused)
}
