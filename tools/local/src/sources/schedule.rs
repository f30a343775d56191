//! Invokes a function on a schedule.

use std::time::Duration;

use andon_clock::Stopwatch;
use tokio::sync::watch;

use super::{Invoke, go_on_after};

/// Invokes now and then once per period, never twice at a time. A failed invocation waits for the next period.
pub(super) async fn every(period: Duration, target: impl Invoke, mut stop: watch::Receiver<bool>) {
    loop {
        let since = Stopwatch::start();
        let event =
            serde_json::json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": {}});
        tokio::select! {
            _ = target.invoke(event.to_string().into_bytes()) => {}
            // It works through the whole period, and what it does may end anywhere.
            _ = stop.changed() => return,
        }
        if !go_on_after(period.saturating_sub(since.elapsed()), &mut stop).await {
            return;
        }
    }
}
