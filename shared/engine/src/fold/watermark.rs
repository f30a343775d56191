//! The sources of a key with their marks, and the watermark over these marks.

use andon_domain::{limits, never};
use compact_str::CompactString;

use crate::compile::Times;

/// A source of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub id: CompactString,
    /// Its mark: its greatest own timestamp, ms.
    pub mark_ms: i64,
    /// The arrival of the record that raised the mark, ms.
    pub last_ms: i64,
}

/// The sources of a key, in the order of their first points.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sources(pub Vec<Source>);

impl Sources {
    /// Observes a point of a source: raises its mark. Of too many sources, the one that was silent for longest goes.
    #[inline]
    pub(crate) fn observe(&mut self, id: &str, own_ms: i64, arrival_ms: i64) {
        if let Some(source) = self.0.iter_mut().find(|source| source.id == id) {
            if own_ms > source.mark_ms {
                source.mark_ms = own_ms;
                source.last_ms = arrival_ms;
            }
            return;
        }
        self.0.push(Source { id: id.into(), mark_ms: own_ms, last_ms: arrival_ms });
        if self.0.len() > limits::SOURCES {
            // `min_by_key` returns the first of equals: the source that came first.
            let oldest =
                self.0.iter().enumerate().min_by_key(|(_, source)| source.last_ms).map(|(index, _)| index);
            match oldest {
                Some(oldest) => {
                    self.0.remove(oldest);
                }
                None => never!("none of {} sources is the oldest", self.0.len()),
            }
        }
    }

    /// Returns the watermark of these sources at a clock.
    #[inline]
    pub(crate) fn watermark_ms(&self, times: &Times, clock_ms: i64) -> i64 {
        let active = self.of_active(times, clock_ms);
        let silent = self.of_silence(times, clock_ms);
        active.map_or(silent, |active| active.max(silent))
    }

    /// Returns the watermark of the active sources: the slowest source decides, but holds the others back by no more
    /// than the maximum drift. `None` without an active source.
    fn of_active(&self, times: &Times, clock_ms: i64) -> Option<i64> {
        let mut bounds: Option<(i64, i64)> = None;
        for source in self.0.iter().filter(|source| clock_ms - source.last_ms <= times.idle_timeout_ms) {
            let mark_ms = source.mark_ms;
            bounds = Some(match bounds {
                Some((least, greatest)) => (least.min(mark_ms), greatest.max(mark_ms)),
                None => (mark_ms, mark_ms),
            });
        }
        let (least, greatest) = bounds?;
        Some(least.max(greatest - times.max_source_drift_ms) - times.max_out_of_orderness_ms)
    }

    /// Returns the watermark of silence: without new points, event time goes on at the clock's pace, in the sources'
    /// own time.
    fn of_silence(&self, times: &Times, clock_ms: i64) -> i64 {
        clock_ms + self.greatest_advance_ms() - times.idle_timeout_ms - times.max_out_of_orderness_ms
    }

    /// Returns the distance, ms, of the most advanced source's time from its arrivals; negative if it is behind, as
    /// usual. A key without sources has its time from the clock.
    fn greatest_advance_ms(&self) -> i64 {
        self.0.iter().map(|source| source.mark_ms - source.last_ms).max().unwrap_or(0)
    }

    /// Returns the earliest clock from `clock_ms` on at which the watermark is at least `target_ms`, without new
    /// points.
    ///
    /// Silence raises the watermark steadily. In addition, the watermark may jump when a slow source becomes idle.
    pub(crate) fn clock_for_watermark_ms(&self, times: &Times, clock_ms: i64, target_ms: i64) -> i64 {
        let by_silence_ms =
            target_ms + times.idle_timeout_ms + times.max_out_of_orderness_ms - self.greatest_advance_ms();
        let by_falling_idle_ms = self
            .0
            .iter()
            .map(|source| source.last_ms + times.idle_timeout_ms + 1)
            .chain([clock_ms])
            .filter(|at_ms| *at_ms >= clock_ms)
            .filter(|at_ms| {
                self.of_active(times, *at_ms).is_some_and(|watermark_ms| watermark_ms >= target_ms)
            })
            .min();
        by_falling_idle_ms.map_or(by_silence_ms, |at_ms| at_ms.min(by_silence_ms)).max(clock_ms)
    }
}
