//! A round, second half: write what the folds came to.

use futures_util::stream::{self, StreamExt as _};

use super::fold::CommitPlan;
use super::park::ParkPlan;
use super::{EvaluatePorts, Evaluator, Run, Summary};
use crate::limits;
use crate::ports::{Clock, Commit, Committed, PortError};

/// What is to be done for a key.
#[derive(Debug)]
pub(super) enum KeyPlan {
    /// Write what was folded.
    Commit(Box<CommitPlan>),
    /// Set so many messages aside, or count a failure.
    Park(Box<ParkPlan>, usize),
    /// Nothing.
    End(KeyOutcome),
}

/// How a round ended for a key.
#[derive(Debug)]
pub(super) enum KeyOutcome {
    /// So many messages are done.
    Done(usize),
    /// Somebody else was faster.
    Conflict,
    /// What was read at this version does not fit together.
    Torn(u64),
    /// What was folded cannot be written, ever.
    Impossible(String),
    /// It cannot be folded; that was counted.
    Failing,
    /// A port failed.
    NotNow(PortError),
    /// Too little time was left.
    NoTime,
    /// Too many keys of this batch are new.
    TooManyNew,
}

/// What a commit counted.
#[derive(Debug, Default)]
struct Tally {
    retries: u64,
    lost_deletes: u64,
}

/// Attempts of one commit.
const ATTEMPTS: u32 = 3;

/// Wait before the second attempt, ms; twice as long before the third.
const FIRST_WAIT_MS: u64 = 50;

impl<P: EvaluatePorts> Evaluator<P> {
    pub(super) async fn commit_round(
        &self,
        works: Vec<(usize, KeyPlan)>,
        run: &mut Run<'_>,
    ) -> Vec<(usize, KeyOutcome)> {
        let deadline_ms = run.deadline_ms;
        let endings: Vec<(usize, KeyPlan, KeyOutcome, Tally)> = stream::iter(works)
            .map(|(place, work)| async move {
                let mut tally = Tally::default();
                let ending = self.write(&work, deadline_ms, &mut tally).await;
                (place, work, ending, tally)
            })
            .buffer_unordered(limits::CONCURRENT_REQUESTS)
            .collect()
            .await;
        let mut answers = Vec::with_capacity(endings.len());
        for (place, work, ending, tally) in endings {
            run.summary.retries += tally.retries;
            run.summary.errors += tally.lost_deletes;
            if let KeyOutcome::Done(_) = ending {
                count(&work, self.ports.has_queue(), &mut run.summary);
                if let KeyPlan::Commit(step) = &work {
                    for (_, rejected) in &step.rejections {
                        run.summary.reject(rejected.reason.as_str(), 1);
                    }
                }
            }
            // A work that ends here was not written: it keeps the ending that it came with.
            let ending = match work {
                KeyPlan::End(ending) => ending,
                KeyPlan::Commit(_) | KeyPlan::Park(..) => ending,
            };
            answers.push((place, ending));
        }
        answers
    }

    async fn write(&self, work: &KeyPlan, deadline_ms: i64, tally: &mut Tally) -> KeyOutcome {
        if matches!(work, KeyPlan::End(_)) {
            return KeyOutcome::NoTime;
        }
        if self.ports.now_ms() >= deadline_ms {
            return KeyOutcome::NoTime;
        }
        let written = match work {
            KeyPlan::Commit(step) => self.write_step(step, tally).await.map(|ending| match ending {
                Committed::Done => KeyOutcome::Done(step.done),
                Committed::Conflict => KeyOutcome::Conflict,
            }),
            KeyPlan::Park(step, messages) => {
                self.write_parked(step, tally).await.map(|ending| match ending {
                    Committed::Done if step.parked => KeyOutcome::Done(*messages),
                    Committed::Done => KeyOutcome::Failing,
                    Committed::Conflict => KeyOutcome::Conflict,
                })
            }
            KeyPlan::End(_) => return KeyOutcome::NoTime,
        };
        written.unwrap_or_else(|error| {
            if error.is_transient() {
                KeyOutcome::NotNow(error)
            } else {
                KeyOutcome::Impossible(error.message)
            }
        })
    }

    /// Writes one work outside of a round.
    pub(super) async fn commit_one(&self, work: &KeyPlan) -> Result<Committed, PortError> {
        let mut tally = Tally::default();
        match work {
            KeyPlan::Commit(step) => self.write_step(step, &mut tally).await,
            KeyPlan::Park(step, _) => self.write_parked(step, &mut tally).await,
            KeyPlan::End(_) => Ok(Committed::Conflict),
        }
    }

    async fn write_step(&self, step: &CommitPlan, tally: &mut Tally) -> Result<Committed, PortError> {
        let equipment = &step.commit.equipment;
        for (name, content) in &step.objects {
            self.ports.put_object(name, content.clone()).await?;
        }
        if !step.segments.is_empty() {
            self.ports.write_segments(equipment, &step.segments).await?;
        }
        let committed = commit(&self.ports, &step.commit, tally).await?;
        if committed == Committed::Done {
            // Nobody needs these any more. What stays for an error expires by itself.
            if !step.dropped_segments.is_empty() {
                let deleted = self.ports.delete_segments(equipment, &step.dropped_segments).await;
                tally.lost_deletes += u64::from(deleted.is_err());
            }
            if let Some(name) = &step.dropped_object {
                tally.lost_deletes += u64::from(self.ports.delete_object(name).await.is_err());
            }
        }
        Ok(committed)
    }

    async fn write_parked(&self, step: &ParkPlan, tally: &mut Tally) -> Result<Committed, PortError> {
        if let Some((name, content)) = &step.object {
            self.ports.put_object(name, content.clone()).await?;
        }
        commit(&self.ports, &step.commit, tally).await
    }
}

/// Commits, a few times if there is no answer: a repeat is told from a conflict.
async fn commit<P>(ports: &P, commit: &Commit, tally: &mut Tally) -> Result<Committed, PortError>
where
    P: crate::ports::StateStore + Clock,
{
    let mut wait_ms = FIRST_WAIT_MS;
    for _ in 1..ATTEMPTS {
        match ports.commit(commit).await {
            Err(error) if error.is_transient() => {
                tally.retries += 1;
                ports.sleep_ms(wait_ms).await;
                wait_ms *= 2;
            }
            answer => return answer,
        }
    }
    ports.commit(commit).await
}

fn count(work: &KeyPlan, has_queue: bool, summary: &mut Summary) {
    match work {
        KeyPlan::Commit(step) => {
            let counts = step.folded;
            summary.commits += 1;
            summary.skipped += counts.skipped;
            summary.points += counts.points;
            summary.ticks += counts.ticks;
            summary.transitions += counts.transitions;
            summary.ahead += counts.ahead;
            summary.forced += counts.forced;
            summary.questions += counts.questions;
            summary.questions_dropped += counts.questions_dropped;
            if !has_queue {
                summary.questions_unsent += counts.questions;
            }
        }
        KeyPlan::Park(step, messages) => {
            summary.commits += 1;
            summary.parked_messages += *messages as u64;
            summary.parked_keys +=
                u64::from(step.commit.head.parked.as_ref().is_some_and(|parked| parked.objects == 1));
        }
        KeyPlan::End(_) => {}
    }
}
