//! The fold of one key's messages: from the loaded state to the plan of what to write. Pure.

use andon_domain::{Transition, never};
use andon_engine::{CompiledRules, FoldError, KeyState, Outcome, Record, UnpackError, segments_of};
use andon_ingest::ShardId;

use super::batch::StreamMessage;
use super::plan::{CommitPlan, FoldCounts, FoldResult, LoadedState, PendingScoreRequest};
use super::settings::EvaluateSettings;
use crate::envelope::{Folded, StateEnvelope, Stored, among, segment_name};
use crate::limits;
use crate::object_keys;
use crate::outbox;
use crate::ports::{Commit, Due, Head, OutboxItem, StoredSegment};

/// Folds as many of the messages as one commit may hold.
pub(super) fn fold(
    equipment: &str,
    loaded: LoadedState,
    rules: &CompiledRules,
    shard: &ShardId,
    messages: &[&StreamMessage<'_>],
    settings: &EvaluateSettings,
) -> FoldResult {
    let state = match unpack(equipment, &loaded, rules) {
        Ok(state) => state,
        Err(result) => return result,
    };
    let mut fold = Fold {
        equipment,
        shard,
        rules,
        loaded,
        state,
        outcome: Outcome::default(),
        counts: FoldCounts::default(),
        done: 0,
        rejections: Vec::new(),
        score_requests: Vec::new(),
    };
    for (number, message) in messages.iter().enumerate() {
        if fold.outcome.transitions.len() >= limits::TRANSITIONS_PER_COMMIT {
            break;
        }
        match fold.apply(number, message) {
            Ok(()) => {}
            // The messages before it are committed first; then this message comes up alone.
            Err(_) if fold.has_applied() => break,
            Err(error) => return FoldResult::Impossible(error.to_string()),
        }
    }
    fold.finish(settings)
}

fn unpack(
    equipment: &str,
    loaded: &LoadedState,
    rules: &CompiledRules,
) -> Result<Option<KeyState>, FoldResult> {
    if loaded.packed.is_empty() {
        return Ok(None);
    }
    match KeyState::unpack(equipment, rules, &loaded.packed, among(&loaded.segments)) {
        Ok(state) => Ok(Some(state)),
        Err(UnpackError::Segment(id)) => Err(FoldResult::Torn(format!(
            "segment `{}` of the state is missing or damaged",
            segment_name(id)
        ))),
        // The writer of the state knew a newer pointer: read again, never park for that.
        Err(error @ UnpackError::UnknownRuleSet { .. }) => Err(FoldResult::Torn(error.to_string())),
        Err(error) => Err(FoldResult::Impossible(error.to_string())),
    }
}

/// A fold of one key that is under way.
struct Fold<'f> {
    equipment: &'f str,
    shard: &'f ShardId,
    rules: &'f CompiledRules,
    loaded: LoadedState,
    /// `None` until the first message of a new key is applied.
    state: Option<KeyState>,
    outcome: Outcome,
    counts: FoldCounts,
    done: usize,
    rejections: Vec<(usize, andon_engine::RejectedPoint)>,
    score_requests: Vec<PendingScoreRequest>,
}

