//! The types of a round: the state that was loaded for a key, the plan made from it, and the outcome.

use andon_engine::{BoundScoreRequest, RejectedPoint};

use super::Key;
use crate::envelope::Positions;
use crate::ports::{Commit, Head, PortError, StoredSegment};

/// A key as it was read: its head, and its state unless the key is parked.
#[derive(Debug)]
pub(super) struct LoadedKey {
    pub head: Head,
    /// `None` if the key is parked: nothing is folded, so nothing is read.
    pub state: Option<Result<LoadedState, LoadError>>,
}

/// A state of a key as it is stored, with everything that the fold needs.
#[derive(Debug)]
pub(super) struct LoadedState {
    /// The head as stored; the default if there is none.
    pub head: Head,
    /// The positions up to which the key is folded.
    pub positions: Positions,
    /// The packed state; empty if there is none.
    pub packed: Vec<u8>,
    /// The name of the object that holds the packed state, if an object holds it.
    pub object: Option<String>,
    /// The stored segments: those that the state needs, and perhaps others.
    pub segments: Vec<StoredSegment>,
    /// The sequence numbers per rule of an expired state, for a key without a state.
    pub sequences: Vec<(String, u64)>,
}

/// A reason why a state cannot be read.
#[derive(Debug)]
pub(super) enum LoadError {
    /// A port failed.
    Port(PortError),
    /// Something that the head names is missing: a concurrent writer replaced it, or it is lost.
    Torn(String),
    /// The stored bytes are damaged.
    Damaged(String),
}

/// A score request that the fold decided, with the arrival of the record that led to it, ms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PendingScoreRequest {
    pub arrival_ms: i64,
    pub request: BoundScoreRequest,
}

/// Counters of a fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FoldCounts {
    /// Messages that were folded before.
    pub skipped: u64,
    pub points: u64,
    pub ticks: u64,
    pub transitions: u64,
    pub points_from_future: u64,
    pub watermark_forced: u64,
    pub score_requests: u64,
    pub score_requests_dropped: u64,
}

/// A plan of all writes that commit the fold of a key, in their order.
#[derive(Debug)]
pub(super) struct CommitPlan {
    /// Score requests, sent before everything else.
    pub score_requests: Vec<PendingScoreRequest>,
    /// Objects, written before the commit.
    pub objects: Vec<(String, Vec<u8>)>,
    /// Segments, written before the commit.
    pub segments: Vec<StoredSegment>,
    /// The conditional write that decides.
    pub commit: Commit,
    /// Segments, deleted after the commit.
    pub dropped_segments: Vec<String>,
    /// An object, deleted after the commit.
    pub dropped_object: Option<String>,
    /// The number of messages that are done with this commit.
    pub done: usize,
    /// Counters, added to the summary after the commit.
    pub counts: FoldCounts,
    /// Rejected points, each with the number of the message at which the fold rejected it.
    pub rejections: Vec<(usize, RejectedPoint)>,
}

/// A plan of the writes for a key that is parked, or that failed and will be parked if it goes on failing.
#[derive(Debug)]
pub(super) struct ParkPlan {
    /// The object of parked records, written before the commit. `None` while failures are only counted.
    pub object: Option<(String, Vec<u8>)>,
    pub commit: Commit,
    /// The number of messages that are done with this commit; 0 while failures are only counted.
    pub done: usize,
}

/// A result of folding the messages of one key.
#[derive(Debug)]
pub(super) enum FoldResult {
    /// All messages were folded before.
    AlreadyDone { skipped: u64 },
    /// The fold decided something, to be committed.
    Commit(Box<CommitPlan>),
    /// The parts of the state do not fit together: a concurrent writer replaced some, or they are damaged.
    Torn(String),
    /// The messages cannot be folded, now or later.
    Impossible(String),
}

/// A plan for a key: everything that needs a write.
#[derive(Debug)]
pub(super) enum KeyPlan {
    /// Commit the fold.
    Commit(Box<CommitPlan>),
    /// Set the messages aside, or count a failure.
    Park(Box<ParkPlan>),
}

/// An outcome of a round for one key.
#[derive(Debug)]
pub(super) enum KeyOutcome {
    /// This number of messages is done.
    Done(usize),
    /// A concurrent writer committed first.
    Conflict,
    /// The parts of the state at this version do not fit together.
    Torn(u64),
    /// The store will never accept the commit.
    Impossible(String),
    /// The key cannot be folded; the failure was counted.
    Failing,
    /// A port failed, or no rules can be used: the key comes again with its batch.
    NotNow(PortError),
    /// Too little time was left.
    NoTime,
    /// The batch begins more new keys than the settings allow.
    TooManyNew,
}

/// A key with its plan.
#[derive(Debug)]
pub(super) struct PlannedKey<'k, 'b> {
    pub key: &'k mut Key<'b>,
    pub plan: KeyPlan,
}

/// A key with its outcome.
pub(super) type ConcludedKey<'k, 'b> = (&'k mut Key<'b>, KeyOutcome);

/// A planned round: the keys that need a write, and the keys that need none.
#[derive(Debug, Default)]
pub(super) struct Round<'k, 'b> {
    /// Keys that need no write.
    pub settled: Vec<ConcludedKey<'k, 'b>>,
    /// Keys with their plans.
    pub plans: Vec<PlannedKey<'k, 'b>>,
}
