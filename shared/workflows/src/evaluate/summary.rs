//! What an invocation did, for one line of the log.

use std::collections::BTreeMap;

use super::batch::Batch;
use crate::ports::PortError;

/// What an invocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Records of the stream.
    pub records: u64,
    /// Messages in them that could be read, one for each equipment.
    pub messages: u64,
    /// Equipments.
    pub keys: u64,
    /// Of these, those that had no state.
    pub new_keys: u64,
    /// New ones that were left to a later batch, since there were too many at once.
    pub new_keys_put_off: u64,
    /// Equipments that are not done, and come again.
    pub keys_not_done: u64,
    /// Batches cut short, since their records unpacked to too much; what follows comes again.
    pub deferred: u64,
    /// Messages that had been folded before.
    pub skipped: u64,
    /// Points folded.
    pub points: u64,
    /// Ticks folded.
    pub ticks: u64,
    /// State changes decided.
    pub transitions: u64,
    /// Points whose timestamp lay after their arrival.
    pub ahead: u64,
    /// Times that too many points were pending.
    pub forced: u64,
    /// Questions to models decided.
    pub questions: u64,
    /// Messages with questions that the queue took.
    pub question_messages: u64,
    /// Questions that go nowhere: there is no queue, or no message can hold them.
    pub questions_unsent: u64,
    /// Questions of so long ago that they were not sent.
    pub questions_too_old: u64,
    /// Questions that were dropped since one record led to too many.
    pub questions_dropped: u64,
    /// What was not used, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Objects of rejections written.
    pub rejection_objects: u64,
    /// Messages put back under the right partition key.
    pub put_back: u64,
    /// Commits that took place.
    pub commits: u64,
    /// Commits that somebody else was faster with.
    pub conflicts: u64,
    /// Reads in which somebody else wrote.
    pub torn_reads: u64,
    /// Attempts of a commit after its first.
    pub retries: u64,
    /// Equipments that could not be folded, and were counted as failing.
    pub failing_keys: u64,
    /// Equipments parked by this invocation.
    pub parked_keys: u64,
    /// Messages that went to those of parked equipments.
    pub parked_messages: u64,
    /// Times that reading, folding and committing began anew.
    pub rounds: u64,
    /// Times that something was not begun, since too little time was left.
    pub out_of_time: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Errors of ports.
    pub errors: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Why the first failing equipment fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// The newest arrival, ms.
    pub newest_arrival_ms: i64,
    /// The shard's watermark, ms, where a checkpoint was written.
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

    pub(super) fn reject(&mut self, reason: &'static str, count: u64) {
        *self.rejected.entry(reason).or_default() += count;
    }

    pub(super) fn error(&mut self, error: &PortError) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }
}
