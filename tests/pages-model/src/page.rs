//! Pure functions on pages: skip, fold, raise, join, carry.

use crate::lists::{Decision, Decisions, RecordId};
use crate::rules::Rule;
use crate::state::{Body, Head, MACHINES, Machine, Positions, State, Version, bit};
use crate::world::World;

/// A batch as a page sees it: its records, with their places in the shard.
pub(crate) struct Part {
    /// The shard.
    pub(crate) shard: usize,
    /// Places and records, in order.
    pub(crate) records: Vec<(u8, RecordId)>,
}

/// A result of folding a part.
pub(crate) struct Folded {
    /// The new body, without what is carried.
    pub(crate) body: Body,
    /// What was decided.
    pub(crate) decided: Decisions,
    /// Whether anything changed.
    pub(crate) is_changed: bool,
    /// Whether the fold stopped before the end of the part.
    pub(crate) is_prefix: bool,
    /// The first record that failed.
    pub(crate) failed: Option<u8>,
    /// Records to set aside; one bit each.
    pub(crate) aside: u32,
    /// Whether a record of a healthy machine was left for the sake of a failing one.
    pub(crate) healthy_was_delayed: bool,
}

impl Folded {
    /// Returns the result of no record.
    pub(crate) fn nothing() -> Self {
        Self {
            body: Body::empty(),
            decided: Decisions::default(),
            is_changed: false,
            is_prefix: false,
            failed: None,
            aside: 0,
            healthy_was_delayed: false,
        }
    }
}

/// Folds a part in the order of the stream.
pub(crate) fn fold(world: &World, state: &State, body: &Body, part: &Part) -> Folded {
    let mut out = Folded { body: body.clone(), ..Folded::nothing() };
    let mut frozen: Vec<u8> = Vec::new();
    let mut end = None;
    for (index, &(at, id)) in part.records.iter().enumerate() {
        let machine = world.record(id).machine;
        let is_behind = at < out.body.positions(machine)[part.shard];
        if is_behind && world.keeps(Rule::FoldedRecordsAreSkipped) {
            continue;
        }
        if frozen.contains(&machine) {
            continue;
        }
        if out.failed.is_some() && !world.keeps(Rule::PageGoesOnPastFailure) {
            out.healthy_was_delayed = true;
            continue;
        }
        out.is_changed = true;
        let known = known(state, &mut out.body, machine);
        if known.is_parked {
            known.aside.push(id);
            out.aside |= bit(id);
        } else if world.record(id).fails && !state.is_fixed {
            fail(world, state, &mut out, machine, part.shard, (at, id), &mut frozen);
        } else if let Some(decision) = fold_one(world, known, machine, id) {
            out.decided.push(decision);
            if out.decided.len() >= world.decisions && index + 1 < part.records.len() {
                out.is_prefix = true;
                end = Some(at + 1);
                break;
            }
        }
    }
    let end = end.or(part.records.last().map(|&(at, _)| at + 1));
    raise(world, &mut out.body, part.shard, end.unwrap_or(0), &frozen);
    join(&mut out.body);
    out.is_changed &= out.body != *body;
    out
}

/// Returns a machine of a body, which begins if it was not known.
fn known<'body>(state: &State, body: &'body mut Body, machine: u8) -> &'body mut Machine {
    let base = state.views[usize::from(machine)];
    let group = body.unknown[usize::from(machine)];
    body.machines[usize::from(machine)].get_or_insert_with(|| Machine { base, group, ..Machine::default() })
}

/// Folds one record into a machine's state.
pub(crate) fn fold_one(world: &World, known: &mut Machine, machine: u8, id: RecordId) -> Option<Decision> {
    if known.folded.contains(id) && world.homes.is_some() && world.keeps(Rule::FoldIgnoresRepeatedPoint) {
        return None;
    }
    known.folded.push(id);
    if !world.record(id).decides {
        return None;
    }
    let changes = known.folded.iter().filter(|&id| world.record(id).decides).count();
    let number = known.base + u8::try_from(changes).unwrap_or(u8::MAX);
    Some(Decision { machine, number, record: id })
}

/// Gives a machine that failed a group of its own, or parks it.
fn fail(
    world: &World,
    state: &State,
    out: &mut Folded,
    machine: u8,
    shard: usize,
    (at, id): (u8, RecordId),
    frozen: &mut Vec<u8>,
) {
    let mut own = out.body.positions(machine);
    if world.keeps(Rule::OwnGroupEndsBeforeFailure) {
        own[shard] = own[shard].max(at);
    }
    let groups = out.body.groups.len();
    let known = known(state, &mut out.body, machine);
    known.failures = known.failures.saturating_add(1).min(world.parks_after);
    if world.parks_after < u8::MAX && known.failures >= world.parks_after && !state.is_away {
        known.is_parked = true;
        known.aside.push(id);
        out.aside |= bit(id);
        return;
    }
    if world.parks_after == u8::MAX {
        known.failures = 0;
    }
    out.failed = out.failed.or(Some(at));
    frozen.push(machine);
    if world.keeps(Rule::FailingMachineHasOwnGroup) {
        known.group = u8::try_from(groups).unwrap_or(u8::MAX);
        out.body.groups.push(own);
    }
}

