//! The last step of a round: the writes of its plans.

use futures_util::stream::{self, StreamExt as _};

use super::plan::{CommitPlan, ConcludedKey, KeyOutcome, KeyPlan, ParkPlan, PlannedKey};
use super::{EvaluatePorts, Evaluator, Run, Summary};
use crate::limits;
use crate::ports::{Commit, Committed, PortError};
use crate::retry::{self, Deadline};

/// Attempts of one commit.
const ATTEMPTS: u32 = 3;

/// Wait before the second attempt, ms; doubled before the third.
const FIRST_WAIT_MS: u64 = 50;

/// Counters of the writes of one key.
#[derive(Debug, Default)]
struct WriteCounts {
    retries: u64,
    failed_deletes: u64,
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Writes plans concurrently and returns their outcomes, in the order in which they ended.
    pub(super) async fn commit_all<'k, 'b>(
        &self,
        plans: Vec<PlannedKey<'k, 'b>>,
        run: &mut Run<'_>,
    ) -> Vec<ConcludedKey<'k, 'b>> {
        let deadline_ms = run.deadline_ms;
        let written: Vec<(PlannedKey<'k, 'b>, KeyOutcome, WriteCounts)> = stream::iter(plans)
            .map(|planned| async move {
                let mut counts = WriteCounts::default();
                let outcome = self.write(&planned.plan, deadline_ms, &mut counts).await;
                (planned, outcome, counts)
            })
            .buffer_unordered(limits::CONCURRENT_REQUESTS)
            .collect()
            .await;
        let mut concluded = Vec::with_capacity(written.len());
        for (PlannedKey { key, plan }, outcome, counts) in written {
            run.summary.retries += counts.retries;
            run.summary.errors += counts.failed_deletes;
            if let KeyOutcome::Done(_) = outcome {
                count(&plan, self.ports.has_queue(), &mut run.summary);
            }
            concluded.push((key, outcome));
        }
        concluded
    }

    async fn write(&self, plan: &KeyPlan, deadline_ms: i64, counts: &mut WriteCounts) -> KeyOutcome {
        if self.ports.now_ms() >= deadline_ms {
            return KeyOutcome::NoTime;
        }
        let (written, done) = match plan {
            KeyPlan::Commit(plan) => (self.write_commit(plan, counts).await, KeyOutcome::Done(plan.done)),
            KeyPlan::Park(plan) if plan.object.is_some() => {
                (self.write_parked(plan, counts).await, KeyOutcome::Done(plan.done))
            }
            KeyPlan::Park(plan) => (self.write_parked(plan, counts).await, KeyOutcome::Failing),
        };
        match written {
            Ok(Committed::Done) => done,
            Ok(Committed::Conflict) => KeyOutcome::Conflict,
            Err(error) if error.is_transient() => KeyOutcome::NotNow(error),
            Err(error) => KeyOutcome::Impossible(error.message),
        }
    }

    async fn write_commit(
        &self,
        plan: &CommitPlan,
        counts: &mut WriteCounts,
    ) -> Result<Committed, PortError> {
        let equipment = &plan.commit.equipment;
        for (name, content) in &plan.objects {
            self.ports.put_object(name, content.clone()).await?;
        }
        if !plan.segments.is_empty() {
            self.ports.write_segments(equipment, &plan.segments).await?;
        }
        let committed = self.commit(&plan.commit, counts).await?;
        if committed == Committed::Done {
            // No head names these any more. If a delete fails, they expire.
            if !plan.dropped_segments.is_empty() {
                let deleted = self.ports.delete_segments(equipment, &plan.dropped_segments).await;
                counts.failed_deletes += u64::from(deleted.is_err());
            }
            if let Some(name) = &plan.dropped_object {
                counts.failed_deletes += u64::from(self.ports.delete_object(name).await.is_err());
            }
        }
        Ok(committed)
    }

    async fn write_parked(&self, plan: &ParkPlan, counts: &mut WriteCounts) -> Result<Committed, PortError> {
        if let Some((name, content)) = &plan.object {
            self.ports.put_object(name, content.clone()).await?;
        }
        self.commit(&plan.commit, counts).await
    }

    /// Commits, with retries after transient errors: the store tells a repeated commit from a conflict.
    async fn commit(&self, commit: &Commit, counts: &mut WriteCounts) -> Result<Committed, PortError> {
        let ports = &self.ports;
        retry::call(ports, ATTEMPTS, FIRST_WAIT_MS, Deadline::NONE, &mut counts.retries, async || {
            ports.commit(commit).await
        })
        .await
    }
}

/// Counts a plan that was committed.
fn count(plan: &KeyPlan, has_queue: bool, summary: &mut Summary) {
    summary.commits += 1;
    match plan {
        KeyPlan::Commit(plan) => {
            summary.add_fold(plan.counts);
            if !has_queue {
                summary.score_requests_unsent += plan.counts.score_requests;
            }
            for (_, rejected) in &plan.rejections {
                summary.reject(rejected.reason.as_str(), 1);
            }
        }
        KeyPlan::Park(plan) => {
            summary.parked_messages += plan.done as u64;
            let is_new = plan.commit.head.parked.as_ref().is_some_and(|parked| parked.objects == 1);
            summary.parked_keys += u64::from(is_new);
        }
    }
}
