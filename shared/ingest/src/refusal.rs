//! Refusals before the fold, and their reasons.

use std::borrow::Cow;
use std::fmt;

use crate::limits;

/// A reason why a message, or a whole record, was not read. Refusals are counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// Cannot be read as a data point or message, or may not come by the stream.
    Malformed,
    /// Only this system itself may say it, and it is not authenticated.
    Forged,
    /// Beyond a bound of [`limits`].
    TooLarge,
    /// Not base64, or damaged compressed or aggregated data.
    Undecodable,
}

impl RefusalReason {
    /// All reasons, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Malformed, Self::Forged, Self::TooLarge, Self::Undecodable];

    /// The reason as it is written in counts and reports, such as `too_large`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::TooLarge => "too_large",
            Self::Undecodable => "undecodable",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something of a record that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedItem<'a> {
    /// The index of the message in its Kinesis record; `None` where it concerns the record as a whole.
    pub index: Option<u32>,
    /// The reason under which it is counted.
    pub reason: RefusalReason,
    /// The number of refusals: 1, or the bad items of a list, or all that are not listed.
    pub count: u64,
    /// The finding and the expectation.
    pub detail: Cow<'static, str>,
    /// The refused bytes: the message as it was decoded, the record as it was sent, or, if the record cannot be decoded,
    /// its base64. At most [`limits::REFUSED_BYTES`].
    pub bytes: &'a [u8],
    /// True if `bytes` was cut.
    pub cut: bool,
}

impl<'a> RefusedItem<'a> {
    pub(crate) fn new(
        index: Option<u32>,
        reason: RefusalReason,
        detail: impl Into<Cow<'static, str>>,
        bytes: &'a [u8],
    ) -> Self {
        let shown = bytes.get(..limits::REFUSED_BYTES);
        Self {
            index,
            reason,
            count: 1,
            detail: detail.into(),
            bytes: shown.unwrap_or(bytes),
            cut: shown.is_some_and(|shown| shown.len() < bytes.len()),
        }
    }
}

/// A fault in data that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: RefusalReason,
    pub(crate) detail: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn undecodable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: RefusalReason::Undecodable, detail: detail.into() }
    }

    pub(crate) fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: RefusalReason::TooLarge, detail: detail.into() }
    }
}

/// Up to 60 characters of what was sent, fit to be shown.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    // Of 60 characters, none has more than 4 bytes.
    let head = bytes.get(..240).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if head.len() < bytes.len() || text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
