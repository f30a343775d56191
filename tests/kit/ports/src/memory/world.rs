//! What all processes share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use andon_workflows::ports::{
    BusEntry, Checkpoint, Due, Head, OutboxItem, Pointer, PortError, RuleVersion, SetRef, StoredSegment,
    TickMemory, View,
};

use super::{AsyncAnswer, Flaws, Kinesis, MemoryModel, Queue};

/// What an item of DynamoDB takes, all told, in bytes.
pub const ITEM_BYTES: usize = 400 << 10;

/// Changes that the index of due times need not show are younger than this, ms.
const INDEX_LAG_MS: i64 = 3_000;

/// Tables, stream, bus and objects, and what was done to them.
#[derive(Debug)]
pub struct World {
    /// The time, ms.
    pub now_ms: i64,
    /// Which promises are broken.
    pub flaws: Flaws,
    /// Items in a page of an answer.
    pub page: usize,
    /// An equipment for which nothing folded can be written, until this is mended.
    pub refused_equipment: Option<String>,
    /// Entries with this in their detail are refused by the bus, for ever.
    pub refused_detail: Option<String>,
    /// Heads by equipment.
    pub heads: BTreeMap<String, Head>,
    /// Segments by equipment and name.
    pub segments: BTreeMap<(String, String), StoredSegment>,
    /// Views by equipment and rule.
    pub views: BTreeMap<(String, String), View>,
    /// Outbox items by equipment and version.
    pub outbox: BTreeMap<(String, u64), OutboxItem>,
    /// The stream of the outbox: new items, in the order of their commits.
    pub inserted: Vec<OutboxItem>,
    /// Every commit that took place.
    pub commits: Vec<Commitment>,
    /// Every head that was deleted since it had expired.
    pub expired: Vec<Expired>,
    /// Segments that were lost and may be found again, by equipment.
    pub hidden: Vec<(String, StoredSegment)>,
    /// The rule pointer.
    pub pointer: Pointer,
    /// Every rule set that the pointer ever listed, by start.
    pub listed: BTreeMap<i64, SetRef>,
    /// The documents of rule sets by digest.
    pub sets: BTreeMap<String, Vec<u8>>,
    /// Versions of rules by id and start.
    pub versions: BTreeMap<(String, i64), RuleVersion>,
    /// Checkpoints by stream and shard.
    pub checkpoints: BTreeMap<(String, String), Checkpoint>,
    /// Every checkpoint that was saved.
    pub saves: Vec<CheckpointSaved>,
    /// What `tick` remembers, by stream.
    pub memories: BTreeMap<String, TickMemory>,
    /// Objects by name.
    pub objects: BTreeMap<String, Vec<u8>>,
    /// What the bus accepted, with the time, in that order.
    pub bus: Vec<(i64, BusEntry)>,
    /// What was reported as undeliverable.
    pub failures: Vec<String>,
    /// The stream of data points.
    pub stream: Kinesis,
    /// Whether there is a queue of questions.
    pub has_queue: bool,
    /// The queue of questions to models.
    pub queue: Queue,
    /// Every message that the queue took.
    pub sent: Vec<Sent>,
    /// Models by endpoint.
    pub models: BTreeMap<String, MemoryModel>,
    /// Answers of endpoints that answer later.
    pub later: Vec<AsyncAnswer>,
    pub(super) due: BTreeSet<(u32, i64, String)>,
    pub(super) due_of: BTreeMap<String, Due>,
    pub(super) due_changes: VecDeque<(i64, String, Option<Due>)>,
    pub(super) stale: Option<Pointer>,
    pub(super) held: Option<BusEntry>,
    pub(super) early: Vec<BusEntry>,
    pub(super) turn: u64,
}

/// A commit that took place.
#[derive(Clone, Debug)]
pub struct Commitment {
    /// When, ms.
    pub at_ms: i64,
    /// The equipment.
    pub equipment: String,
    /// The head that was written.
    pub head: Head,
    /// What was decided with it.
    pub outbox: Option<OutboxItem>,
}

/// A message that the queue of questions took.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When, ms.
    pub at_ms: i64,
    /// So many commits had taken place.
    pub after_commits: usize,
    /// What it says.
    pub body: String,
}

/// A head that was deleted since it had expired.
#[derive(Clone, Debug)]
pub struct Expired {
    /// When, ms.
    pub at_ms: i64,
    /// The equipment.
    pub equipment: String,
    /// So many commits had taken place.
    pub after_commits: usize,
}

/// A checkpoint that was saved.
#[derive(Clone, Debug)]
pub struct CheckpointSaved {
    /// The stream.
    pub stream: String,
    /// The shard.
    pub shard: String,
    /// What was saved.
    pub checkpoint: Checkpoint,
}

