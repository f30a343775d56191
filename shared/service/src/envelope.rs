//! What is stored as the body of a head: how far each shard was folded, and the packed state.
//!
//! A body is a version byte, the positions, the state (or the name of the object that holds it, where it is too large
//! for an item), and a CRC-32 of all of these, little-endian.

use std::collections::BTreeMap;
use std::fmt;

use andon_engine::bytes::{Reader, Writer};
use andon_engine::{SegmentId, UnpackError};
use andon_intake::{SequenceNumber, ShardId};

use crate::ports::StoredSegment;

/// The version that is written. Every version that was ever deployed stays readable.
const VERSION: u8 = 1;

const CHECKSUM_BYTES: usize = 4;

/// A place in a shard: a record, and a message inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Of the record.
    pub sequence_number: SequenceNumber,
    /// Of the message in the record, from 0.
    pub index: u32,
}

/// How far a key was folded on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The last message that was folded.
    pub position: Position,
    /// Its arrival, ms.
    pub arrival_ms: i64,
}

/// How far a key was folded, per shard. No order between shards is assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<ShardId, Folded>);

impl Positions {
    /// Whether a message was folded already.
    #[must_use]
    pub fn holds(&self, shard: &ShardId, position: Position) -> bool {
        self.0.get(shard).is_some_and(|folded| position <= folded.position)
    }

    /// A message was folded.
    pub fn advance(&mut self, shard: &ShardId, folded: Folded) {
        match self.0.get_mut(shard) {
            Some(known) => *known = folded,
            None => {
                self.0.insert(shard.clone(), folded);
            }
        }
    }

    /// Forgets shards whose last message arrived before a time: nothing that the stream still holds can be at or before
    /// such a position.
    pub fn forget_before(&mut self, arrival_ms: i64) {
        self.0.retain(|_, folded| folded.arrival_ms >= arrival_ms);
    }

    /// By shard.
    pub fn iter(&self) -> impl Iterator<Item = (&ShardId, &Folded)> {
        self.0.iter()
    }
}

/// A packed state, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// As [`andon_engine::KeyState::pack`] made it.
    Here(Vec<u8>),
    /// The name of an object with it.
    Object(String),
}

/// A body, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// How far it was folded.
    pub positions: Positions,
    /// The state.
    pub state: Stored,
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Written by a version that is not known here.
    Version(u8),
    /// The checksum does not fit: bytes were changed or lost.
    Checksum,
    /// Bytes that no version writes.
    Unreadable(UnpackError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(
                    f,
                    "the stored state has version {version}; this program reads versions up to {VERSION}"
                )
            }
            Self::Checksum => f.write_str("the stored state was damaged: its checksum does not fit"),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<UnpackError> for BodyError {
    fn from(error: UnpackError) -> Self {
        Self::Unreadable(error)
    }
}

const IS_OBJECT: u8 = 0x01;

impl Body {
    /// As it is stored.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let stored = match &self.state {
            Stored::Here(packed) => packed.len(),
            Stored::Object(name) => name.len(),
        };
        // A position takes some 40 bytes; most keys have one.
        let mut writer = Writer(Vec::with_capacity(stored + 64 + 40 * self.positions.0.len()));
        writer.byte(VERSION);
        writer.byte(if matches!(self.state, Stored::Object(_)) { IS_OBJECT } else { 0 });
        writer.length(self.positions.0.len());
        for (shard, folded) in &self.positions.0 {
            for bytes in [shard.to_bytes(), folded.position.sequence_number.to_bytes()] {
                writer.length(bytes.len());
                writer.0.extend_from_slice(&bytes);
            }
            writer.unsigned(folded.position.index.into());
            writer.signed(folded.arrival_ms);
        }
        match &self.state {
            Stored::Here(state) => writer.0.extend_from_slice(state),
            Stored::Object(name) => writer.0.extend_from_slice(name.as_bytes()),
        }
        let checksum = checksum(&writer.0);
        writer.0.extend_from_slice(&checksum.to_le_bytes());
        writer.0
    }

    /// Reads what [`Body::write`] wrote.
    ///
    /// # Errors
    /// When it was written by a later version, or is damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        match bytes.first() {
            Some(&VERSION) => {}
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
        let state = if flags & IS_OBJECT == 0 {
            Stored::Here(reader.0.to_vec())
        } else {
            let name = String::from_utf8(reader.0.to_vec())
                .map_err(|_| UnpackError::Corrupt("the name of an object is not UTF-8"))?;
            Stored::Object(name)
        };
        Ok(Self { positions, state })
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Finds the bytes of segments among those that are stored.
pub(crate) fn among<'a>(stored: &'a [StoredSegment]) -> impl FnMut(SegmentId) -> Option<&'a [u8]> {
    move |id| {
        let name = segment_name(id);
        stored.iter().find(|segment| segment.name == name).map(|segment| segment.bytes.as_slice())
    }
}

/// The name under which a segment is stored.
#[must_use]
pub fn segment_name(id: SegmentId) -> String {
    format!("{:010}-{:08x}", id.number, id.checksum)
}
