//! The checks of a world that has come to rest. They do not use the workflows: they read the commits that were written,
//! and fold the records again with the engine alone.

mod key;
mod rejected;
mod score_requests;
mod stream_content;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use andon_domain::Transition;
use andon_engine::{CompiledRules, RuleSet};
use andon_ingest::{Authenticator, SequenceNumber};
use andon_workflows::catalog;
use andon_workflows::ports::SourceMark;
use andon_workflows::publish::StateChange;

use self::score_requests::ExpectedScores;
use self::stream_content::{StreamContent, read_stream};
use super::executor::Tally;
use super::{KEY, authenticator};
use andon_kit_ports::memory::World;

/// A finding of a checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The checker.
    pub checker: &'static str,
    /// The finding.
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

/// The data that all checks of a world share.
struct Checked<'w> {
    world: &'w World,
    stream: StreamContent,
    expected: ExpectedScores,
    rules: CompiledRules,
    trust: Authenticator,
    tally: Tally,
    blind: &'static [&'static str],
}

impl Checked<'_> {
    /// Returns the finding of a checker of commits, unless the checker is ignored.
    fn fails(&self, checker: &'static str, found: String) -> Result<(), Failure> {
        if self.blind.contains(&checker) { Ok(()) } else { Err(Failure::new(checker, found)) }
    }

    fn add(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.tally.entry(what).or_default() += count;
        }
    }
}

/// Checks a world. Returns its tally and the number of state changes published. Without `in_order`, an operator published
/// again before all was published, so that only the sequence of each rule is in order.
pub(super) fn check(
    world: &World,
    parallelization_factor: usize,
    in_order: bool,
    owed: &[String],
    blind: &'static [&'static str],
) -> Result<(Tally, u64), Failure> {
    let published = published(world)?;
    checkpoints_go_forward(world)?;
    let trust = authenticator(&KEY);
    let stream = read_stream(world, parallelization_factor, &trust)?;
    let expected = ExpectedScores::new(world)?;
    let mut checked =
        Checked { world, stream, expected, rules: rules(world)?, trust, tally: Tally::new(), blind };
    let mut machines: BTreeSet<&str> = world.commits.iter().map(|commit| commit.equipment.as_str()).collect();
    machines.extend(published.keys().map(String::as_str));
    let of_stream: Vec<String> = checked.stream.of_machines.keys().cloned().collect();
    machines.extend(of_stream.iter().map(String::as_str));
    let mut not_used = BTreeSet::new();
    let mut count = 0;
    for equipment in machines {
        let mut decided = key::folded_again(&mut checked, equipment, &mut not_used)?;
        views_show_the_newest(world, equipment, &decided)?;
        let mut events = published.get(equipment).cloned().unwrap_or_default();
        if !in_order {
            for list in [&mut decided, &mut events] {
                list.sort_by(|one, other| {
                    (&one.rule_id, one.sequence).cmp(&(&other.rule_id, other.sequence))
                });
            }
        }
        if decided != events {
            let differs = decided.iter().zip(&events).find(|(one, other)| one != other);
            return Err(Failure::new(
                "published is what was decided",
                format!(
                    "`{equipment}`: {} decided by the records in the order of commits, {} published; first difference: \
                     {differs:#?}",
                    decided.len(),
                    events.len()
                ),
            ));
        }
        count += events.len() as u64;
    }
    rejected::are_kept(&mut checked, &not_used)?;
    score_requests::all_is_answered(&mut checked, owed)?;
    if let Some(failure) = world.failures.first() {
        return Err(Failure::new("nothing is undeliverable", failure.clone()));
    }
    let (again, late) = repeats(world);
    checked.add("state changes published again", again);
    checked.add("state changes published again after later ones", late);
    Ok((checked.tally, count))
}

/// Returns the transitions that the bus accepted, without repeats, by machine in the order of their first events.
fn published(world: &World) -> Result<BTreeMap<String, Vec<Transition>>, Failure> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut published: BTreeMap<String, Vec<Transition>> = BTreeMap::new();
    for (_, entry) in &world.bus {
        let change: StateChange = serde_json::from_str(&entry.detail)
            .map_err(|error| Failure::new("events are readable", error.to_string()))?;
        match seen.get(&change.id) {
            Some(detail) if *detail == entry.detail => {}
            Some(_) => return Err(Failure::new("one identity, one content", change.id)),
            None => {
                seen.insert(change.id, &entry.detail);
                published
                    .entry(change.transition.equipment_id.to_string())
                    .or_default()
                    .push(change.transition);
            }
        }
    }
    Ok(published)
}

/// Returns the number of events that repeat an earlier one, and how many of them came after a later one of their machine.
fn repeats(world: &World) -> (u64, u64) {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut again, mut late) = (0, 0);
    for (_, entry) in &world.bus {
        let newest = last.get(entry.resource.as_str()).copied();
        if seen.insert(&entry.detail) {
            last.insert(&entry.resource, &entry.detail);
        } else {
            again += 1;
            late += u64::from(newest != Some(entry.detail.as_str()));
        }
    }
    (again, late)
}

fn rules(world: &World) -> Result<CompiledRules, Failure> {
    let failed = |reason: String| Failure::new("rule sets are readable", reason);
    let mut rules = CompiledRules::new(
        RuleSet::compile(andon_domain::RuleDocument::default()).map_err(|_| failed("none".to_owned()))?,
    );
    for set in world.listed.values() {
        let document = world.sets.get(&set.digest).ok_or_else(|| failed(set.digest.clone()))?;
        let set_of = catalog::compile(document).map_err(failed)?;
        rules.push(set.start_ms, set_of).map_err(|error| failed(error.to_string()))?;
    }
    Ok(rules)
}

/// The values of a checkpoint that never decrease: position, arrival, and the marks of sources.
type Marks<'w> = (Option<SequenceNumber>, i64, &'w BTreeMap<String, SourceMark>);

fn checkpoints_go_forward(world: &World) -> Result<(), Failure> {
    let mut last: BTreeMap<(&str, &str), Marks<'_>> = BTreeMap::new();
    for save in &world.saves {
        let now = (save.checkpoint.position, save.checkpoint.arrival_ms, &save.checkpoint.sources);
        let Some(before) = last.insert((&save.stream, &save.shard), now) else { continue };
        let back = |(source, mark): (&String, &SourceMark)| {
            now.2.get(source).is_none_or(|now| now.mark_ms < mark.mark_ms || now.last_ms < mark.last_ms)
        };
        if now.0 < before.0 || now.1 < before.1 || before.2.iter().any(back) {
            return Err(Failure::new("checkpoints never go back", save.shard.clone()));
        }
    }
    Ok(())
}

/// Checks that the view of each rule shows its last state change.
fn views_show_the_newest(world: &World, equipment: &str, decided: &[Transition]) -> Result<(), Failure> {
    let newest: BTreeMap<&str, &Transition> =
        decided.iter().map(|transition| (transition.rule_id.as_str(), transition)).collect();
    for (rule, transition) in newest {
        let view = world.views.get(&(equipment.to_owned(), rule.to_owned()));
        let shown = view.and_then(|view| serde_json::from_str::<Transition>(&view.transition).ok());
        if shown.as_ref() != Some(transition) {
            let shown = shown.map(|shown| shown.sequence);
            let found =
                format!("`{equipment}`, rule `{rule}`: it shows {shown:?}, not {}", transition.sequence);
            return Err(Failure::new("views show the newest", found));
        }
    }
    Ok(())
}
