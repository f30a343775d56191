//! What an invocation did, for one line of the log.

use crate::ports::PortError;

/// What an invocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrichSummary {
    /// Messages of the queue, and notices.
    pub messages: u64,
    /// Of these, those that could not be read; reported to the failure destination.
    pub malformed: u64,
    /// Questions: rows of features.
    pub questions: u64,
    /// Scores that are in the stream.
    pub scores: u64,
    /// Points that stand for a failure: a fixed value, or one of bad quality.
    pub substitutes: u64,
    /// Questions that were not answered, for good.
    pub unanswered: u64,
    /// Questions that were dropped since they were too old.
    pub too_old: u64,
    /// Scores from memory.
    pub cache_hits: u64,
    /// Scores that might have been in memory, and were not.
    pub cache_misses: u64,
    /// Calls of models.
    pub calls: u64,
    /// Calls without an answer in time.
    pub timeouts: u64,
    /// Calls that failed otherwise, and may be made again.
    pub call_errors: u64,
    /// Calls that will always be refused; reported to the failure destination.
    pub refused: u64,
    /// Answers, or rows of them, without numbers where they should be.
    pub unreadable: u64,
    /// Calls that were made again.
    pub retries: u64,
    /// Calls of endpoints that answer later.
    pub async_calls: u64,
    /// Looks at such calls that are not answered yet.
    pub checks: u64,
    /// Questions whose answer came after they were given up.
    pub late: u64,
    /// Questions of such calls that were not answered in time.
    pub lost: u64,
    /// Notices of calls that are not known here, or not any more.
    pub unknown_notices: u64,
    /// Messages that are not done, and come again.
    pub messages_not_done: u64,
    /// Messages that were put into the queue again, since their endpoint is in trouble.
    pub postponed: u64,
    /// Messages that were left since too little time was left.
    pub out_of_time: u64,
    /// Most calls that were under way at a time.
    pub in_flight: u64,
    /// The longest call that was answered, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_ms: Option<u64>,
    /// The longest time from the arrival of inputs to the score in the stream, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_to_score_ms: Option<u64>,
    /// Errors of ports.
    pub errors: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Why the first call or question failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
}

impl EnrichSummary {
    pub(super) fn error(&mut self, error: &PortError) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    pub(super) fn failure(&mut self, reason: &str) {
        self.first_failure.get_or_insert_with(|| reason.to_owned());
    }
}

/// The longer one.
pub(super) fn longer(longest: Option<u64>, ms: i64) -> Option<u64> {
    longest.max(Some(u64::try_from(ms).unwrap_or_default()))
}
