//! Scores into the stream.

use std::collections::BTreeSet;

use super::summary::longer;
use super::{EnrichPorts, Enricher, FollowUp, MessageOutcome, Run, Scores, backoff};
use crate::ports::{Accepted, QueueEntry, StreamEntry, Written};

/// Attempts to write a point.
const ATTEMPTS: u32 = 5;

impl<P: EnrichPorts> Enricher<P> {
    /// Writes the scores of messages; answers of each message whether it is done.
    pub(super) async fn write(
        &self,
        worked: Vec<(usize, MessageOutcome)>,
        run: &Run<'_>,
    ) -> Vec<(usize, bool)> {
        let mut done = Vec::with_capacity(worked.len());
        let mut scored: Vec<(usize, Scores)> = Vec::with_capacity(worked.len());
        let mut postponed = Vec::new();
        for (number, worked) in worked {
            match worked {
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

    /// Writes points, those that are refused for now again and again; answers of each message whether all of its points
    /// are written.
    async fn write_points(&self, scored: &[(usize, Scores)], run: &Run<'_>) -> Vec<bool> {
        let mut written = vec![true; scored.len()];
        let points = scored
            .iter()
            .enumerate()
            .flat_map(|(place, (_, scores))| scores.points.iter().map(move |point| (place, point.clone())));
        let mut open: Vec<(usize, StreamEntry)> = points.collect();
        let mut attempt = 0;
        while !open.is_empty() {
            attempt += 1;
            let (places, entries): (Vec<usize>, Vec<StreamEntry>) = open.into_iter().unzip();
            let answers = self.ports.put_records(&entries).await;
            let answers = answers.unwrap_or_else(|error| vec![Written::No(error); entries.len()]);
            open = Vec::new();
            for ((place, entry), answer) in places.into_iter().zip(entries).zip(answers) {
                let Written::No(error) = answer else { continue };
                run.summary.borrow_mut().error(&error);
                // What the stream will never take would come again for ever.
                if error.is_transient() {
                    open.push((place, entry));
                }
            }
            if open.is_empty() {
                break;
            }
            let wait_ms = backoff::wait_ms(open.len() as u64, attempt);
            let ready_ms = self.ports.now_ms().saturating_add_unsigned(wait_ms);
            if attempt >= ATTEMPTS || ready_ms >= run.deadline_ms {
                for (place, _) in &open {
                    if let Some(written) = written.get_mut(*place) {
                        *written = false;
                    }
                }
                break;
            }
            self.ports.sleep_ms(wait_ms).await;
        }
        written
    }

    /// Puts messages into the queue again, for a while later; answers which it did not take. Those come again by
    /// themselves, only later still.
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

    /// What is left undone here is found by the reminder, and an object that stays expires.
    async fn follow(&self, then: FollowUp, run: &Run<'_>) {
        let followed = match then {
            FollowUp::Forget(name) => self.ports.delete_object(&name).await,
            FollowUp::GiveUp(name, kept) => self.ports.put_object(&name, kept).await,
        };
        if let Err(error) = followed {
            run.summary.borrow_mut().error(&error);
        }
    }
}
