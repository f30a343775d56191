//! Score requests, and the effects of their scores.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::score::TAG_PREFIX;
use andon_domain::{DataPoint, RuleDocument, Scope, ScoreRequest, Transition};
use andon_engine::{KeyState, Outcome, Record, RecordBody};
use andon_ingest::read_message;
use andon_workflows::enrich;

use super::{Checked, Failure};
use andon_kit_ports::memory::World;

/// Maximum difference between the clocks of two processes, ms.
const CLOCKS_MS: i64 = 5000;

/// A score: its tag and its time, ms.
type Identity = (String, i64);

/// The score requests of a world, and the rules that name scores.
pub(super) struct ExpectedScores {
    /// By score request: the number of commits when it was first sent.
    sent: BTreeMap<String, usize>,
    /// By machine: the requested scores.
    scores: BTreeMap<String, BTreeSet<Identity>>,
    /// Whether `enrich` ran.
    answered: bool,
    /// Rules that name a score in some version.
    need_scores: BTreeSet<String>,
    /// By the start of a rule set: the tags of scores that its rules name for every machine.
    named: BTreeMap<i64, BTreeSet<String>>,
}

/// A score request that the engine decided.
pub(super) struct DecidedRequest {
    /// The arrival of the record that led to it, ms.
    pub arrival_ms: i64,
    /// The age from which it is too old to be sent, ms.
    pub too_old_ms: i64,
    pub request: ScoreRequest,
}

fn text(request: &ScoreRequest) -> String {
    serde_json::to_string(request).unwrap_or_default()
}

fn identity(request: &ScoreRequest) -> Identity {
    (format!("{TAG_PREFIX}{}", request.model), request.at)
}

fn names_scores(expressions: &str) -> bool {
    expressions.contains("score(") || expressions.contains(TAG_PREFIX)
}

impl ExpectedScores {
    pub(super) fn new(world: &World) -> Result<Self, Failure> {
        let mut expected = Self {
            sent: BTreeMap::new(),
            scores: BTreeMap::new(),
            answered: !world.models.is_empty(),
            need_scores: BTreeSet::new(),
            named: BTreeMap::new(),
        };
        for sent in &world.sent {
            for request in score_requests(&sent.body)? {
                let of = expected.scores.entry(request.equipment_id.to_string()).or_default();
                of.insert(identity(&request));
                expected.sent.entry(text(&request)).or_insert(sent.after_commits);
            }
        }
        for set in world.listed.values() {
            let document = world.sets.get(&set.digest).map(Vec::as_slice).unwrap_or_default();
            let document: RuleDocument = serde_json::from_slice(document)
                .map_err(|error| Failure::new("rule sets are readable", error.to_string()))?;
            let named = expected.named.entry(set.start_ms).or_default();
            for rule in &document.rules {
                let json = serde_json::to_string(rule).unwrap_or_default();
                if names_scores(&json) {
                    expected.need_scores.insert(rule.id.clone());
                }
                if rule.scope == Scope::default() && json.contains("score('quality')") {
                    named.insert(format!("{TAG_PREFIX}quality"));
                }
            }
        }
        Ok(expected)
    }

    /// Checks that a decided score request was sent before the commit, unless it was too old.
    pub(super) fn was_sent(
        &self,
        checked: &Checked<'_>,
        decided: &DecidedRequest,
        number: usize,
        committed_ms: i64,
    ) -> Result<(), Failure> {
        let found = || {
            let request = &decided.request;
            format!("`{}`, model `{}` at {}", request.equipment_id, request.model, request.at)
        };
        match self.sent.get(&text(&decided.request)) {
            Some(after_commits) if *after_commits <= number => Ok(()),
            _ if committed_ms + CLOCKS_MS - decided.arrival_ms > decided.too_old_ms => Ok(()),
            Some(_) => checked.fails("score requests are sent before the commit", found()),
            None => checked.fails("no score request is lost", found()),
        }
    }
}

/// Returns the score requests of a message of the queue.
fn score_requests(body: &str) -> Result<Vec<ScoreRequest>, Failure> {
    match enrich::EnrichMessage::read(body) {
        Ok(enrich::EnrichMessage::ScoreRequests(batch)) => Ok(batch.requests),
        Ok(enrich::EnrichMessage::Poll(_)) => Ok(Vec::new()),
        Err(reason) => Err(Failure::new("score requests are readable", reason)),
    }
}

/// The effects of the scores of a key.
#[derive(Default)]
pub(super) struct Answers {
    /// The scores that were applied under the rule set in force.
    applied: BTreeSet<Identity>,
    set_ms: Option<i64>,
    /// Whether the state decided a score request. The score of an expired state's request may be the first point of the
    /// next state; then it counts as any first point does.
    has_requested: bool,
    /// The state of the key if each requested score were a tick.
    without: Option<KeyState>,
    decided_without: Vec<Transition>,
    used: u64,
    again: u64,
}

impl Answers {
    /// Begins with a new state.
    pub(super) fn begin(&mut self, expected: &ExpectedScores, state: &KeyState) {
        self.without = expected.answered.then(|| state.clone());
    }

