//! The first step of a round: load the open keys and plan what to write for each.

use andon_domain::{DataPoint, Reason, never};
use andon_engine::{CompiledRules, RejectedPoint};

use super::batch::StreamMessage;
use super::fold;
use super::load::RulesError;
use super::plan::{FoldResult, KeyOutcome, KeyPlan, LoadError, LoadedKey, LoadedState, PlannedKey, Round};
use super::rejected::RejectedLine;
use super::{EvaluatePorts, Evaluator, Key, Run, Summary, park};
use crate::ports::{Head, PortError};

impl<P: EvaluatePorts> Evaluator<P> {
    /// Loads all open keys and plans each of them once.
    pub(super) async fn plan_round<'k, 'b>(
        &self,
        keys: &'k mut [Key<'b>],
        run: &mut Run<'_>,
    ) -> Result<Round<'k, 'b>, PortError> {
        let pointer = self.ports.pointer().await?;
        let loaded = self.load_keys(keys.iter_mut().filter(|key| key.is_open()).collect()).await?;
        let rules = match self.rules_for(&pointer, &loaded, run).await {
            Ok(rules) => Ok(rules),
            Err(RulesError::Store(error)) => return Err(error),
            Err(RulesError::Unusable(reason)) => Err(reason),
        };
        let mut round = Round::default();
        for (key, loaded) in loaded {
            match self.plan_key(key, loaded, rules.as_ref().map_err(String::as_str), run) {
                Ok(plan) => round.plans.push(PlannedKey { key, plan }),
                Err(outcome) => round.settled.push((key, outcome)),
            }
        }
        Ok(round)
    }

    /// Plans the writes for a key; `Err` is the outcome of a key that needs none. Without rules, `rules` is the reason.
    fn plan_key(
        &self,
        key: &mut Key<'_>,
        loaded: LoadedKey,
        rules: Result<&CompiledRules, &str>,
        run: &mut Run<'_>,
    ) -> Result<KeyPlan, KeyOutcome> {
        let LoadedKey { head, state } = loaded;
        let Some(state) = state else {
            return Ok(KeyPlan::Park(Box::new(park::add(key.equipment, head, &run.batch.shard, key.open()))));
        };
        let result = match (key.impossible.take(), state) {
            (Some(reason), _) => FoldResult::Impossible(reason),
            (None, Ok(state)) => self.fold_key(key, state, rules, run)?,
            (None, Err(LoadError::Port(error))) => return Err(KeyOutcome::NotNow(error)),
            (None, Err(LoadError::Torn(reason))) => FoldResult::Torn(reason),
            (None, Err(LoadError::Damaged(reason))) => FoldResult::Impossible(reason),
        };
        match result {
            FoldResult::Commit(plan) => Ok(KeyPlan::Commit(plan)),
            FoldResult::AlreadyDone { skipped } => {
                run.summary.skipped += skipped;
                Err(KeyOutcome::Done(key.open().len()))
            }
            FoldResult::Torn(_) if key.torn_at != Some(head.version) => Err(KeyOutcome::Torn(head.version)),
            // A second torn read at the same version: no concurrent writer is at work, so the state is damaged.
            FoldResult::Torn(reason) | FoldResult::Impossible(reason) => {
                Ok(self.fail_key(key, head, &reason, run))
            }
        }
    }

    /// Folds the open messages of a key, if there are rules and the batch may begin another key.
    fn fold_key(
        &self,
        key: &Key<'_>,
        state: LoadedState,
        rules: Result<&CompiledRules, &str>,
        run: &mut Run<'_>,
    ) -> Result<FoldResult, KeyOutcome> {
        // The rules are wrong, not the key: no key is parked for that.
        let rules = rules.map_err(|reason| KeyOutcome::NotNow(PortError::transient(reason)))?;
        let is_new = state.head.version == 0;
        if is_new && run.summary.new_keys >= self.settings.new_keys_per_batch as u64 {
            return Err(KeyOutcome::TooManyNew);
        }
        let result = self.fold_messages(key, state, rules, run);
        run.summary.new_keys += u64::from(is_new && matches!(result, FoldResult::Commit(_)));
        Ok(result)
    }

    /// Folds the open messages of a key and notes the points that the fold rejected.
    pub(super) fn fold_messages(
        &self,
        key: &Key<'_>,
        state: LoadedState,
        rules: &CompiledRules,
        run: &mut Run<'_>,
    ) -> FoldResult {
        let (shard, messages) = (&run.batch.shard, key.open());
        let result = unless_broken(&mut run.summary, || {
            fold::fold(key.equipment, state, rules, shard, messages, &self.settings)
        });
        if let FoldResult::Commit(plan) = &result {
            note_rejections(&plan.rejections, messages, run);
        }
        result
    }

    /// Plans to count a failure of a key, or to park it after too many failures in a row.
    fn fail_key(&self, key: &Key<'_>, head: Head, reason: &str, run: &mut Run<'_>) -> KeyPlan {
        let equipment = key.equipment;
        run.summary.failing_keys += 1;
        run.summary.first_failure.get_or_insert_with(|| format!("`{equipment}`: {reason}"));
        let now_ms = self.ports.now_ms();
        KeyPlan::Park(Box::new(park::fail(equipment, head, reason, &run.batch.shard, key.open(), now_ms)))
    }
}

