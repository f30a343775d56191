//! The machine's clock.

use std::time::Duration;

use andon_workflows::ports::Clock;

use crate::Aws;

impl Clock for Aws {
    fn now_ms(&self) -> i64 {
        andon_clock::now_ms()
    }

    async fn sleep_ms(&self, duration_ms: u64) {
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
    }
}
