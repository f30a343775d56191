//! The body of a head: the positions per shard, and the packed state.
//!
//! A body is a version byte, the positions, the state (or the name of its object, if it is too large for an item), and a
//! CRC-32 of everything before it, little-endian. A state is deflated (RFC 1951) if that saves money: DynamoDB charges a
//! write by the KiB.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;

use andon_engine::bytes::{Reader, Writer};
use andon_engine::{SegmentId, UnpackError};
use andon_ingest::{SequenceNumber, ShardId};

use crate::limits;
use crate::ports::StoredSegment;

/// The version of a body whose state is not deflated. Every version that was ever deployed stays readable.
const VERSION_PLAIN: u8 = 1;

/// The version of a body whose state is deflated.
const VERSION: u8 = 2;

/// The unit in which DynamoDB charges the writes of an item, in bytes.
const UNIT_BYTES: usize = 1024;

/// Size of the rest of an item, in bytes: the key, its due time, the names of attributes.
const REST_OF_ITEM_BYTES: usize = 160;

const CHECKSUM_BYTES: usize = 4;

/// A position in a shard: a record, and a message inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The sequence number of the record.
    pub sequence_number: SequenceNumber,
    /// The index of the message in the record, from 0.
    pub index: u32,
}

/// The progress of a key on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The last message that was folded.
    pub position: Position,
    /// Its arrival, ms.
    pub arrival_ms: i64,
}

/// The progress of a key, per shard. No order between shards is assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<ShardId, Folded>);

impl Positions {
    /// Returns whether a message was folded before.
    #[must_use]
    pub fn holds(&self, shard: &ShardId, position: Position) -> bool {
        self.0.get(shard).is_some_and(|folded| position <= folded.position)
    }

    /// Notes a folded message.
    pub fn advance(&mut self, shard: &ShardId, folded: Folded) {
        match self.0.get_mut(shard) {
            Some(known) => *known = folded,
            None => {
                self.0.insert(shard.clone(), folded);
            }
        }
    }

    /// Forgets shards whose last message arrived before a time: the stream no longer holds a record at or before such a
    /// position.
    pub fn forget_before(&mut self, arrival_ms: i64) {
        self.0.retain(|_, folded| folded.arrival_ms >= arrival_ms);
    }

    /// Iterates by shard.
    pub fn iter(&self) -> impl Iterator<Item = (&ShardId, &Folded)> {
        self.0.iter()
    }
}

/// A packed state, or the object that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The packed state, from [`andon_engine::KeyState::pack`].
    Here(Vec<u8>),
    /// The name of the object that holds it.
    Object(String),
}

/// A body that was read or is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEnvelope {
    /// The progress per shard.
    pub positions: Positions,
    /// The state.
    pub state: Stored,
}

/// A reason why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A later version wrote it.
    #[error("the stored state has version {0}; this program reads versions up to {VERSION}")]
    Version(u8),
    /// The checksum does not fit: bytes were changed or lost.
    #[error("the stored state was damaged: its checksum does not fit")]
    Checksum,
    /// No version writes such bytes.
    #[error(transparent)]
    Unreadable(#[from] UnpackError),
}

const IS_OBJECT: u8 = 0x01;
const IS_DEFLATED: u8 = 0x02;

impl StateEnvelope {
    /// Returns the stored form.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        // A position takes some 40 bytes; most keys have one.
        let before = 16 + 40 * self.positions.0.len();
        let deflated = match &self.state {
            Stored::Here(packed) => deflated(packed, before + REST_OF_ITEM_BYTES),
            Stored::Object(_) => None,
        };
        let (flags, state) = match (&self.state, &deflated) {
            (Stored::Here(_), Some(deflated)) => (IS_DEFLATED, deflated.as_slice()),
            (Stored::Here(packed), None) => (0, packed.as_slice()),
            (Stored::Object(name), _) => (IS_OBJECT, name.as_bytes()),
        };
        let mut writer = Writer(Vec::with_capacity(before + state.len()));
        writer.byte(if deflated.is_some() { VERSION } else { VERSION_PLAIN });
        writer.byte(flags);
        writer.length(self.positions.0.len());
        for (shard, folded) in &self.positions.0 {
            for bytes in [shard.to_bytes(), folded.position.sequence_number.to_bytes()] {
                writer.length(bytes.len());
                writer.0.extend_from_slice(&bytes);
            }
            writer.unsigned(folded.position.index.into());
            writer.signed(folded.arrival_ms);
        }
        writer.0.extend_from_slice(state);
        let checksum = checksum(&writer.0);
        writer.0.extend_from_slice(&checksum.to_le_bytes());
        writer.0
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// If a later version wrote it, or it is damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        match bytes.first() {
            Some(&(VERSION_PLAIN | VERSION)) => {}
            Some(&version) => return Err(BodyError::Version(version)),
            None => return Err(UnpackError::Truncated.into()),
        }
        let (content, stored) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(UnpackError::Truncated)?;
        if checksum(content) != u32::from_le_bytes(*stored) {
            return Err(BodyError::Checksum);
        }
        let mut reader = Reader(content);
        reader.byte()?;
        let flags = reader.byte()?;
        let mut positions = Positions::default();
        for _ in 0..reader.count()? {
            let length = reader.count()?;
            let shard = ShardId::from_bytes(reader.take(length)?)
                .ok_or(UnpackError::Corrupt("a shard id is not readable"))?;
            let length = reader.count()?;
            let sequence_number = SequenceNumber::from_bytes(reader.take(length)?)
                .ok_or(UnpackError::Corrupt("a sequence number is not readable"))?;
            let position = Position { sequence_number, index: reader.small()? };
            positions.0.insert(shard, Folded { position, arrival_ms: reader.signed()? });
        }
        let state = if flags & IS_OBJECT != 0 {
            let name = String::from_utf8(reader.0.to_vec())
                .map_err(|_| UnpackError::Corrupt("the name of an object is not UTF-8"))?;
            Stored::Object(name)
        } else if flags & IS_DEFLATED != 0 {
            Stored::Here(inflated(reader.0)?)
        } else {
            Stored::Here(reader.0.to_vec())
        };
        Ok(Self { positions, state })
    }
}

