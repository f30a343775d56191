//! Progress of event time, from checkpoints alone. It is shown and decides nothing.
//!
//! The watermark of a shard is the smallest mark of its active sources, the global one the smallest of the active shards.
//! Idleness is measured between checkpoints, not against the reader's clock: if all sources are silent, the watermark
//! stands, and its age shows it.

use std::collections::BTreeMap;

use crate::ports::{Checkpoint, SourceMark};

/// Idle timeouts: the silence after which a source or a shard no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTimeouts {
    /// Maximum time between the last rise of a source's mark and the newest arrival of its shard, ms: the `idle_timeout`
    /// of the rules.
    pub source_ms: i64,
    /// Maximum time between the checkpoint of a shard and the newest checkpoint, ms. Longer than the batch window and the
    /// interval of checkpoints together. The last record read from an active shard may be much older: then the shard is
    /// behind and holds the watermark back.
    pub shard_ms: i64,
}

impl Default for IdleTimeouts {
    fn default() -> Self {
        let rules = andon_domain::Settings::default();
        Self { source_ms: rules.idle_timeout.0, shard_ms: 60_000 }
    }
}

/// Returns whether a source of a shard is active.
#[must_use]
pub fn is_active(source: &SourceMark, shard: &Checkpoint, timeouts: IdleTimeouts) -> bool {
    shard.arrival_ms.saturating_sub(source.last_ms) <= timeouts.source_ms
}

/// Returns the watermark of a shard, ms; `None` if no source is active.
#[must_use]
pub fn of_shard(shard: &Checkpoint, timeouts: IdleTimeouts) -> Option<i64> {
    let active = shard.sources.values().filter(|source| is_active(source, shard, timeouts));
    active.map(|source| source.mark_ms).min()
}

/// The progress of event time in a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamProgress {
    /// The smallest watermark of the active shards, ms; `None` if no shard is active. With a parallelization factor above 1
    /// it is an upper bound: one of the concurrent batches of a shard may be behind the checkpoint.
    pub global_ms: Option<i64>,
    /// The watermark of each shard, active or not.
    pub shards: BTreeMap<String, Option<i64>>,
    /// The active shards.
    pub active: Vec<String>,
}

/// Returns the watermarks of a stream.
#[must_use]
pub fn of_stream(shards: &[(String, Checkpoint)], timeouts: IdleTimeouts) -> StreamProgress {
    let newest_ms = shards.iter().map(|(_, shard)| shard.written_ms).max().unwrap_or(i64::MIN);
    let mut watermarks = StreamProgress::default();
    for (name, shard) in shards {
        let watermark = of_shard(shard, timeouts);
        watermarks.shards.insert(name.clone(), watermark);
        let written = newest_ms.saturating_sub(shard.written_ms) <= timeouts.shard_ms;
        if let (true, Some(watermark)) = (written, watermark) {
            watermarks.active.push(name.clone());
            watermarks.global_ms = Some(watermarks.global_ms.map_or(watermark, |least| least.min(watermark)));
        }
    }
    watermarks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: IdleTimeouts = IdleTimeouts { source_ms: 10_000, shard_ms: 60_000 };

    fn shard(written_s: i64, arrival_s: i64, sources: &[(&str, i64, i64)]) -> Checkpoint {
        let mark = |(name, mark_s, last_s): &(&str, i64, i64)| {
            let mark = SourceMark { mark_ms: mark_s * 1000, last_ms: last_s * 1000, ..SourceMark::default() };
            ((*name).to_owned(), mark)
        };
        Checkpoint {
            written_ms: written_s * 1000,
            arrival_ms: arrival_s * 1000,
            sources: sources.iter().map(mark).collect(),
            ..Checkpoint::default()
        }
    }

    fn global_s(shards: &[Checkpoint]) -> Option<i64> {
        let named: Vec<(String, Checkpoint)> =
            shards.iter().enumerate().map(|(number, shard)| (number.to_string(), shard.clone())).collect();
        of_stream(&named, TIMEOUTS).global_ms.map(|ms| ms / 1000)
    }

    #[test]
    fn the_slowest_active_source_holds_the_shard_and_the_slowest_active_shard_the_stream() {
        let one = shard(1000, 1000, &[("a", 995, 999), ("b", 980, 990)]);
        assert_eq!(of_shard(&one, TIMEOUTS), Some(980_000));
        let other = shard(999, 998, &[("c", 970, 998)]);
        assert_eq!(global_s(&[one, other]), Some(970));
    }

    #[test]
    fn a_source_that_is_silent_for_longer_than_the_idle_timeout_holds_nothing_back() {
        assert_eq!(global_s(&[shard(1000, 1000, &[("a", 995, 999), ("b", 980, 989)])]), Some(995));
    }

    #[test]
    fn a_shard_without_an_active_source_has_no_watermark_and_holds_nothing_back() {
        // Ticks move its clock on, its sources are silent.
        let ticked = shard(1000, 1000, &[("a", 900, 901)]);
        assert_eq!(of_shard(&ticked, TIMEOUTS), None);
        assert_eq!(global_s(std::slice::from_ref(&ticked)), None);
        assert_eq!(global_s(&[ticked, shard(1000, 1000, &[("b", 999, 1000)])]), Some(999));
    }

    #[test]
    fn a_shard_that_is_read_late_holds_back_and_one_that_is_no_longer_read_does_not() {
        let fresh = shard(1000, 1000, &[("a", 999, 1000)]);
        let behind = shard(995, 400, &[("a", 398, 400)]);
        assert_eq!(global_s(&[fresh.clone(), behind]), Some(398));
        let closed = shard(930, 930, &[("a", 929, 930)]);
        assert_eq!(global_s(&[fresh, closed]), Some(999));
    }

    #[test]
    fn where_all_is_silent_the_watermark_stands() {
        assert_eq!(global_s(&[shard(10, 10, &[("a", 9, 10)])]), Some(9));
        assert_eq!(global_s(&[]), None);
    }

    #[test]
    fn times_at_the_ends_of_what_can_be_written_do_not_overflow() {
        let mut least = shard(0, 0, &[("a", 0, 0)]);
        least.written_ms = i64::MIN;
        least.arrival_ms = i64::MIN;
        let mut greatest = least.clone();
        greatest.written_ms = i64::MAX;
        greatest.arrival_ms = i64::MAX;
        assert_eq!(global_s(&[least, greatest]), None);
    }
}
