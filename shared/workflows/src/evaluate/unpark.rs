//! Folding what was set aside for a parked key, once what was wrong has been mended.

use andon_ingest::gzip::gunzip;
use andon_ingest::{Authenticator, ItemOutcome, SequenceNumber, ShardId, read_message};
use std::fmt;

use super::batch::StreamMessage;
use super::commit::KeyPlan;
use super::fold::{self, FoldResult};
use super::park::ParkedLine;
use super::rejected::{RejectedLine, Rejections};
use super::{EvaluatePorts, Evaluator};
use crate::catalog::CatalogError;
use crate::envelope::Position;
use crate::limits;
use crate::object_keys;
use crate::ports::{Commit, Committed, Due, Head, Parked, PortError};

/// What unparking did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unparked {
    /// Objects of records that were folded.
    pub objects: u64,
    /// Messages in them, also those that had been folded before.
    pub messages: u64,
    /// State changes that were decided.
    pub transitions: u64,
    /// Questions to models that went nowhere: there is no queue for them, or it will never take them.
    pub questions_unsent: u64,
}

/// Why a key stays parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnparkError {
    /// It is not parked.
    NotParked,
    /// It still cannot be folded.
    StillFailing(String),
    /// An object of its records cannot be read.
    Damaged {
        /// The object.
        object: String,
        /// What is wrong.
        reason: String,
    },
    /// A port failed; what was folded stays folded.
    Port(PortError),
}

impl fmt::Display for UnparkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotParked => f.write_str("the equipment is not parked"),
            Self::StillFailing(reason) => write!(f, "the equipment still cannot be folded: {reason}"),
            Self::Damaged { object, reason } => {
                write!(f, "the parked records in `{object}` cannot be read: {reason}")
            }
            Self::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnparkError {}

