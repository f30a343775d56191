//! Who sends, and how far each sender's time has come: marks, and the watermark over them.

use andon_domain::limits;
use compact_str::CompactString;

use crate::compile::Times;

/// One sender of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub id: CompactString,
    /// Its greatest own timestamp, ms.
    pub mark_ms: i64,
    /// Arrival of the record that raised the mark, ms.
    pub last_ms: i64,
}

/// The senders of a key, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sources(pub Vec<Source>);

impl Sources {
    /// A point of a source was heard.
    #[inline]
    pub(crate) fn hear(&mut self, id: &str, own_ms: i64, arrival_ms: i64) {
        if let Some(source) = self.0.iter_mut().find(|source| source.id == id) {
            if own_ms > source.mark_ms {
                source.mark_ms = own_ms;
                source.last_ms = arrival_ms;
            }
            return;
        }
        self.0.push(Source { id: id.into(), mark_ms: own_ms, last_ms: arrival_ms });
        if self.0.len() > limits::SOURCES {
            // `min_by_key` takes the first of equals: the one that came first.
            let oldest =
                self.0.iter().enumerate().min_by_key(|(_, source)| source.last_ms).map(|(index, _)| index);
            if let Some(oldest) = oldest {
                self.0.remove(oldest);
            }
        }
    }

    /// The watermark that these senders stand for at a clock.
    #[inline]
    pub(crate) fn watermark_ms(&self, times: &Times, clock_ms: i64) -> i64 {
        let heard = self.of_active(times, clock_ms);
        let silent = self.of_silence(times, clock_ms);
        heard.map_or(silent, |heard| heard.max(silent))
    }

    /// By the active senders: the slowest rules, but holds the others back by no more than the drift.
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

    /// Where nothing new is heard, event time goes on at the clock's pace, in the senders' own time.
    fn of_silence(&self, times: &Times, clock_ms: i64) -> i64 {
        clock_ms + self.greatest_advance_ms() - times.idle_timeout_ms - times.max_out_of_orderness_ms
    }

    /// How far the most advanced sender's time is ahead of (mostly: behind, then negative) its arrivals.
    fn greatest_advance_ms(&self) -> i64 {
        self.0.iter().map(|source| source.mark_ms - source.last_ms).max().unwrap_or(0)
    }

    /// The earliest clock from `clock_ms` on at which the watermark is at least `target_ms`, if nothing more is
    /// heard.
    ///
    /// Silence raises the watermark steadily; besides, it may jump when a slow sender is no longer active.
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
