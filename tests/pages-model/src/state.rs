//! The state of the model: stores, streams, processes, and notes for the checks alone.

use std::hash::{BuildHasher, Hash, Hasher};
use std::rc::Rc;

use foldhash::fast::FixedState;

use crate::chance::Chances;
use crate::lists::{Decisions, MachineId, Records};

/// Machines of a world at most; a machine's hash is its number.
pub const MACHINES: usize = 3;
/// Shards of a world at most.
pub const SHARDS: usize = 2;
/// Ids of pages in a world at most.
pub const PAGES: usize = 7;
/// Invocations, and warm environments, at one time at most.
pub const SLOTS: usize = 2;

/// An id of a page; ids count up in the layout.
pub type PageId = u8;
/// A version of a head, or of the layout.
pub type Version = u8;

/// A group of positions: how many records of each shard are behind it.
pub type Positions = [u8; SHARDS];

/// A machine's state inside a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Machine {
    /// Records that were folded, in their order: all that the state is, in this model.
    pub folded: Records,
    /// Number of the last state change before the machine began anew after an expiry.
    pub base: u8,
    /// The group of positions that holds for this machine.
    pub group: u8,
    /// Commits in which the machine failed, up to parking.
    pub failures: u8,
    /// Whether its records are set aside instead of folded.
    pub is_parked: bool,
    /// Records set aside.
    pub aside: Records,
}

/// The content of a page: groups of positions, machines, and decisions carried on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    /// Groups of positions.
    pub groups: Vec<Positions>,
    /// The group for a machine unknown so far, by its hash: the first, unless a world keeps one for each range.
    pub unknown: [u8; MACHINES],
    /// Machines by id.
    pub machines: [Option<Machine>; MACHINES],
    /// Decisions carried on: not seen in the history when the body was written.
    pub carried: Vec<(Version, Decisions)>,
}

impl Body {
    /// Returns the body of a page that never had a record.
    pub fn empty() -> Self {
        Self {
            groups: vec![[0; SHARDS]],
            unknown: [0; MACHINES],
            machines: [None; MACHINES],
            carried: Vec::new(),
        }
    }

    /// Returns the positions that hold for a machine, known or not.
    pub fn positions(&self, machine: MachineId) -> Positions {
        let known = self.machines[usize::from(machine)];
        let group = known.map_or(self.unknown[usize::from(machine)], |known| known.group);
        self.groups[usize::from(group)]
    }
}

/// A body with its digest. Hashed by the digest, compared by content.
#[derive(Debug)]
pub struct Sealed {
    /// Digest of the content.
    pub digest: u64,
    /// The content.
    pub body: Body,
}

impl Sealed {
    /// Computes the digest of a body.
    pub fn new(body: Body) -> Rc<Self> {
        Rc::new(Self { digest: FixedState::default().hash_one(&body), body })
    }
}

impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.body == other.body
    }
}
impl Eq for Sealed {}
impl Hash for Sealed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

/// The name of a body's object: `pages/PAGE/VERSION-DIGEST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The page that the body was written for.
    pub page: PageId,
    /// The version that the body was written for.
    pub version: Version,
    /// Digest of the content.
    pub digest: u64,
}

/// A place of a body, as its head says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the head itself.
    Inline(Rc<Sealed>),
    /// In an object.
    Object(Name),
}

impl Place {
    /// Returns the name under which a warm function keeps the states of this body.
    pub fn key(&self) -> Name {
        match self {
            Self::Inline(sealed) => Name { page: 0, version: 0, digest: sealed.digest },
            Self::Object(name) => *name,
        }
    }
}

/// A head of a page: one item, replaced by one conditional Put.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// `v`: counts commits.
    pub version: Version,
    /// `b` or `o`: the body.
    pub place: Place,
    /// `z`: what was decided with this version.
    pub decided: Decisions,
    /// `u`: versions whose decisions are carried, since the history did not have them; one bit each.
    pub unseen: u32,
}

impl Head {
    /// Returns the versions whose decisions stand in the head or its body; one bit each.
    pub fn listed(&self) -> u32 {
        self.unseen | if self.decided.is_empty() { 0 } else { bit(self.version) }
    }
}

/// Returns a set that has one number.
pub fn bit(number: u8) -> u32 {
    1u32.checked_shl(u32::from(number)).unwrap_or(0)
}

/// A layout: cuts the range of hashes into pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Counts rearrangements.
    pub version: Version,
    /// Pages with their ranges, from and up to but without.
    pub pages: Vec<(PageId, u8, u8)>,
    /// The next id to give away.
    pub next: PageId,
}

impl Layout {
    /// Returns the page of a machine, with its range.
    pub fn page_of(&self, machine: MachineId) -> Option<(PageId, u8, u8)> {
        self.pages.iter().copied().find(|&(_, from, to)| from <= machine && machine < to)
    }
}

/// An image of the `state` stream that has decisions, not yet acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// The page.
    pub page: PageId,
    /// The version of the head.
    pub version: Version,
    /// What was decided with it.
    pub decided: Decisions,
    /// Whether the bus and the views have it.
    pub is_said: bool,
}

/// A page of a batch that an invocation has read and not folded yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// The page.
    pub page: PageId,
    /// Its range.
    pub range: (u8, u8),
    /// Its head.
    pub head: Head,
    /// Versions that the history had.
    pub seen: u32,
}

