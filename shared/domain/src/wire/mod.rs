//! Reading messages of the stream: a data point, a list of them, a tick; bare or in an envelope that names
//! the arrival; and, in replay, a rule set that starts at an arrival.
//!
//! Two readers give the same answer: `template` expects the usual compact form with its keys in the usual
//! order and gives up at the first surprise; `general` takes any JSON. Nothing here recurses into what was
//! sent, so deep nesting costs no stack.

mod general;
mod number;
mod template;
mod word;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use template::CanonicalMessage;

use crate::{DataPoint, Rejection, limits};

/// What a message of the stream holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The arrival named by an envelope, ms.
    pub arrival_ms: Option<i64>,
    /// What is valid in it.
    pub content: MessageContent<'a>,
    /// What is not, each with its reason; the first hundred.
    pub rejections: Vec<Rejection>,
    /// How many more items of a list were malformed.
    pub unlisted_rejections: u64,
}

/// The valid part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageContent<'a> {
    /// Nothing valid: no record.
    Nothing,
    /// One data point.
    One(Cow<'a, str>, DataPoint<'a>),
    /// The points of a snapshot by equipment, both in the order in which they first appear.
    Several(Vec<(Cow<'a, str>, Vec<DataPoint<'a>>)>),
    /// The clock of an equipment moves on.
    Tick(Cow<'a, str>),
    /// A rule set, as the JSON text of its document.
    Rules(&'a str),
}

impl<'a> Message<'a> {
    /// Reads one message. What is not valid in it is in [`Message::rejections`].
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        if bytes.len() > limits::RECORD_BYTES {
            return Self::rejected(format!(
                "the message is {} bytes long; the limit is {}",
                bytes.len(),
                limits::RECORD_BYTES
            ));
        }
        match Self::read_canonical(bytes) {
            Some((arrival_ms, equipment, point)) => Self {
                arrival_ms,
                content: MessageContent::One(Cow::Borrowed(equipment), point),
                rejections: Vec::new(),
                unlisted_rejections: 0,
            },
            None => general::read(bytes),
        }
    }

    /// The fast path alone: one data point in the usual compact form, with the arrival of its envelope and its
    /// equipment. `None` says nothing about the message but that [`Message::read`] must look at it.
    #[inline]
    #[must_use]
    pub fn read_canonical(bytes: &'a [u8]) -> Option<CanonicalMessage<'a>> {
        if bytes.len() > limits::RECORD_BYTES {
            return None;
        }
        let (point, behind) = template::read(bytes)?;
        matches!(behind, b"" | b"\r").then_some(point)
    }

    /// As [`Message::read_canonical`], for the first of several lines, with the lines behind it: who reads a line need not
    /// look for its end before.
    #[inline]
    #[must_use]
    pub fn read_canonical_line(lines: &'a [u8]) -> Option<(CanonicalMessage<'a>, &'a [u8])> {
        let (point, behind) = template::read(lines)?;
        if lines.len() - behind.len() > limits::RECORD_BYTES {
            return None;
        }
        match behind {
            [] | [b'\r'] => Some((point, &[])),
            [b'\n', behind @ ..] | [b'\r', b'\n', behind @ ..] => Some((point, behind)),
            _ => None,
        }
    }

    /// A message of which nothing can be used.
    #[must_use]
    pub fn rejected(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            arrival_ms: None,
            content: MessageContent::Nothing,
            rejections: vec![Rejection::malformed(detail)],
            unlisted_rejections: 0,
        }
    }

    /// The arrival of the message, ms: the envelope's, else the greatest `createdAt` (else timestamp) of its
    /// valid points. `None` for a bare tick, whose arrival is the clock of its key, and where nothing is valid.
    #[must_use]
    pub fn arrival_or_greatest_ms(&self) -> Option<i64> {
        fn own(point: &DataPoint<'_>) -> i64 {
            point.created_at_ms.unwrap_or(point.timestamp_ms)
        }
        self.arrival_ms.or_else(|| match &self.content {
            MessageContent::One(_, point) => Some(own(point)),
            MessageContent::Several(by_equipment) => {
                by_equipment.iter().flat_map(|(_, points)| points).map(own).max()
            }
            MessageContent::Nothing | MessageContent::Tick(_) | MessageContent::Rules(_) => None,
        })
    }
}

/// Up to 60 characters of what was sent, fit to be shown.
fn excerpt(text: &str) -> String {
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
