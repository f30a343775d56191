//! The records of shards by lane.

use andon_kit_ports::memory::{Kinesis, ShardRecord, lane_of};

/// Which records of each shard each lane reads, in the order of the shard.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: usize,
    shards: Vec<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    /// So many records of the shard are in it.
    seen: usize,
    records: Vec<Vec<usize>>,
}

impl Lanes {
    pub(super) fn new(lanes: usize) -> Self {
        Self { lanes, shards: Vec::new() }
    }

    /// Looks at what was written since.
    pub(super) fn look(&mut self, stream: &Kinesis) {
        self.shards.resize_with(stream.shards().len(), Lane::default);
        for (shard, lane) in stream.shards().iter().zip(&mut self.shards) {
            lane.records.resize_with(self.lanes, Vec::new);
            for (number, record) in shard.records.iter().enumerate().skip(lane.seen) {
                if let Some(records) = lane.records.get_mut(lane_of(&record.partition_key, self.lanes)) {
                    records.push(number);
                }
            }
            lane.seen = shard.records.len();
        }
    }

    /// How many records a lane has.
    pub(super) fn count(&self, shard: usize, lane: usize) -> usize {
        self.of(shard, lane).len()
    }

    /// Some records of a lane.
    pub(super) fn batch(
        &self,
        stream: &Kinesis,
        (shard, lane): (usize, usize),
        next: usize,
        count: usize,
    ) -> Vec<ShardRecord> {
        let Some(of) = stream.shards().get(shard) else { return Vec::new() };
        let numbers = self.of(shard, lane).iter().skip(next).take(count);
        numbers.filter_map(|number| of.records.get(*number)).cloned().collect()
    }

    fn of(&self, shard: usize, lane: usize) -> &[usize] {
        self.shards.get(shard).and_then(|of| of.records.get(lane)).map(Vec::as_slice).unwrap_or_default()
    }
}
