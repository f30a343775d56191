//! The second phase: the messages of a record, each an item for the fold or refused.

use std::borrow::Cow;

use andon_domain::score::TAG_PREFIX;
use andon_domain::wire::{Message, MessageContent};
use andon_domain::{DataPoint, Rejection};
use memchr::memchr;
use serde::de::IgnoredAny;

use crate::decoded::{Chunk, DecodedRecord};
use crate::refusal::RefusalReason;
use crate::trust::{Authenticator, looks_sealed};
use crate::{RefusedItem, limits};

/// A message, or the part of it that concerns one equipment.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'a> {
    /// The index of the message in its Kinesis record, from 0. A list of points of several machines gives several items
    /// of one index.
    pub index: u32,
    /// The equipment that the message is about.
    pub equipment: Cow<'a, str>,
    /// The content for the fold.
    pub body: ItemBody<'a>,
    /// The whole message as it came, with its seal if it has one.
    pub message: &'a [u8],
}

/// The content of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemBody<'a> {
    /// A data point.
    Point(DataPoint<'a>),
    /// The points of a list, in its order; at least one.
    Points(Vec<DataPoint<'a>>),
    /// The clock of the equipment moves on. Authenticated.
    Tick,
}

impl<'a> ItemBody<'a> {
    /// The points; none for a tick.
    #[must_use]
    pub fn points(&self) -> &[DataPoint<'a>] {
        match self {
            Self::Point(point) => std::slice::from_ref(point),
            Self::Points(points) => points,
            Self::Tick => &[],
        }
    }
}

/// An outcome of a message, or of one part of it.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemOutcome<'a> {
    /// An item to fold.
    Item(Item<'a>),
    /// A message, or a part of one, that cannot be used.
    Refused(RefusedItem<'a>),
}

impl<'a> DecodedRecord<'a> {
    /// Reads the messages of the record and calls `f` with what becomes of them, in their order.
    ///
    /// Without an authenticator, no internal message counts. Of refusals, the first [`limits::LISTED_REFUSALS`] come one by
    /// one; the others come at the end, counted by reason, with the bytes of the record.
    pub fn for_each(&self, trust: Option<&Authenticator>, f: impl FnMut(ItemOutcome<'a>)) {
        let mut reader = Reader { trust, f, next: 0, listed: 0, unlisted: [0; RefusalReason::ALL.len()] };
        self.chunks(|chunk| match chunk {
            Chunk::Messages(bytes) => reader.messages(bytes),
            Chunk::FaultyRecord(bytes, fault) => {
                reader.refuse(RefusedItem::new(None, fault.reason, fault.detail.clone(), bytes));
            }
            Chunk::FaultyPart(bytes, fault) => {
                let index = reader.next;
                reader.next += 1;
                reader.refuse(RefusedItem::new(Some(index), fault.reason, fault.detail.clone(), bytes));
            }
        });
        let found = reader.next > 0 || reader.listed > 0;
        if !found {
            let detail = "the record holds no message";
            reader.refuse(RefusedItem::new(None, RefusalReason::Malformed, detail, self.sent()));
        }
        for (reason, count) in RefusalReason::ALL.into_iter().zip(reader.unlisted) {
            if count > 0 {
                let detail = format!(
                    "{count} more of this record, beyond the {} that are listed",
                    limits::LISTED_REFUSALS
                );
                (reader.f)(ItemOutcome::Refused(RefusedItem {
                    count,
                    ..RefusedItem::new(None, reason, detail, self.sent())
                }));
            }
        }
    }
}

/// Reads one message by itself, which had an index in its record, and calls `f` with what becomes of it: as
/// [`DecodedRecord::for_each`] does with each message.
pub fn read_message<'a>(
    bytes: &'a [u8],
    index: u32,
    trust: Option<&Authenticator>,
    f: impl FnMut(ItemOutcome<'a>),
) {
    let mut reader = Reader { trust, f, next: index, listed: 0, unlisted: [0; RefusalReason::ALL.len()] };
    if !reader.read_canonical_point(bytes) {
        reader.message(bytes);
    }
}

/// Reads the messages of one record.
struct Reader<'t, F> {
    trust: Option<&'t Authenticator>,
    f: F,
    /// The index of the next message.
    next: u32,
    listed: usize,
    /// Refusals that are not listed, by reason as in [`RefusalReason::ALL`].
    unlisted: [u64; RefusalReason::ALL.len()],
}

/// A sender of a message: anyone, or this system, which is authenticated.
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    Anyone,
    Internal,
}

impl<'a, F: FnMut(ItemOutcome<'a>)> Reader<'_, F> {
    /// Reads one JSON message, or JSON lines.
    #[inline]
    fn messages(&mut self, bytes: &'a [u8]) {
        let bytes = trim_end(bytes);
        if self.read_canonical_point(bytes) {
            return;
        }
        let bytes = bytes.trim_ascii();
        let Some(end) = memchr(b'\n', bytes) else {
            if !bytes.is_empty() {
                self.message(bytes);
            }
            return;
        };
        // The first line is not blank. Where it is no JSON by itself, all lines together may be.
        let first = bytes.get(..end).unwrap_or_default();
        if Message::read_canonical(first).is_some() || is_json(first) || !is_json(bytes) {
            self.lines(bytes);
        } else {
            self.message(bytes);
        }
    }

    fn lines(&mut self, mut bytes: &'a [u8]) {
        while !bytes.is_empty() {
            if self.next >= limits::MESSAGES_PER_RECORD {
                let detail = format!("a record of more than {} messages", limits::MESSAGES_PER_RECORD);
                self.refuse(RefusedItem::new(Some(self.next), RefusalReason::TooLarge, detail, bytes));
                return;
            }
            let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            bytes = rest.get(1..).unwrap_or_default();
            if !self.read_canonical_point(line) {
                let line = line.trim_ascii();
                if !line.is_empty() {
                    self.message(line);
                }
            }
        }
    }

    /// Reads one data point in the canonical form, which any sender may use. Returns `false` for other messages: this is
    /// the fast path, and [`Self::message`] reads them.
    #[inline]
    fn read_canonical_point(&mut self, bytes: &'a [u8]) -> bool {
        let Some((None, equipment, point)) = Message::read_canonical(bytes) else { return false };
        if is_internal(&point) || self.next >= limits::MESSAGES_PER_RECORD {
            return false;
        }
        let item = Item {
            index: self.next,
            equipment: Cow::Borrowed(equipment),
            body: ItemBody::Point(point),
            message: bytes,
        };
        self.next += 1;
        (self.f)(ItemOutcome::Item(item));
        true
    }

    /// Any message.
    fn message(&mut self, bytes: &'a [u8]) {
        let index = self.next;
        if index >= limits::MESSAGES_PER_RECORD {
            let detail = format!("a record of more than {} messages", limits::MESSAGES_PER_RECORD);
            self.refuse(RefusedItem::new(Some(index), RefusalReason::TooLarge, detail, bytes));
            return;
        }
        self.next += 1;
        if !looks_sealed(bytes) {
            return self.emit_items(index, Message::read(bytes), Sender::Anyone, bytes);
        }
        let refused = match self.trust.map(|trust| trust.open(bytes)) {
            Some(Ok(data)) => return self.emit_items(index, Message::read(data), Sender::Internal, bytes),
            Some(Err(error)) => format!("an internal message that is not authentic: {error}"),
            None => "an internal message, but no key is configured to authenticate it".to_owned(),
        };
        self.refuse(RefusedItem::new(Some(index), RefusalReason::Forged, refused, bytes));
    }

    /// Emits the items of one message, and refuses the points that its sender may not send.
    fn emit_items(&mut self, index: u32, message: Message<'a>, sender: Sender, bytes: &'a [u8]) {
        if matches!(message.content, MessageContent::Rules(_)) {
            let detail = "rules do not come by the stream; `andon rules put` stores them";
            return self.refuse(RefusedItem::new(Some(index), RefusalReason::Malformed, detail, bytes));
        }
        if message.arrival_ms.is_some() {
            let detail =
                "an envelope with `arrival` is for replay; in the stream, Kinesis says when a record arrived";
            return self.refuse(RefusedItem::new(Some(index), RefusalReason::Malformed, detail, bytes));
        }
        let item = |equipment, body| Item { index, equipment, body, message: bytes };
        let mut forged = Described::default();
        match message.content {
            MessageContent::One(equipment, point) => {
                if sender == Sender::Anyone && is_internal(&point) {
                    forged.add(|| as_forged(&point));
                } else {
                    (self.f)(ItemOutcome::Item(item(equipment, ItemBody::Point(point))));
                }
            }
            MessageContent::Several(by_equipment) => {
                for (equipment, mut points) in by_equipment {
                    if sender == Sender::Anyone {
                        points.retain(|point| {
                            let internal = is_internal(point);
                            if internal {
                                forged.add(|| as_forged(point));
                            }
                            !internal
                        });
                    }
                    if !points.is_empty() {
                        (self.f)(ItemOutcome::Item(item(equipment, ItemBody::Points(points))));
                    }
                }
            }
            MessageContent::Tick(equipment) => {
                if sender == Sender::Anyone {
                    forged.add(|| "a tick that this system did not seal".to_owned());
                } else {
                    (self.f)(ItemOutcome::Item(item(equipment, ItemBody::Tick)));
                }
            }
            MessageContent::Nothing | MessageContent::Rules(_) => {}
        }
        let mut malformed = Described::default();
        for Rejection { detail, .. } in message.rejections {
            malformed.add(|| detail.into_owned());
        }
        malformed.count += message.unlisted_rejections;
        for (reason, described) in [(RefusalReason::Malformed, malformed), (RefusalReason::Forged, forged)] {
            if described.count > 0 {
                let (count, detail) = (described.count, described.text());
                self.refuse(RefusedItem { count, ..RefusedItem::new(Some(index), reason, detail, bytes) });
            }
        }
    }

    fn refuse(&mut self, refused: RefusedItem<'a>) {
        if self.listed < limits::LISTED_REFUSALS {
            self.listed += 1;
            (self.f)(ItemOutcome::Refused(refused));
            return;
        }
        for (reason, count) in RefusalReason::ALL.into_iter().zip(&mut self.unlisted) {
            if reason == refused.reason {
                *count += refused.count;
            }
        }
    }
}

/// The bad items of one message: it is refused once for each reason, since each refusal carries its bytes.
#[derive(Default)]
struct Described {
    count: u64,
    details: Vec<String>,
}

impl Described {
    fn add(&mut self, detail: impl FnOnce() -> String) {
        self.count += 1;
        if self.details.len() < limits::DESCRIBED_ITEMS {
            self.details.push(detail());
        }
    }

    fn text(&self) -> String {
        let mut text = self.details.join("; ");
        let more = self.count.saturating_sub(u64::try_from(self.details.len()).unwrap_or(u64::MAX));
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        text
    }
}

/// Returns whether only this system may send such a point.
#[inline]
fn is_internal(point: &DataPoint<'_>) -> bool {
    point.derived || point.tag.starts_with(TAG_PREFIX)
}

fn as_forged(point: &DataPoint<'_>) -> String {
    let tag = crate::refusal::excerpt(point.tag.as_bytes());
    format!("a derived point that this system did not seal: tag `{tag}`, timestamp {}", point.timestamp_ms)
}

/// Without the line ends and spaces at the end.
#[inline]
fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r' | b' '] = bytes {
        bytes = rest;
    }
    bytes
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}
