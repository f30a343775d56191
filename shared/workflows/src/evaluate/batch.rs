//! A batch of one shard, by key.

use std::fmt;

use andon_domain::{DataPoint, LookupMap};
use andon_engine::RecordBody;
use andon_ingest::{
    Arena, Authenticator, Decoded, EventError, ItemBody, ItemOutcome, SequenceNumber, ShardId,
};

use crate::envelope::Position;

/// What one invocation was given: messages of one shard, in the order of the stream.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The shard.
    pub shard: ShardId,
    /// Messages that can be folded, one for each equipment in them.
    pub messages: Vec<StreamMessage<'a>>,
    /// Messages, or parts of them, that cannot.
    pub refused: Vec<RefusedRecord<'a>>,
    /// Sequence numbers of the records that were read, in the order of the stream, also of those without a message.
    pub records: Vec<SequenceNumber>,
    /// The first record that was not even read, since the ones before unpacked to too much.
    pub deferred: Option<SequenceNumber>,
    /// The greatest arrival, ms.
    pub arrival_ms: i64,
}

/// What a message says of one equipment.
#[derive(Debug)]
pub struct StreamMessage<'a> {
    /// The equipment.
    pub equipment: std::borrow::Cow<'a, str>,
    /// Where it stands in the shard.
    pub position: Position,
    /// When it arrived, ms.
    pub arrival_ms: i64,
    /// What it says.
    pub body: ItemBody<'a>,
    /// The whole message as it came, to be kept where it cannot be folded.
    pub raw: &'a [u8],
    /// The outer partition key of its record is the equipment: with several lanes, order is only kept for these.
    pub on_own_key: bool,
}

impl StreamMessage<'_> {
    /// Its points.
    #[must_use]
    pub fn points(&self) -> &[DataPoint<'_>] {
        self.body.points()
    }

    /// Whether it only says that the clock has moved on.
    #[must_use]
    pub fn is_tick(&self) -> bool {
        matches!(self.body, ItemBody::Tick)
    }

    /// For the fold.
    #[must_use]
    pub fn as_body(&self) -> RecordBody<'_> {
        if self.is_tick() { RecordBody::Tick } else { RecordBody::Points(self.points()) }
    }
}

/// Something that cannot be folded.
#[derive(Debug)]
pub struct RefusedRecord<'a> {
    /// The record.
    pub sequence_number: SequenceNumber,
    /// When it arrived, ms.
    pub arrival_ms: i64,
    /// What, and why.
    pub refused: andon_ingest::RefusedItem<'a>,
}

/// Why an event is no batch.
#[derive(Debug)]
pub enum BatchError {
    /// It is no event of a Kinesis stream.
    Event(EventError),
    /// Lambda never mixes shards, and positions are kept per shard.
    SeveralShards(ShardId, ShardId),
    /// It holds no records.
    Empty,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(error) => write!(f, "the event is not one of a Kinesis stream: {error}"),
            Self::SeveralShards(one, other) => {
                write!(f, "the event has records of `{one}` and of `{other}`; expected one shard")
            }
            Self::Empty => f.write_str("the event has no records; expected at least one"),
        }
    }
}

impl std::error::Error for BatchError {}

/// Reads a Lambda event of a Kinesis stream and calls `f` with its batch.
///
/// # Errors
/// When it is not such an event. What is wrong with single records is in [`Batch::refused`].
pub fn with_batch<T>(
    event: &[u8],
    arena: &mut Arena,
    trust: Option<&Authenticator>,
    f: impl FnOnce(Batch<'_>) -> T,
) -> Result<T, BatchError> {
    let decoded = Decoded::new(event, arena).map_err(BatchError::Event)?;
    Batch::of(&decoded, trust).map(f)
}

impl<'a> Batch<'a> {
    /// The batch of a decoded event.
    ///
    /// # Errors
    /// When it has no records, or those of several shards.
    pub fn of(decoded: &'a Decoded<'a>, trust: Option<&Authenticator>) -> Result<Self, BatchError> {
        let first = decoded.records().next().ok_or(BatchError::Empty)?;
        let mut batch = Batch {
            shard: first.stream().shard.clone(),
            messages: Vec::with_capacity(decoded.records().len()),
            refused: Vec::new(),
            records: Vec::with_capacity(decoded.records().len()),
            deferred: decoded.deferred().first().map(|record| record.sequence),
            arrival_ms: i64::MIN,
        };
        for record in decoded.records() {
            let stream = record.stream();
            if stream.shard != batch.shard {
                return Err(BatchError::SeveralShards(batch.shard, stream.shard.clone()));
            }
            let (sequence_number, arrival_ms) = (stream.sequence, stream.arrival_ms);
            batch.records.push(sequence_number);
            batch.arrival_ms = batch.arrival_ms.max(arrival_ms);
            record.for_each(trust, |outcome| match outcome {
                ItemOutcome::Item(item) => batch.messages.push(StreamMessage {
                    on_own_key: item.equipment == stream.partition_key,
                    equipment: item.equipment,
                    position: Position { sequence_number, index: item.index },
                    arrival_ms,
                    body: item.body,
                    raw: item.message,
                }),
                ItemOutcome::Refused(refused) => {
                    batch.refused.push(RefusedRecord { sequence_number, arrival_ms, refused });
                }
            });
        }
        Ok(batch)
    }
}

/// The messages of one key in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyMessages<'b> {
    pub equipment: &'b str,
    /// Positions in [`Batch::messages`], in the order of the stream.
    pub messages: Vec<usize>,
}

/// The keys of a batch, by first appearance, with those messages that `folded_here` takes.
pub(crate) fn by_key<'b>(
    messages: &'b [StreamMessage<'_>],
    folded_here: impl Fn(&StreamMessage<'_>) -> bool,
) -> Vec<KeyMessages<'b>> {
    let mut keys: Vec<KeyMessages<'b>> = Vec::new();
    let mut places: LookupMap<&str, usize> = LookupMap::default();
    for (number, message) in messages.iter().enumerate() {
        if !folded_here(message) {
            continue;
        }
        let place = *places.entry(&message.equipment).or_insert(keys.len());
        match keys.get_mut(place) {
            Some(key) => key.messages.push(number),
            None => keys.push(KeyMessages { equipment: &message.equipment, messages: vec![number] }),
        }
    }
    keys
}