    /// Notes that the state expired.
    pub(super) fn forget(&mut self) {
        *self = Self {
            decided_without: std::mem::take(&mut self.decided_without),
            used: self.used,
            again: self.again,
            ..Self::default()
        };
    }

    /// Notes a record that was folded into a state with a watermark before, ms.
    pub(super) fn fold(
        &mut self,
        checked: &Checked<'_>,
        state: &KeyState,
        record: &Record<'_>,
        outcome: &Outcome,
        before_ms: Option<i64>,
    ) -> Result<(), Failure> {
        if self.set_ms.replace(state.rule_set_start_ms()) != Some(state.rule_set_start_ms()) {
            self.applied.clear();
        }
        let score = requested_score(checked, state, record);
        if let Some(without) = &mut self.without {
            let body = if score.is_some() && self.has_requested { RecordBody::Tick } else { record.body };
            let record = Record { arrival_ms: record.arrival_ms, body };
            let folded = without.apply(&checked.rules, &record);
            let folded =
                folded.map_err(|error| Failure::new("the records can be folded", error.to_string()))?;
            self.decided_without.extend(folded.transitions);
        }
        self.has_requested |= !outcome.requests.is_empty();
        // A point ahead of the watermark is pending. The checker does not see when it is applied.
        let Some(score) = score.filter(|(_, at_ms)| before_ms.is_some_and(|before_ms| *at_ms <= before_ms))
        else {
            return Ok(());
        };
        let rejected =
            outcome.rejections.iter().any(|point| (&*point.tag, point.sent_ms) == (&*score.0, score.1));
        if rejected {
            self.again += u64::from(self.applied.contains(&score));
            return Ok(());
        }
        self.used += 1;
        let named = checked.expected.named.get(&state.rule_set_start_ms());
        let named = named.is_some_and(|named| named.contains(&score.0));
        if !self.applied.insert(score.clone()) && named {
            let found = format!("`{}`, `{}` at {}", state.equipment(), score.0, score.1);
            return Err(Failure::new("no score is applied twice", found));
        }
        Ok(())
    }

    /// Checks that rules that need no score decide the same without scores.
    pub(super) fn change_no_other_rule(
        &self,
        equipment: &str,
        decided: &[Transition],
        expected: &ExpectedScores,
    ) -> Result<(), Failure> {
        if !expected.answered {
            return Ok(());
        }
        let other = |transition: &&Transition| !expected.need_scores.contains(transition.rule_id.as_str());
        let mut pairs = (decided.iter().filter(other), self.decided_without.iter().filter(other));
        loop {
            match (pairs.0.next(), pairs.1.next()) {
                (None, None) => return Ok(()),
                (one, other) if one == other => {}
                (one, other) => {
                    let found = format!("`{equipment}`: {one:#?} with scores, {other:#?} without");
                    return Err(Failure::new("rules that need no score decide as without", found));
                }
            }
        }
    }

    pub(super) fn count(&self, checked: &mut Checked<'_>) {
        checked.add("scores folded", self.used);
        checked.add("scores that came again", self.again);
    }
}

/// Returns the score in a record, if it was requested.
fn requested_score(checked: &Checked<'_>, state: &KeyState, record: &Record<'_>) -> Option<Identity> {
    let RecordBody::Points([point]) = record.body else { return None };
    let of = checked.expected.scores.get(state.equipment())?;
    let identity = (point.tag.to_string(), point.timestamp_ms);
    (is_an_answer(point) && of.contains(&identity)).then_some(identity)
}

/// Returns whether a point is a score of `enrich`. Scores of other senders may have the same tag and time; they have a
/// time of creation, and scores of `enrich` have none.
fn is_an_answer(point: &DataPoint<'_>) -> bool {
    point.derived && point.created_at_ms.is_none()
}

/// Checks that every score request after the last fault has its score in the stream.
pub(super) fn all_is_answered(checked: &mut Checked<'_>, owed: &[String]) -> Result<(), Failure> {
    let mut scores = BTreeSet::new();
    for (equipment, shards) in &checked.stream.of_machines {
        for message in shards.values().flatten() {
            read_message(&message.raw, message.position.index, Some(&checked.trust), |outcome| {
                let andon_ingest::ItemOutcome::Item(item) = outcome else { return };
                let points =
                    item.body.points().iter().filter(|point| is_an_answer(point) && point.quality_ok);
                scores.extend(
                    points.map(|point| (equipment.clone(), point.tag.to_string(), point.timestamp_ms)),
                );
            });
        }
    }
    for body in owed {
        for request in score_requests(body)? {
            let (tag, at_ms) = identity(&request);
            let score = (request.equipment_id.to_string(), tag, at_ms);
            if !scores.contains(&score) {
                let found = format!("there is no score {score:?}");
                return Err(Failure::new("a model that is well answers", found));
            }
            checked.add("score requests that were owed a score", 1);
        }
    }
    Ok(())
}
