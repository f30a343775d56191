//! A batch of one shard, and its messages by key.

use andon_domain::{DataPoint, LookupMap};
use andon_engine::RecordBody;
use andon_ingest::{
    Arena, Authenticator, Decoded, EventError, ItemBody, ItemOutcome, SequenceNumber, ShardId,
};

use super::Key;
use crate::envelope::Position;

/// A batch of an invocation: messages of one shard, in the order of the stream.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The shard.
    pub shard: ShardId,
    /// Messages that can be folded, one per machine in them.
    pub messages: Vec<StreamMessage<'a>>,
    /// Messages, or parts of messages, that cannot be folded.
    pub refused: Vec<RefusedMessage<'a>>,
    /// Sequence numbers of all records that were read, in the order of the stream, also of records without a message.
    pub records: Vec<SequenceNumber>,
    /// The first record that was not read, because the records before it unpacked to too many bytes.
    pub deferred: Option<SequenceNumber>,
    /// The greatest arrival, ms.
    pub arrival_ms: i64,
}

/// The part of a message that concerns one machine.
#[derive(Debug)]
pub struct StreamMessage<'a> {
    /// The id of the machine: the key.
    pub equipment: std::borrow::Cow<'a, str>,
    /// Its position in the shard.
    pub position: Position,
    /// The arrival of its record, ms.
    pub arrival_ms: i64,
    /// Its content.
    pub body: ItemBody<'a>,
    /// The whole message as received, to be kept if it cannot be folded.
    pub raw: &'a [u8],
    /// True if the partition key of its record is the key. With a parallelization factor above 1, Lambda keeps the order
    /// of these messages only.
    pub on_own_key: bool,
}

impl StreamMessage<'_> {
    /// Returns its points.
    #[must_use]
    pub fn points(&self) -> &[DataPoint<'_>] {
        self.body.points()
    }

    /// Returns whether it is a tick: it only moves the clock.
    #[must_use]
    pub fn is_tick(&self) -> bool {
        matches!(self.body, ItemBody::Tick)
    }

    /// Returns its content for the fold.
    #[must_use]
    pub fn as_body(&self) -> RecordBody<'_> {
        if self.is_tick() { RecordBody::Tick } else { RecordBody::Points(self.points()) }
    }
}

/// A message, or a part of one, that cannot be folded.
#[derive(Debug)]
pub struct RefusedMessage<'a> {
    /// The sequence number of its record.
    pub sequence_number: SequenceNumber,
    /// The arrival of its record, ms.
    pub arrival_ms: i64,
    /// The content and the reason.
    pub refused: andon_ingest::RefusedItem<'a>,
}

/// A reason why an event is no batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// It is no event of a Kinesis stream.
    #[error("the event is not one of a Kinesis stream: {0}")]
    Event(EventError),
    /// It mixes shards. Lambda never does, and positions are kept per shard.
    #[error("the event has records of `{0}` and of `{1}`; expected one shard")]
    SeveralShards(ShardId, ShardId),
    /// It holds no records.
    #[error("the event has no records; expected at least one")]
    Empty,
}

/// Reads a Lambda event of a Kinesis stream and calls `f` with its batch.
///
/// # Errors
/// If the event is no batch. Single records that cannot be folded are in [`Batch::refused`].
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
    /// Reads the batch of a decoded event.
    ///
    /// # Errors
    /// If the event has no records, or records of several shards.
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
                    batch.refused.push(RefusedMessage { sequence_number, arrival_ms, refused });
                }
            });
        }
        Ok(batch)
    }
}

/// Returns the keys of messages, by first appearance, with the messages that `folded_here` accepts.
pub(super) fn by_key<'b>(
    messages: &'b [StreamMessage<'b>],
    folded_here: impl Fn(&StreamMessage<'_>) -> bool,
) -> Vec<Key<'b>> {
    let mut keys: Vec<Key<'b>> = Vec::new();
    let mut numbers: LookupMap<&str, usize> = LookupMap::default();
    for message in messages.iter().filter(|message| folded_here(message)) {
        let number = *numbers.entry(&message.equipment).or_insert(keys.len());
        match keys.get_mut(number) {
            Some(key) => key.messages.push(message),
            // Its first message.
            None => keys.push(Key::new(&message.equipment, vec![message])),
        }
    }
    keys
}
