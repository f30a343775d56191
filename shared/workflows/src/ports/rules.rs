//! Rule sets, and the pointer that lists them.

use serde::{Deserialize, Serialize};

use super::PortError;

/// A reference to a rule set: its start and its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRef {
    /// Its start, ms: it takes effect with the first record of a key that arrives at or after this time.
    pub start_ms: i64,
    /// The name under which its document is stored: SHA-256 of the canonical JSON, in hexadecimal.
    pub digest: String,
    /// The time at which writing it began, ms; later than that of the set before.
    pub written_ms: i64,
    /// The number of its rules.
    pub rules: u64,
    /// The note of the operator who wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The list of all rule sets that a state or record may still need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// 0 before the first set, then 1, 2, 3, ..
    pub revision: u64,
    /// The sets, by start.
    pub sets: Vec<SetRef>,
}

impl Pointer {
    /// Returns the start of the newest set that is due at an arrival, ms; before the first set, that of the empty one.
    #[must_use]
    pub fn start_of_due(&self, arrival_ms: i64) -> i64 {
        let due = self.sets.iter().rev().find(|set| set.start_ms <= arrival_ms);
        due.map_or(andon_engine::CompiledRules::ALWAYS_MS, |set| set.start_ms)
    }
}

/// A version of a rule, for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// The rule.
    pub id: String,
    /// The time at which writing the first set with it began, ms ([`SetRef::written_ms`]): that set starts later, and
    /// perhaps never. Of a version without [`Self::set`] the start.
    pub number: i64,
    /// The digest of that set; `None` in versions of an older form, which were written with their start.
    pub set: Option<String>,
    /// The rule as JSON; `None` if that set removed it.
    pub document: Option<String>,
    /// The note of that set.
    pub note: String,
}

/// A result of advancing the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// The pointer is stored, now or before.
    Done,
    /// A concurrent writer advanced it: read it again.
    Conflict,
}

/// The table `rules`.
///
/// Duties: the pointer is linearizable; a document that a pointer names can be read.
pub trait RuleStore {
    /// Returns the pointer, as of a time after the call began.
    async fn pointer(&self) -> Result<Pointer, PortError>;

    /// Writes a pointer if and only if the stored revision is one less than its own. If this pointer is stored already,
    /// the call is a repeat: [`Advanced::Done`].
    async fn advance(&self, pointer: &Pointer) -> Result<Advanced, PortError>;

    /// Returns the document of a set as JSON.
    async fn read_set(&self, digest: &str) -> Result<Vec<u8>, PortError>;

    /// Stores the document of a set, of any length up to [`andon_domain::limits::DOCUMENT_BYTES`]. A repeat has no further
    /// effect.
    async fn write_set(&self, digest: &str, document: &[u8]) -> Result<(), PortError>;

    /// Stores versions of rules. A repeat has no further effect.
    async fn write_versions(&self, versions: &[RuleVersion]) -> Result<(), PortError>;

    /// Returns all versions of a rule, by number.
    async fn versions(&self, id: &str) -> Result<Vec<RuleVersion>, PortError>;
}