/// Raises a shard's position to at least `end` in every group but those of failing machines.
fn raise(world: &World, body: &mut Body, shard: usize, end: u8, frozen: &[u8]) {
    let of_failing: Vec<usize> = frozen
        .iter()
        .filter(|_| world.keeps(Rule::FailingMachineHasOwnGroup))
        .filter_map(|&machine| body.machines[usize::from(machine)].map(|known| usize::from(known.group)))
        .collect();
    for (index, group) in body.groups.iter_mut().enumerate() {
        if !of_failing.contains(&index) {
            group[shard] = group[shard].max(end);
        }
    }
}

/// Joins equal groups and drops those of no machine, known or unknown.
pub(crate) fn join(body: &mut Body) {
    let mut groups: Vec<Positions> = Vec::new();
    let own = body.machines.iter_mut().flatten().map(|known| &mut known.group);
    for group in body.unknown.iter_mut().chain(own) {
        let positions = body.groups[usize::from(*group)];
        let at = groups.iter().position(|joined| *joined == positions).unwrap_or_else(|| {
            groups.push(positions);
            groups.len() - 1
        });
        *group = u8::try_from(at).unwrap_or(u8::MAX);
    }
    body.groups = groups;
}

/// Returns what a new body carries, and the versions of it, after a head of which the history had `seen`.
pub(crate) fn carry(world: &World, head: &Head, body: &Body, seen: u32) -> (Vec<(Version, Decisions)>, u32) {
    if !world.keeps(Rule::UnpublishedIsCarried) {
        return (Vec::new(), 0);
    }
    let mut open = head.listed() & !seen;
    if !world.keeps(Rule::CarriedStaysUntilHistory) {
        open &= bit(head.version);
    }
    let mut carried: Vec<(Version, Decisions)> = listed(head, body);
    carried.retain(|&(version, _)| open & bit(version) != 0);
    (carried, open)
}

/// Returns the decisions that a head and its body list, oldest first.
pub(crate) fn listed(head: &Head, body: &Body) -> Vec<(Version, Decisions)> {
    let mut all: Vec<(Version, Decisions)> =
        body.carried.iter().copied().filter(|&(version, _)| head.unseen & bit(version) != 0).collect();
    if !head.decided.is_empty() {
        all.push((head.version, head.decided));
    }
    all
}

/// Leaves a machine out of a body, which is at rest and has expired. Answers its state.
pub(crate) fn expire(world: &World, body: &mut Body, machine: u8) -> Option<Machine> {
    let known = (*body.machines.get(usize::from(machine))?)?;
    let own = body.positions(machine);
    let first = body.groups[usize::from(body.unknown[usize::from(machine)])];
    let is_behind = own.iter().zip(first).any(|(own, first)| *own < first);
    if (known.is_parked || is_behind) && world.keeps(Rule::OnlyMachinesAtRestExpire) {
        return None;
    }
    let known = body.machines.get_mut(usize::from(machine))?.take();
    join(body);
    known
}

/// Returns the part of a body within a range.
pub(crate) fn within(body: &Body, (from, to): (u8, u8)) -> Body {
    let mut part = Body { carried: Vec::new(), ..body.clone() };
    for machine in (0..MACHINES).filter(|&machine| !(usize::from(from)..usize::from(to)).contains(&machine)) {
        part.machines[machine] = None;
    }
    part
}

/// Merges two bodies, each with its own groups; the higher one begins at hash `middle`.
pub(crate) fn merge(world: &World, low: &Body, high: &Body, middle: u8) -> Body {
    let mut merged = Body { groups: vec![first_group(world, low, high)], ..Body::empty() };
    for (body, is_high) in [(low, false), (high, true)] {
        let offset = u8::try_from(merged.groups.len()).unwrap_or(u8::MAX);
        merged.groups.extend(&body.groups);
        for machine in 0..MACHINES {
            if world.has_first_groups_by_range && (machine >= usize::from(middle)) == is_high {
                merged.unknown[machine] = offset + body.unknown[machine];
            }
            let Some(mut known) = body.machines[machine] else { continue };
            known.group = if world.keeps(Rule::MergeKeepsGroups) { offset + known.group } else { 0 };
            merged.machines[machine] = Some(known);
        }
    }
    join(&mut merged);
    merged
}

/// Returns the group for machines that neither of two pages knows: by shard the lesser of both first groups.
fn first_group(world: &World, low: &Body, high: &Body) -> Positions {
    let mut first = low.groups[0];
    for (own, other) in first.iter_mut().zip(high.groups[0]) {
        let takes_lesser = world.keeps(Rule::MergeTakesLesserFirstGroup);
        *own = if takes_lesser { other.min(*own) } else { other.max(*own) };
    }
    first
}
