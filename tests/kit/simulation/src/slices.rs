//! The records of shards by slice: the part of a shard that one of its concurrent batches reads.

use andon_kit_ports::memory::{Kinesis, ShardRecord, slice_of};

/// The records of each slice of each shard, in the order of the shard.
#[derive(Debug)]
pub(super) struct Slices {
    /// Slices per shard: the parallelization factor.
    per_shard: usize,
    shards: Vec<ShardSlices>,
}

#[derive(Debug, Default)]
struct ShardSlices {
    /// The number of records of the shard that are assigned.
    assigned: usize,
    /// The numbers of the records of each slice.
    records: Vec<Vec<usize>>,
}

impl Slices {
    pub(super) fn new(per_shard: usize) -> Self {
        Self { per_shard, shards: Vec::new() }
    }

    /// Assigns the records that were written since the last call.
    pub(super) fn update(&mut self, stream: &Kinesis) {
        self.shards.resize_with(stream.shards().len(), ShardSlices::default);
        for (shard, slices) in stream.shards().iter().zip(&mut self.shards) {
            slices.records.resize_with(self.per_shard, Vec::new);
            for (number, record) in shard.records.iter().enumerate().skip(slices.assigned) {
                if let Some(records) = slices.records.get_mut(slice_of(&record.partition_key, self.per_shard))
                {
                    records.push(number);
                }
            }
            slices.assigned = shard.records.len();
        }
    }

    /// Returns the number of records in a slice.
    pub(super) fn count(&self, shard: usize, slice: usize) -> usize {
        self.of(shard, slice).len()
    }

    /// Returns some records of a slice.
    pub(super) fn batch(
        &self,
        stream: &Kinesis,
        (shard, slice): (usize, usize),
        next: usize,
        count: usize,
    ) -> Vec<ShardRecord> {
        let Some(of) = stream.shards().get(shard) else { return Vec::new() };
        let numbers = self.of(shard, slice).iter().skip(next).take(count);
        numbers.filter_map(|number| of.records.get(*number)).cloned().collect()
    }

    fn of(&self, shard: usize, slice: usize) -> &[usize] {
        self.shards.get(shard).and_then(|of| of.records.get(slice)).map(Vec::as_slice).unwrap_or_default()
    }
}