impl World {
    /// Empty tables, and a stream `points` of one shard.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now_ms: 1_700_000_000_000,
            flaws: Flaws::default(),
            page: 100,
            refused_equipment: None,
            refused_detail: None,
            heads: BTreeMap::new(),
            segments: BTreeMap::new(),
            views: BTreeMap::new(),
            outbox: BTreeMap::new(),
            inserted: Vec::new(),
            commits: Vec::new(),
            expired: Vec::new(),
            hidden: Vec::new(),
            pointer: Pointer::default(),
            listed: BTreeMap::new(),
            sets: BTreeMap::new(),
            versions: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            saves: Vec::new(),
            memories: BTreeMap::new(),
            objects: BTreeMap::new(),
            bus: Vec::new(),
            failures: Vec::new(),
            stream: Kinesis::new("points", 1),
            has_queue: true,
            queue: Queue::default(),
            sent: Vec::new(),
            models: BTreeMap::new(),
            later: Vec::new(),
            due: BTreeSet::new(),
            due_of: BTreeMap::new(),
            due_changes: VecDeque::new(),
            stale: None,
            held: None,
            early: Vec::new(),
            turn: 0,
        }
    }

    /// Deletes what has expired, as DynamoDB does some time after it has.
    pub fn expire(&mut self) {
        let now_s = self.now_ms / 1000;
        let gone: Vec<String> = self
            .heads
            .iter()
            .filter(|(_, head)| self.flaws.expires_all || head.expires_s.is_some_and(|at_s| at_s <= now_s))
            .map(|(id, _)| id.clone())
            .collect();
        for equipment in gone {
            self.heads.remove(&equipment);
            let after_commits = self.commits.len();
            self.expired.push(Expired { at_ms: self.now_ms, equipment: equipment.clone(), after_commits });
            self.due_changes.push_back((self.now_ms, equipment, None));
        }
        self.segments.retain(|_, segment| segment.expires_s > now_s);
        self.outbox.retain(|_, item| item.expires_s > now_s);
    }

    /// Loses the segments of an equipment; answers how many there were.
    pub fn hide_segments(&mut self, equipment: &str) -> usize {
        let hidden: Vec<_> = self.segments.extract_if(.., |(of, _), _| of == equipment).collect();
        let count = hidden.len();
        self.hidden.extend(hidden.into_iter().map(|((of, _), segment)| (of, segment)));
        count
    }

    /// Finds again what was lost.
    pub fn find_segments(&mut self) {
        for (equipment, segment) in std::mem::take(&mut self.hidden) {
            self.segments.entry((equipment, segment.name.clone())).or_insert(segment);
        }
    }

    /// Counts calls, for flaws that show now and then.
    pub(super) fn every(&mut self, nth: u64) -> bool {
        self.turn += 1;
        self.turn.is_multiple_of(nth)
    }

    /// How many changes the index of due times need not show yet.
    pub(super) fn young_due_changes(&self) -> usize {
        let old =
            self.due_changes.iter().take_while(|(at_ms, ..)| *at_ms <= self.now_ms - INDEX_LAG_MS).count();
        self.due_changes.len() - old
    }

    /// Lets the index of due times show all but the newest changes.
    pub(super) fn show_due_changes(&mut self, but: usize) {
        while self.due_changes.len() > but {
            let Some((_, equipment, due)) = self.due_changes.pop_front() else { return };
            if let Some(before) = self.due_of.remove(&equipment) {
                self.due.remove(&(before.bucket, before.at_ms, equipment.clone()));
            }
            if let Some(due) = due {
                self.due.insert((due.bucket, due.at_ms, equipment.clone()));
                self.due_of.insert(equipment, due);
            }
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Refuses what no item can hold. Names of attributes and the like are counted as 200 bytes.
pub(super) fn fits(what: &str, bytes: usize) -> Result<(), PortError> {
    let bytes = bytes + 200;
    if bytes <= ITEM_BYTES {
        return Ok(());
    }
    Err(PortError::permanent(format!(
        "the item of `{what}` would have {bytes} bytes; an item takes {ITEM_BYTES}"
    )))
}

/// The items after `next`, up to a page of them, and where to go on.
pub(super) fn page<T, K: ToString>(
    items: impl Iterator<Item = (K, T)>,
    page: usize,
) -> andon_workflows::ports::Page<T> {
    let mut items = items.peekable();
    let mut found = andon_workflows::ports::Page { items: Vec::new(), next: None };
    while let Some((key, item)) = items.next() {
        found.items.push(item);
        if found.items.len() >= page {
            found.next = items.peek().map(|_| key.to_string());
            break;
        }
    }
    found
}
