//! What models were asked, and what came of their answers.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::score::TAG_PREFIX;
use andon_domain::{DataPoint, RuleDocument, Scope, ScoreRequest, Transition};
use andon_engine::{KeyState, Outcome, Record, RecordBody};
use andon_ingest::read_message;
use andon_workflows::enrich;

use super::{Checked, Failure};
use andon_kit_ports::memory::World;

/// By less than this, ms, the clocks of two processes differ.
const CLOCKS_MS: i64 = 5000;

/// The score of a model at a time.
type Identity = (String, i64);

/// What was asked.
pub(super) struct Asked {
    /// Of each question, how many commits had taken place when it was first sent.
    sent: BTreeMap<String, usize>,
    /// By equipment, the scores that were asked for.
    scores: BTreeMap<String, BTreeSet<Identity>>,
    /// Whether anybody asked models.
    answered: bool,
    /// Rules that name a score in some version.
    need_scores: BTreeSet<String>,
    /// By the start of a rule set, the tags of scores that its rules name for every equipment.
    named: BTreeMap<i64, BTreeSet<String>>,
}

/// A question that was decided.
pub(super) struct Question {
    /// The arrival of the record that led to it, ms.
    pub arrival_ms: i64,
    /// When nobody wants to know any more, ms.
    pub too_old_ms: i64,
    pub question: ScoreRequest,
}

fn text(question: &ScoreRequest) -> String {
    serde_json::to_string(question).unwrap_or_default()
}

fn identity(question: &ScoreRequest) -> Identity {
    (format!("{TAG_PREFIX}{}", question.model), question.at)
}

fn names_scores(expressions: &str) -> bool {
    expressions.contains("score(") || expressions.contains(TAG_PREFIX)
}

impl Asked {
    pub(super) fn new(world: &World) -> Result<Self, Failure> {
        let mut asked = Self {
            sent: BTreeMap::new(),
            scores: BTreeMap::new(),
            answered: !world.models.is_empty(),
            need_scores: BTreeSet::new(),
            named: BTreeMap::new(),
        };
        for sent in &world.sent {
            for question in questions(&sent.body)? {
                let of = asked.scores.entry(question.equipment_id.to_string()).or_default();
                of.insert(identity(&question));
                asked.sent.entry(text(&question)).or_insert(sent.after_commits);
            }
        }
        for set in world.listed.values() {
            let document = world.sets.get(&set.digest).map(Vec::as_slice).unwrap_or_default();
            let document: RuleDocument = serde_json::from_slice(document)
                .map_err(|error| Failure::new("rule sets are readable", error.to_string()))?;
            let named = asked.named.entry(set.start_ms).or_default();
            for rule in &document.rules {
                let json = serde_json::to_string(rule).unwrap_or_default();
                if names_scores(&json) {
                    asked.need_scores.insert(rule.id.clone());
                }
                if rule.scope == Scope::default() && json.contains("score('quality')") {
                    named.insert(format!("{TAG_PREFIX}quality"));
                }
            }
        }
        Ok(asked)
    }

    /// A question that was decided was sent before the commit, unless nobody wants to know any more.
    pub(super) fn was_sent(
        &self,
        checked: &Checked<'_>,
        asked: &Question,
        number: usize,
        committed_ms: i64,
    ) -> Result<(), Failure> {
        let found = || {
            let question = &asked.question;
            format!("`{}`, model `{}` at {}", question.equipment_id, question.model, question.at)
        };
        match self.sent.get(&text(&asked.question)) {
            Some(after_commits) if *after_commits <= number => Ok(()),
            _ if committed_ms + CLOCKS_MS - asked.arrival_ms > asked.too_old_ms => Ok(()),
            Some(_) => checked.fails("questions are sent before the commit", found()),
            None => checked.fails("no question is lost", found()),
        }
    }
}

