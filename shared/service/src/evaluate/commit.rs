//! A round, second half: write what the folds came to.

use futures_util::stream::{self, StreamExt as _};

use super::fold::Step;
use super::park::ParkStep;
use super::{EvaluatePorts, Evaluator, Run, Summary};
use crate::limits;
use crate::ports::{Clock, Commit, Committed, PortError};

/// What is to be done for a key.
#[derive(Debug)]
pub(super) enum Work {
    /// Write what was folded.
    Step(Box<Step>),
    /// Set so many messages aside, or count a failure.
    Park(Box<ParkStep>, usize),
    /// Nothing.
    End(Ending),
}

/// How a round ended for a key.
#[derive(Debug)]
pub(super) enum Ending {
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
        works: Vec<(usize, Work)>,
        run: &mut Run<'_>,
    ) -> Vec<(usize, Ending)> {
        let deadline_ms = run.deadline_ms;
        let endings: Vec<(usize, Work, Ending, Tally)> = stream::iter(works)
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
            if let Ending::Done(_) = ending {
                count(&work, self.ports.has_queue(), &mut run.summary);
                if let Work::Step(step) = &work {
                    for (_, rejected) in &step.rejections {
                        run.summary.reject(rejected.reason.as_str(), 1);
                    }
                }
            }
            // A work that ends here was not written: it keeps the ending that it came with.
            let ending = match work {
                Work::End(ending) => ending,
                Work::Step(_) | Work::Park(..) => ending,
            };
            answers.push((place, ending));
        }
        answers
    }

    async fn write(&self, work: &Work, deadline_ms: i64, tally: &mut Tally) -> Ending {
        if matches!(work, Work::End(_)) {
            return Ending::NoTime;
        }
        if self.ports.now_ms() >= deadline_ms {
            return Ending::NoTime;
        }
        let written = match work {
            Work::Step(step) => self.write_step(step, tally).await.map(|ending| match ending {
                Committed::Done => Ending::Done(step.done),
                Committed::Conflict => Ending::Conflict,
            }),
            Work::Park(step, messages) => self.write_parked(step, tally).await.map(|ending| match ending {
                Committed::Done if step.parked => Ending::Done(*messages),
                Committed::Done => Ending::Failing,
                Committed::Conflict => Ending::Conflict,
            }),
            Work::End(_) => return Ending::NoTime,
        };
        written.unwrap_or_else(|error| {
            if error.is_transient() { Ending::NotNow(error) } else { Ending::Impossible(error.message) }
        })
    }

    /// Writes one work outside of a round.
    pub(super) async fn commit_one(&self, work: &Work) -> Result<Committed, PortError> {
        let mut tally = Tally::default();
        match work {
            Work::Step(step) => self.write_step(step, &mut tally).await,
            Work::Park(step, _) => self.write_parked(step, &mut tally).await,
            Work::End(_) => Ok(Committed::Conflict),
        }
    }

    async fn write_step(&self, step: &Step, tally: &mut Tally) -> Result<Committed, PortError> {
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

    async fn write_parked(&self, step: &ParkStep, tally: &mut Tally) -> Result<Committed, PortError> {
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

fn count(work: &Work, has_queue: bool, summary: &mut Summary) {
    match work {
        Work::Step(step) => {
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
        Work::Park(step, messages) => {
            summary.commits += 1;
            summary.parked_messages += *messages as u64;
            summary.parked_keys +=
                u64::from(step.commit.head.parked.as_ref().is_some_and(|parked| parked.objects == 1));
        }
        Work::End(_) => {}
    }
}
