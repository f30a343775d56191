//! Folding a batch of the stream.
//!
//! For each key of the batch: read its head, fold the messages that are not folded yet, write what was rejected, then
//! commit. A commit is conditional on the version that was read; who loses reads again, the rule pointer too, and folds
//! again. What could not be done in the time there is, or for an error, is reported, and comes again; what cannot be done
//! at all is set aside, so that it does not hold up the shard.

mod batch;
mod checkpoint;
mod commit;
mod fold;
mod load;
mod park;
mod rejected;
mod rekey;
mod score_requests;
mod settings;
mod summary;
mod unpark;

use std::collections::BTreeMap;

use andon_ingest::SequenceNumber;

pub use batch::{Batch, BatchError, RefusedRecord, StreamMessage, with_batch};
pub use park::ParkedLine;
pub use rejected::{RejectedLine, RejectedValue};
pub use settings::EvaluateSettings;
pub use summary::Summary;
pub use unpark::{UnparkError, Unparked};

use self::batch::KeyMessages;
use self::checkpoint::CheckpointWriter;
use self::commit::KeyOutcome;
use self::rejected::Rejections;
use crate::catalog::Catalog;
use crate::limits;
use crate::ports::{CheckpointStore, Clock, Objects, RuleStore, ScoreRequestQueue, StateStore, Stream};

/// What evaluating needs of the world.
pub trait EvaluatePorts:
    StateStore + RuleStore + CheckpointStore + Objects + Stream + ScoreRequestQueue + Clock
{
}

impl<P: StateStore + RuleStore + CheckpointStore + Objects + Stream + ScoreRequestQueue + Clock> EvaluatePorts
    for P
{
}

/// Folds batches. Kept between invocations: it holds compiled rules, and nothing else that matters.
#[derive(Debug)]
pub struct Evaluator<P> {
    ports: P,
    settings: EvaluateSettings,
    catalog: Catalog,
    watermarks: CheckpointWriter,
}

/// How a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluateAnswer {
    /// The first record of any key that is not done: the batch is to come again from there. `None`: all is done.
    pub first_not_done: Option<SequenceNumber>,
    /// What happened.
    pub summary: Summary,
}

impl EvaluateAnswer {
    /// As the event source expects it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let failures: Vec<_> = self
            .first_not_done
            .iter()
            .map(|number| serde_json::json!({"itemIdentifier": number.to_string()}))
            .collect();
        serde_json::json!({"batchItemFailures": failures})
    }
}

/// A key, and how far it has come in this invocation.
#[derive(Debug)]
struct Key<'b> {
    messages: KeyMessages<'b>,
    /// How many of its messages are done.
    done: usize,
    /// Times in a row that somebody else was faster.
    conflicts: u32,
    /// The version at which what was read did not fit together.
    torn_at: Option<u64>,
    /// Why it cannot be written, if that has been said for good.
    impossible: Option<String>,
    /// Nothing more is tried for it in this invocation.
    given_up: bool,
}

impl Key<'_> {
    fn is_open(&self) -> bool {
        !self.given_up && self.done < self.messages.messages.len()
    }
}

