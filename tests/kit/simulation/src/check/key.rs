//! The commits of one key, compared with a fold of its records by the engine.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::Transition;
use andon_engine::{FoldError, KeyState, Record, RecordBody, segments_of};
use andon_ingest::{ItemOutcome, ShardId, read_message};
use andon_workflows::envelope::{Position, Positions, StateEnvelope, Stored};

use super::rejected::{self, Rejection};
use super::score_requests::{Answers, DecidedRequest};
use super::stream_content::Message;
use super::{Checked, Failure};
use andon_kit_ports::memory::{Commitment, Expired};

/// Silence of a shard before which its position is kept, ms: the stream's retention.
const RETENTION_MS: i64 = 86_400_000;

/// Maximum skew between the clocks of processes, ms.
const SKEW_MS: i64 = 3000;

/// A key, as its commits tell it.
#[derive(Default)]
struct Life {
    state: Option<KeyState>,
    decided: Vec<Transition>,
    version: u64,
    reached: Positions,
    /// By shard: the greatest position ever, also after a head forgot it.
    greatest: BTreeMap<ShardId, Position>,
    /// By shard: the number of messages folded.
    folded: BTreeMap<ShardId, usize>,
    expired: bool,
    /// Whether panes were sealed into segments.
    sealed: bool,
    came_back: u64,
    took_up: u64,
    /// The score requests of the messages of a commit.
    requests: Vec<DecidedRequest>,
    requests_decided: u64,
    answers: Answers,
}

/// Returns the transitions that the engine decides over the records of a key, in the order of its commits.
pub(super) fn folded_again(
    checked: &mut Checked<'_>,
    equipment: &str,
    not_used: &mut BTreeSet<Rejection>,
) -> Result<Vec<Transition>, Failure> {
    let world = checked.world;
    let mut life = Life::default();
    let mut expired = world.expired.iter().filter(|expired| expired.equipment == equipment).peekable();
    for (number, commit) in world.commits.iter().enumerate() {
        if commit.equipment != equipment {
            continue;
        }
        while let Some(gone) = expired.next_if(|expired| expired.after_commits <= number) {
            life.expire(gone)?;
        }
        life.commit(checked, number, commit, not_used)?;
    }
    for gone in expired {
        life.expire(gone)?;
    }
    let parked = world.heads.get(equipment).and_then(|head| head.parked.as_ref());
    if let Some(parked) = parked {
        let found = format!("`{equipment}` stays parked: {}", parked.reason);
        return Err(Failure::new("nothing stays parked", found));
    }
    for (shard, messages) in checked.stream.of_machines.get(equipment).into_iter().flatten() {
        let done = life.folded.get(shard).copied().unwrap_or_default();
        if done != messages.len() {
            let found =
                format!("`{equipment}`: {done} of {} messages of {shard} were folded", messages.len());
            return Err(Failure::new("nothing is lost", found));
        }
    }
    life.answers.change_no_other_rule(equipment, &life.decided, &checked.expected)?;
    life.answers.count(checked);
    checked.add("score requests decided", life.requests_decided);
    checked.add("keys that took up a rule set in the middle", life.took_up);
    checked.add("keys that came back after their state had expired", life.came_back);
    Ok(life.decided)
}

impl Life {
    fn commit(
        &mut self,
        checked: &Checked<'_>,
        number: usize,
        commit: &Commitment,
        not_used: &mut BTreeSet<Rejection>,
    ) -> Result<(), Failure> {
        let equipment = commit.equipment.as_str();
        self.version += 1;
        if commit.head.version != self.version {
            let found = format!("`{equipment}`: version {} after {}", commit.head.version, self.version - 1);
            checked.fails("each commit follows the one before", found)?;
            self.version = commit.head.version;
        }
        let body = Some(&commit.head.body).filter(|body| !body.is_empty());
        let body = body
            .map(|body| StateEnvelope::read(body))
            .transpose()
            .map_err(|error| Failure::new("heads are readable", format!("`{equipment}`: {error}")))?;
        let positions = body.as_ref().map(|body| body.positions.clone()).unwrap_or_default();
        for (shard, reached) in positions.iter() {
            if self.reached.holds(shard, reached.position) {
                continue;
            }
            let before = self.greatest.insert(shard.clone(), reached.position);
            if before >= Some(reached.position) {
                let found = format!("`{equipment}`: what came before {reached:?} of {shard}");
                return Err(Failure::new("nothing is folded twice", found));
            }
            let of_key = checked.stream.of_machines.get(equipment).and_then(|of| of.get(shard));
            let messages = of_key.map(Vec::as_slice).unwrap_or_default();
            let next = self.folded.get(shard).copied().unwrap_or_default();
            let new = messages.iter().skip(next).take_while(|message| message.position <= reached.position);
            let mut count = 0;
            for message in new {
                count += 1;
                self.fold(checked, equipment, shard, message, not_used)?;
            }
            self.folded.insert(shard.clone(), next + count);
        }
        if let Some(StateEnvelope { state: Stored::Here(stored), .. }) = &body {
            self.state_is_that_of_the_records(checked, commit, stored)?;
        }
        self.positions_go_forward(checked, equipment, &positions)?;
        self.reached = positions;
        self.requests_decided += self.requests.len() as u64;
        for request in self.requests.drain(..) {
            checked.expected.was_sent(checked, &request, number, commit.at_ms)?;
        }
        self.due_is_not_late(commit)
    }

