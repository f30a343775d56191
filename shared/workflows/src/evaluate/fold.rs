//! One key's part of a batch: from what was read to what is to be written. Pure.

use andon_domain::Transition;
use andon_engine::{
    CompiledRules, FoldError, KeyState, Outcome, Record, RejectedPoint, UnpackError, segments_of,
};
use andon_ingest::ShardId;
use andon_ingest::gzip::{Spare, gzip};

use super::batch::StreamMessage;
use super::score_requests::PendingScoreRequest;

use super::settings::EvaluateSettings;
use crate::envelope::{Folded, Positions, StateEnvelope, Stored, among, segment_name};
use crate::limits;
use crate::object_keys;
use crate::ports::{Commit, Due, Head, OutboxItem, Payload, StoredSegment};

/// What was read of a key.
#[derive(Debug)]
pub(super) struct LoadedState {
    /// As stored; the default if there is none.
    pub head: Head,
    /// How far it was folded.
    pub positions: Positions,
    /// The packed state; empty if there is none.
    pub packed: Vec<u8>,
    /// The object that holds it, if one does.
    pub object: Option<String>,
    /// The segments that it needs, and maybe others.
    pub segments: Vec<StoredSegment>,
    /// For a key without a state: its sequences of an earlier life.
    pub sequences: Vec<(String, u64)>,
}

/// What is to be written for a key.
#[derive(Debug)]
pub(super) struct CommitPlan {
    /// What is asked of models; to be sent first.
    pub asked: Vec<PendingScoreRequest>,
    /// To be written first.
    pub objects: Vec<(String, Vec<u8>)>,
    /// To be written first.
    pub segments: Vec<StoredSegment>,
    /// Then this decides.
    pub commit: Commit,
    /// To be deleted afterwards.
    pub dropped_segments: Vec<String>,
    /// To be deleted afterwards.
    pub dropped_object: Option<String>,
    /// How many of the messages are done with it.
    pub done: usize,
    /// What happened, to be counted when it was committed.
    pub folded: FoldCounts,
    /// The points that were not used, each with the number of the message at which that was found.
    pub rejections: Vec<(usize, RejectedPoint)>,
}

/// What a fold counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FoldCounts {
    /// Messages that were folded already.
    pub skipped: u64,
    pub points: u64,
    pub ticks: u64,
    pub transitions: u64,
    pub ahead: u64,
    pub forced: u64,
    pub questions: u64,
    pub questions_dropped: u64,
}

/// What a key's part of a batch comes to.
#[derive(Debug)]
pub(super) enum FoldResult {
    /// All messages were folded before.
    AlreadyDone { skipped: u64 },
    /// Something is to be written.
    Commit(Box<CommitPlan>),
    /// What was read does not fit together: somebody wrote meanwhile, or it is damaged.
    Torn(String),
    /// Trying again will not help.
    Impossible(String),
}