impl Fold<'_> {
    /// Returns whether a message was applied: one that had not been folded before.
    fn has_applied(&self) -> bool {
        self.counts.points + self.counts.ticks > 0
    }

    /// Applies a message, unless it was folded before.
    fn apply(&mut self, number: usize, message: &StreamMessage<'_>) -> Result<(), FoldError> {
        if self.loaded.positions.holds(self.shard, message.position) {
            self.counts.skipped += 1;
            self.done += 1;
            return Ok(());
        }
        self.apply_to_state(message)?;
        self.rejections.extend(self.outcome.rejections.drain(..).map(|rejected| (number, rejected)));
        let arrival_ms = message.arrival_ms;
        self.score_requests.extend(
            self.outcome.requests.drain(..).map(|request| PendingScoreRequest { arrival_ms, request }),
        );
        self.counts.points += message.points().len() as u64;
        self.counts.ticks += u64::from(message.points().is_empty());
        self.loaded.positions.advance(self.shard, Folded { position: message.position, arrival_ms });
        self.done += 1;
        Ok(())
    }

    fn apply_to_state(&mut self, message: &StreamMessage<'_>) -> Result<(), FoldError> {
        let record = Record { arrival_ms: message.arrival_ms, body: message.as_body() };
        if let Some(state) = &mut self.state {
            return state.apply_to(self.rules, &record, &mut self.outcome);
        }
        let mut new = KeyState::new(self.equipment, self.rules, message.arrival_ms)?;
        let sequences = self.loaded.sequences.iter();
        new.continue_sequences(sequences.map(|(rule, sequence)| (rule.as_str(), *sequence)));
        new.apply_to(self.rules, &record, &mut self.outcome)?;
        self.state = Some(new);
        Ok(())
    }

    fn finish(self, settings: &EvaluateSettings) -> FoldResult {
        if !self.has_applied() {
            return FoldResult::AlreadyDone { skipped: self.counts.skipped };
        }
        let Self { equipment, loaded, state, outcome, mut counts, done, rejections, score_requests, .. } =
            self;
        let Some(mut state) = state else {
            never!("`{equipment}` has no state after a message was applied");
            return FoldResult::AlreadyDone { skipped: counts.skipped };
        };
        counts.transitions = outcome.transitions.len() as u64;
        counts.points_from_future = outcome.points_from_future;
        counts.watermark_forced = outcome.watermark_forced;
        counts.score_requests = score_requests.len() as u64;
        counts.score_requests_dropped = outcome.requests_dropped;
        match plan_commit(equipment, loaded, &mut state, &outcome.transitions, settings) {
            Ok(plan) => {
                let plan = CommitPlan { score_requests, done, counts, rejections, ..plan };
                FoldResult::Commit(Box::new(plan))
            }
            Err(error) => FoldResult::Impossible(error),
        }
    }
}

/// Packs a state and plans the writes that commit it with its transitions.
fn plan_commit(
    equipment: &str,
    loaded: LoadedState,
    state: &mut KeyState,
    transitions: &[Transition],
    settings: &EvaluateSettings,
) -> Result<CommitPlan, String> {
    let LoadedState { head: read, mut positions, packed: former, object: former_object, segments, .. } =
        loaded;
    let clock_ms = state.clock_ms();
    // A parked key folds records that the stream has dropped, perhaps more than once: it keeps all positions.
    if read.parked.is_none() {
        positions.forget_before(clock_ms.saturating_sub(settings.position_ttl_ms));
    }
    let version = read.version + 1;
    let packed = state.pack();
    let live: Vec<String> = packed.live_segments.iter().map(|id| segment_name(*id)).collect();
    let lifetime = Lifetime::of(state, !live.is_empty(), settings);
    let new = packed.new_segments.into_iter().map(|segment| StoredSegment {
        name: segment_name(segment.id),
        bytes: segment.bytes,
        expires_s: lifetime.segments_s,
    });
    let segments = new.chain(lifetime.renewed(segments, &live)).collect();
    let dropped_segments = dropped_segments(&former, &live);

    let mut objects = Vec::new();
    let stored = stored(equipment, version, packed.head, &mut objects);
    let dropped_object =
        former_object.filter(|former| !matches!(&stored, Stored::Object(new) if new == former));
    let body = StateEnvelope { positions, state: stored }.write();
    let outbox = match outbox::encode(equipment, version, transitions)? {
        Some(encoded) => {
            objects.extend(encoded.object);
            let expires_s = settings.outbox_expiry_s(clock_ms);
            let equipment = equipment.to_owned();
            Some(OutboxItem { equipment, version, clock_ms, expires_s, payload: encoded.payload })
        }
        None => None,
    };
    let head = match read.parked {
        // Until all of its parked records are folded, a key gets no ticks, does not expire and counts as failing.
        Some(parked) => {
            let (failures, parked) = (read.failures, Some(parked));
            Head { version, body, due: None, expires_s: None, failures, parked }
        }
        None => Head {
            version,
            body,
            due: next_due(equipment, read.due, lifetime.due_ms, clock_ms),
            expires_s: state.at_rest().then_some(lifetime.head_s),
            failures: 0,
            parked: None,
        },
    };
    Ok(CommitPlan {
        score_requests: Vec::new(),
        objects,
        segments,
        commit: Commit { equipment: equipment.to_owned(), read_version: read.version, head, outbox },
        dropped_segments,
        dropped_object,
        done: 0,
        counts: FoldCounts::default(),
        rejections: Vec::new(),
    })
}

