//! What must hold of a world that has come to rest. Nothing here asks the workflows: commits are read from what was
//! written, and folded again by the engine alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use andon_engine::{Body, CompiledRules, KeyState, Record, RuleSet};
use andon_intake::{Authenticator, Item, Outcome, SequenceNumber, ShardId};
use andon_model::Transition;
use andon_service::catalog;
use andon_service::envelope::{Body as StoredBody, Position, Positions};
use andon_service::publish::StateChange;

use super::KEY;
use crate::memory::World;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// Which checker found it.
    pub checker: &'static str,
    /// What it found.
    pub found: String,
}

impl Failure {
    pub(super) fn new(checker: &'static str, found: String) -> Self {
        Self { seed: 0, checker, found }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}: {}", self.seed, self.checker, self.found)
    }
}

impl std::error::Error for Failure {}

/// Checks a world; answers how many state changes were published.
pub(super) fn check(world: &World, lanes: usize) -> Result<u64, Failure> {
    let published = published(world)?;
    let rules = rules(world)?;
    checkpoints_go_forward(world)?;
    let mut equipments: BTreeSet<&str> =
        world.commits.iter().map(|commit| commit.equipment.as_str()).collect();
    equipments.extend(published.keys().map(String::as_str));
    let mut count = 0;
    for equipment in equipments {
        let decided = folded_again(world, &rules, equipment, lanes)?;
        let heard = published.get(equipment).map(Vec::as_slice).unwrap_or_default();
        if decided != heard {
            let differs = decided.iter().zip(heard).position(|(one, other)| one != other);
            return Err(Failure::new(
                "published is what was decided",
                format!(
                    "`{equipment}`: {} decided by the records in the order of commits, {} published; first difference at \
                     {differs:?}",
                    decided.len(),
                    heard.len()
                ),
            ));
        }
        count += heard.len() as u64;
    }
    Ok(count)
}

/// What the bus took, without repeats, by equipment in the order in which each first came.
fn published(world: &World) -> Result<BTreeMap<String, Vec<Transition>>, Failure> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut published: BTreeMap<String, Vec<Transition>> = BTreeMap::new();
    for (_, entry) in &world.bus {
        let change: StateChange = serde_json::from_str(&entry.detail)
            .map_err(|error| Failure::new("events are readable", error.to_string()))?;
        match seen.get(&change.id) {
            Some(detail) if *detail == entry.detail => {}
            Some(_) => return Err(Failure::new("one identity, one content", change.id)),
            None => {
                seen.insert(change.id.clone(), entry.detail.clone());
                published
                    .entry(change.transition.equipment_id.to_string())
                    .or_default()
                    .push(change.transition);
            }
        }
    }
    Ok(published)
}

fn rules(world: &World) -> Result<CompiledRules, Failure> {
    let failed = |reason: String| Failure::new("rule sets are readable", reason);
    let mut rules = CompiledRules::new(
        RuleSet::compile(andon_model::RuleDocument::default()).map_err(|_| failed("none".to_owned()))?,
    );
    for set in &world.pointer.sets {
        let document = world.sets.get(&set.digest).ok_or_else(|| failed(set.digest.clone()))?;
        let set_of = catalog::compile(document).map_err(failed)?;
        rules.push(set.start_ms, set_of).map_err(|error| failed(error.to_string()))?;
    }
    Ok(rules)
}

fn checkpoints_go_forward(world: &World) -> Result<(), Failure> {
    let mut last: BTreeMap<(&str, &str), (Option<SequenceNumber>, i64)> = BTreeMap::new();
    for save in &world.saves {
        let now = (save.checkpoint.position, save.checkpoint.arrival_ms);
        let before = last.insert((&save.stream, &save.shard), now);
        if before.is_some_and(|(position, arrival_ms)| now.0 < position || now.1 < arrival_ms) {
            return Err(Failure::new("checkpoints never go back", save.shard.clone()));
        }
    }
    Ok(())
}

/// A message of the stream that concerns an equipment.
struct Told {
    position: Position,
    arrival_ms: i64,
    data: Vec<u8>,
}