impl From<PortError> for UnparkError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Folds the parked records of a key in the order in which they were parked, then lets it go on. What arrives
    /// meanwhile is parked behind them, and is folded too.
    ///
    /// # Errors
    /// When the key is not parked, still cannot be folded, or a port fails. It then stays parked; what was folded is not
    /// folded again.
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
                // Early is not late: the tick that comes finds out when the key is really due.
                let due = Due { bucket: object_keys::due_bucket(equipment), at_ms: self.ports.now_ms() };
                let goes_on = Head { parked: None, failures: 0, due: Some(due), ..head };
                if self.commit_head(equipment, goes_on).await? == Committed::Conflict {
                    continue;
                }
                // Whoever wrote these will find that the key goes on. What stays for an error does no harm.
                for object in objects {
                    drop(self.ports.delete_object(&object).await);
                }
                return Ok(unparked);
            }
            objects.retain(|object| object_keys::parked_number(object) == Some(next));
            let mut all_there = !objects.is_empty();
            for object in objects {
                let Some(lines) = self.lines_of(&object).await? else {
                    all_there = false;
                    break;
                };
                unparked.messages += lines.len() as u64;
                self.fold_lines(equipment, &object, &lines, trust, &mut unparked).await?;
                unparked.objects += 1;
            }
            if all_there {
                // At once: whoever is cut short goes on from here, however much there is.
                self.note_folded(equipment, since_ms, next).await?;
            } else if self.head(equipment).await?.is_some_and(|now| now.version == head.version) {
                let object = format!("{prefix}{next:012}-..");
                return Err(UnparkError::Damaged { object, reason: "it is not there".to_owned() });
            }
            // Otherwise somebody else is unparking, and has deleted it.
        }
    }

    /// The objects of a number are folded, and not needed any more.
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

    /// Writes over a head what was made of it.
    async fn commit_head(&self, equipment: &str, head: Head) -> Result<Committed, PortError> {
        let read_version = head.version;
        let head = Head { version: read_version + 1, ..head };
        self.ports.commit(&Commit { equipment: equipment.to_owned(), read_version, head, outbox: None }).await
    }

    async fn head(&self, equipment: &str) -> Result<Option<Head>, PortError> {
        Ok(self.ports.read_heads(&[equipment]).await?.into_iter().next().flatten())
    }

    /// `None` where the object is gone since it was listed.
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

    /// Folds the records of one object, in as many commits as it takes.
    async fn fold_lines(
        &self,
        equipment: &str,
        object: &str,
        lines: &[ParkedLine],
        trust: Option<&Authenticator>,
        unparked: &mut Unparked,
    ) -> Result<(), UnparkError> {
        let damaged = |reason: String| UnparkError::Damaged { object: object.to_owned(), reason };
        let Some(first) = lines.first() else { return Ok(()) };
        let shard: ShardId = first.shard.parse().map_err(|error| damaged(format!("{error}")))?;
        let raw: Vec<Vec<u8>> = lines
            .iter()
            .map(ParkedLine::raw)
            .collect::<Option<_>>()
            .ok_or_else(|| damaged("a message is not base64".to_owned()))?;
        let mut messages = Vec::with_capacity(lines.len());
        for (line, raw) in lines.iter().zip(&raw) {
            let number: SequenceNumber =
                line.sequence_number.parse().map_err(|error| damaged(format!("{error}")))?;
            read_message(raw, line.index, trust, |outcome| {
                // What is refused was written when it came; of a list, only this equipment was parked.
                if let ItemOutcome::Item(item) = outcome
                    && item.equipment == equipment
                {
                    messages.push(StreamMessage {
                        equipment: item.equipment,
                        position: Position { sequence_number: number, index: item.index },
                        arrival_ms: line.arrival,
                        body: item.body,
                        raw: item.message,
                        on_own_key: true,
                    });
                }
            });
        }
        let mut open: Vec<&StreamMessage<'_>> = messages.iter().collect();
        while let (Some(first), Some(last)) = (open.first(), open.last()) {
            // Somebody else may have let it go on: then its due time is no longer ours to take away.
            let head = self.head(equipment).await?.filter(|head| head.parked.is_some());
            let head = head.ok_or(UnparkError::NotParked)?;
            let facts = self.facts_of(equipment, &head).await?;
            let pointer = self.ports.pointer().await?;
            let from_ms = if facts.packed.is_empty() {
                pointer.start_of_due(first.arrival_ms)
            } else {
                andon_engine::rule_set_of(&facts.packed)
                    .map_err(|error| UnparkError::StillFailing(error.to_string()))?
            };
            let newest_ms = open.iter().map(|message| message.arrival_ms).max().unwrap_or(last.arrival_ms);
            let newest_ms = newest_ms.max(from_ms);
            let rules = match self.catalog.chain(&self.ports, &pointer, from_ms, newest_ms).await {
                Ok(rules) => rules,
                Err(CatalogError::Port(error)) => return Err(error.into()),
                Err(error) => return Err(UnparkError::StillFailing(error.to_string())),
            };
            let mut step = match fold::fold(equipment, facts, &rules, &shard, &open, &self.settings) {
                FoldResult::AlreadyDone { .. } => return Ok(()),
                FoldResult::Torn(reason) | FoldResult::Impossible(reason) => {
                    return Err(UnparkError::StillFailing(reason));
                }
                FoldResult::Commit(step) => step,
            };
            // It is parked until all is folded.
            step.commit.head.due = None;
            step.commit.head.expires_s = None;
            step.commit.head.failures = head.failures;
            let mut rejections = Rejections::default();
            for (number, rejected) in &step.rejections {
                if let Some(message) = open.get(*number) {
                    rejections.add(&RejectedLine::point(&shard, message, rejected, true));
                }
            }
            if let Some((name, content)) =
                rejections.object(&shard, first.position.sequence_number, first.arrival_ms)
            {
                self.ports.put_object(&name, content).await?;
            }
            let (done, decided) = (step.done, step.folded.transitions);
            let unsent = self.send_questions_of(&step).await?;
            if self.commit_one(&KeyPlan::Commit(step)).await? == Committed::Done {
                unparked.transitions += decided;
                unparked.questions_unsent += unsent;
                open.drain(..done);
            }
        }
        Ok(())
    }
}
