//! The summary of an invocation, for one line of the log.

use std::collections::BTreeMap;

use andon_domain::never::Broken;

use super::batch::Batch;
use super::plan::FoldCounts;
use crate::ports::PortError;

/// A summary of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Records of the stream.
    pub records: u64,
    /// Readable messages in the records, one per machine.
    pub messages: u64,
    /// Keys of the batch.
    pub keys: u64,
    /// Keys without a state that this invocation began.
    pub new_keys: u64,
    /// New keys that were left to a later batch, because the batch began too many.
    pub new_keys_deferred: u64,
    /// Keys that are not done; their records are delivered again.
    pub keys_not_done: u64,
    /// Batches cut short because their records unpacked to too many bytes; the rest is delivered again.
    pub deferred: u64,
    /// Messages that were folded before.
    pub skipped: u64,
    /// Points folded.
    pub points: u64,
    /// Ticks folded.
    pub ticks: u64,
    /// State changes decided.
    pub transitions: u64,
    /// Points with a timestamp after their arrival.
    pub points_from_future: u64,
    /// Times that the watermark was forced forward, because too many points were pending.
    pub watermark_forced: u64,
    /// Score requests decided.
    pub score_requests: u64,
    /// Messages with score requests that the queue accepted.
    pub score_request_messages: u64,
    /// Score requests without a queue, or too large for a message.
    pub score_requests_unsent: u64,
    /// Score requests that were too old to be sent.
    pub score_requests_too_old: u64,
    /// Score requests dropped because one record led to too many.
    pub score_requests_dropped: u64,
    /// Rejected messages and points by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Objects of rejections written.
    pub rejection_objects: u64,
    /// Messages written back to the stream under their own partition key.
    pub rekeyed: u64,
    /// Commits of keys.
    pub commits: u64,
    /// Commits lost to a concurrent writer.
    pub conflicts: u64,
    /// Reads that a concurrent writer changed half-way.
    pub torn_reads: u64,
    /// Repeated attempts of commits.
    pub retries: u64,
    /// Keys that could not be folded.
    pub failing_keys: u64,
    /// Keys that this invocation parked.
    pub parked_keys: u64,
    /// Messages added to those of parked keys.
    pub parked_messages: u64,
    /// Rounds of loading, folding and committing.
    pub rounds: u64,
    /// Rounds and commits that did not start, because too little time was left.
    pub out_of_time: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Errors of ports.
    pub errors: u64,
    /// The first error of a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// The reason of the first failing key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// Broken invariants: faults of this program. The keys in which they were found count as failing.
    pub invariants_broken: u64,
    /// Message and place of the first broken invariant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_broken_invariant: Option<String>,
    /// The newest arrival, ms.
    pub newest_arrival_ms: i64,
    /// The watermark of the shard, ms, if a checkpoint was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_ms: Option<i64>,
}

impl Summary {
    pub(super) fn of(batch: &Batch<'_>) -> Self {
        Self {
            records: batch.records.len() as u64,
            messages: batch.messages.len() as u64,
            newest_arrival_ms: batch.arrival_ms,
            deferred: u64::from(batch.deferred.is_some()),
            ..Self::default()
        }
    }

    /// Adds the counters of a fold that was committed.
    pub(super) fn add_fold(&mut self, counts: FoldCounts) {
        self.skipped += counts.skipped;
        self.points += counts.points;
        self.ticks += counts.ticks;
        self.transitions += counts.transitions;
        self.points_from_future += counts.points_from_future;
        self.watermark_forced += counts.watermark_forced;
        self.score_requests += counts.score_requests;
        self.score_requests_dropped += counts.score_requests_dropped;
    }

    /// Adds broken invariants.
    pub(super) fn note_broken(&mut self, broken: Broken) {
        self.invariants_broken += broken.count;
        self.first_broken_invariant = self.first_broken_invariant.take().or(broken.first);
    }

    pub(super) fn reject(&mut self, reason: &'static str, count: u64) {
        *self.rejected.entry(reason).or_default() += count;
    }

    pub(super) fn error(&mut self, error: &PortError) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }
}
