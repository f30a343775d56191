//! A world: records, pages and chances. Small, so that all of its states can be visited.

use crate::chance::{Chance, Chances};
use crate::lists::{MachineId, RecordId, Records};
use crate::rules::Rule;
use crate::state::{
    Body, Environment, Head, Layout, MACHINES, Notes, PAGES, PageId, Place, SHARDS, Sealed, Source, State,
};

/// A record of the world.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Its machine.
    pub machine: MachineId,
    /// The shard that it was put into.
    pub shard: u8,
    /// Whether its fold changes a state.
    pub decides: bool,
    /// Whether it cannot be folded before the operator's fix.
    pub fails: bool,
}

/// Returns a record whose fold changes a state.
pub const fn deciding(machine: MachineId, shard: u8) -> Record {
    Record { machine, shard, decides: true, fails: false }
}

/// Returns a record whose fold changes no state.
pub const fn quiet(machine: MachineId, shard: u8) -> Record {
    Record { machine, shard, decides: false, fails: false }
}

/// Returns a record that cannot be folded before the operator's fix.
pub const fn failing(machine: MachineId, shard: u8) -> Record {
    Record { machine, shard, decides: true, fails: true }
}

/// A small world, and the rule that it leaves out, if any.
#[derive(Clone, Debug)]
pub struct World {
    /// Its name, for reports.
    pub name: &'static str,
    /// The rule that is left out.
    pub left_out: Option<Rule>,
    /// All records; each shard has its own in this order.
    pub records: Vec<Record>,
    /// Ranges of the pages at the start.
    pub pages: Vec<(u8, u8)>,
    /// Whether bodies are objects; otherwise they are inline.
    pub has_objects: bool,
    /// Whether environments keep unpacked states.
    pub keeps_states: bool,
    /// Invocations at one time.
    pub slots: u8,
    /// Keepers at one time.
    pub keepers: u8,
    /// Records in a batch at most.
    pub batch: u8,
    /// Decisions in a commit at most.
    pub decisions: u32,
    /// The shard of each machine's own key. Records in another shard are put back.
    pub homes: Option<[u8; MACHINES]>,
    /// Failures after which a machine is parked.
    pub parks_after: u8,
    /// Whether a merged page keeps a first group for each of the ranges that it was merged from.
    ///
    /// The plan has one, the lesser of both. The world `expiry and merge` shows why that is not enough.
    pub has_first_groups_by_range: bool,
    /// Chances at the start.
    pub chances: Chances,
}

impl World {
    /// Returns a world of one page without faults.
    pub fn new(name: &'static str, records: Vec<Record>) -> Self {
        Self {
            name,
            left_out: None,
            records,
            pages: vec![(0, 3)],
            has_objects: false,
            keeps_states: false,
            slots: 1,
            keepers: 1,
            batch: 2,
            decisions: 5,
            homes: None,
            parks_after: u8::MAX,
            has_first_groups_by_range: false,
            chances: [0; 14],
        }
    }

    /// Gives the world a chance for a number of times.
    #[must_use]
    pub fn with(mut self, chance: Chance, times: u8) -> Self {
        self.chances[chance as usize] = times;
        self
    }

    /// Leaves a rule out.
    #[must_use]
    pub fn without(mut self, rule: Rule) -> Self {
        self.left_out = Some(rule);
        self
    }

    /// Returns whether the protocol keeps a rule in this world.
    pub fn keeps(&self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }

    /// Returns a record.
    pub fn record(&self, id: RecordId) -> Record {
        self.records[usize::from(id)]
    }

    /// Returns the shard that an event source reads.
    pub fn shard_of(&self, source: u8) -> u8 {
        if self.keeps(Rule::OneReaderPerShard) { source } else { 0 }
    }

    /// Returns the end of the range of hashes.
    pub fn end(&self) -> u8 {
        self.pages.last().map_or(0, |page| page.1)
    }

    /// Returns whether an event source hands out a record.
    pub fn is_read_by(&self, source: u8, id: RecordId) -> bool {
        self.keeps(Rule::OneReaderPerShard) || self.record(id).machine % 2 == source
    }

    /// Returns whether a record came under a foreign key, in a shard.
    pub fn is_foreign(&self, id: RecordId, shard: u8) -> bool {
        self.homes.is_some_and(|homes| homes[usize::from(self.record(id).machine)] != shard)
    }

    /// Returns the first state.
    pub fn start(&self) -> State {
        let mut shards = [Records::default(); SHARDS];
        for (id, record) in (0..).zip(&self.records) {
            shards[usize::from(record.shard)].push(id);
        }
        let mut heads = [const { None }; PAGES];
        let mut pages = Vec::new();
        for (page, &(from, to)) in (0..).zip(&self.pages) {
            let place = Place::Inline(Sealed::new(Body::empty()));
            heads[usize::from(page)] =
                Some(Head { version: 1, place, decided: Default::default(), unseen: 0 });
            pages.push((page, from, to));
        }
        let next = PageId::try_from(pages.len()).unwrap_or(PageId::MAX);
        State {
            layout: Layout { version: 1, pages, next },
            heads,
            history: [0; PAGES],
            objects: Vec::new(),
            aside: 0,
            is_away: false,
            shards,
            sources: [Source::default(); SHARDS],
            stream: Vec::new(),
            invocations: [const { None }; 2],
            environments: [Environment::default(), Environment::default()],
            in_flight: None,
            keepers: [None, None],
            sweeper: None,
            operator: None,
            unpark: None,
            bus: [0; MACHINES],
            views: [0; MACHINES],
            is_fixed: !self.records.iter().any(|record| record.fails),
            damaged: None,
            chances: self.chances,
            notes: Notes::default(),
        }
    }
}