/// Runs a fold, and discards its result if it broke an invariant: the key then counts as failing, and its records are
/// delivered again or parked.
fn unless_broken(summary: &mut Summary, fold: impl FnOnce() -> FoldResult) -> FoldResult {
    // Those that were broken before do not concern this key.
    summary.note_broken(never::take_broken());
    let result = fold();
    let broken = never::take_broken();
    let Some(first) = &broken.first else { return result };
    let reason = format!("an invariant is broken: {first}");
    summary.note_broken(broken);
    FoldResult::Impossible(reason)
}

/// Notes the rejections of a fold, with each message once, and counts late points by source.
fn note_rejections(
    rejections: &[(usize, RejectedPoint)],
    messages: &[&StreamMessage<'_>],
    run: &mut Run<'_>,
) {
    let mut kept = None;
    for (number, rejected) in rejections {
        let Some(message) = messages.get(*number) else {
            never!("a point was rejected at message {number} of {}", messages.len());
            continue;
        };
        let with_message = kept.replace(*number) != Some(*number);
        if rejected.reason == Reason::Late
            && let Some(source) = source_of(message, rejected)
        {
            *run.late.entry(source).or_default() += 1;
        }
        run.rejections.add(&RejectedLine::point(&run.batch.shard, message, rejected, with_message));
    }
}

/// Returns the source of a rejected point of a message.
fn source_of(message: &StreamMessage<'_>, rejected: &RejectedPoint) -> Option<String> {
    let same = |point: &&DataPoint<'_>| {
        point.tag == rejected.tag.as_str()
            && point.timestamp_ms == rejected.sent_ms
            && point.sequence_number == rejected.sequence_number
    };
    message.points().iter().find(same).map(|point| point.source.clone().into_owned())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use andon_ingest::ItemBody;

    use super::*;
    use crate::envelope::Position;
    use crate::limits::FAILURES_BEFORE_PARKING;

    #[test]
    fn a_fold_that_breaks_an_invariant_is_not_committed_and_its_record_is_kept() {
        let message = StreamMessage {
            equipment: Cow::Borrowed("filler-1"),
            position: Position { sequence_number: "7".parse().unwrap(), index: 0 },
            arrival_ms: 1000,
            body: ItemBody::Tick,
            raw: b"{\"tick\":true}",
            on_own_key: true,
        };
        let mut summary = Summary::default();
        let fold = || {
            never!("rule {} of {}", 7, 3);
            never!("and another");
            FoldResult::AlreadyDone { skipped: 1 }
        };
        let (result, left) = never::quietly(|| unless_broken(&mut summary, fold));
        let FoldResult::Impossible(reason) = result else { panic!("{result:?}") };
        assert!(reason.starts_with("an invariant is broken: rule 7 of 3 ("), "{reason}");
        assert_eq!((summary.invariants_broken, left.count), (2, 0));
        assert!(summary.first_broken_invariant.unwrap().starts_with("rule 7 of 3 ("));

        // The first failures leave the record to its next delivery.
        let shard = "shardId-000000000000".parse().unwrap();
        let mut head = Head { version: 4, body: b"as before".to_vec(), ..Head::default() };
        for _ in 1..FAILURES_BEFORE_PARKING {
            let plan = park::fail("filler-1", head, &reason, &shard, &[&message], 2000);
            assert_eq!((plan.done, plan.object), (0, None));
            head = plan.commit.head;
            assert_eq!(head.body, b"as before");
        }
        // Then it is parked, and is in the object.
        let plan = park::fail("filler-1", head, &reason, &shard, &[&message], 2000);
        assert_eq!(
            plan.commit.head.parked.as_ref().map(|parked| parked.reason.as_str()),
            Some(reason.as_str())
        );
        let lines = andon_ingest::gzip::gunzip(&plan.object.unwrap().1, 10_000).unwrap();
        assert!(String::from_utf8(lines).unwrap().contains(r#""message":"{\"tick\":true}""#));
        assert_eq!(plan.done, 1);
    }

    #[test]
    fn invariants_that_were_broken_before_a_fold_are_counted_and_do_not_fail_its_key() {
        let mut summary = Summary::default();
        let (result, left) = never::quietly(|| {
            never!("before");
            unless_broken(&mut summary, || FoldResult::AlreadyDone { skipped: 1 })
        });
        assert!(matches!(result, FoldResult::AlreadyDone { skipped: 1 }));
        assert_eq!((summary.invariants_broken, left.count), (1, 0));
    }
}
