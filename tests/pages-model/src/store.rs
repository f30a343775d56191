//! The stores and streams, each step a single request.

use std::rc::Rc;

use crate::chance::Chance;
use crate::lists::Decisions;
use crate::rules::Rule;
use crate::state::{Head, Image, Name, Open, PageId, Place, Plan, Prepared, Sealed, State, bit};
use crate::world::World;

/// An answer to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The head is there, by this commit or by an equal one.
    Done,
    /// The head is another one, or gone.
    Conflict,
}

/// A reason why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The object store refuses.
    Away,
    /// There is no object of this name.
    Missing,
}

impl State {
    /// Returns whether a chance is left.
    pub(crate) fn has(&self, chance: Chance) -> bool {
        self.chances[chance as usize] > 0
    }

    /// Uses up a chance.
    pub(crate) fn spend(&mut self, chance: Chance) {
        self.chances[chance as usize] -= 1;
    }

    /// Returns a page's head.
    pub fn head(&self, page: PageId) -> Option<&Head> {
        self.heads[usize::from(page)].as_ref()
    }

    /// Returns an object.
    pub fn object(&self, name: Name) -> Option<&Rc<Sealed>> {
        self.objects.iter().find(|(other, _)| *other == name).map(|(_, sealed)| sealed)
    }

    /// Returns the body that a head names, as the stores have it.
    pub fn body(&self, head: &Head) -> Option<Rc<Sealed>> {
        match &head.place {
            Place::Inline(sealed) => Some(Rc::clone(sealed)),
            Place::Object(name) => self.object(*name).map(Rc::clone),
        }
    }

    /// Returns the body that a head names, also if the object store has lost it: for the checks.
    pub(crate) fn body_or_damaged(&self, head: &Head) -> Option<Rc<Sealed>> {
        let damaged = self.damaged.as_ref().filter(|(name, _)| head.place == Place::Object(*name));
        self.body(head).or_else(|| damaged.map(|(_, sealed)| Rc::clone(sealed)))
    }

    /// Reads the body that a head names.
    pub(crate) fn get(&self, head: &Head) -> Result<Rc<Sealed>, Unread> {
        if self.is_away && matches!(head.place, Place::Object(_)) {
            return Err(Unread::Away);
        }
        self.body(head).ok_or(Unread::Missing)
    }

    /// Writes an object; one of the same name is replaced.
    pub(crate) fn put(&mut self, name: Name, sealed: &Rc<Sealed>) {
        match self.objects.binary_search_by_key(&name, |(other, _)| *other) {
            Ok(at) => self.objects[at].1 = Rc::clone(sealed),
            Err(at) => self.objects.insert(at, (name, Rc::clone(sealed))),
        }
    }

    /// Writes a body for a version of a page, and answers where it is. Inline where there are no objects to be had.
    pub(crate) fn write_body(
        &mut self,
        world: &World,
        page: PageId,
        version: u8,
        body: &Rc<Sealed>,
    ) -> Place {
        if !world.has_objects || self.is_away {
            return Place::Inline(Rc::clone(body));
        }
        let digest = if world.keeps(Rule::NamesCarryDigest) { body.digest } else { 0 };
        let name = Name { page, version, digest };
        if world.keeps(Rule::BodyComesBeforeHead) {
            self.put(name, body);
        }
        Place::Object(name)
    }

    /// Returns which of a head's versions the history has.
    pub(crate) fn seen(&self, world: &World, page: PageId, head: &Head) -> u32 {
        let has = self.history[usize::from(page)];
        if world.keeps(Rule::HistoryIsAskedByVersion) {
            return has & head.listed();
        }
        let up_to = if has == 0 { 0 } else { u32::MAX >> has.leading_zeros() };
        up_to & head.listed()
    }

