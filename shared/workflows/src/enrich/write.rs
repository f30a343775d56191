//! Writes scores into the stream.

use std::collections::BTreeSet;

use andon_domain::never;

use super::summary::longer;
use super::{EnrichPorts, Enricher, FollowUp, MessageOutcome, Run, Scores, backoff};
use crate::ports::{Accepted, QueueEntry, StreamEntry, Written};
use crate::retry::{Deadline, Retry, wait};

/// Maximum attempts to write a point.
const ATTEMPTS: u32 = 5;

impl<P: EnrichPorts> Enricher<P> {
    /// Writes the scores of messages; returns for each message whether it is done.
    pub(super) async fn write(
        &self,
        outcomes: Vec<(usize, MessageOutcome)>,
        run: &Run<'_>,
    ) -> Vec<(usize, bool)> {
        let mut done = Vec::with_capacity(outcomes.len());
        let mut scored: Vec<(usize, Scores)> = Vec::with_capacity(outcomes.len());
        let mut postponed = Vec::new();
        for (number, outcome) in outcomes {
            match outcome {
                MessageOutcome::Done(scores) => scored.push((number, scores)),
                MessageOutcome::Again => done.push((number, false)),
                MessageOutcome::Postponed(scores, entry) => {
                    scored.push((number, scores));
                    postponed.push((number, entry));
                }
            }
        }
        let refused = self.postpone(postponed, run).await;
        let written = self.write_points(&scored, run).await;
        for (place, (number, scores)) in scored.into_iter().enumerate() {
            let is_written = written.get(place).copied().unwrap_or_default();
            if is_written {
                self.count(&scores, run);
                if let Some(then) = scores.then {
                    self.follow(then, run).await;
                }
            }
            done.push((number, is_written && !refused.contains(&number)));
        }
        done
    }

    /// Writes points, and repeats those that fail transiently; returns for each message whether all of its points are
    /// written.
    async fn write_points(&self, scored: &[(usize, Scores)], run: &Run<'_>) -> Vec<bool> {
        let mut written = vec![true; scored.len()];
        let points = scored
            .iter()
            .enumerate()
            .flat_map(|(place, (_, scores))| scores.points.iter().map(move |point| (place, point.clone())));
        let mut open: Vec<(usize, StreamEntry)> = points.collect();
        let mut retry = Retry::new(ATTEMPTS);
        while !open.is_empty() {
            let (places, entries): (Vec<usize>, Vec<StreamEntry>) = open.into_iter().unzip();
            let answers = self.ports.put_records(&entries).await;
            let answers = answers.unwrap_or_else(|error| vec![Written::No(error); entries.len()]);
            open = Vec::new();
            for ((place, entry), answer) in places.into_iter().zip(entries).zip(answers) {
                let Written::No(error) = answer else { continue };
                run.summary.borrow_mut().error(&error);
                // A point that the stream will never accept would be delivered again forever.
                if error.is_transient() {
                    open.push((place, entry));
                }
            }
            if open.is_empty() {
                break;
            }
            let is_left = retry.is_left_after_failure();
            let wait_ms = backoff::wait_ms(open.len() as u64, retry.failed());
            if !is_left || !wait(&self.ports, wait_ms, Deadline::before(run.deadline_ms)).await {
                for (place, _) in &open {
                    match written.get_mut(*place) {
                        Some(written) => *written = false,
                        None => never!("a point of message {place} of {}", scored.len()),
                    }
                }
                break;
            }
        }
        written
    }

    /// Puts messages into the queue again, with a delay; returns the ones that the queue did not accept. The event source
    /// delivers those again by itself, only later.
    async fn postpone(&self, postponed: Vec<(usize, QueueEntry)>, run: &Run<'_>) -> BTreeSet<usize> {
        if postponed.is_empty() {
            return BTreeSet::new();
        }
        let (numbers, entries): (Vec<usize>, Vec<QueueEntry>) = postponed.into_iter().unzip();
        let answers = self.ports.enqueue(&entries).await;
        let answers = answers.unwrap_or_else(|error| vec![Accepted::No(error); entries.len()]);
        let mut refused = BTreeSet::new();
        for (number, answer) in numbers.into_iter().zip(answers) {
            match answer {
                Accepted::Yes => run.summary.borrow_mut().postponed += 1,
                Accepted::No(error) => {
                    run.summary.borrow_mut().error(&error);
                    refused.insert(number);
                }
            }
        }
        refused
    }

    fn count(&self, scores: &Scores, run: &Run<'_>) {
        let mut summary = run.summary.borrow_mut();
        summary.scores += scores.numbers;
        summary.substitutes += (scores.points.len() as u64).saturating_sub(scores.numbers);
        if scores.numbers > 0 {
            let took_ms = self.ports.now_ms().saturating_sub(scores.asked_ms);
            summary.input_to_score_ms = longer(summary.input_to_score_ms, took_ms);
        }
    }

    /// Ends an asynchronous call. If that fails, a poll finds the call again, and its object expires.
    async fn follow(&self, then: FollowUp, run: &Run<'_>) {
        let followed = match then {
            FollowUp::Forget(name) => self.ports.delete_object(&name).await,
            FollowUp::GiveUp(name, call) => self.ports.put_object(&name, call).await,
        };
        if let Err(error) = followed {
            run.summary.borrow_mut().error(&error);
        }
    }
}
