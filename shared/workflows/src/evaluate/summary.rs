//! Summary of an invocation of `evaluate`.

use andon_domain::never::Broken;

use super::batch::Batch;
use super::plan::FoldCounts;
use crate::measures::summary;

summary! {
    /// A summary of an invocation of `evaluate`, for one line of the log.
    pub struct Summary {
        ages {
            /// Age of the newest record of the batch at the end of the invocation.
            iterator_age_ms of newest_arrival_ms: i64, metric info
                "The stream is behind: more shards, a higher parallelization factor, more memory. Or a batch is delivered again and again, see `keysNotDone`.";
            /// Lag of the shard's watermark behind the clock, in lines that wrote a checkpoint.
            watermark_lag_ms of watermark_ms: Option<i64>, metric info
                "Event time stands still: a sender that buffers or has a slow clock. `andon status` names it.";
        }
        counts {
            /// Records of the stream.
            records: log info;
            /// Messages that could be read, one for each machine in them.
            messages: log info;
            /// Machines in the batch.
            keys: log info;
            /// Points folded.
            points: metric info "Load. Falls to nothing: the senders, or the path from them.";
            /// Ticks folded.
            ticks: log info;
            /// State changes decided.
            transitions: metric info "Rules that flap: `for` and `until` in the rules that change most.";
            /// Writes of a state, which is what DynamoDB bills.
            commits: metric info "A longer batch window folds more points per commit.";
            /// Checkpoints written.
            checkpoints: log info;
            /// Rounds of reading, folding and committing.
            rounds: log info;
            /// Messages that had been folded before: a batch that was delivered again.
            skipped: log info "Harmless. With `keysNotDone`, see there.";
            /// Machines without a state.
            new_keys: metric info "A sender that invents ids.";
            /// New machines left to a later batch, because the batch has too many.
            new_keys_deferred: metric warn "As `newKeys`. After a restart of everything it passes.";
            /// Machines that are not done; their records are delivered again.
            keys_not_done: metric warn "`errors`, `outOfTime`, `conflicts` or `failingKeys` of the same line say why.";
            /// Batches cut short, because their records unpacked to too much; the rest is delivered again.
            deferred: metric warn "Smaller batches; a sender that compresses nonsense.";
            /// Steps that were not begun, because too little time was left.
            out_of_time: metric warn "A smaller batch, a longer timeout, more memory.";
            /// Commits lost to a concurrent writer.
            conflicts: metric info
                "A few at a reshard are usual. Steadily: two event sources read the same stream.";
            /// Reads during which a concurrent writer committed.
            torn_reads: metric info "As `conflicts`.";
            /// Attempts of a commit after its first.
            retries: metric info "As `errors`.";
            /// Points stamped later than they arrived.
            points_from_future: metric info "A sender's clock; `andon status` names it.";
            /// Times that the watermark was moved on, because too many points waited for it.
            watermark_forced: metric warn "A sender that is far behind the others: `watermarkLagMs`.";
            /// Score requests decided.
            score_requests: metric info "A binding with too small an `at_most_every`.";
            /// Messages with score requests that the queue accepted.
            score_request_messages: log info;
            /// Score requests that cannot be sent: there is no queue, or no message can hold them.
            score_requests_unsent: metric error
                "`firstFailure`: rules use models, and the deployment has no queue for it. The rules themselves continue.";
            /// Score requests about records older than the binding's `too_old`, which are not sent.
            score_requests_too_old: metric info "The stream was behind, or parked records were folded.";
            /// Score requests that were dropped, because one record led to too many.
            score_requests_dropped: metric warn "Event time has leapt: a sender that was away.";
            /// Objects with rejections written.
            rejection_objects: log info;
            /// Messages under another partition key than their machine, written again under the right one.
            rekeyed: metric warn "Senders that choose keys at random: each such message is paid for twice.";
            /// Machines that could not be folded, for a reason that a retry does not fix.
            failing_keys: metric error "`firstFailure`. After three failures in a row they are parked.";
            /// Machines parked by this invocation.
            parked_keys: metric error "`firstFailure`. Fix it, then `andon unpark`.";
            /// Messages set aside for parked machines.
            parked_messages: metric error
                "As `parkedKeys`: nothing is lost, and nothing is decided in the meantime.";
        }
        reasons rejected {
            /// [Malformed](events.md#what-is-malformed) messages.
            malformed: metric warn "The objects under `rejected/` hold them, with reason and place.";
            /// Records whose data is not base64, damaged gzip or zstd, or broken aggregation.
            undecodable: metric warn "As `rejectedMalformed`.";
            /// Records that unpack to too much, or hold too many messages.
            too_large: metric warn "As `rejectedMalformed`.";
            /// Ticks and derived points that this system did not seal.
            forged: metric error
                "A sender with write access to the stream forges them, or the internal key was changed without keeping the old one.";
            /// Points whose quality is not `Ok`.
            bad_quality: metric info "The sensor reports it.";
            /// Points without a value.
            no_value: metric info "As `rejectedBadQuality`.";
            /// Points older than the watermark by more than `allowed_lateness`.
            late: metric warn "The sender buffers: `allowed_lateness`, or a source id of its own.";
            /// Points that were applied before.
            duplicate: metric info "Harmless: senders may repeat.";
            /// Points older than the newest of their tag.
            superseded: metric info "Disorder within a source: `max_out_of_orderness`.";
        }
        texts {
            /// The reason of the first machine that fails.
            first_failure;
        }
    }
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
}
