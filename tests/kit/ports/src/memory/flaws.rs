//! Deliberate bugs of a world, to show that the checkers see them.

/// Which promises a world breaks. None by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// A commit is written whatever version is stored.
    pub ignores_versions: bool,
    /// Every third head that is read has lost its positions.
    pub forgets_positions: bool,
    /// The first pointer that was read is served for ever.
    pub stale_pointer: bool,
    /// Every third outbox item is not written, although its head is.
    pub loses_outbox: bool,
    /// The bus says that it accepted an entry, and accepts it after the next one.
    pub reorders_bus: bool,
    /// The bus says that it accepted an entry, and every fifth is lost.
    pub loses_bus: bool,
    /// A checkpoint is written whatever revision is stored.
    pub ignores_revisions: bool,
    /// A view is written whatever sequence is stored.
    pub ignores_sequences: bool,
    /// Every fifth object is not written.
    pub loses_objects: bool,
    /// Objects of rejections are written only after the next commit of the process was answered.
    pub rejects_after_commits: bool,
    /// Questions reach the queue only after the next commit of the process was answered.
    pub asks_after_commits: bool,
    /// Every fifth question is lost.
    pub loses_questions: bool,
    /// The commit that lets a parked key go on is written whatever version is stored.
    pub unparks_blindly: bool,
    /// A commit that differs from what is stored in the newest object of a parked key alone is taken for a repeat.
    pub mixes_up_parkers: bool,
    /// Heads are written without a due time.
    pub loses_due: bool,
    /// Heads expire also where theirs says that they must not.
    pub expires_all: bool,
    /// Every view that is read is missing.
    pub forgets_views: bool,
    /// The answer of the bus to what it refused for now is that it was accepted; it is offered anew some time later.
    pub accepts_too_early: bool,
}
