//! Retries of calls that failed transiently: a number of attempts, a wait before each, and a deadline.

use crate::ports::{Clock, PortError};

/// A counter of failed attempts, with their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    failed: u32,
}

/// A time after which no attempt starts, ms, and the time that an attempt needs before it, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The deadline, ms since the epoch.
    pub at_ms: i64,
    /// The time that must be left when an attempt starts, ms.
    pub needed_ms: i64,
}

impl Deadline {
    /// No deadline: the number of attempts alone ends the retries.
    pub const NONE: Self = Self { at_ms: i64::MAX, needed_ms: 0 };

    /// Returns a deadline before which an attempt must start.
    #[must_use]
    pub const fn before(at_ms: i64) -> Self {
        Self { at_ms, needed_ms: 1 }
    }

    /// Returns whether an attempt may start at a time, ms.
    #[must_use]
    pub const fn allows(self, start_ms: i64) -> bool {
        self.at_ms.saturating_sub(start_ms) >= self.needed_ms
    }
}

impl Retry {
    /// Creates a counter for a maximum number of attempts, the first one included.
    #[must_use]
    pub const fn new(attempts: u32) -> Self {
        Self { attempts, failed: 0 }
    }

    /// Returns the number of attempts that failed.
    #[must_use]
    pub const fn failed(&self) -> u32 {
        self.failed
    }

    /// Counts a failed attempt and returns whether another one is allowed.
    #[must_use]
    pub const fn is_left_after_failure(&mut self) -> bool {
        self.failed = self.failed.saturating_add(1);
        self.failed < self.attempts
    }

    /// Forgets the failures: an attempt succeeded.
    pub const fn reset(&mut self) {
        self.failed = 0;
    }
}

/// Waits before the next attempt and returns `true`, or returns `false` at once if it could not start in time.
pub async fn wait(clock: &impl Clock, wait_ms: u64, deadline: Deadline) -> bool {
    let in_time = deadline.allows(clock.now_ms().saturating_add_unsigned(wait_ms));
    if in_time {
        clock.sleep_ms(wait_ms).await;
    }
    in_time
}

/// Returns the wait after a number of failures, ms: `first_ms` after the first one, doubled after each further one.
#[must_use]
pub const fn doubled_ms(first_ms: u64, failed: u32) -> u64 {
    let shift = failed.saturating_sub(1);
    if shift < u64::BITS { first_ms.saturating_mul(1 << shift) } else { u64::MAX }
}

/// Calls until there is another answer than a transient error, the attempts are used up, or the deadline is reached.
/// Adds the number of repeated calls to `retries`.
///
/// # Errors
/// The error of the last call.
pub async fn call<T>(
    clock: &impl Clock,
    attempts: u32,
    first_wait_ms: u64,
    deadline: Deadline,
    retries: &mut u64,
    call: impl AsyncFn() -> Result<T, PortError>,
) -> Result<T, PortError> {
    let mut retry = Retry::new(attempts);
    loop {
        let error = match call().await {
            Err(error) if error.is_transient() => error,
            answer => return answer,
        };
        if !retry.is_left_after_failure()
            || !wait(clock, doubled_ms(first_wait_ms, retry.failed()), deadline).await
        {
            return Err(error);
        }
        *retries += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt as _;

    use super::*;

    /// A clock that only waits move.
    #[derive(Default)]
    struct Waits(Cell<i64>, RefCell<Vec<u64>>);

    impl Clock for Waits {
        fn now_ms(&self) -> i64 {
            self.0.get()
        }

        async fn sleep_ms(&self, duration_ms: u64) {
            self.0.set(self.0.get().saturating_add_unsigned(duration_ms));
            self.1.borrow_mut().push(duration_ms);
        }
    }

    /// The calls, the counted retries and the waits when every call fails with an error.
    fn failing(error: &PortError, deadline: Deadline) -> (u32, u64, Vec<u64>) {
        let (clock, calls, mut retries) = (Waits::default(), Cell::new(0), 0);
        let failed = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(error.clone())
        };
        let answer = call(&clock, 4, 50, deadline, &mut retries, failed).now_or_never().unwrap();
        assert_eq!(answer.as_ref(), Err(error));
        (calls.get(), retries, clock.1.take())
    }

    #[test]
    fn a_transient_error_is_retried_with_doubled_waits_up_to_the_number_of_attempts() {
        assert_eq!(failing(&PortError::transient("busy"), Deadline::NONE), (4, 3, vec![50, 100, 200]));
    }

    #[test]
    fn a_permanent_error_is_not_retried() {
        assert_eq!(failing(&PortError::permanent("refused"), Deadline::NONE), (1, 0, vec![]));
    }

    #[test]
    fn no_attempt_starts_at_or_after_the_deadline() {
        assert_eq!(failing(&PortError::transient("busy"), Deadline::before(150)), (2, 1, vec![50]));
        assert_eq!(failing(&PortError::transient("busy"), Deadline::before(151)), (3, 2, vec![50, 100]));
        assert_eq!(
            failing(&PortError::transient("busy"), Deadline { at_ms: 151, needed_ms: 10 }),
            (2, 1, vec![50])
        );
    }

    #[test]
    fn a_wait_after_very_many_failures_does_not_overflow() {
        assert_eq!(doubled_ms(100, 1), 100);
        assert_eq!(doubled_ms(100, 3), 400);
        assert_eq!(doubled_ms(100, u32::MAX), u64::MAX);
    }
}
