//! Holds the world that all processes share: tables, stream, bus, objects and history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use andon_workflows::ports::{
    BusEntry, Checkpoint, Due, Head, OutboxItem, Pointer, PortError, RuleVersion, SetRef, StoredSegment,
    TickMemory, View,
};

use super::{AsyncAnswer, Flaws, Kinesis, MemoryModel, Queue};

/// Maximum size of an item of DynamoDB, in bytes.
pub const ITEM_BYTES: usize = 400 << 10;

/// Maximum delay of the index of due times, ms.
const INDEX_LAG_MS: i64 = 3_000;

/// A world: tables, stream, bus and objects, with the history of their changes.
#[derive(Debug)]
pub struct World {
    /// The time, ms.
    pub now_ms: i64,
    /// The promises that it breaks.
    pub flaws: Flaws,
    /// Items in a page of an answer.
    pub page: usize,
    /// A machine whose commits the world refuses.
    pub refused_equipment: Option<String>,
    /// A text that the bus refuses in the detail of an entry.
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
    /// Every head that was deleted because it had expired.
    pub expired: Vec<Expired>,
    /// Segments that are missing until [`World::find_segments`], by machine.
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
    /// The memory of `tick`, by stream.
    pub memories: BTreeMap<String, TickMemory>,
    /// Objects by name.
    pub objects: BTreeMap<String, Vec<u8>>,
    /// The entries that the bus accepted, with the time, in that order.
    pub bus: Vec<(i64, BusEntry)>,
    /// Reports to the failure destination.
    pub failures: Vec<String>,
    /// The stream of data points.
    pub stream: Kinesis,
    /// True if there is a queue of score requests.
    pub has_queue: bool,
    /// The queue of score requests.
    pub queue: Queue,
    /// Every message that the queue accepted.
    pub sent: Vec<Sent>,
    /// Models by endpoint.
    pub models: BTreeMap<String, MemoryModel>,
    /// Answers of asynchronous endpoints.
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
    /// The time, ms.
    pub at_ms: i64,
    /// The key.
    pub equipment: String,
    /// The head that was written.
    pub head: Head,
    /// The outbox item that was written with it.
    pub outbox: Option<OutboxItem>,
}

/// A message that the queue of score requests accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The time, ms.
    pub at_ms: i64,
    /// The number of commits before it.
    pub after_commits: usize,
    /// Its body.
    pub body: String,
}

/// A head that was deleted because it had expired.
#[derive(Clone, Debug)]
pub struct Expired {
    /// The time, ms.
    pub at_ms: i64,
    /// The key.
    pub equipment: String,
    /// The number of commits before it.
    pub after_commits: usize,
}

/// A checkpoint that was saved.
#[derive(Clone, Debug)]
pub struct CheckpointSaved {
    /// The stream.
    pub stream: String,
    /// The shard.
    pub shard: String,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

impl World {
    /// Creates empty tables, and a stream `points` of one shard.
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

    /// Deletes expired items, as DynamoDB does some time after their expiry.
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

    /// Hides the segments of a machine; returns their number.
    pub fn hide_segments(&mut self, equipment: &str) -> usize {
        let hidden: Vec<_> = self.segments.extract_if(.., |(of, _), _| of == equipment).collect();
        let count = hidden.len();
        self.hidden.extend(hidden.into_iter().map(|((of, _), segment)| (of, segment)));
        count
    }

    /// Restores hidden segments.
    pub fn find_segments(&mut self) {
        for (equipment, segment) in std::mem::take(&mut self.hidden) {
            self.segments.entry((equipment, segment.name.clone())).or_insert(segment);
        }
    }

    /// Returns `true` at every n-th call, for flaws that show now and then.
    pub(super) fn every(&mut self, nth: u64) -> bool {
        self.turn += 1;
        self.turn.is_multiple_of(nth)
    }

    /// Returns the number of changes that the index of due times need not show yet.
    pub(super) fn young_due_changes(&self) -> usize {
        let old =
            self.due_changes.iter().take_while(|(at_ms, ..)| *at_ms <= self.now_ms - INDEX_LAG_MS).count();
        self.due_changes.len() - old
    }

    /// Applies all but the newest changes to the index of due times.
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

/// Refuses an item that is too large. The names of attributes count as 200 bytes.
pub(super) fn fits(what: &str, bytes: usize) -> Result<(), PortError> {
    let bytes = bytes + 200;
    if bytes <= ITEM_BYTES {
        return Ok(());
    }
    Err(PortError::permanent(format!(
        "the item of `{what}` would have {bytes} bytes; an item takes {ITEM_BYTES}"
    )))
}

/// Returns a page of items, with the token of the next page.
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
