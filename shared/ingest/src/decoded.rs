//! The first phase: from an event to bytes of messages.

use std::ops::Range;

use andon_domain::never;
use base64::Engine as _;
use base64::engine::general_purpose::PAD_INDIFFERENT;

use crate::event::{self, EventError, StreamRecord};
use crate::payload::{Packing, Unpacker, packed_twice};
use crate::refusal::{Fault, excerpt};
use crate::{kpl, limits};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Base64 = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Base64 = base64::engine::GeneralPurpose;

fn base64_engine() -> Base64 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Base64::standard(PAD_INDIFFERENT);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Base64::new(&base64::alphabet::STANDARD, PAD_INDIFFERENT);
}

/// The memory that the data of an event are decoded into; used again for the next event.
#[derive(Default)]
pub struct Arena {
    /// The bytes decoded from base64. It may be longer than its used part: it is not cleared between events.
    raw: Vec<u8>,
    unpacker: Unpacker,
    /// The user records of aggregated records.
    parts: Vec<Part>,
}

impl Arena {
    /// Makes an arena that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the event before, and gives back memory that only an unusual one needs.
    fn reset(&mut self, raw: usize) {
        if self.raw.capacity() + self.unpacker.bytes.capacity() > limits::KEPT_BYTES {
            *self = Self::default();
        }
        self.unpacker.bytes.clear();
        self.unpacker.worked = 0;
        self.parts.clear();
        if self.raw.len() < raw {
            self.raw.resize(raw, 0);
        }
    }
}

/// The data of a record, by places in the arena.
enum Data {
    /// Messages as they are.
    Plain(Range<usize>),
    /// Messages that were packed: as sent, and unpacked.
    Unpacked(Range<usize>, Range<usize>),
    /// User records: as sent, and their places among the parts.
    Aggregated(Range<usize>, Range<usize>),
    /// Data that cannot be read, where they were base64.
    Faulty(Option<Range<usize>>, Fault),
}

/// A user record, by its place in the arena.
enum Part {
    Plain(Range<usize>),
    Unpacked(Range<usize>),
    /// As sent.
    Faulty(Range<usize>, Fault),
}

/// The bytes of messages: a record's, or a user record's of it.
pub(crate) enum Chunk<'a> {
    Messages(&'a [u8]),
    /// A whole record that cannot be decoded.
    FaultyRecord(&'a [u8], &'a Fault),
    /// A user record that cannot be decoded; it counts as one message.
    FaultyPart(&'a [u8], &'a Fault),
}

/// An event whose data are decoded.
pub struct Decoded<'a> {
    records: Vec<StreamRecord<'a>>,
    /// The data of the records, but for those that are deferred.
    data: Vec<Data>,
    arena: &'a Arena,
}

/// A record of a decoded event.
#[derive(Clone, Copy)]
pub struct DecodedRecord<'a> {
    stream: &'a StreamRecord<'a>,
    data: &'a Data,
    arena: &'a Arena,
}

impl<'a> Decoded<'a> {
    /// Reads an event and decodes the data of its records.
    ///
    /// Data that cannot be decoded are no error: they are refused when the record's messages are read.
    ///
    /// # Errors
    /// See [`read_event`](crate::read_event).
    pub fn new(event: &'a [u8], arena: &'a mut Arena) -> Result<Self, EventError> {
        let records = event::read(event)?;
        let encoded: usize = records.iter().map(|record| record.data.len()).sum();
        // Three bytes for four letters, and for what is left over in each record.
        arena.reset(encoded / 4 * 3 + records.len() * 3);
        let mut decoder = Decoder { raw_end: 0, base64: base64_engine(), arena: &mut *arena };
        let mut data = Vec::with_capacity(records.len());
        for record in &records {
            if decoder.arena.unpacker.worked >= limits::UNPACKED_BYTES_PER_EVENT {
                break;
            }
            data.push(decoder.decode(&record.data));
        }
        Ok(Self { records, data, arena })
    }

    /// The records whose data were decoded, in the order of the event.
    pub fn records(&self) -> impl ExactSizeIterator<Item = DecodedRecord<'_>> {
        let records = self.records.iter().zip(&self.data);
        records.map(|(stream, data)| DecodedRecord { stream, data, arena: self.arena })
    }

    /// The records at the end of the event for which nothing was done, since the ones before unpacked to more than
    /// [`limits::UNPACKED_BYTES_PER_EVENT`]: to be reported as not done, so that they come again. Never all of an event.
    #[must_use]
    pub fn deferred(&self) -> &[StreamRecord<'a>] {
        self.records.get(self.data.len()..).unwrap_or_default()
    }
}

