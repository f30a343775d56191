//! Unparking: the parked records of a key are folded after an operator fixed the cause.

use andon_domain::never;
use andon_engine::CompiledRules;
use andon_ingest::gzip::gunzip;
use andon_ingest::{Authenticator, ItemOutcome, SequenceNumber, ShardId, read_message};

use super::batch::{Batch, StreamMessage};
use super::load::RulesError;
use super::park::ParkedLine;
use super::plan::{FoldResult, KeyOutcome, KeyPlan, LoadError, LoadedState, PlannedKey};
use super::rejected::Rejections;
use super::{EvaluatePorts, Evaluator, Key, Run};
use crate::envelope::Position;
use crate::limits;
use crate::object_keys;
use crate::ports::{Commit, Committed, Due, Head, Parked, PortError};

/// Counters of an unparking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unparked {
    /// Objects of records that were folded.
    pub objects: u64,
    /// Messages in them, also those that had been folded before.
    pub messages: u64,
    /// State changes decided.
    pub transitions: u64,
    /// Score requests without a queue, or that the queue never accepts.
    pub score_requests_unsent: u64,
}

/// A reason why a key stays parked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnparkError {
    /// It is not parked.
    #[error("the equipment is not parked")]
    NotParked,
    /// It still cannot be folded.
    #[error("the equipment still cannot be folded: {0}")]
    StillFailing(String),
    /// An object of its records cannot be read.
    #[error("the parked records in `{object}` cannot be read: {reason}")]
    Damaged {
        /// The name of the object.
        object: String,
        /// The reason.
        reason: String,
    },
    /// A port failed. The objects that were folded before stay folded.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<LoadError> for UnparkError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Port(error) => Self::Port(error),
            LoadError::Torn(reason) | LoadError::Damaged(reason) => Self::StillFailing(reason),
        }
    }
}