    /// Checks a state byte for byte, until panes were sealed: segments end where commits end.
    fn state_is_that_of_the_records(
        &mut self,
        checked: &Checked<'_>,
        commit: &Commitment,
        stored: &[u8],
    ) -> Result<(), Failure> {
        // A state that sealed panes once numbers its segments from then on.
        let Some(state) = self.state.as_mut().filter(|_| !self.sealed) else { return Ok(()) };
        let packed = state.pack();
        let of = format!("`{}`, version {}", commit.equipment, commit.head.version);
        let segments = segments_of(stored)
            .map_err(|error| Failure::new("heads are readable", format!("{of}: {error}")))?;
        self.sealed = !segments.is_empty() || !packed.live_segments.is_empty();
        if self.sealed || packed.head == stored {
            return Ok(());
        }
        let found = format!("{of}: {} bytes are stored, {} others owed", stored.len(), packed.head.len());
        checked.fails("states are those of the records", found)
    }

    fn positions_go_forward(
        &self,
        checked: &Checked<'_>,
        equipment: &str,
        positions: &Positions,
    ) -> Result<(), Failure> {
        let now: BTreeMap<_, _> = positions.iter().collect();
        let clock_ms = self.state.as_ref().map_or(i64::MAX, KeyState::clock_ms);
        for (shard, before) in self.reached.iter() {
            let back = match now.get(shard) {
                Some(now) => now.position < before.position,
                None => before.arrival_ms >= clock_ms - RETENTION_MS,
            };
            if back {
                checked.fails("positions never go back", format!("`{equipment}`, {shard}"))?;
            }
        }
        Ok(())
    }

    /// Checks that a stored due time is not late. It may be early; a parked key has none.
    fn due_is_not_late(&self, commit: &Commitment) -> Result<(), Failure> {
        let next_ms = self.state.as_ref().and_then(KeyState::next_due_clock_ms);
        let Some(next_ms) = next_ms.filter(|_| commit.head.parked.is_none()) else { return Ok(()) };
        // The next scan finds every key that is due by now.
        let latest_ms = next_ms.max(commit.at_ms + SKEW_MS);
        match commit.head.due {
            Some(due) if due.at_ms <= latest_ms => Ok(()),
            due => {
                let found = format!("`{}`: {due:?} is stored, {next_ms} is due", commit.equipment);
                Err(Failure::new("due times are never late", found))
            }
        }
    }

    /// Notes that a state expired. Only a state at rest may expire.
    fn expire(&mut self, gone: &Expired) -> Result<(), Failure> {
        let failed = |what: &str| {
            let found = format!("`{}` was forgotten at {}: {what}", gone.equipment, gone.at_ms);
            Err(Failure::new("only what is at rest is forgotten", found))
        };
        if let Some(state) = &self.state {
            if state.next_due_clock_ms().is_some() {
                return failed("something was still due");
            }
            if !state.at_rest() {
                return failed("a rule was not in its default");
            }
        }
        self.answers.forget();
        self.expired |= self.state.is_some();
        self.state = None;
        self.sealed = false;
        self.reached = Positions::default();
        self.version = 0;
        Ok(())
    }

    /// Returns the sequence number of each rule after its last transition.
    fn sequences(&self) -> BTreeMap<&str, u64> {
        let of = self.decided.iter();
        of.map(|transition| (transition.rule_id.as_str(), transition.sequence)).collect()
    }

    fn fold(
        &mut self,
        checked: &Checked<'_>,
        equipment: &str,
        shard: &ShardId,
        message: &Message,
        not_used: &mut BTreeSet<Rejection>,
    ) -> Result<(), Failure> {
        let failed = |error: FoldError| Failure::new("the records can be folded", error.to_string());
        let mut result = Ok(());
        read_message(&message.raw, message.position.index, Some(&checked.trust), |outcome| {
            let ItemOutcome::Item(item) = outcome else { return };
            if item.equipment != equipment || result.is_err() {
                return;
            }
            let points = item.body.points();
            let body = if points.is_empty() { RecordBody::Tick } else { RecordBody::Points(points) };
            let record = Record { arrival_ms: message.arrival_ms, body };
            result = (|| {
                if self.state.is_none() {
                    let mut new =
                        KeyState::new(equipment, &checked.rules, message.arrival_ms).map_err(failed)?;
                    new.continue_sequences(self.sequences());
                    self.answers.begin(&checked.expected, &new);
                    self.came_back += u64::from(std::mem::take(&mut self.expired));
                    self.state = Some(new);
                }
                let Some(state) = &mut self.state else { return Ok(()) };
                let before_ms = state.rule_set_start_ms();
                let watermark_ms = state.watermark_ms();
                let outcome = state.apply(&checked.rules, &record).map_err(failed)?;
                self.took_up += u64::from(before_ms != state.rule_set_start_ms());
                invariants_hold(equipment, state)?;
                let requests = outcome.requests.iter();
                self.requests.extend(requests.map(|request| DecidedRequest {
                    arrival_ms: message.arrival_ms,
                    too_old_ms: request.binding.endpoint.too_old.0,
                    request: request.request.clone(),
                }));
                self.answers.fold(checked, state, &record, &outcome, watermark_ms)?;
                self.decided.extend(outcome.transitions);
                not_used.extend(
                    outcome.rejections.iter().map(|point| rejected::of_point(shard, message.position, point)),
                );
                Ok(())
            })();
        });
        result
    }
}

/// Checks the invariants of a state that the engine folded.
fn invariants_hold(equipment: &str, state: &KeyState) -> Result<(), Failure> {
    state
        .check_invariants()
        .map_err(|broken| Failure::new("states keep their invariants", format!("`{equipment}`: {broken}")))
}