/// Returns where a packed state is stored: in the item, or in an object if it is too large for the item.
fn stored(equipment: &str, version: u64, packed: Vec<u8>, objects: &mut Vec<(String, Vec<u8>)>) -> Stored {
    if packed.len() <= limits::ITEM_BODY_BYTES {
        return Stored::Here(packed);
    }
    let name = object_keys::state(equipment, version, &packed);
    objects.push((name.clone(), packed));
    Stored::Object(name)
}

/// The times until which the parts of a state are kept, and its next due time.
#[derive(Clone, Copy)]
struct Lifetime {
    /// The next due time, ms; `None` if no tick is ever due.
    due_ms: Option<i64>,
    /// The expiry of the head if the state is at rest, s.
    head_s: i64,
    /// The expiry of segments that are written now, s.
    segments_s: i64,
}

impl Lifetime {
    fn of(state: &KeyState, has_segments: bool, settings: &EvaluateSettings) -> Self {
        let clock_ms = state.clock_ms();
        let due_ms = state.next_due_clock_ms();
        // A state does not expire while something is due: a timer may run for longer than a state is kept.
        let head_s = settings.expiry_s(due_ms.map_or(clock_ms, |due_ms| due_ms.max(clock_ms)));
        let due_ms = if !state.at_rest() && has_segments {
            // The head does not expire, but its segments do: a tick comes in time to write them anew, or to drop them.
            let renew_ms = clock_ms.saturating_add(settings.state_ttl_ms);
            Some(due_ms.map_or(renew_ms, |due_ms| due_ms.min(renew_ms)))
        } else {
            due_ms
        };
        let segments_s = head_s.saturating_mul(2) - clock_ms.div_euclid(1000);
        Self { due_ms, head_s, segments_s }
    }

    /// Returns the live segments that would expire before the head, with a new expiry: a segment outlives the head that
    /// needs it, however slowly event time passes.
    fn renewed(self, stored: Vec<StoredSegment>, live: &[String]) -> impl Iterator<Item = StoredSegment> {
        stored
            .into_iter()
            .filter(move |segment| live.contains(&segment.name) && segment.expires_s < self.head_s)
            .map(move |segment| StoredSegment { expires_s: self.segments_s, ..segment })
    }
}

/// Returns the segments that the former state needed and the new one does not. Their numbers never come again.
///
/// Segments that no head names stay: another invocation may have written them just before its commit.
fn dropped_segments(former: &[u8], live: &[String]) -> Vec<String> {
    if former.is_empty() {
        return Vec::new();
    }
    match segments_of(former) {
        Ok(former) => former.into_iter().map(segment_name).filter(|name| !live.contains(name)).collect(),
        Err(error) => {
            never!("a packed state that was unpacked names no segments: {error}");
            Vec::new()
        }
    }
}

/// Returns the due time to store. A stored one that is in the future and early enough stays: moving it costs writes to
/// the index, and an early tick does no harm.
fn next_due(equipment: &str, stored: Option<Due>, next_ms: Option<i64>, clock_ms: i64) -> Option<Due> {
    let in_future = stored.filter(|due| due.at_ms > clock_ms);
    match (in_future, next_ms) {
        (Some(due), Some(next_ms)) if due.at_ms <= next_ms => Some(due),
        (Some(due), None) => Some(due),
        (_, Some(next_ms)) => Some(Due::new(equipment, next_ms)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_ms: i64) -> Due {
        Due::new("x", at_ms)
    }

    #[test]
    fn a_due_time_that_is_early_stays_until_it_has_passed() {
        assert_eq!(next_due("x", Some(at(50)), Some(70), 40), Some(at(50)));
        assert_eq!(next_due("x", Some(at(50)), Some(70), 50), Some(at(70)));
        assert_eq!(next_due("x", Some(at(50)), None, 40), Some(at(50)));
        assert_eq!(next_due("x", Some(at(50)), None, 60), None);
    }

    #[test]
    fn a_due_time_is_never_late() {
        assert_eq!(next_due("x", Some(at(50)), Some(45), 40), Some(at(45)));
        assert_eq!(next_due("x", None, Some(45), 40), Some(at(45)));
    }
}
