//! Breaks promises of a world on purpose, to show that the checkers find each flaw.

/// The promises that a world breaks; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// A commit is written over any stored version.
    pub ignores_versions: bool,
    /// Every third head that is read has lost its positions.
    pub forgets_positions: bool,
    /// The first pointer that was read is served forever.
    pub stale_pointer: bool,
    /// Every third outbox item is not written, although its head is.
    pub loses_outbox: bool,
    /// The bus says that it accepted an entry, and accepts it after the next one.
    pub reorders_bus: bool,
    /// The bus says that it accepted an entry, and every fifth is lost.
    pub loses_bus: bool,
    /// A checkpoint is written over any stored revision.
    pub ignores_revisions: bool,
    /// A view is written over any stored sequence.
    pub ignores_sequences: bool,
    /// Every fifth object is not written.
    pub loses_objects: bool,
    /// Objects of rejections are written only after the next commit of the process was answered.
    pub rejects_after_commits: bool,
    /// Score requests reach the queue only after the next commit of the process was answered.
    pub asks_after_commits: bool,
    /// Every fifth score request is lost.
    pub loses_score_requests: bool,
    /// The commit that unparks a key is written over any stored version.
    pub unparks_blindly: bool,
    /// A commit that differs from the stored head only in the newest object of a parked key is taken for a repeat.
    pub mixes_up_parkers: bool,
    /// Heads are written without a due time.
    pub loses_due: bool,
    /// Heads expire even if they have no expiry.
    pub expires_all: bool,
    /// Every view that is read is missing.
    pub forgets_views: bool,
    /// The bus answers that it accepted an entry that it refused transiently; the entry is accepted some time later.
    pub accepts_too_early: bool,
}
