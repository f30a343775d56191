//! Reads messages of the stream: a data point, a list of data points, or a tick, bare or in an envelope with the
//! arrival. In replay, a message may also be a rule set that starts at an arrival.
//!
//! Two readers return the same result. `template` reads the canonical compact form with its keys in order, and gives up
//! at the first deviation. `general` reads any JSON. No reader recurses into its input, so deep nesting costs no stack.

mod general;
mod number;
mod template;
mod word;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use template::CanonicalMessage;

use crate::{DataPoint, Rejection, limits};

/// A message of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The arrival from an envelope, ms.
    pub arrival_ms: Option<i64>,
    /// The valid part.
    pub content: MessageContent<'a>,
    /// The first hundred rejections, each with its reason.
    pub rejections: Vec<Rejection>,
    /// The number of further malformed items of a list.
    pub unlisted_rejections: u64,
}

/// The valid part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageContent<'a> {
    /// Nothing valid: no record.
    Nothing,
    /// One data point.
    One(Cow<'a, str>, DataPoint<'a>),
    /// The points of a snapshot by equipment, both in the order of their first appearance.
    Several(Vec<(Cow<'a, str>, Vec<DataPoint<'a>>)>),
    /// A tick of an equipment.
    Tick(Cow<'a, str>),
    /// A rule set, as the JSON text of its document.
    Rules(&'a str),
}

impl<'a> Message<'a> {
    /// Reads one message. Its invalid parts are in [`Message::rejections`].
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

    /// Reads one data point in the canonical form, with the arrival of its envelope and its equipment. Returns `None`
    /// for any other message, valid or not: [`Message::read`] reads it.
    #[inline]
    #[must_use]
    pub fn read_canonical(bytes: &'a [u8]) -> Option<CanonicalMessage<'a>> {
        if bytes.len() > limits::RECORD_BYTES {
            return None;
        }
        let (point, behind) = template::read(bytes)?;
        matches!(behind, b"" | b"\r").then_some(point)
    }

    /// Reads the first of several lines as [`Message::read_canonical`], and returns it with the lines behind it. The
    /// caller need not search for the end of the line.
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

    /// Returns a message without a valid part.
    #[must_use]
    pub fn rejected(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            arrival_ms: None,
            content: MessageContent::Nothing,
            rejections: vec![Rejection::malformed(detail)],
            unlisted_rejections: 0,
        }
    }

    /// Returns the arrival of the message, ms: that of the envelope, else the greatest `createdAt` (else timestamp) of
    /// its valid points. `None` for a message without valid points. A bare tick takes the clock of its key.
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

/// Returns up to 60 characters of a text, without control characters.
fn excerpt(text: &str) -> String {
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
