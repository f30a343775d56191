//! An invocation of `evaluate`: reads the heads of its batch, folds page by page, commits each, and reports.

use std::rc::Rc;

use crate::chance::Chance;
use crate::page::{self, Part};
use crate::rules::Rule;
use crate::state::{Body, Environment, Head, Invocation, Open, Place, Prepared, Sealed, State, bit};
use crate::store::{Committed, Unread};
use crate::world::World;

impl State {
    /// The event source starts an invocation with the records after its position, which reads at once.
    pub(crate) fn start(&mut self, world: &World, source: u8, slot: usize, length: u8) {
        let at = &mut self.sources[usize::from(source)];
        at.is_waiting = true;
        let batch = (at.next, at.next + length);
        let shard = world.shard_of(source);
        let records = self.shards[usize::from(shard)];
        let has_foreign = (batch.0..batch.1)
            .filter_map(|at| records.get(at))
            .any(|id| world.is_read_by(source, id) && world.is_foreign(id, shard));
        self.invocations[slot] = Some(Invocation {
            source,
            batch,
            is_awaited: true,
            open: Vec::new(),
            prepared: None,
            again: false,
            has_foreign,
            failed: None,
        });
        self.read(world, slot);
    }

    /// Reads the layout, if it is not remembered, and the heads of all pages of the batch.
    pub(crate) fn read(&mut self, world: &World, slot: usize) {
        let Some(mut run) = self.invocations[slot].take() else { return };
        run.again = false;
        run.failed = None;
        let layout = self.environments[slot].layout.get_or_insert_with(|| self.layout.clone()).clone();
        for &(page, from, to) in &layout.pages {
            if self.part(world, &run, (from, to)).records.is_empty() {
                continue;
            }
            match self.open(world, (page, from, to)) {
                Some(open) => run.open.push(open),
                None if !world.keeps(Rule::EvaluateCreatesNoPage) => {
                    let place = Place::Inline(Sealed::new(Body::empty()));
                    let head = Head { version: 0, place, decided: Default::default(), unseen: 0 };
                    run.open.push(Open { page, range: (from, to), head, seen: 0 });
                }
                None => {
                    run.again = true;
                    if world.keeps(Rule::MissingHeadRereadsLayout) {
                        self.environments[slot].layout = None;
                    }
                }
            }
        }
        self.invocations[slot] = Some(run);
    }

    /// Returns the records of a batch that belong into a range, and are not to be put back.
    fn part(&self, world: &World, run: &Invocation, (from, to): (u8, u8)) -> Part {
        let shard = world.shard_of(run.source);
        let records = self.shards[usize::from(shard)];
        let is_here = |id: u8| {
            let machine = world.record(id).machine;
            world.is_read_by(run.source, id)
                && !world.is_foreign(id, shard)
                && from <= machine
                && machine < to
        };
        let records = (run.batch.0..run.batch.1)
            .filter_map(|at| Some((at, records.get(at)?)))
            .filter(|&(_, id)| is_here(id))
            .collect();
        Part { shard: usize::from(shard), records }
    }

    /// Reads the body of an open page, folds its records, and writes the new body. `expiring` leaves a machine out.
    pub(crate) fn prepare(&mut self, world: &World, slot: usize, at: usize, expiring: Option<u8>) {
        let Some(mut run) = self.invocations[slot].take() else { return };
        let open = run.open.remove(at);
        let part = self.part(world, &run, open.range);
        let first = part.records.first().map(|&(at, _)| at);
        let key = open.head.place.key();
        match self.body_for(world, slot, &open) {
            Err(Unread::Away) => run.failed = run.failed.into_iter().chain(first).min(),
            Err(Unread::Missing) => run.again |= !self.give_up_damaged(world, &open, &part),
            Ok(sealed) => {
                let folded = page::fold(world, self, &sealed.body, &part);
                run.failed = run.failed.into_iter().chain(folded.failed).min();
                self.notes.healthy_was_delayed |= folded.healthy_was_delayed;
                if folded.is_changed && folded.aside != 0 && self.is_away {
                    run.failed = run.failed.into_iter().chain(first).min();
                } else if folded.is_changed {
                    let prepared = self.write(world, &open, &sealed.body, folded, key, expiring);
                    run.prepared = Some(prepared);
                }
            }
        }
        self.invocations[slot] = Some(run);
    }

    /// Reads the head again after its body was missing. The same head means damage: the records are written aside.
    fn give_up_damaged(&mut self, world: &World, open: &Open, part: &Part) -> bool {
        let is_same = self.head(open.page) == Some(&open.head);
        if !is_same && world.keeps(Rule::MissingBodyRereadsHead) {
            return false;
        }
        let is_damaged = self.damaged.as_ref().is_some_and(|(name, _)| *name == open.head.place.key());
        self.notes.healthy_was_given_up |= !is_damaged;
        for &(_, id) in &part.records {
            self.notes.given_up |= bit(id);
        }
        true
    }

    /// Returns the body of an open page: kept states, or what the stores have.
    fn body_for(&mut self, world: &World, slot: usize, open: &Open) -> Result<Rc<Sealed>, Unread> {
        let kept = &mut self.environments[slot].kept;
        if let Some(at) = kept.iter().position(|(page, ..)| *page == open.page) {
            let (_, name, sealed) = kept.remove(at);
            if name == open.head.place.key() || !world.keeps(Rule::KeptStatesGoByName) {
                return Ok(sealed);
            }
        }
        let got = self.get(&open.head);
        if got.is_err() && !world.keeps(Rule::UnreadableIsNotEmpty) {
            return Ok(Sealed::new(Body::empty()));
        }
        got
    }