/// Folds as many of the messages as one commit should hold.
pub(super) fn fold(
    equipment: &str,
    mut facts: LoadedState,
    rules: &CompiledRules,
    shard: &ShardId,
    messages: &[&StreamMessage<'_>],
    settings: &EvaluateSettings,
) -> FoldResult {
    let mut counts = FoldCounts::default();
    let mut state = match unpack(equipment, &facts, rules) {
        Ok(state) => state,
        Err(UnpackError::Segment(id)) => {
            return FoldResult::Torn(format!(
                "segment `{}` of the state is missing or damaged",
                segment_name(id)
            ));
        }
        // Whoever wrote it knew a newer pointer: read again, never park for that.
        Err(error @ UnpackError::UnknownRuleSet { .. }) => return FoldResult::Torn(error.to_string()),
        Err(error) => return FoldResult::Impossible(error.to_string()),
    };
    let mut outcome = Outcome::default();
    let mut rejections = Vec::new();
    let mut asked = Vec::new();
    let mut done = 0;
    for (number, message) in messages.iter().enumerate() {
        if outcome.transitions.len() >= limits::TRANSITIONS_PER_COMMIT {
            break;
        }
        if facts.positions.holds(shard, message.position) {
            counts.skipped += 1;
            done += 1;
            continue;
        }
        match fold_one(equipment, &mut state, rules, message, &facts.sequences, &mut outcome) {
            Ok(()) => {}
            // What was folded before it is committed first; then this message comes up alone.
            Err(_) if number > 0 && done > usize::try_from(counts.skipped).unwrap_or(usize::MAX) => break,
            Err(error) => return FoldResult::Impossible(error.to_string()),
        }
        rejections.extend(outcome.rejections.drain(..).map(|rejected| (number, rejected)));
        let arrival_ms = message.arrival_ms;
        asked.extend(outcome.requests.drain(..).map(|request| PendingScoreRequest { arrival_ms, request }));
        counts.points += message.points().len() as u64;
        counts.ticks += u64::from(message.points().is_empty());
        facts.positions.advance(shard, Folded { position: message.position, arrival_ms: message.arrival_ms });
        done += 1;
    }
    let Some(mut state) = state.filter(|_| counts.points + counts.ticks > 0) else {
        return FoldResult::AlreadyDone { skipped: counts.skipped };
    };
    counts.transitions = outcome.transitions.len() as u64;
    counts.ahead = outcome.ahead;
    counts.forced = outcome.forced;
    counts.questions = asked.len() as u64;
    counts.questions_dropped = outcome.requests_dropped;
    let step = write(equipment, facts, &mut state, &outcome.transitions, settings);
    match step {
        Ok(step) => {
            FoldResult::Commit(Box::new(CommitPlan { asked, done, folded: counts, rejections, ..step }))
        }
        Err(error) => FoldResult::Impossible(error),
    }
}

fn unpack(
    equipment: &str,
    facts: &LoadedState,
    rules: &CompiledRules,
) -> Result<Option<KeyState>, UnpackError> {
    if facts.packed.is_empty() {
        return Ok(None);
    }
    KeyState::unpack(equipment, rules, &facts.packed, among(&facts.segments)).map(Some)
}

fn fold_one(
    equipment: &str,
    state: &mut Option<KeyState>,
    rules: &CompiledRules,
    message: &StreamMessage<'_>,
    sequences: &[(String, u64)],
    outcome: &mut Outcome,
) -> Result<(), FoldError> {
    let record = Record { arrival_ms: message.arrival_ms, body: message.as_body() };
    if let Some(state) = state {
        return state.apply_to(rules, &record, outcome);
    }
    let mut new = KeyState::new(equipment, rules, message.arrival_ms)?;
    new.continue_sequences(sequences.iter().map(|(rule, sequence)| (rule.as_str(), *sequence)));
    new.apply_to(rules, &record, outcome)?;
    *state = Some(new);
    Ok(())
}

/// Packs a state and what it decided.
fn write(
    equipment: &str,
    facts: LoadedState,
    state: &mut KeyState,
    transitions: &[Transition],
    settings: &EvaluateSettings,
) -> Result<CommitPlan, String> {
    let LoadedState { head: read, mut positions, packed: former, object, segments: stored, .. } = facts;
    let clock_ms = state.clock_ms();
    // While it is parked, records are folded that the stream has forgotten, maybe more than once.
    if read.parked.is_none() {
        positions.forget_before(clock_ms.saturating_sub(settings.position_ttl_ms));
    }
    let version = read.version + 1;
    let packed = state.pack();
    let mut objects = Vec::new();
    let mut place = Stored::Here(packed.head);
    if let Stored::Here(bytes) = &place
        && bytes.len() > limits::ITEM_BODY_BYTES
    {
        let name = object_keys::state(equipment, version, bytes);
        objects.push((name.clone(), bytes.clone()));
        place = Stored::Object(name);
    }
    let dropped_object = object.filter(|old| !matches!(&place, Stored::Object(new) if new == old));
    let body = StateEnvelope { positions, state: place }.write();

    let live: Vec<String> = packed.live_segments.iter().map(|id| segment_name(*id)).collect();
    // Not while something is due: whoever waits for longer than a state is kept must hear of it.
    let mut due_ms = state.next_due_clock_ms();
    let keep_until_s = settings.expiry_s(due_ms.map_or(clock_ms, |due_ms| due_ms.max(clock_ms)));
    if !state.at_rest() && !live.is_empty() {
        // The head does not expire, but its segments would: a tick comes in time to write them anew, or to drop them.
        let renew_ms = clock_ms.saturating_add(settings.state_ttl_ms);
        due_ms = Some(due_ms.map_or(renew_ms, |due_ms| due_ms.min(renew_ms)));
    }
    let segment_expiry_s = keep_until_s.saturating_mul(2) - clock_ms.div_euclid(1000);
    let new = packed.new_segments.into_iter().map(|segment| StoredSegment {
        name: segment_name(segment.id),
        bytes: segment.bytes,
        expires_s: segment_expiry_s,
    });
    // A segment outlives the head that needs it, however slowly event time passes.
    let renewed = stored
        .into_iter()
        .filter(|segment| live.contains(&segment.name) && segment.expires_s < keep_until_s)
        .map(|segment| StoredSegment { expires_s: segment_expiry_s, ..segment });
    let segments = new.chain(renewed).collect();
    // Only what the former head needed: its numbers never come again. A segment that is there and was in no head may be
    // just about to be: of one who folded the same further on.
    let former = if former.is_empty() { Vec::new() } else { segments_of(&former).unwrap_or_default() };
    let dropped_segments = former.into_iter().map(segment_name).filter(|name| !live.contains(name)).collect();

    let outbox = outbox(equipment, version, clock_ms, transitions, settings, &mut objects)?;
    let head = Head {
        version,
        body,
        due: due(equipment, read.due, due_ms, clock_ms),
        expires_s: state.at_rest().then_some(keep_until_s),
        failures: 0,
        parked: read.parked,
    };
    Ok(CommitPlan {
        asked: Vec::new(),
        objects,
        segments,
        commit: Commit { equipment: equipment.to_owned(), read_version: read.version, head, outbox },
        dropped_segments,
        dropped_object,
        done: 0,
        folded: FoldCounts::default(),
        rejections: Vec::new(),
    })
}

/// What was decided, as an item of the outbox; in an object where it is too large for one.
fn outbox(
    equipment: &str,
    version: u64,
    clock_ms: i64,
    transitions: &[Transition],
    settings: &EvaluateSettings,
    objects: &mut Vec<(String, Vec<u8>)>,
) -> Result<Option<OutboxItem>, String> {
    if transitions.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(transitions).map_err(|error| error.to_string())?;
    let payload = if json.len() > limits::OUTBOX_ITEM_BYTES {
        let name = object_keys::decided(equipment, version, json.as_bytes());
        objects.push((name.clone(), gzip(json.as_bytes(), Spare::Time)));
        Payload::Object(name)
    } else {
        Payload::Inline(json)
    };
    let expires_s = settings.outbox_expiry_s(clock_ms);
    Ok(Some(OutboxItem { equipment: equipment.to_owned(), version, clock_ms, expires_s, payload }))
}

/// The due time to be stored. One that lies ahead and is early enough stays as it is, since moving it costs writes to
/// the index, and a tick that comes early does no harm.
fn due(equipment: &str, stored: Option<Due>, next_ms: Option<i64>, clock_ms: i64) -> Option<Due> {
    let ahead = stored.filter(|due| due.at_ms > clock_ms);
    match (ahead, next_ms) {
        (Some(due), Some(next_ms)) if due.at_ms <= next_ms => Some(due),
        (Some(due), None) => Some(due),
        (_, Some(next_ms)) => Some(Due { bucket: object_keys::due_bucket(equipment), at_ms: next_ms }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at_ms: i64) -> Due {
        Due { bucket: object_keys::due_bucket("x"), at_ms }
    }

    #[test]
    fn a_due_time_that_is_early_stays_until_it_has_passed() {
        assert_eq!(due("x", Some(at(50)), Some(70), 40), Some(at(50)));
        assert_eq!(due("x", Some(at(50)), Some(70), 50), Some(at(70)));
        assert_eq!(due("x", Some(at(50)), None, 40), Some(at(50)));
        assert_eq!(due("x", Some(at(50)), None, 60), None);
    }

    #[test]
    fn a_due_time_is_never_late() {
        assert_eq!(due("x", Some(at(50)), Some(45), 40), Some(at(45)));
        assert_eq!(due("x", None, Some(45), 40), Some(at(45)));
    }
}
