//! Aggregated records of the Kinesis Producer Library: a few magic bytes, a protobuf message, its MD5.
//!
//! ```text
//! message AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2;
//!                            repeated Record records = 3; }
//! message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
//!                  required bytes data = 3; repeated Tag tags = 4; }
//! ```

use std::ops::Range;

use md5::{Digest, Md5};

use crate::limits;
use crate::refusal::Fault;

/// The first bytes of an aggregated record. No text in UTF-8 begins with them.
pub(crate) const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
/// Length of the digest at the end.
pub(crate) const DIGEST_BYTES: usize = 16;

/// Returns the MD5 digest at the end of an aggregated record.
///
/// It is written because other consumers check it. It is not checked here: that takes four times as long as reading the
/// points, and proves nothing about the sender. The magic bytes already tell aggregated records from messages, which are
/// UTF-8. The structure of a record is checked to the byte.
pub(crate) fn digest(message: &[u8]) -> [u8; DIGEST_BYTES] {
    Md5::digest(message).into()
}

/// Returns the ranges of the user records' data in an aggregated record, in its order.
pub(crate) fn user_records(record: &[u8]) -> Result<Vec<Range<usize>>, Fault> {
    let body = record.strip_prefix(&MAGIC).and_then(|rest| rest.split_last_chunk::<DIGEST_BYTES>());
    let Some((message, _)) = body else {
        return Err(Fault::undecodable("an aggregated record that is cut off: it has no digest"));
    };
    Aggregated::read(message, MAGIC.len())
}

/// An aggregated record as far as it was read.
#[derive(Default)]
struct Aggregated {
    partition_keys: u64,
    hash_keys: u64,
    /// The greatest positions in the tables that user records named, plus one.
    partition_keys_needed: u64,
    hash_keys_needed: u64,
    records: Vec<Range<usize>>,
}

impl Aggregated {
    fn read(message: &[u8], offset: usize) -> Result<Vec<Range<usize>>, Fault> {
        let mut found = Self::default();
        let mut fields = Fields { rest: message, offset };
        while let Some((number, value, at)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(_)) => found.partition_keys += 1,
                (2, Value::Bytes(_)) => found.hash_keys += 1,
                (3, Value::Bytes(record)) => found.user_record(record, at)?,
                (1..=3, Value::Number(_)) => return Err(broken(at)),
                // A field of a later version.
                _ => {}
            }
        }
        for (table, length, needed) in [
            ("partition keys", found.partition_keys, found.partition_keys_needed),
            ("hash keys", found.hash_keys, found.hash_keys_needed),
        ] {
            if needed > length {
                let detail = format!(
                    "an aggregated record that is broken: a user record names number {needed} of {length} {table}"
                );
                return Err(Fault::undecodable(detail));
            }
        }
        Ok(found.records)
    }

    fn user_record(&mut self, record: &[u8], offset: usize) -> Result<(), Fault> {
        let mut key = None;
        let mut data = None;
        let mut fields = Fields { rest: record, offset };
        while let Some((number, value, at)) = fields.next()? {
            match (number, value) {
                (1, Value::Number(position)) => key = Some(position),
                (2, Value::Number(position)) => {
                    self.hash_keys_needed = self.hash_keys_needed.max(position.saturating_add(1));
                }
                (3, Value::Bytes(bytes)) => data = Some(at..at + bytes.len()),
                (1 | 2, Value::Bytes(_)) | (3, Value::Number(_)) => return Err(broken(at)),
                _ => {}
            }
        }
        let (Some(key), Some(data)) = (key, data) else {
            let detail = format!("an aggregated record that is broken: no key or no data at byte {offset}");
            return Err(Fault::undecodable(detail));
        };
        self.partition_keys_needed = self.partition_keys_needed.max(key.saturating_add(1));
        if self.records.len() >= limits::USER_RECORDS {
            let limit = limits::USER_RECORDS;
            return Err(Fault::too_large(format!("an aggregated record of more than {limit} user records")));
        }
        self.records.push(data);
        Ok(())
    }
}

fn broken(at: usize) -> Fault {
    Fault::undecodable(format!("an aggregated record that is broken at byte {at}"))
}

enum Value<'a> {
    /// A number, or a fixed field of 4 or 8 bytes, which nothing here has.
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
    /// The offset of `rest` in the record, bytes.
    offset: usize,
}

impl<'a> Fields<'a> {
    /// The number of the next field, its value, and where the value begins in the record.
    fn next(&mut self) -> Result<Option<(u64, Value<'a>, usize)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let start = self.offset;
        let field = self.field();
        field.map(Some).ok_or_else(|| broken(start))
    }

    fn field(&mut self) -> Option<(u64, Value<'a>, usize)> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 {
            return None;
        }
        let (value, at) = match tag & 7 {
            0 => (Value::Number(self.varint()?), self.offset),
            1 => (Value::Number(0), self.skip(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let bytes = self.rest.get(..length)?;
                (Value::Bytes(bytes), self.skip(length)?)
            }
            5 => (Value::Number(0), self.skip(4)?),
            // Groups, which are obsolete, and wire types that do not exist.
            _ => return None,
        };
        Some((number, value, at))
    }

    /// Moves over bytes; answers where they began.
    fn skip(&mut self, length: usize) -> Option<usize> {
        self.rest = self.rest.get(length..)?;
        let at = self.offset;
        self.offset += length;
        Some(at)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.rest.first()?;
            self.skip(1)?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
