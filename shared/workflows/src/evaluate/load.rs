//! A round, first half: read the open keys, and fold them.

use andon_domain::DataPoint;
use andon_engine::{CompiledRules, RejectedPoint, rule_set_of, segments_of};
use futures_util::stream::{self, StreamExt as _};

use super::batch::StreamMessage;
use super::commit::{KeyOutcome, KeyPlan};
use super::fold::{self, FoldResult, LoadedState};
use super::rejected::RejectedLine;
use super::unpark::UnparkError;
use super::{EvaluatePorts, Evaluator, Key, Run, park};
use crate::catalog::CatalogError;
use crate::envelope::{StateEnvelope, Stored};
use crate::limits;
use crate::ports::{Head, Pointer, PortError};

/// A key with what was read of it.
struct LoadedKey {
    /// Its place in the group.
    place: usize,
    head: Head,
    facts: Result<LoadedState, Unreadable>,
}

/// Why a state cannot be read.
enum Unreadable {
    /// Not now.
    Port(PortError),
    /// Something that the head names is not there: somebody wrote meanwhile, or it is lost.
    Torn(String),
    /// It is damaged.
    Damaged(String),
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Reads and folds all open keys of a group once.
    pub(super) async fn fold_round(
        &self,
        keys: &mut [Key<'_>],
        run: &mut Run<'_>,
    ) -> Result<Vec<(usize, KeyPlan)>, PortError> {
        let pointer = self.ports.pointer().await?;
        let open: Vec<usize> =
            keys.iter().enumerate().filter(|(_, key)| key.is_open()).map(|(place, _)| place).collect();
        let names: Vec<&str> =
            open.iter().filter_map(|place| keys.get(*place)).map(|key| key.messages.equipment).collect();
        let heads = self.ports.read_heads(&names).await?;
        let found: Vec<LoadedKey> = stream::iter(open.iter().zip(names).zip(heads))
            .map(|((place, equipment), head)| self.find(*place, equipment, head))
            .buffered(limits::CONCURRENT_REQUESTS)
            .collect()
            .await;
        let (rules, unknown_from_ms) = match self.rules_for(&pointer, &found, keys, run).await? {
            Ok(rules) => (Some(rules), None),
            Err(error) => (None, Some(error)),
        };
        let mut works = Vec::with_capacity(found.len());
        for found in found {
            let Some(key) = keys.get_mut(found.place) else { continue };
            let place = found.place;
            works.push((place, self.fold_key(key, found, rules.as_ref(), unknown_from_ms.as_deref(), run)));
        }
        Ok(works)
    }

    /// What is stored of a key.
    async fn find(&self, place: usize, equipment: &str, head: Option<Head>) -> LoadedKey {
        let head = head.unwrap_or_default();
        let facts = if head.parked.is_some() {
            Err(Unreadable::Damaged("the key is parked".to_owned()))
        } else {
            self.facts(equipment, &head).await
        };
        LoadedKey { place, head, facts }
    }

    /// What the fold needs of a key.
    pub(super) async fn facts_of(&self, equipment: &str, head: &Head) -> Result<LoadedState, UnparkError> {
        self.facts(equipment, head).await.map_err(|error| match error {
            Unreadable::Port(error) => UnparkError::Port(error),
            Unreadable::Torn(reason) | Unreadable::Damaged(reason) => UnparkError::StillFailing(reason),
        })
    }

    async fn facts(&self, equipment: &str, head: &Head) -> Result<LoadedState, Unreadable> {
        let mut facts = LoadedState {
            head: head.clone(),
            positions: crate::envelope::Positions::default(),
            packed: Vec::new(),
            object: None,
            segments: Vec::new(),
            sequences: Vec::new(),
        };
        if head.body.is_empty() {
            let views = self.ports.read_views(equipment).await.map_err(Unreadable::Port)?;
            facts.sequences = views.into_iter().map(|view| (view.rule, view.sequence)).collect();
            return Ok(facts);
        }
        let body = StateEnvelope::read(&head.body).map_err(|error| Unreadable::Damaged(error.to_string()))?;
        facts.positions = body.positions;
        facts.packed = match body.state {
            Stored::Here(packed) => packed,
            Stored::Object(name) => {
                let packed = self.ports.get_object(&name).await.map_err(Unreadable::Port)?;
                let missing = || Unreadable::Torn(format!("the object `{name}` of the state is missing"));
                let packed = packed.ok_or_else(missing)?;
                facts.object = Some(name);
                packed
            }
        };
        let needed = segments_of(&facts.packed).map_err(|error| Unreadable::Damaged(error.to_string()))?;
        if !needed.is_empty() {
            facts.segments = self.ports.read_segments(equipment).await.map_err(Unreadable::Port)?;
        }
        Ok(facts)
    }

    /// The rule sets that the keys need. The inner error: they are not known, or cannot be used; then nothing is folded.
    async fn rules_for(
        &self,
        pointer: &Pointer,
        found: &[LoadedKey],
        keys: &[Key<'_>],
        run: &Run<'_>,
    ) -> Result<Result<CompiledRules, String>, PortError> {
        let due_at = |arrival_ms: i64| pointer.start_of_due(arrival_ms);
        let start_of = |found: &LoadedKey| {
            let facts = found.facts.as_ref().ok()?;
            if facts.packed.is_empty() {
                let key = keys.get(found.place)?;
                let first = key.messages.messages.get(key.done)?;
                return Some(due_at(run.batch.messages.get(*first)?.arrival_ms));
            }
            rule_set_of(&facts.packed).ok()
        };
        let starts = || found.iter().filter_map(start_of);
        let arrival_ms = run.batch.arrival_ms;
        let from_ms = starts().min().unwrap_or_else(|| due_at(arrival_ms));
        // Another shard may be ahead: its records may have brought a key to a set that is not due here yet.
        let until_ms = starts().max().unwrap_or(from_ms).max(arrival_ms);
        match self.catalog.chain(&self.ports, pointer, from_ms, until_ms).await {
            Ok(rules) => {
                self.catalog.forget_before(from_ms);
                Ok(Ok(rules))
            }
            Err(CatalogError::Port(error)) => Err(error),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Folds one key.
    fn fold_key(
        &self,
        key: &mut Key<'_>,
        found: LoadedKey,
        rules: Option<&CompiledRules>,
        no_rules: Option<&str>,
        run: &mut Run<'_>,
    ) -> KeyPlan {
        let equipment = key.messages.equipment;
        let batch = run.batch;
        let open = key.messages.messages.get(key.done..).unwrap_or_default();
        let messages: Vec<&StreamMessage<'_>> =
            open.iter().filter_map(|number| batch.messages.get(*number)).collect();
        let LoadedKey { head, facts, .. } = found;
        if head.parked.is_some() {
            let step = park::add(equipment, head, &batch.shard, &messages);
            return KeyPlan::Park(Box::new(step), messages.len());
        }
        let now_ms = self.ports.now_ms();
        let fail = |head: Head, reason: &str, run: &mut Run<'_>| {
            run.summary.failing_keys += 1;
            run.summary.first_failure.get_or_insert_with(|| format!("`{equipment}`: {reason}"));
            let step = park::fail(equipment, head, reason, &batch.shard, &messages, now_ms);
            KeyPlan::Park(Box::new(step), messages.len())
        };
        if let Some(reason) = key.impossible.take() {
            return fail(head, &reason, run);
        }
        let torn = |head: Head, reason: &str, key: &Key<'_>, run: &mut Run<'_>| {
            // Read twice at the same version: nobody writes, it is lost.
            if key.torn_at == Some(head.version) {
                fail(head, reason, run)
            } else {
                KeyPlan::End(KeyOutcome::Torn(head.version))
            }
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(Unreadable::Port(error)) => return KeyPlan::End(KeyOutcome::NotNow(error)),
            Err(Unreadable::Torn(reason)) => return torn(head, &reason, key, run),
            Err(Unreadable::Damaged(reason)) => return fail(head, &reason, run),
        };
        let Some(rules) = rules else {
            // The rules are wrong, not the key: nothing is parked for that.
            let reason = no_rules.unwrap_or("there are no rules");
            return KeyPlan::End(KeyOutcome::NotNow(PortError::transient(reason)));
        };
        let is_new = head.version == 0;
        if is_new && run.new_keys >= self.settings.new_keys_per_batch {
            return KeyPlan::End(KeyOutcome::TooManyNew);
        }
        match fold::fold(equipment, facts, rules, &batch.shard, &messages, &self.settings) {
            FoldResult::AlreadyDone { skipped } => {
                run.summary.skipped += skipped;
                KeyPlan::End(KeyOutcome::Done(messages.len()))
            }
            FoldResult::Torn(reason) => torn(head, &reason, key, run),
            FoldResult::Impossible(reason) => fail(head, &reason, run),
            FoldResult::Commit(step) => {
                if is_new {
                    run.new_keys += 1;
                    run.summary.new_keys += 1;
                }
                let mut kept = None;
                for (number, rejected) in &step.rejections {
                    let Some(message) = messages.get(*number) else { continue };
                    let with_message = kept.replace(*number) != Some(*number);
                    if rejected.reason == andon_domain::Reason::Late
                        && let Some(source) = source_of(message, rejected)
                    {
                        *run.late.entry(source).or_default() += 1;
                    }
                    run.rejections.add(&RejectedLine::point(&batch.shard, message, rejected, with_message));
                }
                KeyPlan::Commit(step)
            }
        }
    }
}

/// Who sent a rejected point of a message.
fn source_of(message: &StreamMessage<'_>, rejected: &RejectedPoint) -> Option<String> {
    let same = |point: &&DataPoint<'_>| {
        point.tag == rejected.tag.as_str()
            && point.timestamp_ms == rejected.sent_ms
            && point.sequence_number == rejected.sequence_number
    };
    message.points().iter().find(same).map(|point| point.source.clone().into_owned())
}