/// A page that is folded, with its body written: ready for the commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prepared {
    /// The page.
    pub page: PageId,
    /// The version that was read.
    pub read: Version,
    /// The name of the body that was read.
    pub key: Name,
    /// The head to put.
    pub head: Head,
    /// The body of that head.
    pub body: Rc<Sealed>,
    /// Whether the fold ended before the end of the batch.
    pub is_prefix: bool,
    /// Whether objects are still to be written after the commit. Never, unless a rule is left out.
    pub is_late: bool,
    /// Records to be written aside after the commit. None, unless a rule is left out.
    pub late_aside: u32,
    /// A machine that this commit leaves out, since it has expired, with its records.
    pub expires: Option<(MachineId, Records)>,
}

/// An invocation of `evaluate` with its batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// The event source that started it.
    pub source: u8,
    /// The batch: places in the shard, from and up to but without.
    pub batch: (u8, u8),
    /// Whether the event source still waits for its answer.
    pub is_awaited: bool,
    /// Pages that were read and are not folded yet.
    pub open: Vec<Open>,
    /// The page that is about to be committed.
    pub prepared: Option<Prepared>,
    /// Whether something has to be read again.
    pub again: bool,
    /// Whether foreign records have to be put back.
    pub has_foreign: bool,
    /// The first record that failed.
    pub failed: Option<u8>,
}

/// A warm environment: what outlives an invocation in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    /// The layout that is remembered.
    pub layout: Option<Layout>,
    /// Unpacked states by page, with the name of the body that they were.
    pub kept: Vec<(PageId, Name, Rc<Sealed>)>,
}

/// A keeper's plan, with its bodies written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// A commit that lets go of what the history has.
    Settle {
        /// The page.
        page: PageId,
        /// The version that was read.
        read: Version,
        /// The head to put.
        head: Head,
    },
    /// A transaction over the layout and heads.
    Rearrange {
        /// The version of the layout that was read.
        read: Version,
        /// The layout to put.
        layout: Layout,
        /// Pages that go, with the versions that were read.
        goes: Vec<(PageId, Version)>,
        /// Pages that come.
        comes: Vec<(PageId, Head)>,
    },
}

/// A sweep of one object, after its first read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// The object.
    pub name: Name,
    /// The layout's next id when the sweep began.
    pub next: PageId,
    /// The head of the object's page when the sweep began.
    pub head: Option<Head>,
    /// Whether the sweep has decided to delete the object.
    pub is_decided: bool,
}

/// An event source of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Source {
    /// The first record that is not done.
    pub next: u8,
    /// Whether an invocation's answer is awaited.
    pub is_waiting: bool,
}

/// A set of notes for the checks alone; the protocol does not read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notes {
    /// Records by the number of the state change that they led to, for each machine.
    pub decided: [Records; MACHINES],
    /// Numbers of state changes that are in the history, for each machine; one bit each.
    pub recorded: [u32; MACHINES],
    /// Records that were folded by states which have expired.
    pub expired: [Records; MACHINES],
    /// A state change was decided by two commits.
    pub decided_twice: bool,
    /// One identity was published with two contents.
    pub two_contents: bool,
    /// A view went back.
    pub view_went_back: bool,
    /// A record of a healthy machine was left behind a failing one.
    pub healthy_was_delayed: bool,
    /// Records of a damaged page that were written aside; one bit each.
    pub given_up: u32,
    /// Records of a page that is not damaged were given up.
    pub healthy_was_given_up: bool,
    /// An image was lost, so that order is no longer promised.
    pub image_was_lost: bool,
}

/// A state of the whole world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The layout item.
    pub layout: Layout,
    /// The heads, by page.
    pub heads: [Option<Head>; PAGES],
    /// Versions in the history, by page; one bit each.
    pub history: [u32; PAGES],
    /// Bodies in the object store, by name.
    pub objects: Vec<(Name, Rc<Sealed>)>,
    /// Records that were written aside; one bit each.
    pub aside: u32,
    /// Whether the object store refuses everything.
    pub is_away: bool,
    /// The records of each shard.
    pub shards: [Records; SHARDS],
    /// The event sources.
    pub sources: [Source; SHARDS],
    /// Images of the `state` stream, oldest first; each page in order, pages in any order.
    pub stream: Vec<Image>,
    /// Invocations of `evaluate`.
    pub invocations: [Option<Invocation>; SLOTS],
    /// The environments that they run in.
    pub environments: [Environment; SLOTS],
    /// A commit whose answer was lost and which may still take place.
    pub in_flight: Option<Prepared>,
    /// Keepers.
    pub keepers: [Option<Plan>; 2],
    /// The sweep, while it is at an object.
    pub sweeper: Option<Sweep>,
    /// An operator's delivery.
    pub operator: Option<Image>,
    /// An operator's unparking.
    pub unpark: Option<Prepared>,
    /// State changes that the bus had, by machine; one bit each.
    pub bus: [u32; MACHINES],
    /// Number of the state change that a machine's view shows.
    pub views: [u8; MACHINES],
    /// Whether the records that failed can be folded now.
    pub is_fixed: bool,
    /// A body that the object store has lost. The protocol does not read it.
    pub damaged: Option<(Name, Rc<Sealed>)>,
    /// Chances left.
    pub chances: Chances,
    /// Notes for the checks.
    pub notes: Notes,
}
