//! Folding a batch of the stream.
//!
//! An invocation works in rounds. A round loads the open keys and plans each of them: folded, parked, or without a write.
//! Then it writes the rejected records, sends the score requests and commits. A commit is conditional on the version that
//! was read: after a conflict the next round loads the key and the rule pointer again.
//!
//! A key that ran out of time or met an error is reported, and its records come again. A key that cannot be folded at all
//! is parked, so that it does not hold up the shard.

mod batch;
mod checkpoint;
mod commit;
mod fold;
mod load;
mod park;
mod plan;
mod rejected;
mod rekey;
mod round;
mod score_requests;
mod settings;
mod summary;
mod unpark;

use std::collections::BTreeMap;

use andon_domain::never;
use andon_ingest::SequenceNumber;

pub use batch::{Batch, BatchError, RefusedMessage, StreamMessage, with_batch};
pub use park::ParkedLine;
pub use rejected::{RejectedLine, RejectedValue};
pub use settings::EvaluateSettings;
pub use summary::Summary;
pub use unpark::{UnparkError, Unparked};

use self::checkpoint::CheckpointWriter;
use self::plan::{KeyOutcome, Round};
use self::rejected::Rejections;
use crate::catalog::Catalog;
use crate::limits;
use crate::ports::{
    CheckpointStore, Clock, Objects, PortError, RuleStore, ScoreRequestQueue, StateStore, Stream,
};

/// The ports of `evaluate`.
pub trait EvaluatePorts:
    StateStore + RuleStore + CheckpointStore + Objects + Stream + ScoreRequestQueue + Clock
{
}

impl<P: StateStore + RuleStore + CheckpointStore + Objects + Stream + ScoreRequestQueue + Clock> EvaluatePorts
    for P
{
}

/// A folder of batches. It is kept between invocations for its compiled rules; it keeps no state of a key.
#[derive(Debug)]
pub struct Evaluator<P> {
    ports: P,
    settings: EvaluateSettings,
    catalog: Catalog,
    checkpoints: CheckpointWriter,
}

/// A result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluateAnswer {
    /// The first record of any key that is not done: the event source delivers the batch again from there. `None` if all
    /// records are done.
    pub first_not_done: Option<SequenceNumber>,
    /// Counters of the invocation.
    pub summary: Summary,
}

/// A key of a batch, with its progress in this invocation.
#[derive(Debug)]
struct Key<'b> {
    equipment: &'b str,
    /// Its messages, in the order of the stream.
    messages: Vec<&'b StreamMessage<'b>>,
    /// The number of messages that are done.
    done: usize,
    /// Conflicts and torn reads in a row.
    conflicts: u32,
    /// The version at which the parts of the state did not fit together.
    torn_at: Option<u64>,
    /// The reason why the store will never accept its commit, if the store said so.
    impossible: Option<String>,
    /// Set if this invocation tries nothing more for it.
    given_up: bool,
}

impl<'b> Key<'b> {
    fn new(equipment: &'b str, messages: Vec<&'b StreamMessage<'b>>) -> Self {
        Self { equipment, messages, done: 0, conflicts: 0, torn_at: None, impossible: None, given_up: false }
    }

    /// The messages that are not done.
    fn open(&self) -> &[&'b StreamMessage<'b>] {
        match self.messages.get(self.done..) {
            Some(open) => open,
            None => {
                never!("{} of {} messages of `{}` are done", self.done, self.messages.len(), self.equipment);
                &[]
            }
        }
    }

    fn is_open(&self) -> bool {
        !self.given_up && !self.open().is_empty()
    }

    /// Takes the outcome of a round.
    fn conclude(&mut self, outcome: KeyOutcome, summary: &mut Summary) {
        match outcome {
            KeyOutcome::Done(messages) => {
                self.done += messages;
                self.conflicts = 0;
                self.torn_at = None;
            }
            KeyOutcome::Conflict => {
                summary.conflicts += 1;
                self.conflicts += 1;
                self.given_up = self.conflicts > MOST_CONFLICTS;
            }
            KeyOutcome::Torn(version) => {
                summary.torn_reads += 1;
                self.conflicts += 1;
                self.torn_at = Some(version);
                self.given_up = self.conflicts > MOST_CONFLICTS;
            }
            KeyOutcome::Impossible(reason) => self.impossible = Some(reason),
            KeyOutcome::Failing => self.given_up = true,
            KeyOutcome::NotNow(error) => {
                summary.error(&error);
                self.given_up = true;
            }
            KeyOutcome::NoTime => {
                summary.out_of_time += 1;
                self.given_up = true;
            }
            KeyOutcome::TooManyNew => {
                summary.new_keys_deferred += 1;
                self.given_up = true;
            }
        }
    }
}

/// Conflicts and torn reads in a row after which a key is left to its next delivery. Each means that another invocation
/// made progress with the key.
const MOST_CONFLICTS: u32 = 8;

/// An invocation.
struct Run<'r> {
    batch: &'r Batch<'r>,
    deadline_ms: i64,
    rejections: Rejections,
    summary: Summary,
    /// Late points by source, for the checkpoint.
    late: BTreeMap<String, u64>,
}

