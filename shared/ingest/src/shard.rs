//! Names of shards.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// The prefix of the names that Kinesis gives. Twelve digits follow.
const PREFIX: &str = "shardId-";
const DIGITS: usize = 12;
/// The first byte of a stored name that is not of the usual form. No number of twelve digits begins with it.
const NAMED: u8 = 0xff;

/// The id of a shard, such as `shardId-000000000006`.
///
/// The order is one to keep things in order: by number, then, for names of another form, by text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(Form);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Numbered(u64),
    Named(Box<str>),
}

/// A text that is no shard id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShardError(String);

impl ShardId {
    /// A compact form: up to 5 bytes for an id of the usual form, else one more than the text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Form::Numbered(number) => {
                number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
            }
            Form::Named(name) => std::iter::once(NAMED).chain(name.bytes()).collect(),
        }
    }

    /// Reads what [`ShardId::to_bytes`] wrote; `None` for bytes that it never writes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id = if let [NAMED, name @ ..] = bytes {
            std::str::from_utf8(name).ok()?.parse().ok()?
        } else {
            let value =
                bytes.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? + u64::from(*byte)));
            Self(Form::Numbered(value.filter(|value| *value < 10_u64.pow(12))?))
        };
        // Each id has one stored form.
        (id.to_bytes() == bytes).then_some(id)
    }
}

impl FromStr for ShardId {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        if text.is_empty() || text.len() > limits::SHARD_ID_BYTES {
            let limit = limits::SHARD_ID_BYTES;
            return Err(ShardError(format!("a shard id of {} bytes; expected 1 to {limit}", text.len())));
        }
        let number = text
            .strip_prefix(PREFIX)
            .filter(|digits| digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        Ok(Self(number.map_or_else(|| Form::Named(text.into()), Form::Numbered)))
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Numbered(number) => write!(f, "{PREFIX}{number:0DIGITS$}"),
            Form::Named(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_and_stored_as_it_was_read() {
        let long = "x".repeat(128);
        for (text, bytes) in [
            ("shardId-000000000000", 0),
            ("shardId-000000000006", 1),
            ("shardId-000000000256", 2),
            ("shardId-999999999999", 5),
            ("shardId-00000000006", 20),
            ("shardId-0000000000006", 22),
            ("shardId-+00000000006", 21),
            ("é", 3),
            (&long, 129),
        ] {
            let id: ShardId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.to_bytes().len(), bytes, "{text}");
            assert_eq!(ShardId::from_bytes(&id.to_bytes()), Some(id), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        assert!("".parse::<ShardId>().is_err());
        assert!("x".repeat(129).parse::<ShardId>().is_err());
        let disguised = [&[NAMED][..], b"shardId-000000000006"].concat();
        for bytes in [&[0][..], &[NAMED], &[NAMED, 0xff], &[0xe8, 0xd4, 0xa5, 0x10, 0], &[1; 9], &disguised] {
            assert_eq!(ShardId::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn ids_are_ordered_by_number_then_by_name() {
        let ids: Vec<ShardId> = ["shardId-000000000002", "shardId-000000000010", "a", "b"]
            .map(|text| text.parse().unwrap())
            .into();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
