//! The keeper, which settles, splits, merges and sweeps; and the operator, who republishes and unparks.

use std::rc::Rc;

use crate::chance::Chance;
use crate::lists::Decisions;
use crate::page::{self, Folded};
use crate::rules::Rule;
use crate::state::{
    Body, Head, Image, Layout, Name, PageId, Plan, Prepared, Sealed, State, Sweep, Version, bit,
};
use crate::world::World;

impl State {
    /// Returns whether the history has all that a page's head lists.
    pub(crate) fn is_settled(&self, world: &World, page: PageId, head: &Head) -> bool {
        head.listed() & !self.seen(world, page, head) == 0
    }

    /// Plans to let go of what the history has. Answers nothing if there is nothing, or not everything is there.
    pub(crate) fn plan_settle(&self, world: &World, page: PageId) -> Option<Plan> {
        let head = self.head(page)?;
        let may_settle = self.is_settled(world, page, head) || !world.keeps(Rule::SettlingAsksHistory);
        if head.listed() == 0 || !may_settle {
            return None;
        }
        let settled = Head {
            version: head.version + 1,
            place: head.place.clone(),
            decided: Decisions::default(),
            unseen: 0,
        };
        Some(Plan::Settle { page, read: head.version, head: settled })
    }

    /// Returns a page's head and body, if the page may be rearranged.
    pub(crate) fn rearrangeable(&self, world: &World, page: PageId) -> Option<(&Head, Rc<Sealed>)> {
        let head = self.head(page)?;
        let asks =
            world.keeps(Rule::OnlySettledPagesAreRearranged) && world.keeps(Rule::NewPagesCarryNothing);
        if asks && !self.is_settled(world, page, head) {
            return None;
        }
        Some((head, self.get(head).ok()?))
    }

    /// Plans a split, and writes both bodies.
    pub(crate) fn plan_split(&mut self, world: &World, page: PageId, middle: u8) -> Option<Plan> {
        let &(_, from, to) = self.layout.pages.iter().find(|cut| cut.0 == page)?;
        let (head, sealed) = self.rearrangeable(world, page)?;
        let (head, version) = (head.clone(), head.version + 1);
        let mut layout = self.layout.clone();
        layout.version += 1;
        layout.pages.retain(|cut| cut.0 != page);
        let mut comes = Vec::new();
        for (from, to) in [(from, middle), (middle, to)] {
            let keeps_id = comes.is_empty() && !world.keeps(Rule::PagesTakeNewIds);
            let child = if keeps_id { page } else { layout.next };
            layout.next += u8::from(!keeps_id);
            layout.pages.push((child, from, to));
            let mut body = page::within(&sealed.body, (from, to));
            let mut unseen = 0;
            if !world.keeps(Rule::NewPagesCarryNothing) {
                body.carried = page::listed(&head, &sealed.body);
                unseen = head.listed();
            }
            let decided =
                if world.keeps(Rule::NewPagesRepeatNothing) { Decisions::default() } else { head.decided };
            let body = Sealed::new(body);
            let place = self.write_body(world, child, version, &body);
            comes.push((child, Head { version, place, decided, unseen }));
        }
        layout.pages.sort_by_key(|cut| cut.1);
        Some(Plan::Rearrange { read: self.layout.version, layout, goes: vec![(page, head.version)], comes })
    }

    /// Plans to merge a page with its right neighbour, and writes the body.
    pub(crate) fn plan_merge(&mut self, world: &World, at: usize) -> Option<Plan> {
        let (&(low, from, middle), &(high, _, to)) =
            (self.layout.pages.get(at)?, self.layout.pages.get(at + 1)?);
        let (low_head, low_body) = self.rearrangeable(world, low)?;
        let (high_head, high_body) = self.rearrangeable(world, high)?;
        let goes = vec![(low, low_head.version), (high, high_head.version)];
        let version = low_head.version.max(high_head.version) + 1;
        let page = self.layout.next;
        let layout = Layout {
            version: self.layout.version + 1,
            pages: [&self.layout.pages[..at], &[(page, from, to)], &self.layout.pages[at + 2..]].concat(),
            next: page + 1,
        };
        let body = Sealed::new(page::merge(world, &low_body.body, &high_body.body, middle));
        let place = self.write_body(world, page, version, &body);
        let head = Head { version, place, decided: Decisions::default(), unseen: 0 };
        Some(Plan::Rearrange { read: self.layout.version, layout, goes, comes: vec![(page, head)] })
    }

    /// The sweep begins with an object: it reads the layout, or the head, if the rule is left out.
    pub(crate) fn sweep(&mut self, name: Name) {
        self.spend(Chance::Sweep);
        let head = self.head(name.page).cloned();
        self.sweeper = Some(Sweep { name, next: self.layout.next, head, is_decided: false });
    }

    /// The sweep reads the other of both, and decides.
    pub(crate) fn decide_sweep(&mut self, world: &World) {
        let Some(sweep) = self.sweeper.take() else { return };
        let is_decided = if world.keeps(Rule::SweepReadsLayoutFirst) {
            may_sweep(world, sweep.name, sweep.next, self.head(sweep.name.page))
        } else {
            may_sweep(world, sweep.name, self.layout.next, sweep.head.as_ref())
        };
        self.sweeper = is_decided.then_some(Sweep { is_decided, ..sweep });
    }

    /// The operator takes the oldest decisions that a page lists and the history does not have.
    pub(crate) fn plan_republish(&self, page: PageId) -> Option<Image> {
        let head = self.head(page)?;
        let sealed = self.get(head).ok()?;
        let has = self.history[usize::from(page)];
        let mut open = page::listed(head, &sealed.body).into_iter();
        open.find(|&(version, _): &(Version, Decisions)| has & bit(version) == 0)
            .map(|(version, decided)| Image { page, version, decided, is_said: false })
    }

    /// Reads a page with a parked machine, folds what was set aside, and writes the new body.
    pub(crate) fn plan_unpark(&mut self, world: &World, machine: u8) -> Option<Prepared> {
        let open = self.open(world, self.layout.page_of(machine)?)?;
        let sealed = self.get(&open.head).ok()?;
        let mut body: Body = sealed.body.clone();
        let known = body.machines[usize::from(machine)].as_mut()?;
        if !known.is_parked || self.is_away || !self.has_aside(known.aside) {
            return None;
        }
        let mut decided = Decisions::default();
        for id in known.aside.iter() {
            if let Some(decision) = page::fold_one(world, known, machine, id) {
                decided.push(decision);
            }
        }
        known.is_parked = false;
        known.failures = 0;
        known.aside = Default::default();
        let folded = Folded { body, decided, ..Folded::nothing() };
        let key = open.head.place.key();
        Some(self.write(world, &open, &sealed.body, folded, key, None))
    }

    /// Uses up a keeper's chance for a plan, and lets the keeper hold it.
    pub(crate) fn hold(&mut self, keeper: usize, chance: Chance, plan: Option<Plan>) {
        self.spend(chance);
        self.keepers[keeper] = plan;
    }
}

/// Returns whether the sweep may delete an object, by the layout's next id and the head of its page.
fn may_sweep(world: &World, name: Name, next: PageId, head: Option<&Head>) -> bool {
    let Some(head) = head else {
        return name.page < next || !world.keeps(Rule::SweepSparesUnborn);
    };
    let is_named = head.place.key() == name;
    let is_past = name.version < head.version;
    (!is_named || !world.keeps(Rule::SweepSparesNamed))
        && (is_past || !world.keeps(Rule::SweepSparesComingVersions))
}
