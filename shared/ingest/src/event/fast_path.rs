//! The fast reader. Lambda writes all records of an event alike, but for five values. The reader learns the text between
//! these values from one record, which serde reads, and compares it in the next. At a difference, serde reads the record.
//!
//! It answers only where the general reader would answer the same; else it gives up on the event.

use std::borrow::Cow;

use memchr::memchr2;

use super::general::Fields;
use super::{StreamRecord, arrival, shard};
use crate::{SequenceNumber, ShardId};

/// The values that differ from record to record.
#[derive(Clone, Copy)]
enum Slot {
    PartitionKey,
    Sequence,
    Data,
    Arrival,
    EventId,
}

/// A pattern of records: the text before each value, and after the last.
struct Pattern<'a> {
    values: [(&'a [u8], Slot); 5],
    end: &'a [u8],
    stream: Option<Cow<'a, str>>,
    /// The shard of the last record, with its text in the `eventID` up to and with the colon.
    shard: (&'a [u8], ShardId),
    /// Of the last record.
    sequence_length: usize,
}

pub(super) fn read(event: &[u8]) -> Option<Vec<StreamRecord<'_>>> {
    let mut rest = event.strip_prefix(br#"{"Records":["#)?;
    let mut records = Vec::new();
    let mut pattern: Option<Pattern<'_>> = None;
    loop {
        let fast = pattern.as_mut().and_then(|pattern| pattern.read(rest));
        let (record, after) = match fast {
            Some(fast) => fast,
            None => {
                let (record, after, learned) = learn(rest, records.len())?;
                pattern = learned;
                (record, after)
            }
        };
        if records.is_empty() {
            // Records are of similar size; room for all of them spares moving them.
            let length = rest.len().checked_sub(after.len())?;
            records.reserve(event.len() / length.max(1) + 1);
        }
        records.push(record);
        match after {
            [b',', after @ ..] => rest = after,
            [b']', b'}', after @ ..] if after.trim_ascii().is_empty() => return Some(records),
            _ => return None,
        }
    }
}

/// Reads one record by serde. Returns the record, the rest of the text, and the pattern of the next record, if any.
fn learn(text: &[u8], place: usize) -> Option<(StreamRecord<'_>, &[u8], Option<Pattern<'_>>)> {
    let mut records = serde_json::Deserializer::from_slice(text).into_iter::<Fields<'_>>();
    let fields = records.next()?.ok()?;
    let (own, after) = text.split_at_checked(records.byte_offset())?;
    let spans = spans(own, &fields);
    let record = StreamRecord::new(fields, place).ok()?;
    let pattern = spans.and_then(|spans| Pattern::new(own, spans, &record));
    Some((record, after, pattern))
}

/// Returns the spans of the five values in the text of their record, in its order; `None` if one was unescaped.
fn spans<'a>(text: &'a [u8], fields: &Fields<'a>) -> Option<[(usize, usize, Slot); 5]> {
    fn borrowed<'a, T: ToOwned + ?Sized>(text: &Cow<'a, T>) -> Option<&'a T> {
        if let Cow::Borrowed(text) = text { Some(text) } else { None }
    }
    let kinesis = &fields.kinesis;
    let span = |value: &[u8], slot| {
        let start = value.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let end = start.checked_add(value.len())?;
        (text.get(start..end)? == value).then_some((start, end, slot))
    };
    let mut spans = [
        span(borrowed(&kinesis.partition_key)?.as_bytes(), Slot::PartitionKey)?,
        span(borrowed(&kinesis.sequence_number)?.as_bytes(), Slot::Sequence)?,
        span(borrowed(&kinesis.data)?, Slot::Data)?,
        span(kinesis.arrival.get().as_bytes(), Slot::Arrival)?,
        span(borrowed(&fields.event_id)?.as_bytes(), Slot::EventId)?,
    ];
    spans.sort_unstable_by_key(|(start, _, _)| *start);
    Some(spans)
}

