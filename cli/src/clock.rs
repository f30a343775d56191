//! The one place that asks the machine for the time. It measures how long work took; it decides nothing.

use std::time::{Duration, Instant};

/// A running stop watch.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "the one allowed site, for speed in summaries")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
