//! The state of keys, what they decided, and the readable views of it.

use super::PortError;

/// The stored head of a key's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 1, 2, 3, ..: how often the head was written.
    pub version: u64,
    /// Positions and the packed fold state (see [`crate::envelope`]); empty before the first record was folded.
    pub body: Vec<u8>,
    /// When a tick is due, for the index. May be early, never late. `None`: nothing will ever be due.
    pub due: Option<Due>,
    /// When the item may be deleted, s since the epoch; `None`: never. Set only while every rule is in its default, so
    /// that no alarm is forgotten.
    pub expires_s: Option<i64>,
    /// Invocations in a row that could not fold this key for a reason that trying again does not mend.
    pub failures: u32,
    /// Set while the key is not folded and its records go to objects.
    pub parked: Option<Parked>,
}

/// When a tick is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// One of [`crate::limits::DUE_BUCKETS`].
    pub bucket: u32,
    /// The clock, ms.
    pub at_ms: i64,
}

/// A key that is not folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// Since when, ms.
    pub since_ms: i64,
    /// Why: the error of the last attempt.
    pub reason: String,
    /// How many objects of records were added. Objects are numbered 1, 2, 3, ..
    pub objects: u64,
    /// The newest of them. By its name, which says what it holds, two who add under the same number at once write different
    /// heads: without it the second would take the first's commit for its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub newest_object: String,
    /// Up to which number they were folded since. What is still there of these, or comes there late from one who lost its
    /// commit, is not needed any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub folded: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Final panes of windows, as stored. Never changed under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSegment {
    /// `NUMBER-CHECKSUM`, see [`crate::envelope::segment_name`].
    pub name: String,
    /// The packed panes.
    pub bytes: Vec<u8>,
    /// When the item may be deleted, s since the epoch.
    pub expires_s: i64,
}

/// The decisions of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// The equipment.
    pub equipment: String,
    /// The version of the head that was written together with it.
    pub version: u64,
    /// The greatest arrival that the key had seen, ms.
    pub clock_ms: i64,
    /// When the item may be deleted, s since the epoch.
    pub expires_s: i64,
    /// What was decided.
    pub payload: Payload,
}

/// Transitions in the order of decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A JSON list of [`andon_domain::Transition`].
    Inline(String),
    /// The name of an object with such a list, compressed with gzip: it was too large for an item.
    Object(String),
}

/// What one batch does to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The equipment.
    pub equipment: String,
    /// The version that was read; 0 where there was no head.
    pub read_version: u64,
    /// The head to be written; its version is `read_version + 1`.
    pub head: Head,
    /// What was decided, if anything.
    pub outbox: Option<OutboxItem>,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It took place, now or, where the same content was already there under this version, before.
    Done,
    /// Another content has this version or a later one: read again.
    Conflict,
}

/// The readable state of one rule on one equipment. It is never deleted: when the state of a key has expired and the
/// key comes back, its sequences go on from its views.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The equipment.
    pub equipment: String,
    /// The rule.
    pub rule: String,
    /// Of the transition that it shows.
    pub sequence: u64,
    /// That transition as JSON.
    pub transition: String,
}

/// One page of a longer answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// The table `state`.
///
/// Owed: reads and conditional writes of one key are linearizable. A commit is atomic over head and outbox item.
pub trait StateStore {
    /// Reads heads, one answer per equipment in the order asked. A write that was answered before the call is seen.
    async fn read_heads(&self, equipments: &[&str]) -> Result<Vec<Option<Head>>, PortError>;

    /// All stored segments of a key, also those that no head needs any more. Sees every write that was answered before
    /// the call.
    async fn read_segments(&self, equipment: &str) -> Result<Vec<StoredSegment>, PortError>;

    /// Stores segments. A repeat has no further effect: a name always has the same bytes.
    async fn write_segments(&self, equipment: &str, segments: &[StoredSegment]) -> Result<(), PortError>;

    /// Deletes segments; those that are not there are no error.
    async fn delete_segments(&self, equipment: &str, names: &[String]) -> Result<(), PortError>;

    /// Writes the head, and the outbox item if there is one, if and only if the stored version is
    /// [`Commit::read_version`]. If instead the stored head is already the one of this commit, in everything, this
    /// is a repeat: [`Committed::Done`], without a second effect. Both or none are written.
    async fn commit(&self, commit: &Commit) -> Result<Committed, PortError>;

    /// Writes a view unless one of the same or a greater sequence is there.
    async fn write_view(&self, view: &View) -> Result<(), PortError>;

    /// The views of an equipment, by rule.
    async fn read_views(&self, equipment: &str) -> Result<Vec<View>, PortError>;

    /// Equipments of a bucket that are due at or before `until_ms`, by due time. May miss what was written within
    /// seconds.
    async fn due(
        &self,
        bucket: u32,
        until_ms: i64,
        next: Option<&str>,
    ) -> Result<Page<(String, i64)>, PortError>;

    /// Equipments with their heads, in no order. For rare sweeps: rule changes, `status`.
    async fn scan_heads(&self, next: Option<&str>) -> Result<Page<(String, Head)>, PortError>;
}

/// The table `outbox`, read back. It is written by [`StateStore::commit`] alone.
pub trait OutboxStore {
    /// Items whose clock is at or after `since_ms`, of one equipment or of all; per equipment in the order of versions.
    async fn decided(
        &self,
        since_ms: i64,
        equipment: Option<&str>,
        next: Option<&str>,
    ) -> Result<Page<OutboxItem>, PortError>;
}
