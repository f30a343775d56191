//! The properties that hold in every state that can be reached.

use crate::lists::{MachineId, RecordId, Records};
use crate::page::listed;
use crate::state::{MACHINES, Machine, PAGES, PageId, SHARDS, Sealed, State, bit};
use crate::world::World;

/// A property of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// The layout cuts the range without gap, and a page has one head exactly while it is in the layout.
    OneHeadPerRange,
    /// A body that a head names is there.
    NamedBodyIsThere,
    /// A machine is in the page of its hash, and in no other.
    MachineIsInItsPage,
    /// A record that is not folded or set aside comes again and will not be skipped.
    NoRecordIsLost,
    /// A record is folded once, also across an expiry.
    RecordIsFoldedOnce,
    /// Records of a machine are folded in the order of their shard.
    ShardOrderIsKept,
    /// A state change is decided by one commit.
    DecidedOnce,
    /// What was decided is in the history, in a head or in a body.
    NoDecisionIsLost,
    /// One identity has one content on the bus.
    OneContent,
    /// What the history has, the bus and the view have.
    RecordedIsPublished,
    /// State changes of a machine first appear on the bus in order, unless the stream lost one.
    FirstAppearanceInOrder,
    /// A view never goes back.
    ViewsGoForward,
    /// Kept states are the body whose name they are kept under.
    KeptStatesAreTheBody,
    /// Records that a body has set aside were written.
    SetAsideIsWritten,
    /// A machine that fails delays no other.
    HealthyIsNotDelayed,
    /// Records are given up only where the body of their page is damaged.
    OnlyDamagedIsGivenUp,
    /// Every record can still be folded and every decision published, without a further fault.
    EverythingDrains,
}

/// Returns the first property that a state breaks, of all but `EverythingDrains`.
pub fn broken(world: &World, state: &State) -> Option<Invariant> {
    use Invariant as I;
    let notes = &state.notes;
    let noted = [
        (notes.decided_twice, I::DecidedOnce),
        (notes.two_contents, I::OneContent),
        (notes.view_went_back, I::ViewsGoForward),
        (notes.healthy_was_delayed, I::HealthyIsNotDelayed),
        (notes.healthy_was_given_up, I::OnlyDamagedIsGivenUp),
    ];
    if let Some((_, invariant)) = noted.into_iter().find(|(is_broken, _)| *is_broken) {
        return Some(invariant);
    }
    if !one_head_per_range(world, state) {
        return Some(I::OneHeadPerRange);
    }
    for (page, from, to) in state.layout.pages.iter().copied() {
        let head = state.head(page);
        let Some(sealed) = head.and_then(|head| state.body_or_damaged(head)) else {
            return Some(I::NamedBodyIsThere);
        };
        if let Some(invariant) = broken_in_page(world, state, &sealed, from, to) {
            return Some(invariant);
        }
    }
    let rest = [
        (decisions_are_there(state), I::NoDecisionIsLost),
        (recorded_is_published(state), I::RecordedIsPublished),
        (notes.image_was_lost || state.bus.iter().all(|had| is_prefix(*had)), I::FirstAppearanceInOrder),
        (kept_states_are_the_body(state), I::KeptStatesAreTheBody),
    ];
    rest.into_iter().find(|(holds, _)| !holds).map(|(_, invariant)| invariant)
}

fn one_head_per_range(world: &World, state: &State) -> bool {
    let pages = &state.layout.pages;
    let ends = pages.iter().map(|page| page.2);
    let starts = pages.iter().skip(1).map(|page| page.1).chain([world.end()]);
    let is_gapless = pages.first().is_some_and(|page| page.1 == 0) && ends.eq(starts);
    let is_listed = |page: PageId| pages.iter().any(|listed| listed.0 == page);
    is_gapless && (0..PAGES as u8).all(|page| state.head(page).is_some() == is_listed(page))
}