    /// Puts a head on the condition that it replaces the version that was read.
    pub(crate) fn commit(&mut self, world: &World, prepared: &Prepared) -> Committed {
        let Prepared { page, read, head, .. } = prepared;
        match self.head(*page) {
            None if world.keeps(Rule::EvaluateCreatesNoPage) => return Committed::Conflict,
            Some(current) if current.version != *read && world.keeps(Rule::CommitIsConditional) => {
                return if current == head { Committed::Done } else { Committed::Conflict };
            }
            _ => {}
        }
        if let Some((machine, records)) = prepared.expires {
            for record in records.iter() {
                self.notes.expired[usize::from(machine)].push(record);
            }
        }
        self.put_head(*page, head);
        self.note_decided(head.decided);
        Committed::Done
    }

    /// Replaces a head, and shows it in the stream if it has decisions.
    fn put_head(&mut self, page: PageId, head: &Head) {
        self.heads[usize::from(page)] = Some(head.clone());
        if !head.decided.is_empty() {
            let (version, decided) = (head.version, head.decided);
            self.stream.push(Image { page, version, decided, is_said: false });
            // Pages have no common order: sorted, so that states which differ in it alone are one.
            self.stream.sort_by_key(|image| image.page);
        }
    }

    /// Notes what a commit decided.
    fn note_decided(&mut self, decided: Decisions) {
        for decision in decided.iter() {
            let list = &mut self.notes.decided[usize::from(decision.machine)];
            if list.len() + 1 == decision.number {
                list.push(decision.record);
            } else {
                self.notes.decided_twice = true;
            }
        }
    }

    /// Carries out what a keeper has planned, all or nothing.
    pub(crate) fn rearrange(&mut self, world: &World, plan: Plan) {
        match plan {
            Plan::Settle { page, read, head } => {
                if self.head(page).is_some_and(|current| current.version == read) {
                    self.put_head(page, &head);
                }
            }
            Plan::Rearrange { read, layout, goes, comes } => {
                if self.layout.version != read && world.keeps(Rule::RearrangeChecksLayout) {
                    return;
                }
                let is_as_read = |&(page, version): &(PageId, u8)| {
                    self.head(page).is_some_and(|current| {
                        current.version == version || !world.keeps(Rule::RearrangeChecksHeads)
                    })
                };
                if !goes.iter().all(is_as_read) {
                    return;
                }
                let goes_or_is_free = |&(page, _): &(PageId, Head)| {
                    goes.iter().any(|go| go.0 == page) || self.head(page).is_none()
                };
                if !comes.iter().all(goes_or_is_free) {
                    return;
                }
                for (page, _) in goes {
                    self.heads[usize::from(page)] = None;
                }
                for (page, head) in &comes {
                    self.put_head(*page, head);
                }
                self.layout = layout;
            }
        }
    }

    /// Sends decisions to the bus, and writes the views.
    pub(crate) fn say(&mut self, world: &World, decided: Decisions) {
        for decision in decided.iter() {
            let machine = usize::from(decision.machine);
            let known = self.notes.decided[machine].get(decision.number - 1);
            self.notes.two_contents |= known != Some(decision.record);
            self.bus[machine] |= bit(decision.number);
            let view = self.views[machine];
            if view < decision.number || !world.keeps(Rule::ViewsOnlyGoForward) {
                self.views[machine] = decision.number;
            }
            self.notes.view_went_back |= self.views[machine] < view;
        }
    }

    /// Writes the history of a version.
    pub(crate) fn record(&mut self, page: PageId, version: u8, decided: Decisions) {
        self.history[usize::from(page)] |= bit(version);
        for decision in decided.iter() {
            self.notes.recorded[usize::from(decision.machine)] |= bit(decision.number);
        }
    }

    /// Reads a page for a commit: its head, and what the history has of it.
    pub(crate) fn open(&self, world: &World, (page, from, to): (PageId, u8, u8)) -> Option<Open> {
        let head = self.head(page)?.clone();
        let seen = self.seen(world, page, &head);
        Some(Open { page, range: (from, to), head, seen })
    }
}
