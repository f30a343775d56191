//! The one place that asks the machine for the time. What it says is shown, bounds work, or is handed to a workflow as an
//! argument; it never decides what a rule means.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A running stop watch.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[allow(clippy::disallowed_methods, reason = "the one allowed site")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Milliseconds since the epoch; 0 on a machine whose clock stands before it.
#[allow(clippy::disallowed_methods, reason = "the one allowed site")]
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