thread_local! {
    /// Reused for all keys: its tables take some hundred KiB.
    static DEFLATER: RefCell<flate2::Compress> =
        RefCell::new(flate2::Compress::new(flate2::Compression::fast(), false));
}

/// Returns the deflated form of a state if DynamoDB charges less for it in an item with `beside` other bytes.
fn deflated(state: &[u8], beside: usize) -> Option<Vec<u8>> {
    let units = |bytes: usize| (bytes + beside).div_ceil(UNIT_BYTES);
    if units(state.len()) < 2 {
        return None;
    }
    // A form that does not fit into the length of the state saves nothing.
    let mut deflated = Vec::with_capacity(state.len());
    let ended = DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        deflater.compress_vec(state, &mut deflated, flate2::FlushCompress::Finish)
    });
    let all = matches!(ended, Ok(flate2::Status::StreamEnd));
    (all && units(deflated.len()) < units(state.len())).then_some(deflated)
}

/// Inflates a state, to the maximum size of a body at most.
fn inflated(deflated: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let most = limits::ITEM_BODY_BYTES as u64;
    let mut state = Vec::with_capacity(deflated.len().saturating_mul(3));
    let mut inflater = flate2::read::DeflateDecoder::new(deflated).take(most + 1);
    let length = inflater.read_to_end(&mut state);
    match length {
        Ok(length) if length as u64 <= most => Ok(state),
        _ => Err(UnpackError::Corrupt("a deflated state is not readable")),
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Returns a function that finds the bytes of a segment among stored segments.
pub(crate) fn among<'a>(stored: &'a [StoredSegment]) -> impl FnMut(SegmentId) -> Option<&'a [u8]> {
    move |id| {
        let name = segment_name(id);
        stored.iter().find(|segment| segment.name == name).map(|segment| segment.bytes.as_slice())
    }
}

/// Returns the name under which a segment is stored.
#[must_use]
pub fn segment_name(id: SegmentId) -> String {
    format!("{:010}-{:08x}", id.number, id.checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(state: Vec<u8>) -> StateEnvelope {
        StateEnvelope { positions: Positions::default(), state: Stored::Here(state) }
    }

    /// Returns bytes that vary as much as those of points.
    fn state(length: usize) -> Vec<u8> {
        (0..length).map(|at| [0x80, 0x81, 0x83][at % 3] ^ u8::try_from(at * at % 5).unwrap()).collect()
    }

    #[test]
    fn a_state_is_deflated_if_dynamodb_charges_less_for_its_item() {
        for (length, version) in
            [(0, VERSION_PLAIN), (600, VERSION_PLAIN), (1200, VERSION), (40_000, VERSION)]
        {
            let body = body(state(length));
            let written = body.write();
            assert_eq!(written.first(), Some(&version), "{length} bytes");
            assert!(
                version == VERSION_PLAIN || written.len() < length - 150,
                "{length} bytes: {}",
                written.len()
            );
            assert_eq!(StateEnvelope::read(&written), Ok(body), "{length} bytes");
        }
    }

    #[test]
    fn a_state_that_deflates_to_no_fewer_bytes_stays_as_it_is() {
        let mut number = 1_u32;
        let mut random = || {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            number.to_be_bytes()[0]
        };
        let body = body((0..1500).map(|_| random()).collect());
        let written = body.write();
        assert_eq!(written.first(), Some(&VERSION_PLAIN));
        assert_eq!(StateEnvelope::read(&written), Ok(body));
    }

    #[test]
    fn a_state_that_inflates_to_more_than_a_body_holds_is_refused() {
        let written = body(vec![0; limits::ITEM_BODY_BYTES + 1]).write();
        assert!(written.len() < 2000);
        let refused = StateEnvelope::read(&written).unwrap_err();
        assert_eq!(refused, BodyError::Unreadable(UnpackError::Corrupt("a deflated state is not readable")));
    }
}