impl From<RulesError> for UnparkError {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Store(error) => Self::Port(error),
            RulesError::Unusable(reason) => Self::StillFailing(reason),
        }
    }
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Folds the parked records of a key in the order in which they were parked, then lets the key continue. Records that
    /// arrive meanwhile are parked behind them and folded too.
    ///
    /// # Errors
    /// If the key is not parked, still cannot be folded, or a port fails. It then stays parked. Records that were folded
    /// are not folded again.
    pub async fn unpark(
        &self,
        equipment: &str,
        trust: Option<&Authenticator>,
    ) -> Result<Unparked, UnparkError> {
        let mut unparked = Unparked::default();
        loop {
            let head = self.head(equipment).await?.ok_or(UnparkError::NotParked)?;
            let parked = head.parked.as_ref().ok_or(UnparkError::NotParked)?;
            let (since_ms, next) = (parked.since_ms, parked.folded + 1);
            let prefix = object_keys::parked_prefix(equipment, since_ms);
            let mut objects = self.ports.list_objects(&prefix).await?;
            for object in objects.extract_if(.., |object| object_keys::parked_number(object) < Some(next)) {
                self.ports.delete_object(&object).await?;
            }
            if next > parked.objects {
                if self.release(equipment, head).await? == Committed::Conflict {
                    continue;
                }
                // Their writers find that the key continues. An object that stays after an error is harmless.
                for object in objects {
                    drop(self.ports.delete_object(&object).await);
                }
                return Ok(unparked);
            }
            objects.retain(|object| object_keys::parked_number(object) == Some(next));
            if self.fold_objects(equipment, &objects, trust, &mut unparked).await? {
                // At once: an unparking that is cut short continues from here, whatever number of objects there is.
                self.note_folded(equipment, since_ms, next).await?;
            } else if self.head(equipment).await?.is_some_and(|now| now.version == head.version) {
                let object = format!("{prefix}{next:012}-..");
                return Err(UnparkError::Damaged { object, reason: "it is not there".to_owned() });
            }
            // Otherwise a concurrent unparking folded and deleted it.
        }
    }

    /// Lets a key continue whose parked records are all folded.
    async fn release(&self, equipment: &str, head: Head) -> Result<Committed, PortError> {
        // Early is not late: the tick that comes finds the true due time of the key.
        let due = Some(Due::new(equipment, self.ports.now_ms()));
        self.commit_head(equipment, Head { parked: None, failures: 0, due, ..head }).await
    }

    /// Folds the objects of one number and returns whether there was one and all of them were still there.
    async fn fold_objects(
        &self,
        equipment: &str,
        objects: &[String],
        trust: Option<&Authenticator>,
        unparked: &mut Unparked,
    ) -> Result<bool, UnparkError> {
        for object in objects {
            let Some(lines) = self.lines_of(object).await? else { return Ok(false) };
            unparked.messages += lines.len() as u64;
            self.fold_lines(equipment, object, &lines, trust, unparked).await?;
            unparked.objects += 1;
        }
        Ok(!objects.is_empty())
    }

    /// Notes in the head that the objects of a number are folded.
    async fn note_folded(&self, equipment: &str, since_ms: i64, number: u64) -> Result<(), PortError> {
        while let Some(head) = self.head(equipment).await? {
            let parked =
                head.parked.clone().filter(|parked| parked.since_ms == since_ms && parked.folded < number);
            let Some(parked) = parked else { break };
            let noted = Head { parked: Some(Parked { folded: number, ..parked }), ..head };
            if self.commit_head(equipment, noted).await? == Committed::Done {
                break;
            }
        }
        Ok(())
    }

    /// Commits a head that was changed, under the next version.
    async fn commit_head(&self, equipment: &str, head: Head) -> Result<Committed, PortError> {
        let read_version = head.version;
        let head = Head { version: read_version + 1, ..head };
        self.ports.commit(&Commit { equipment: equipment.to_owned(), read_version, head, outbox: None }).await
    }

    async fn head(&self, equipment: &str) -> Result<Option<Head>, PortError> {
        Ok(self.ports.read_heads(&[equipment]).await?.into_iter().next().flatten())
    }

    /// Reads the lines of an object; `None` if it was deleted since it was listed.
    async fn lines_of(&self, object: &str) -> Result<Option<Vec<ParkedLine>>, UnparkError> {
        let damaged = |reason: String| UnparkError::Damaged { object: object.to_owned(), reason };
        let Some(packed) = self.ports.get_object(object).await? else { return Ok(None) };
        let text =
            gunzip(&packed, limits::UNPACKED_OBJECT_BYTES).map_err(|error| damaged(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|error| damaged(error.to_string()))?;
        let line = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| damaged(format!("line {}: {error}", number + 1)))
        };
        text.lines().enumerate().map(line).collect::<Result<_, _>>().map(Some)
    }

    /// Folds the lines of one object: the steps of a round, until all messages are committed.
    async fn fold_lines(
        &self,
        equipment: &str,
        object: &str,
        lines: &[ParkedLine],
        trust: Option<&Authenticator>,
        unparked: &mut Unparked,
    ) -> Result<(), UnparkError> {
        let damaged = |reason: String| UnparkError::Damaged { object: object.to_owned(), reason };
        let raw: Vec<Vec<u8>> = lines
            .iter()
            .map(ParkedLine::raw)
            .collect::<Option<_>>()
            .ok_or_else(|| damaged("a message is not base64".to_owned()))?;
        let Some(batch) = batch_of(equipment, lines, &raw, trust).map_err(damaged)? else { return Ok(()) };
        let mut key = Key::new(equipment, batch.messages.iter().collect());
        while let Some(first) = key.open().first().copied() {
            let rejections =
                Rejections::new(batch.shard.clone(), first.position.sequence_number, first.arrival_ms);
            let mut run = Run::new(&batch, i64::MAX, rejections);
            let (state, rules) = self.load_parked(equipment, first.arrival_ms, batch.arrival_ms).await?;
            let plan = match self.fold_messages(&key, state, &rules, &mut run) {
                FoldResult::AlreadyDone { .. } => return Ok(()),
                FoldResult::Torn(reason) | FoldResult::Impossible(reason) => {
                    return Err(UnparkError::StillFailing(reason));
                }
                FoldResult::Commit(plan) => KeyPlan::Commit(plan),
            };
            self.put_rejections(&mut run).await?;
            let mut plans = vec![PlannedKey { key: &mut key, plan }];
            let unsent = self.send_score_requests(&mut plans, &mut run).await;
            let committed = self.commit_all(plans, &mut run).await;
            for (key, outcome) in unsent.into_iter().chain(committed) {
                match outcome {
                    KeyOutcome::Done(messages) => {
                        key.done += messages;
                        unparked.transitions += run.summary.transitions;
                        unparked.score_requests_unsent += run.summary.score_requests_unsent;
                    }
                    KeyOutcome::Conflict => {}
                    KeyOutcome::NotNow(error) => return Err(error.into()),
                    KeyOutcome::Impossible(reason) => return Err(PortError::permanent(reason).into()),
                    KeyOutcome::Torn(_)
                    | KeyOutcome::Failing
                    | KeyOutcome::NoTime
                    | KeyOutcome::TooManyNew => {
                        never!("a commit without a deadline ended with {outcome:?}");
                        return Err(UnparkError::StillFailing(format!("{outcome:?}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// Loads the state of a parked key, and the rules for messages from a first to a newest arrival, ms.
    async fn load_parked(
        &self,
        equipment: &str,
        first_ms: i64,
        newest_ms: i64,
    ) -> Result<(LoadedState, CompiledRules), UnparkError> {
        // If a concurrent unparking let the key continue, its due time must stay.
        let head = self.head(equipment).await?.filter(|head| head.parked.is_some());
        let head = head.ok_or(UnparkError::NotParked)?;
        let state = self.load_state(equipment, &head).await?;
        let pointer = self.ports.pointer().await?;
        let from_ms = state
            .rules_start_ms(&pointer, first_ms)
            .map_err(|error| UnparkError::StillFailing(error.to_string()))?;
        let chain = self.catalog.chain(&self.ports, &pointer, from_ms, newest_ms.max(from_ms)).await;
        Ok((state, chain.map_err(RulesError::from)?))
    }
}

/// Reads the messages of one machine from the lines of one object, as a batch; `None` if there are no lines.
///
/// # Errors
/// The reason why a line cannot be read.
fn batch_of<'a>(
    equipment: &str,
    lines: &[ParkedLine],
    raw: &'a [Vec<u8>],
    trust: Option<&Authenticator>,
) -> Result<Option<Batch<'a>>, String> {
    let Some(first) = lines.first() else { return Ok(None) };
    let shard: ShardId = first.shard.parse().map_err(|error| format!("{error}"))?;
    let mut messages = Vec::with_capacity(lines.len());
    let mut records = Vec::with_capacity(lines.len());
    for (line, raw) in lines.iter().zip(raw) {
        let sequence_number: SequenceNumber =
            line.sequence_number.parse().map_err(|error| format!("{error}"))?;
        records.push(sequence_number);
        read_message(raw, line.index, trust, |outcome| {
            // Refused parts were written when they arrived. Of a list, only this machine was parked.
            if let ItemOutcome::Item(item) = outcome
                && item.equipment == equipment
            {
                messages.push(StreamMessage {
                    equipment: item.equipment,
                    position: Position { sequence_number, index: item.index },
                    arrival_ms: line.arrival,
                    body: item.body,
                    raw: item.message,
                    on_own_key: true,
                });
            }
        });
    }
    let arrival_ms = messages.iter().map(|message| message.arrival_ms).max().unwrap_or(first.arrival);
    Ok(Some(Batch { shard, messages, refused: Vec::new(), records, deferred: None, arrival_ms }))
}
