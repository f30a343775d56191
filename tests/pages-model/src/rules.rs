//! The rules of the protocol by name. A world may leave one out, which shows what the rule is needed for.

/// A rule of the page protocol.
///
/// The names are those that the later implementation uses in its comments and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A commit holds only if the head still has the version that the invocation read.
    CommitIsConditional,
    /// `evaluate` replaces a head that it read. It never creates one.
    EvaluateCreatesNoPage,
    /// A record at or before the position of its machine's group is skipped.
    FoldedRecordsAreSkipped,
    /// An invocation reports the first record that is not done.
    FirstNotDoneIsReported,
    /// A missing head means that the remembered layout is old, and the invocation reads the layout again.
    MissingHeadRereadsLayout,
    /// Kept states are used only for the body whose name the head says.
    KeptStatesGoByName,
    /// Kept states are put back only after the commit took place.
    KeptStatesWaitForCommit,

    /// What is decided and not in the history is carried on in the body.
    UnpublishedIsCarried,
    /// What is carried stays carried until the history has its own version.
    CarriedStaysUntilHistory,
    /// The history is asked for each version, not for a greatest one.
    HistoryIsAskedByVersion,
    /// `publish` writes the history after the bus and the views.
    HistoryIsWrittenLast,
    /// A view is replaced only by a newer state change.
    ViewsOnlyGoForward,
    /// The keeper settles a page only when the history has all that its head lists.
    SettlingAsksHistory,

    /// Only settled pages are split or merged.
    OnlySettledPagesAreRearranged,
    /// A new page carries nothing over: it begins settled.
    NewPagesCarryNothing,
    /// A new page does not repeat the decisions of its parent's head.
    NewPagesRepeatNothing,
    /// What changes its range is a new page under a new id.
    PagesTakeNewIds,
    /// A rearrangement holds only if the heads that go still have the versions that the keeper read.
    RearrangeChecksHeads,
    /// A rearrangement holds only if the layout still has the version that the keeper read.
    RearrangeChecksLayout,
    /// The first group of a merged page is the lesser of both first groups.
    MergeTakesLesserFirstGroup,
    /// A merged page has the groups of both pages side by side.
    MergeKeepsGroups,
    /// The names of bodies carry a digest of the content.
    NamesCarryDigest,

    /// A shard is read by one reader, in order.
    OneReaderPerShard,
    /// A machine that cannot be folded has a group of its own, which the commit does not raise.
    FailingMachineHasOwnGroup,
    /// The group of a failing machine ends right before the failing record.
    OwnGroupEndsBeforeFailure,
    /// A page is folded on past a machine that fails.
    PageGoesOnPastFailure,
    /// Records of a parked machine are written before the commit that sets them aside.
    ParkedRecordsAreWrittenFirst,
    /// A batch is done only when its foreign records were put back.
    PutBackComesBeforeDone,
    /// The fold ignores a point that it has folded already.
    FoldIgnoresRepeatedPoint,

    /// The body is written before the head that names it.
    BodyComesBeforeHead,
    /// A body that cannot be read is never taken for an empty page.
    UnreadableIsNotEmpty,
    /// An invocation that finds no body reads the head again. Only the same head twice means damage.
    MissingBodyRereadsHead,
    /// A machine that is parked, or behind its page since it fails, does not expire.
    OnlyMachinesAtRestExpire,
    /// The sweep leaves what a head names.
    SweepSparesNamed,
    /// The sweep leaves a body whose version is not below that of the head.
    SweepSparesComingVersions,
    /// The sweep leaves bodies of pages whose id was not given away yet.
    SweepSparesUnborn,
    /// The sweep reads the layout before the head. In the other order a page may be born between both reads.
    SweepReadsLayoutFirst,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 37] = [
        Self::CommitIsConditional,
        Self::EvaluateCreatesNoPage,
        Self::FoldedRecordsAreSkipped,
        Self::FirstNotDoneIsReported,
        Self::MissingHeadRereadsLayout,
        Self::KeptStatesGoByName,
        Self::KeptStatesWaitForCommit,
        Self::UnpublishedIsCarried,
        Self::CarriedStaysUntilHistory,
        Self::HistoryIsAskedByVersion,
        Self::HistoryIsWrittenLast,
        Self::ViewsOnlyGoForward,
        Self::SettlingAsksHistory,
        Self::OnlySettledPagesAreRearranged,
        Self::NewPagesCarryNothing,
        Self::NewPagesRepeatNothing,
        Self::PagesTakeNewIds,
        Self::RearrangeChecksHeads,
        Self::RearrangeChecksLayout,
        Self::MergeTakesLesserFirstGroup,
        Self::MergeKeepsGroups,
        Self::NamesCarryDigest,
        Self::OneReaderPerShard,
        Self::FailingMachineHasOwnGroup,
        Self::OwnGroupEndsBeforeFailure,
        Self::PageGoesOnPastFailure,
        Self::ParkedRecordsAreWrittenFirst,
        Self::PutBackComesBeforeDone,
        Self::FoldIgnoresRepeatedPoint,
        Self::BodyComesBeforeHead,
        Self::UnreadableIsNotEmpty,
        Self::MissingBodyRereadsHead,
        Self::OnlyMachinesAtRestExpire,
        Self::SweepSparesNamed,
        Self::SweepSparesComingVersions,
        Self::SweepSparesUnborn,
        Self::SweepReadsLayoutFirst,
    ];
}