fn broken_in_page(world: &World, state: &State, sealed: &Sealed, from: u8, to: u8) -> Option<Invariant> {
    for machine in 0..MACHINES as u8 {
        let known = sealed.body.machines[usize::from(machine)];
        if machine < from || machine >= to {
            if known.is_some() {
                return Some(Invariant::MachineIsInItsPage);
            }
            continue;
        }
        if let Some(known) = known
            && let Some(invariant) = broken_in_machine(world, state, machine, &known)
        {
            return Some(invariant);
        }
        let known = known.unwrap_or_default();
        let positions = sealed.body.positions(machine);
        let is_there = |id: RecordId| {
            let gone = state.notes.expired[usize::from(machine)];
            let is_given_up = state.notes.given_up & bit(id) != 0;
            known.folded.contains(id) || known.aside.contains(id) || gone.contains(id) || is_given_up
        };
        let ids = (0..).zip(&world.records).filter(|(_, record)| record.machine == machine);
        for (id, _) in ids {
            if !is_there(id) && !comes_again(world, state, id, positions) {
                return Some(Invariant::NoRecordIsLost);
            }
        }
    }
    None
}

/// Returns whether a record is ahead of its event source, and of the positions that hold for its machine.
fn comes_again(world: &World, state: &State, id: RecordId, positions: [u8; SHARDS]) -> bool {
    (0u8..).zip(&state.sources).any(|(source, at)| {
        let shard = world.shard_of(source);
        let is_foreign = world.is_foreign(id, shard);
        let from = if is_foreign { at.next } else { at.next.max(positions[usize::from(shard)]) };
        let records = state.shards[usize::from(shard)];
        world.is_read_by(source, id) && (from..records.len()).any(|place| records.get(place) == Some(id))
    })
}

fn broken_in_machine(world: &World, state: &State, machine: MachineId, known: &Machine) -> Option<Invariant> {
    let folded: Vec<RecordId> = known.folded.iter().collect();
    let expired = state.notes.expired[usize::from(machine)];
    for (at, id) in folded.iter().enumerate() {
        if folded[..at].contains(id) || expired.contains(*id) || known.aside.contains(*id) {
            return Some(Invariant::RecordIsFoldedOnce);
        }
        let is_later = |other: &RecordId| other > id && world.record(*other).shard == world.record(*id).shard;
        if world.homes.is_none() && folded[..at].iter().any(is_later) {
            return Some(Invariant::ShardOrderIsKept);
        }
    }
    (!state.has_aside(known.aside)).then_some(Invariant::SetAsideIsWritten)
}

fn decisions_are_there(state: &State) -> bool {
    let mut there = state.notes.recorded;
    for head in state.heads.iter().flatten() {
        let Some(sealed) = state.body_or_damaged(head) else { continue };
        for decision in listed(head, &sealed.body).into_iter().flat_map(|(_, decided)| decided.iter()) {
            there[usize::from(decision.machine)] |= bit(decision.number);
        }
    }
    let missing =
        |(decided, there): (&Records, u32)| (1..=decided.len()).any(|number| there & bit(number) == 0);
    !state.notes.decided.iter().zip(there).any(missing)
}

fn recorded_is_published(state: &State) -> bool {
    (0..MACHINES).all(|machine| {
        let recorded = state.notes.recorded[machine];
        let newest = 31u32.saturating_sub(recorded.leading_zeros());
        recorded & !state.bus[machine] == 0 && (recorded == 0 || u32::from(state.views[machine]) >= newest)
    })
}

/// Returns whether a set is empty or all numbers from 1 to its greatest.
fn is_prefix(numbers: u32) -> bool {
    let shifted = (numbers >> 1) + 1;
    shifted & (shifted - 1) == 0
}

fn kept_states_are_the_body(state: &State) -> bool {
    let kept = state.environments.iter().flat_map(|environment| &environment.kept);
    kept.into_iter().all(|(_, name, sealed)| {
        let named = state.heads.iter().flatten().find(|head| head.place.key() == *name);
        named.and_then(|head| state.body(head)).is_none_or(|body| body.digest == sealed.digest)
    })
}

/// Returns whether all is done: records folded or set aside, decisions on the bus, views newest, nothing under way.
pub fn is_drained(world: &World, state: &State) -> bool {
    let no_one_runs = state.invocations.iter().all(Option::is_none);
    let all_read = (0u8..)
        .zip(&state.sources)
        .all(|(source, at)| at.next >= state.shards[usize::from(world.shard_of(source))].len());
    let all_said = (0..MACHINES).all(|machine| {
        let decided = state.notes.decided[machine].len();
        let recorded = state.notes.recorded[machine];
        recorded.count_ones() == u32::from(decided) && state.views[machine] == decided
    });
    no_one_runs && all_read && all_said && state.stream.is_empty() && state.operator.is_none()
}