impl<'r> Run<'r> {
    fn new(batch: &'r Batch<'r>, deadline_ms: i64, rejections: Rejections) -> Self {
        Self { batch, deadline_ms, rejections, summary: Summary::of(batch), late: BTreeMap::new() }
    }
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Creates an evaluator over ports.
    pub fn new(ports: P, settings: EvaluateSettings) -> Self {
        Self { ports, settings, catalog: Catalog::default(), checkpoints: CheckpointWriter::default() }
    }

    /// Returns the ports.
    pub fn ports(&self) -> &P {
        &self.ports
    }

    /// Folds a batch. Nothing starts that could outlast the deadline, ms.
    pub async fn evaluate(&self, batch: &Batch<'_>, deadline_ms: i64) -> EvaluateAnswer {
        // A batch has at least one record: its name begins where the batch begins.
        let first = batch.records.first().copied().unwrap_or_default();
        let rejections = Rejections::new(batch.shard.clone(), first, batch.arrival_ms);
        let mut run = Run::new(batch, deadline_ms.saturating_sub(self.settings.reserve_ms), rejections);
        for refused in &batch.refused {
            run.summary.reject(refused.refused.reason.as_str(), refused.refused.count);
            run.rejections.add(&RejectedLine::refused(&batch.shard, refused));
        }
        let folded_here =
            |message: &StreamMessage<'_>| self.settings.parallelization_factor <= 1 || message.on_own_key;
        let mut first_not_done =
            earlier(batch.deferred, self.rekey(batch, folded_here, &mut run.summary).await);
        let mut keys = batch::by_key(&batch.messages, folded_here);
        run.summary.keys = keys.len() as u64;
        for group in keys.chunks_mut(limits::KEYS_PER_GROUP) {
            self.run_rounds(group, &mut run).await;
        }
        if !self.write_rejections(&mut run).await {
            first_not_done = earlier(first_not_done, batch.records.first().copied());
        }
        for message in keys.iter().filter_map(|key| key.open().first()) {
            run.summary.keys_not_done += 1;
            first_not_done = earlier(first_not_done, Some(message.position.sequence_number));
        }
        self.save_checkpoint(&mut run, first_not_done).await;
        run.summary.note_broken(never::take_broken());
        EvaluateAnswer { first_not_done, summary: run.summary }
    }

    /// Runs rounds until each key is done or given up, or the invocation's time is over.
    async fn run_rounds(&self, keys: &mut [Key<'_>], run: &mut Run<'_>) {
        while keys.iter().any(Key::is_open) {
            if self.ports.now_ms() >= run.deadline_ms {
                run.summary.out_of_time += 1;
                return;
            }
            run.summary.rounds += 1;
            let Round { settled, mut plans } = match self.plan_round(keys, run).await {
                Ok(round) => round,
                Err(error) => {
                    run.summary.error(&error);
                    return;
                }
            };
            // Before the commits: once a key is committed, no fold finds its rejections again.
            if !self.write_rejections(run).await {
                return;
            }
            let unsent = self.send_score_requests(&mut plans, run).await;
            let committed = self.commit_all(plans, run).await;
            for (key, outcome) in settled.into_iter().chain(unsent).chain(committed) {
                key.conclude(outcome, &mut run.summary);
            }
        }
    }

    /// Writes the rejections that are not written yet and returns whether none is left.
    async fn write_rejections(&self, run: &mut Run<'_>) -> bool {
        match self.put_rejections(run).await {
            Ok(()) => true,
            Err(error) => {
                run.summary.error(&error);
                false
            }
        }
    }

    async fn put_rejections(&self, run: &mut Run<'_>) -> Result<(), PortError> {
        if let Some((name, content)) = run.rejections.object() {
            self.ports.put_object(&name, content).await?;
            run.rejections.written();
            run.summary.rejection_objects += 1;
        }
        Ok(())
    }

    async fn save_checkpoint(&self, run: &mut Run<'_>, first_not_done: Option<SequenceNumber>) {
        let done =
            run.batch.records.iter().filter(|number| first_not_done.is_none_or(|first| **number < first));
        let position = done.max().copied();
        self.checkpoints.observe_batch(run.batch, position, &run.summary.rejected, &run.late);
        let (stream, interval_ms) = (&self.settings.stream, self.settings.checkpoint_interval_ms);
        match self.checkpoints.save(&self.ports, stream, run.batch, interval_ms).await {
            Ok(Some(checkpoint)) => {
                run.summary.checkpoints += 1;
                run.summary.watermark_ms = checkpoint.watermark_ms(limits::SOURCE_IDLE_MS);
            }
            Ok(None) => {}
            // A checkpoint decides nothing, and the next batch writes it.
            Err(error) => run.summary.error(&error),
        }
    }
}

/// Returns the earlier of two sequence numbers.
fn earlier(one: Option<SequenceNumber>, other: Option<SequenceNumber>) -> Option<SequenceNumber> {
    one.into_iter().chain(other).min()
}