/// What lasts through one invocation.
struct Run<'r> {
    batch: &'r Batch<'r>,
    deadline_ms: i64,
    rejections: Rejections,
    new_keys: usize,
    summary: Summary,
    /// Late points by source, for the checkpoint.
    late: BTreeMap<String, u64>,
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// An evaluator over ports.
    pub fn new(ports: P, settings: EvaluateSettings) -> Self {
        Self { ports, settings, catalog: Catalog::default(), watermarks: CheckpointWriter::default() }
    }

    /// The ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Folds a batch; nothing is begun that could outlast the deadline, ms.
    pub async fn evaluate(&self, batch: &Batch<'_>, deadline_ms: i64) -> EvaluateAnswer {
        let mut run = Run {
            batch,
            deadline_ms: deadline_ms.saturating_sub(self.settings.reserve_ms),
            rejections: Rejections::default(),
            new_keys: 0,
            summary: Summary::of(batch),
            late: BTreeMap::new(),
        };
        for refused in &batch.refused {
            run.summary.reject(refused.refused.reason.as_str(), refused.refused.count);
            run.rejections.add(&RejectedLine::refused(&batch.shard, refused));
        }
        let folded_here = |message: &StreamMessage<'_>| self.settings.lanes <= 1 || message.on_own_key;
        let mut first_not_done = batch.deferred;
        let mut note = |number: Option<SequenceNumber>| {
            first_not_done = match (first_not_done, number) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        };
        note(self.rekey(batch, folded_here, &mut run.summary).await);
        let mut keys: Vec<Key<'_>> = batch::by_key(&batch.messages, folded_here)
            .into_iter()
            .map(|messages| Key {
                messages,
                done: 0,
                conflicts: 0,
                torn_at: None,
                impossible: None,
                given_up: false,
            })
            .collect();
        run.summary.keys = keys.len() as u64;
        for group in keys.chunks_mut(limits::KEYS_PER_GROUP) {
            self.finish(group, &mut run).await;
        }
        if !self.write_rejections(&mut run).await {
            note(batch.records.first().copied());
        }
        for key in keys.iter().filter(|key| key.done < key.messages.messages.len()) {
            run.summary.keys_not_done += 1;
            let first = key.messages.messages.get(key.done).and_then(|number| batch.messages.get(*number));
            note(first.map(|message| message.position.sequence_number));
        }
        self.save_checkpoint(&mut run, first_not_done).await;
        EvaluateAnswer { first_not_done, summary: run.summary }
    }

    /// Works on keys until each is done or given up.
    async fn finish(&self, keys: &mut [Key<'_>], run: &mut Run<'_>) {
        while keys.iter().any(Key::is_open) {
            if self.ports.now_ms() >= run.deadline_ms {
                run.summary.out_of_time += 1;
                return;
            }
            run.summary.rounds += 1;
            let mut works = match self.fold_round(keys, run).await {
                Ok(works) => works,
                Err(error) => {
                    run.summary.error(&error);
                    return;
                }
            };
            // Before the commits: once a key is committed, nobody finds its rejections again.
            if !self.write_rejections(run).await {
                return;
            }
            self.enqueue(&mut works, run).await;
            let endings = self.commit_round(works, run).await;
            for (place, ending) in endings {
                if let Some(key) = keys.get_mut(place) {
                    conclude(key, ending, &mut run.summary);
                }
            }
        }
    }

    /// Writes what was rejected and is not written yet; answers whether nothing is left.
    async fn write_rejections(&self, run: &mut Run<'_>) -> bool {
        let first = run.batch.records.first().copied().unwrap_or_default();
        let Some((name, content)) = run.rejections.object(&run.batch.shard, first, run.batch.arrival_ms)
        else {
            return true;
        };
        match self.ports.put_object(&name, content).await {
            Ok(()) => {
                run.rejections.written();
                run.summary.rejection_objects += 1;
                true
            }
            Err(error) => {
                run.summary.error(&error);
                false
            }
        }
    }

    async fn save_checkpoint(&self, run: &mut Run<'_>, first_not_done: Option<SequenceNumber>) {
        let done =
            run.batch.records.iter().filter(|number| first_not_done.is_none_or(|first| **number < first));
        let position = done.max().copied();
        self.watermarks.hear(run.batch, position, &run.summary.rejected, &run.late);
        let (stream, interval_ms) = (&self.settings.stream, self.settings.checkpoint_interval_ms);
        match self.watermarks.save(&self.ports, stream, run.batch, interval_ms).await {
            Ok(Some(checkpoint)) => {
                run.summary.checkpoints += 1;
                run.summary.watermark_ms = checkpoint.watermark_ms(limits::SOURCE_IDLE_MS);
            }
            Ok(None) => {}
            // It decides nothing, and the next batch carries it on.
            Err(error) => run.summary.error(&error),
        }
    }
}

/// Conflicts in a row after which a key is left to its next delivery.
const MOST_CONFLICTS: u32 = 8;

fn conclude(key: &mut Key<'_>, ending: KeyOutcome, summary: &mut Summary) {
    match ending {
        KeyOutcome::Done(messages) => {
            key.done += messages;
            key.conflicts = 0;
            key.torn_at = None;
        }
        KeyOutcome::Conflict => {
            summary.conflicts += 1;
            key.conflicts += 1;
            key.given_up = key.conflicts > MOST_CONFLICTS;
        }
        KeyOutcome::Torn(version) => {
            summary.torn_reads += 1;
            key.conflicts += 1;
            key.torn_at = Some(version);
            key.given_up = key.conflicts > MOST_CONFLICTS;
        }
        KeyOutcome::Impossible(reason) => key.impossible = Some(reason),
        KeyOutcome::Failing => key.given_up = true,
        KeyOutcome::NotNow(error) => {
            summary.error(&error);
            key.given_up = true;
        }
        KeyOutcome::NoTime => {
            summary.out_of_time += 1;
            key.given_up = true;
        }
        KeyOutcome::TooManyNew => {
            summary.new_keys_put_off += 1;
            key.given_up = true;
        }
    }
}