impl<'a> Pattern<'a> {
    fn new(text: &'a [u8], spans: [(usize, usize, Slot); 5], record: &StreamRecord<'a>) -> Option<Self> {
        let mut from = 0;
        let mut values = [(&[] as &[u8], Slot::Data); 5];
        let [mut event_id, mut sequence] = [&[] as &[u8]; 2];
        for (value, (start, end, slot)) in values.iter_mut().zip(spans) {
            *value = (text.get(from..start)?, slot);
            match slot {
                Slot::EventId => event_id = text.get(start..end)?,
                Slot::Sequence => sequence = text.get(start..end)?,
                _ => {}
            }
            from = end;
        }
        let colon = memchr::memrchr(b':', event_id)?;
        let shard = (event_id.get(..=colon)?, record.shard.clone());
        Some(Self {
            values,
            end: text.get(from..)?,
            stream: record.stream.clone(),
            shard,
            sequence_length: sequence.len(),
        })
    }

    /// Reads a record that looks as this says, and what follows it.
    #[inline]
    fn read(&mut self, text: &'a [u8]) -> Option<(StreamRecord<'a>, &'a [u8])> {
        let mut rest = text;
        let [mut partition_key, mut sequence, mut data] = [&[] as &[u8]; 3];
        let (mut arrival_ms, mut shard) = (0, None);
        for (before, slot) in &self.values {
            rest = rest.strip_prefix(*before)?;
            match slot {
                Slot::PartitionKey => (partition_key, rest) = until_quote(rest)?,
                Slot::Sequence => (sequence, rest) = self.sequence(rest)?,
                Slot::Data => (data, rest) = until_quote(rest)?,
                Slot::Arrival => (arrival_ms, rest) = arrival::usual(rest)?,
                Slot::EventId => {
                    let (of_record, after) = Self::shard(&mut self.shard, rest, sequence)?;
                    (shard, rest) = (Some(of_record), after);
                }
            }
        }
        rest = rest.strip_prefix(self.end)?;
        let record = StreamRecord {
            shard: shard?,
            stream: self.stream.clone(),
            sequence: SequenceNumber::parse(sequence)?,
            partition_key: Cow::Borrowed(plain(partition_key)?),
            arrival_ms,
            data: Cow::Borrowed(data),
        };
        self.sequence_length = sequence.len();
        Some((record, rest))
    }

    /// A sequence number is most often as long as the one before; whether it consists of digits is seen in reading it.
    fn sequence(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        match text.split_at_checked(self.sequence_length) {
            Some((sequence, rest)) if rest.first() == Some(&b'"') => Some((sequence, rest)),
            _ => until_quote(text),
        }
    }

    /// The shard in an `eventID`, which is most often that of the record before.
    fn shard(
        known: &mut (&'a [u8], ShardId),
        text: &'a [u8],
        sequence: &[u8],
    ) -> Option<(ShardId, &'a [u8])> {
        let usual = text.strip_prefix(known.0).and_then(|text| text.strip_prefix(sequence));
        if let Some(rest) = usual.filter(|rest| rest.first() == Some(&b'"') && !sequence.is_empty()) {
            return Some((known.1.clone(), rest));
        }
        let (event_id, rest) = until_quote(text)?;
        let id = shard(plain(event_id)?)?;
        *known = (event_id.get(..=memchr::memrchr(b':', event_id)?)?, id.clone());
        Some((id, rest))
    }
}

/// A text up to its closing quote, and what follows from there; `None` if it has an escape.
#[inline]
fn until_quote(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'"', b'\\', text)?;
    let (value, rest) = text.split_at_checked(end)?;
    (rest.first() == Some(&b'"')).then_some((value, rest))
}

/// Bytes as text, unless there is a control character in them, which serde would refuse.
fn plain(bytes: &[u8]) -> Option<&str> {
    // To the end in any case: many bytes at a time.
    let control = bytes.iter().fold(false, |found, byte| found | (*byte < 0x20));
    if control { None } else { std::str::from_utf8(bytes).ok() }
}