/// The questions of a message of the queue.
fn questions(body: &str) -> Result<Vec<ScoreRequest>, Failure> {
    match enrich::EnrichMessage::read(body) {
        Ok(enrich::EnrichMessage::ScoreRequests(batch)) => Ok(batch.requests),
        Ok(enrich::EnrichMessage::Poll(_)) => Ok(Vec::new()),
        Err(reason) => Err(Failure::new("questions are readable", reason)),
    }
}

/// What the scores of a key did.
#[derive(Default)]
pub(super) struct Answers {
    /// The scores that were applied under the rule set in force.
    applied: BTreeSet<Identity>,
    set_ms: Option<i64>,
    /// Whether the state has asked. The score that a forgotten one asked for may be the first that it hears of; then it
    /// counts as any first point does.
    has_asked: bool,
    /// The key as it would be if a tick stood in the place of each score that was asked for.
    without: Option<KeyState>,
    decided_without: Vec<Transition>,
    used: u64,
    again: u64,
}

impl Answers {
    /// A state begins.
    pub(super) fn begin(&mut self, asked: &Asked, state: &KeyState) {
        self.without = asked.answered.then(|| state.clone());
    }

    /// A state is forgotten.
    pub(super) fn forget(&mut self) {
        *self = Self {
            decided_without: std::mem::take(&mut self.decided_without),
            used: self.used,
            again: self.again,
            ..Self::default()
        };
    }

    /// A record was folded into a state, whose watermark was another before.
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
        let score = asked_for(checked, state, record);
        if let Some(without) = &mut self.without {
            let body = if score.is_some() && self.has_asked { RecordBody::Tick } else { record.body };
            let record = Record { arrival_ms: record.arrival_ms, body };
            let folded = without.apply(&checked.rules, &record);
            let folded =
                folded.map_err(|error| Failure::new("the records can be folded", error.to_string()))?;
            self.decided_without.extend(folded.transitions);
        }
        self.has_asked |= !outcome.requests.is_empty();
        // What is ahead of the watermark waits; it is not seen here when it is applied.
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
        let named = checked.asked.named.get(&state.rule_set_start_ms());
        let named = named.is_some_and(|named| named.contains(&score.0));
        if !self.applied.insert(score.clone()) && named {
            let found = format!("`{}`, `{}` at {}", state.equipment(), score.0, score.1);
            return Err(Failure::new("no score is applied twice", found));
        }
        Ok(())
    }

    /// Rules that need no score decide as without them.
    pub(super) fn change_no_other_rule(
        &self,
        equipment: &str,
        decided: &[Transition],
        asked: &Asked,
    ) -> Result<(), Failure> {
        if !asked.answered {
            return Ok(());
        }
        let other = |transition: &&Transition| !asked.need_scores.contains(transition.rule_id.as_str());
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

/// The score in a record, if it was asked for.
fn asked_for(checked: &Checked<'_>, state: &KeyState, record: &Record<'_>) -> Option<Identity> {
    let RecordBody::Points([point]) = record.body else { return None };
    let of = checked.asked.scores.get(state.equipment())?;
    let identity = (point.tag.to_string(), point.timestamp_ms);
    (is_an_answer(point) && of.contains(&identity)).then_some(identity)
}

/// Whether a point is the answer of a model that was asked. What others send as scores may be of the same tag and time; it
/// tells when it was made, and the answers of `enrich` do not.
fn is_an_answer(point: &DataPoint<'_>) -> bool {
    point.derived && point.created_at_ms.is_none()
}

/// What was asked when nothing failed any more has its score in the stream.
pub(super) fn all_is_answered(checked: &mut Checked<'_>, owed: &[String]) -> Result<(), Failure> {
    let mut scores = BTreeSet::new();
    for (equipment, shards) in &checked.told.of_equipments {
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
        for question in questions(body)? {
            let (tag, at_ms) = identity(&question);
            let score = (question.equipment_id.to_string(), tag, at_ms);
            if !scores.contains(&score) {
                let found = format!("there is no score {score:?}");
                return Err(Failure::new("a model that is well answers", found));
            }
            checked.add("questions that were owed a score", 1);
        }
    }
    Ok(())
}