    /// Writes what a fold came to, all but the head.
    pub(crate) fn write(
        &mut self,
        world: &World,
        open: &Open,
        before: &Body,
        folded: page::Folded,
        key: crate::state::Name,
        expiring: Option<u8>,
    ) -> Prepared {
        let mut body = folded.body;
        let (carried, unseen) = page::carry(world, &open.head, before, open.seen);
        body.carried = carried;
        let expires = expiring
            .filter(|_| body.carried.is_empty())
            .and_then(|machine| Some((machine, page::expire(world, &mut body, machine)?.folded)));
        let version = open.head.version + 1;
        let sealed = Sealed::new(body);
        let place = self.write_body(world, open.page, version, &sealed);
        let late_aside = if world.keeps(Rule::ParkedRecordsAreWrittenFirst) {
            self.aside |= folded.aside;
            0
        } else {
            folded.aside
        };
        Prepared {
            page: open.page,
            read: open.head.version,
            key,
            head: Head { version, place, decided: folded.decided, unseen },
            body: sealed,
            is_prefix: folded.is_prefix,
            is_late: false,
            late_aside,
            expires,
        }
    }

    /// Commits the page that is prepared.
    pub(crate) fn commit_prepared(&mut self, world: &World, slot: usize) {
        let Some(mut run) = self.invocations[slot].take() else { return };
        if let Some(prepared) = run.prepared.take() {
            let answer = self.commit(world, &prepared);
            let is_done = answer == Committed::Done;
            run.again |= !is_done || prepared.is_prefix;
            let is_late = !world.keeps(Rule::BodyComesBeforeHead) || prepared.late_aside != 0;
            if is_done && is_late {
                let prepared = Some(Prepared { is_late, ..prepared });
                self.invocations[slot] = Some(Invocation { prepared, ..run });
                return;
            }
            if world.keeps_states && (is_done || !world.keeps(Rule::KeptStatesWaitForCommit)) {
                let name = if is_done { prepared.head.place.key() } else { prepared.key };
                self.environments[slot].kept.push((prepared.page, name, prepared.body));
            }
        }
        self.invocations[slot] = Some(run);
    }

    /// The answer of a commit is lost. The commit takes place later, or never; the invocation reads again.
    pub(crate) fn commit_late(&mut self, slot: usize, tries_again: bool) {
        self.spend(Chance::LateCommit);
        let Some(run) = self.invocations[slot].as_mut() else { return };
        self.in_flight = run.prepared.clone();
        if !tries_again {
            run.prepared = None;
            run.again = true;
        }
    }

    /// Puts the foreign records of the batch back into the shards of their machines' own keys.
    pub(crate) fn put_back(&mut self, world: &World, slot: usize) {
        let Some(run) = self.invocations[slot].as_mut() else { return };
        run.has_foreign = false;
        let shard = world.shard_of(run.source);
        let records = self.shards[usize::from(shard)];
        let foreign: Vec<u8> = (run.batch.0..run.batch.1)
            .filter_map(|at| records.get(at))
            .filter(|&id| world.is_foreign(id, shard))
            .collect();
        for id in foreign {
            let home = world.homes.map_or(0, |homes| homes[usize::from(world.record(id).machine)]);
            self.shards[usize::from(home)].push(id);
        }
    }

    /// Reports: the event source goes on from the first record that is not done.
    pub(crate) fn report(&mut self, world: &World, slot: usize) {
        let Some(run) = self.invocations[slot].take() else { return };
        let open = run.open.iter().map(|open| open.range);
        let prepared = run.prepared.iter().filter_map(|prepared| {
            let layout = self.environments[slot].layout.as_ref()?;
            layout.pages.iter().find(|page| page.0 == prepared.page).map(|&(_, from, to)| (from, to))
        });
        let undone: Vec<(u8, u8)> = open.chain(prepared).collect();
        let mut first = run.failed;
        for range in undone {
            let part = self.part(world, &run, range);
            first = first.into_iter().chain(part.records.first().map(|&(at, _)| at)).min();
        }
        if run.again || (run.has_foreign && world.keeps(Rule::PutBackComesBeforeDone)) {
            first = Some(run.batch.0);
        }
        if run.is_awaited {
            let first = first.filter(|_| world.keeps(Rule::FirstNotDoneIsReported));
            let source = &mut self.sources[usize::from(run.source)];
            source.next = first.unwrap_or(run.batch.1);
            source.is_waiting = false;
        }
    }

    /// An invocation crashes with its environment; its batch comes again.
    pub(crate) fn crash(&mut self, slot: usize) {
        self.spend(Chance::Crash);
        if let Some(run) = self.invocations[slot].take()
            && run.is_awaited
        {
            self.sources[usize::from(run.source)].is_waiting = false;
        }
        self.environments[slot] = Environment::default();
    }

    /// Writes what was to be written before the commit; only where a rule is left out.
    pub(crate) fn write_late(&mut self, slot: usize) {
        let Some(run) = self.invocations[slot].as_mut() else { return };
        let Some(prepared) = run.prepared.take() else { return };
        self.aside |= prepared.late_aside;
        if let Place::Object(name) = prepared.head.place {
            self.put(name, &prepared.body);
        }
    }

    /// Returns whether every record of a list was written aside.
    pub(crate) fn has_aside(&self, records: crate::lists::Records) -> bool {
        records.iter().all(|id| self.aside & bit(id) != 0)
    }
}
