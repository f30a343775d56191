//! Summary of an invocation of `enrich`.

use crate::measures::summary;

summary! {
    /// A summary of an invocation of `enrich`, for one line of the log.
    pub struct EnrichSummary {
        times {
            /// Longest time of the invocation from the arrival of inputs to their score in the stream.
            input_to_score_ms: metric info
                "As `callMs`. Otherwise the queue is behind: more concurrency of the function, or `ANDON_ENRICH_CONCURRENCY`.";
            /// Longest model call of the invocation that was answered.
            call_ms: metric info "The endpoint: more or larger instances.";
        }
        counts {
            /// Maximum of concurrent model calls; read it by its maximum.
            in_flight: metric info "Near `ANDON_ENRICH_CONCURRENCY`: that setting bounds the throughput.";
            /// Messages of the queue, and notifications of asynchronous endpoints.
            messages: log info;
            /// Score requests in them: rows of features.
            score_requests: metric info;
            /// Model calls.
            model_calls: metric info;
            /// Scores written to the stream.
            scores: metric info "Falls to nothing: the models, or the path to them.";
            /// Points that stand for a failure, as the binding's `on_failure` says.
            substitutes: metric warn "As `requestsUnanswered`.";
            /// Model calls that were retried.
            retries: metric info "As `modelTimeouts` and `modelCallErrors`.";
            /// Model calls without an answer in time.
            model_timeouts: metric warn
                "`firstFailure` names the endpoint; `timeout` of the binding, or more instances.";
            /// Model calls that failed and may be retried: throttled, not ready, an internal error.
            model_call_errors: metric warn "As `modelTimeouts`.";
            /// Model calls that the endpoint will always reject; reported to the failure destination.
            model_calls_rejected: metric error
                "The failure destination has the first of each endpoint: a wrong name, format or feature in the binding.";
            /// Answers, or rows of them, without a number where the binding expects it.
            unreadable: metric error "The failure destination has the answer.";
            /// Score requests that were given up, for any reason.
            requests_unanswered: metric warn "`firstFailure`.";
            /// Score requests that were dropped, because they were older than the binding's `too_old`.
            score_requests_too_old: metric warn
                "The queue is behind the endpoint's capacity: more concurrency, fewer score requests.";
            /// Scores from the cache.
            cache_hits: metric info;
            /// Score requests without a score in the cache.
            cache_misses: metric info "With few hits: inputs that never repeat, so `cache` is of no use.";
            /// Calls of asynchronous endpoints.
            async_calls: metric info;
            /// Polls of asynchronous calls that had no answer yet.
            async_polls: log info;
            /// Score requests whose asynchronous answer came after they were given up.
            async_results_late: metric warn "`timeout` of the binding.";
            /// Score requests of asynchronous calls without any answer in time.
            async_results_lost: metric warn
                "The endpoint's own metrics; its topics for success and failure.";
            /// Notifications of calls that are answered already, or that this deployment did not make.
            unknown_notifications: log info;
            /// Messages that cannot be read; reported to the failure destination.
            malformed: metric error "Something else writes to the queue or the topic.";
            /// Messages that were not begun, because too little time was left.
            out_of_time: metric warn
                "Smaller batches, a longer timeout of the function, more concurrency.";
            /// Messages put into the queue again for five seconds, because the circuit breaker of their endpoint [is open](models.md#when-it-fails).
            postponed: metric warn "`firstFailure`; the endpoint.";
            /// Messages that are not done; they are delivered again.
            messages_not_done: metric warn "`firstError`, `outOfTime`.";
        }
        texts {
            /// The reason of the first failed call or score request.
            first_failure;
        }
    }
}

impl EnrichSummary {
    pub(super) fn failure(&mut self, reason: &str) {
        self.first_failure.get_or_insert_with(|| reason.to_owned());
    }
}

/// Returns the longer duration.
pub(super) fn longer(longest: Option<u64>, ms: i64) -> Option<u64> {
    longest.max(Some(u64::try_from(ms).unwrap_or_default()))
}