impl<'a> DecodedRecord<'a> {
    /// Returns the record as it is in the stream.
    #[must_use]
    pub fn stream(&self) -> &'a StreamRecord<'a> {
        self.stream
    }

    /// The data as they were sent; where they are not base64, that text.
    #[must_use]
    pub fn sent(&self) -> &'a [u8] {
        let range = match self.data {
            Data::Plain(sent) | Data::Unpacked(sent, _) | Data::Aggregated(sent, _) => Some(sent),
            Data::Faulty(sent, _) => sent.as_ref(),
        };
        range.map_or(&self.stream.data, |range| self.raw(range))
    }

    /// Calls `f` with the bytes of messages, in order.
    pub(crate) fn chunks(&self, mut f: impl FnMut(Chunk<'a>)) {
        match self.data {
            Data::Plain(range) => f(Chunk::Messages(self.raw(range))),
            Data::Unpacked(_, range) => f(Chunk::Messages(self.unpacked(range))),
            Data::Faulty(_, fault) => f(Chunk::FaultyRecord(self.sent(), fault)),
            Data::Aggregated(_, parts) => {
                for part in slice(&self.arena.parts, parts) {
                    f(match part {
                        Part::Plain(range) => Chunk::Messages(self.raw(range)),
                        Part::Unpacked(range) => Chunk::Messages(self.unpacked(range)),
                        Part::Faulty(range, fault) => Chunk::FaultyPart(self.raw(range), fault),
                    });
                }
            }
        }
    }

    fn raw(&self, range: &Range<usize>) -> &'a [u8] {
        slice(&self.arena.raw, range)
    }

    fn unpacked(&self, range: &Range<usize>) -> &'a [u8] {
        slice(&self.arena.unpacker.bytes, range)
    }
}

/// Returns a part of the arena. Without it the messages of a record would be lost in silence.
fn slice<'a, T>(arena: &'a [T], range: &Range<usize>) -> &'a [T] {
    arena.get(range.clone()).unwrap_or_else(|| {
        never!("the arena has {} elements and no range {range:?}", arena.len());
        &[]
    })
}

/// Decodes record after record into the arena.
struct Decoder<'a> {
    arena: &'a mut Arena,
    /// The used length of `raw`, bytes.
    raw_end: usize,
    base64: Base64,
}

impl Decoder<'_> {
    #[inline]
    fn decode(&mut self, encoded: &[u8]) -> Data {
        let out = self.arena.raw.get_mut(self.raw_end..).unwrap_or_default();
        let sent = match self.base64.decode_slice(encoded, out) {
            Ok(length) => self.raw_end..self.raw_end + length,
            Err(error) => {
                let detail = format!("data that are not base64: {error}: `{}`", excerpt(encoded));
                return Data::Faulty(None, Fault::undecodable(detail));
            }
        };
        self.raw_end = sent.end;
        let data = slice(&self.arena.raw, &sent);
        if let Some(packing) = Packing::of(data) {
            return match self.arena.unpacker.unpack(packing, data, limits::UNPACKED_BYTES) {
                Ok(unpacked) => Data::Unpacked(sent, unpacked),
                Err(fault) => Data::Faulty(Some(sent), fault),
            };
        }
        if data.starts_with(&kpl::MAGIC) { self.aggregated(sent) } else { Data::Plain(sent) }
    }

    fn aggregated(&mut self, sent: Range<usize>) -> Data {
        let Arena { raw, unpacker, parts } = &mut *self.arena;
        let record = slice(raw, &sent);
        let users = match kpl::user_records(record) {
            Ok(users) => users,
            Err(fault) => return Data::Faulty(Some(sent), fault),
        };
        let first = parts.len();
        let worked = unpacker.worked;
        for user in users {
            let data = slice(record, &user);
            let place = sent.start + user.start..sent.start + user.end;
            parts.push(match Packing::of(data) {
                None if data.starts_with(&kpl::MAGIC) => Part::Faulty(place, packed_twice()),
                None => Part::Plain(place),
                Some(packing) => {
                    // One bound for all user records, with what was wasted on bad ones.
                    let room = limits::UNPACKED_BYTES.saturating_sub(unpacker.worked - worked);
                    match unpacker.unpack(packing, data, room) {
                        Ok(unpacked) => Part::Unpacked(unpacked),
                        Err(fault) => Part::Faulty(place, fault),
                    }
                }
            });
        }
        Data::Aggregated(sent, first..parts.len())
    }
}