/// What the engine decides over the records of a key in the order in which they were committed.
fn folded_again(
    world: &World,
    rules: &CompiledRules,
    equipment: &str,
    lanes: usize,
) -> Result<Vec<Transition>, Failure> {
    let told = told(world, equipment, lanes);
    let trust = Authenticator::new(&KEY).ok();
    let mut state: Option<KeyState> = None;
    let mut decided = Vec::new();
    let mut before = Positions::default();
    let mut folded: BTreeMap<ShardId, usize> = BTreeMap::new();
    for commit in world.commits.iter().filter(|commit| commit.equipment == equipment) {
        let body = StoredBody::read(&commit.head.body)
            .map_err(|error| Failure::new("heads are readable", format!("`{equipment}`: {error}")))?;
        for (shard, reached) in body.positions.iter() {
            if before.holds(shard, reached.position) {
                continue;
            }
            let next = folded.entry(shard.clone()).or_default();
            let messages = told.get(shard).map(Vec::as_slice).unwrap_or_default();
            while let Some(message) =
                messages.get(*next).filter(|message| message.position <= reached.position)
            {
                *next += 1;
                fold(&mut state, rules, equipment, message, trust.as_ref(), &mut decided)?;
            }
        }
        before = body.positions;
    }
    for (shard, messages) in &told {
        let done = folded.get(shard).copied().unwrap_or_default();
        if done != messages.len() {
            let parked = world.heads.get(equipment).and_then(|head| head.parked.as_ref());
            let why = parked.map(|parked| format!("; it is parked: {}", parked.reason)).unwrap_or_default();
            let found =
                format!("`{equipment}`: {done} of {} messages of {shard} were folded{why}", messages.len());
            return Err(Failure::new("nothing is lost", found));
        }
    }
    Ok(decided)
}

fn fold(
    state: &mut Option<KeyState>,
    rules: &CompiledRules,
    equipment: &str,
    message: &Told,
    trust: Option<&Authenticator>,
    decided: &mut Vec<Transition>,
) -> Result<(), Failure> {
    let failed =
        |error: andon_engine::FoldError| Failure::new("the records can be folded", error.to_string());
    let mut result = Ok(());
    items(&message.data, message.position.index, trust, |item| {
        if item.equipment != equipment || result.is_err() {
            return;
        }
        let points = item.body.points();
        let body = if points.is_empty() { Body::Tick } else { Body::Points(points) };
        let record = Record { arrival_ms: message.arrival_ms, body };
        result = (|| {
            if state.is_none() {
                *state = Some(KeyState::new(equipment, rules, message.arrival_ms).map_err(failed)?);
            }
            if let Some(state) = state {
                decided.extend(state.apply(rules, &record).map_err(failed)?.transitions);
            }
            Ok(())
        })();
    });
    result
}

fn items(data: &[u8], index: u32, trust: Option<&Authenticator>, mut f: impl FnMut(&Item<'_>)) {
    andon_intake::read_message(data, index, trust, |outcome| {
        if let Outcome::Item(item) = outcome {
            f(&item);
        }
    });
}

/// The messages of an equipment by shard, in the order of the stream; in a stream of several lanes those under its own
/// partition key.
fn told(world: &World, equipment: &str, lanes: usize) -> BTreeMap<ShardId, Vec<Told>> {
    let trust = Authenticator::new(&KEY).ok();
    let mut told: BTreeMap<ShardId, Vec<Told>> = BTreeMap::new();
    for shard in world.stream.shards() {
        let Ok(id) = shard.id.parse::<ShardId>() else { continue };
        for record in &shard.records {
            // It was put back, and came again under its own key.
            if lanes > 1 && record.partition_key != equipment {
                continue;
            }
            let mut concerns = false;
            items(&record.data, 0, trust.as_ref(), |item| concerns |= item.equipment == equipment);
            if concerns {
                told.entry(id.clone()).or_default().push(Told {
                    position: Position { sequence_number: record.sequence_number, index: 0 },
                    arrival_ms: record.arrival_ms,
                    data: record.data.to_vec(),
                });
            }
        }
    }
    told
}
