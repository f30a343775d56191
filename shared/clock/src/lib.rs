//! The clock of the machine, read in this one place. Its time is shown, bounds work, or is an argument of a workflow. It
//! never decides about a rule.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A running stop watch.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a stop watch.
    #[allow(clippy::disallowed_methods, reason = "the one allowed site")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Returns the milliseconds since the epoch; 0 if the clock of the machine is before the epoch.
#[allow(clippy::disallowed_methods, reason = "the one allowed site")]
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
