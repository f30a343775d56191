//! Simulates a Kinesis stream: shards with lineage, sequence numbers and hash ranges.

use andon_domain::fnv::Fnv64;
use std::rc::Rc;

use andon_ingest::SequenceNumber;

/// A stream. Sequence numbers rise across all of its shards.
#[derive(Clone, Debug)]
pub struct Kinesis {
    name: String,
    shards: Vec<Shard>,
    records: u64,
}

/// A shard: the records whose keys hash into its range.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shards that it was split or merged from, as positions in [`Kinesis::shards`].
    pub parents: Vec<usize>,
    /// The smallest hash of its range.
    pub from: u64,
    /// The greatest hash of its range.
    pub to: u64,
    /// True while it accepts records.
    pub open: bool,
    /// Its records.
    pub records: Vec<ShardRecord>,
}

/// A record of a shard.
#[derive(Clone, Debug)]
pub struct ShardRecord {
    /// Its sequence number.
    pub sequence_number: SequenceNumber,
    /// The approximate arrival timestamp, ms.
    pub arrival_ms: i64,
    /// The partition key.
    pub partition_key: String,
    /// The content.
    pub data: Rc<[u8]>,
}

/// Returns the hash of a partition key, among the hash ranges of shards.
#[must_use]
pub fn hash_of(partition_key: &str) -> u64 {
    mixed(partition_key, Fnv64::default())
}

/// Returns the slice of a partition key: the concurrent batch of its shard that reads it.
#[must_use]
pub fn slice_of(partition_key: &str, parallelization_factor: usize) -> usize {
    // Another hash than that of shards, so that a shard's keys go to all slices.
    let hash = mixed(partition_key, Fnv64::with_basis(0x9e37_79b9_7f4a_7c15));
    usize::try_from(hash % u64::try_from(parallelization_factor.max(1)).unwrap_or(1)).unwrap_or_default()
}

/// Returns the hash of a text, its upper bits made to depend on all of the text.
fn mixed(text: &str, mut hash: Fnv64) -> u64 {
    hash.write(text.as_bytes());
    let hash = hash.finish();
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

impl Kinesis {
    /// Creates a stream with a number of shards of about the same width.
    #[must_use]
    pub fn new(name: &str, shards: u64) -> Self {
        let mut stream = Self { name: name.to_owned(), shards: Vec::new(), records: 0 };
        let width = u64::MAX / shards.max(1);
        for index in 0..shards.max(1) {
            let from = index * width + index.min(1);
            let to = if index + 1 == shards.max(1) { u64::MAX } else { (index + 1) * width };
            stream.add(Vec::new(), from, to);
        }
        stream
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns all shards, oldest first.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    fn add(&mut self, parents: Vec<usize>, from: u64, to: u64) {
        let id = format!("shardId-{:012}", self.shards.len());
        self.shards.push(Shard { id, parents, from, to, open: true, records: Vec::new() });
    }

    /// Writes a record; returns its shard and its sequence number.
    pub fn put(&mut self, partition_key: &str, data: &[u8], arrival_ms: i64) -> (String, SequenceNumber) {
        self.records += 1;
        let sequence_number = number(self.records);
        let hash = hash_of(partition_key);
        let open = self.shards.iter_mut().find(|shard| shard.open && shard.from <= hash && hash <= shard.to);
        let Some(shard) = open else { return (String::new(), sequence_number) };
        shard.records.push(ShardRecord {
            sequence_number,
            arrival_ms,
            partition_key: partition_key.to_owned(),
            data: data.into(),
        });
        (shard.id.clone(), sequence_number)
    }

    /// Splits a shard in the middle of its range; a closed one stays as it is.
    pub fn split(&mut self, index: usize) -> bool {
        let Some(shard) = self.shards.get_mut(index).filter(|shard| shard.open && shard.from < shard.to)
        else {
            return false;
        };
        shard.open = false;
        let (from, to) = (shard.from, shard.to);
        let middle = from + (to - from) / 2;
        self.add(vec![index], from, middle);
        self.add(vec![index], middle + 1, to);
        true
    }

    /// Merges a shard with the open one above it, if there is one.
    pub fn merge(&mut self, index: usize) -> bool {
        let Some(lower) = self.shards.get(index).filter(|shard| shard.open) else { return false };
        let (from, Some(next)) = (lower.from, lower.to.checked_add(1)) else { return false };
        let Some(upper) = self.shards.iter().position(|shard| shard.open && shard.from == next) else {
            return false;
        };
        let mut to = from;
        for part in [index, upper] {
            if let Some(shard) = self.shards.get_mut(part) {
                shard.open = false;
                to = to.max(shard.to);
            }
        }
        self.add(vec![index, upper], from, to);
        true
    }
}

/// Returns the n-th sequence number of a stream: as long as those of Kinesis, and soon one digit longer, so that a
/// comparison as texts is found out.
fn number(nth: u64) -> SequenceNumber {
    const LONGER_FROM: u64 = 40;
    let text = if nth < LONGER_FROM {
        format!("{}{:020}", "9".repeat(35), u64::MAX - LONGER_FROM + nth)
    } else {
        format!("1{}{nth:020}", "0".repeat(35))
    };
    text.parse().unwrap_or_default()
}
