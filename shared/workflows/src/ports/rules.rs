//! Rule sets, and the pointer that says which of them there are.

use serde::{Deserialize, Serialize};

use super::PortError;

/// Where a rule set begins, and which document it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRef {
    /// It takes effect with the first record of a key that arrives at or after this time, ms.
    pub start_ms: i64,
    /// SHA-256 of its document as canonical JSON, in hexadecimal: the name under which it is stored.
    pub digest: String,
    /// When writing it began, ms; later than that of the set before.
    pub written_ms: i64,
    /// How many rules it holds.
    pub rules: u64,
    /// Who wrote it, or why, in their words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// All rule sets that any state or record may still need, in the order of their starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// 0 before the first set, then 1, 2, 3, ..
    pub revision: u64,
    /// By start.
    pub sets: Vec<SetRef>,
}

impl Pointer {
    /// The start of the newest set that is due at an arrival, ms; that of no rules where none is.
    #[must_use]
    pub fn start_of_due(&self, arrival_ms: i64) -> i64 {
        let due = self.sets.iter().rev().find(|set| set.start_ms <= arrival_ms);
        due.map_or(andon_engine::CompiledRules::ALWAYS_MS, |set| set.start_ms)
    }
}

/// One version of one rule, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// The rule.
    pub id: String,
    /// When writing the first set that held it in this form began, ms ([`SetRef::written_ms`]): that set starts only
    /// later, and perhaps never. Of a version without [`Self::set`] its start.
    pub number: i64,
    /// The digest of that set; `None` in versions from the time when they were written with their start.
    pub set: Option<String>,
    /// The rule as JSON; `None` where that set removed it.
    pub document: Option<String>,
    /// The note of that set.
    pub note: String,
}

/// How an attempt to advance the pointer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// It took place, now or before.
    Done,
    /// Somebody else advanced it: read it again.
    Conflict,
}

/// The table `rules`.
///
/// Owed: the pointer is linearizable; a document that a pointer names can be read.
pub trait RuleStore {
    /// The pointer, as of a time after the call began.
    async fn pointer(&self) -> Result<Pointer, PortError>;

    /// Writes a pointer if and only if the stored revision is one less than its own. If it is stored already, that is a
    /// repeat: [`Advanced::Done`].
    async fn advance(&self, pointer: &Pointer) -> Result<Advanced, PortError>;

    /// The document of a set as JSON.
    async fn read_set(&self, digest: &str) -> Result<Vec<u8>, PortError>;

    /// Stores the document of a set, of any length up to [`andon_domain::limits::DOCUMENT_BYTES`]. A repeat has no further
    /// effect.
    async fn write_set(&self, digest: &str, document: &[u8]) -> Result<(), PortError>;

    /// Stores versions of rules. A repeat has no further effect.
    async fn write_versions(&self, versions: &[RuleVersion]) -> Result<(), PortError>;

    /// All versions of a rule, by number.
    async fn versions(&self, id: &str) -> Result<Vec<RuleVersion>, PortError>;
}
