//! The reasons for which points and messages are rejected.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason of a rejection. Rejections are counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is no data point or message.
    Malformed,
    /// The quality is not `Ok`.
    BadQuality,
    /// The point has no value.
    NoValue,
    /// It is older than the watermark by more than `allowed_lateness`.
    Late,
    /// The fold has applied the same point of its tag.
    Duplicate,
    /// The fold has applied a newer point of its tag.
    Superseded,
    /// A rule set that starts no later than a known one, or that does not compile.
    RulesRefused,
}

impl Reason {
    /// All reasons, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::BadQuality,
        Self::NoValue,
        Self::Late,
        Self::Duplicate,
        Self::Superseded,
        Self::RulesRefused,
    ];

    /// Returns the name of the reason in counts and reports, such as `bad_quality`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadQuality => "bad_quality",
            Self::NoValue => "no_value",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Superseded => "superseded",
            Self::RulesRefused => "rules_refused",
        }
    }

    /// Returns its position in [`Reason::ALL`], for counters.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Malformed => 0,
            Self::BadQuality => 1,
            Self::NoValue => 2,
            Self::Late => 3,
            Self::Duplicate => 4,
            Self::Superseded => 5,
            Self::RulesRefused => 6,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rejected message or point, with a detail for the person who can fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason under which it is counted.
    pub reason: Reason,
    /// The text found, and the text expected.
    pub detail: Cow<'static, str>,
}

impl Rejection {
    /// Returns the rejection of an unreadable message or point.
    #[must_use]
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::Malformed, detail: detail.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}
