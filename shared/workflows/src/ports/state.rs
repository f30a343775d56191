//! The states of keys, their outbox, and readable views of their rules.

use super::PortError;

/// The stored head of a key's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of writes of the head: 1, 2, 3, ..
    pub version: u64,
    /// Positions and the packed fold state (see [`crate::envelope`]); empty before the first record was folded.
    pub body: Vec<u8>,
    /// The time at which a tick is due, for the index. It may be early, never late. `None`: no tick is ever due.
    pub due: Option<Due>,
    /// The expiry of the item, s since the epoch; `None`: never. Set only while every rule is in its default, so that no
    /// alarm is forgotten.
    pub expires_s: Option<i64>,
    /// Invocations in a row that could not fold this key for a reason that a retry does not fix.
    pub failures: u32,
    /// Set while the key is parked: it is not folded, and its records go to objects.
    pub parked: Option<Parked>,
}

/// A due time of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The bucket in the index, one of [`crate::limits::DUE_BUCKETS`].
    pub bucket: u32,
    /// The clock at which the tick is due, ms.
    pub at_ms: i64,
}

impl Due {
    /// Creates the due time of a key at a clock, ms. Its bucket is the FNV-1a of the key.
    #[must_use]
    pub fn new(equipment: &str, at_ms: i64) -> Self {
        let bucket = andon_domain::fnv::fnv32(equipment.as_bytes()) % crate::limits::DUE_BUCKETS;
        Self { bucket, at_ms }
    }
}

/// The parking of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// The time at which it was parked, ms.
    pub since_ms: i64,
    /// The reason: the error of the last attempt.
    pub reason: String,
    /// The number of objects of records that were added. Objects are numbered 1, 2, 3, ..
    pub objects: u64,
    /// The name of the newest object, which has a digest of its content. By it, concurrent writers that add under the same
    /// number write different heads. Without it, the second would take the commit of the first for its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub newest_object: String,
    /// The number up to which objects were folded since. Objects up to it are not needed any more, also those that a
    /// writer that lost its commit adds late.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub folded: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A stored segment: final panes of windows. Never changed under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSegment {
    /// `NUMBER-CHECKSUM`, see [`crate::envelope::segment_name`].
    pub name: String,
    /// The packed panes.
    pub bytes: Vec<u8>,
    /// The expiry of the item, s since the epoch.
    pub expires_s: i64,
}

/// An outbox item: the transitions of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// The key: the id of the machine.
    pub equipment: String,
    /// The version of the head that was written together with it.
    pub version: u64,
    /// The clock of the key, ms: its greatest arrival.
    pub clock_ms: i64,
    /// The expiry of the item, s since the epoch.
    pub expires_s: i64,
    /// The transitions.
    pub payload: Payload,
}

/// Transitions in the order of decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A JSON list of [`andon_domain::Transition`].
    Inline(String),
    /// The name of an object with such a list, compressed with gzip, because it was too large for an item.
    Object(String),
}

/// A commit of a key: its new head and its outbox item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The key: the id of the machine.
    pub equipment: String,
    /// The version that was read; 0 if there was no head.
    pub read_version: u64,
    /// The new head; its version is `read_version + 1`.
    pub head: Head,
    /// The transitions, if there are any.
    pub outbox: Option<OutboxItem>,
}

/// A result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The content is stored under this version, now or before.
    Done,
    /// A concurrent writer committed another content under this version or a later one: read again.
    Conflict,
}

/// A view: the readable state of a rule on a machine. It is never deleted: when a key comes back after its state expired,
/// its sequence numbers continue from its views.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The key: the id of the machine.
    pub equipment: String,
    /// The rule.
    pub rule: String,
    /// The sequence number of the transition that it shows.
    pub sequence: u64,
    /// The transition as JSON.
    pub transition: String,
}

/// A page of a longer answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// The table `state`.
///
/// Duties: reads and conditional writes of one key are linearizable. A commit is atomic over head and outbox item.
pub trait StateStore {
    /// Reads heads; returns one answer per key, in order. Sees every write that was answered before the call.
    async fn read_heads(&self, keys: &[&str]) -> Result<Vec<Option<Head>>, PortError>;

    /// Returns all stored segments of a key, also those that no head needs any more. Sees every write that was answered
    /// before the call.
    async fn read_segments(&self, equipment: &str) -> Result<Vec<StoredSegment>, PortError>;

    /// Stores segments. A repeat has no further effect: a name always has the same bytes.
    async fn write_segments(&self, equipment: &str, segments: &[StoredSegment]) -> Result<(), PortError>;

    /// Deletes segments. A missing one is no error.
    async fn delete_segments(&self, equipment: &str, names: &[String]) -> Result<(), PortError>;

    /// Writes the head, and the outbox item if there is one, if and only if the stored version is
    /// [`Commit::read_version`]. If the stored head already equals the one of this commit in everything, the call is a
    /// repeat: [`Committed::Done`], without a second effect. Both or none are written.
    async fn commit(&self, commit: &Commit) -> Result<Committed, PortError>;

    /// Writes a view, unless one with the same or a greater sequence number is stored.
    async fn write_view(&self, view: &View) -> Result<(), PortError>;

    /// Returns the views of a key, by rule.
    async fn read_views(&self, equipment: &str) -> Result<Vec<View>, PortError>;

    /// Returns the keys of a bucket that are due at or before `until_ms`, by due time. May miss writes of the last seconds.
    async fn due(
        &self,
        bucket: u32,
        until_ms: i64,
        next: Option<&str>,
    ) -> Result<Page<(String, i64)>, PortError>;

    /// Returns keys with their heads, in no order. For rare scans: rule changes, `status`.
    async fn scan_heads(&self, next: Option<&str>) -> Result<Page<(String, Head)>, PortError>;
}

/// The table `outbox`, for its readers. [`StateStore::commit`] alone writes it.
pub trait OutboxStore {
    /// Returns the items whose clock is at or after `since_ms`, of one key or of all; per key in the order of versions.
    async fn decided(
        &self,
        since_ms: i64,
        equipment: Option<&str>,
        next: Option<&str>,
    ) -> Result<Page<OutboxItem>, PortError>;
}
