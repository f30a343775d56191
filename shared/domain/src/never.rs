//! Broken invariants: a panic for a developer, a count for a running plant.
//!
//! [`never!`](crate::never!) stands where code would otherwise return in silence because an index, a name or a state
//! does not exist although an invariant says that it does. After rust-analyzer's `never!`: a broken invariant must not
//! stop a shard, and must not be hidden either.
//!
//! - With debug assertions (tests, fuzzing, local builds) and in the simulation it panics with its message and place.
//! - In a release build it is counted for the thread. The caller goes on with the safe half of its decision. The owner of
//!   the record calls [`take_broken`] and keeps the record. The line of the log carries the count as `invariantsBroken`.

use std::cell::{Cell, RefCell};
use std::fmt;

thread_local! {
    static LOUD: Cell<bool> = const { Cell::new(cfg!(debug_assertions)) };
    static BROKEN: RefCell<Broken> = const { RefCell::new(Broken { count: 0, first: None }) };
}

/// A number of broken invariants, with the message of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// The number of broken invariants.
    pub count: u64,
    /// Message and place of the first one; `None` if the count is 0.
    pub first: Option<String>,
}

impl Broken {
    /// Adds invariants that were broken later.
    pub fn add(&mut self, later: Self) {
        self.count = self.count.saturating_add(later.count);
        self.first = self.first.take().or(later.first);
    }
}

/// Returns the invariants of this thread that were broken since the last call, and forgets them.
#[must_use]
pub fn take_broken() -> Broken {
    BROKEN.take()
}

/// Returns the number of invariants of this thread that were broken since the last [`take_broken`]. Code that keeps what
/// it made compares it before and after, and does not keep what rests on a broken invariant.
#[must_use]
pub fn broken_count() -> u64 {
    BROKEN.with_borrow(|broken| broken.count)
}

/// Makes [`never!`](crate::never!) panic on this thread in every build. The simulation and the fuzz targets call it.
pub fn panic_on_broken() {
    LOUD.set(true);
}

/// Runs `f` as production would and returns its value with the invariants that were broken in it. For tests.
pub fn quietly<T>(f: impl FnOnce() -> T) -> (T, Broken) {
    let loud = LOUD.replace(false);
    let before = take_broken();
    let value = f();
    let broken = BROKEN.replace(before);
    LOUD.set(loud);
    (value, broken)
}

/// Counts a broken invariant, or panics. Called by [`never!`](crate::never!).
#[cold]
#[inline(never)]
#[track_caller]
pub fn broken(message: fmt::Arguments<'_>) {
    let place = std::panic::Location::caller();
    let message = format!("{message} ({}:{})", place.file(), place.line());
    if LOUD.get() {
        #[allow(clippy::panic, reason = "a broken invariant must be seen where a developer can fix it")]
        {
            panic!("an invariant is broken: {message}");
        }
    }
    BROKEN.with_borrow_mut(|broken| broken.add(Broken { count: 1, first: Some(message) }));
}

/// Says that this place cannot be reached: `never!("the plan names rule {index} of {count}")`.
///
/// It panics where a developer sees it and counts in production, see [`never`](mod@crate::never). Its value is `()`.
#[macro_export]
macro_rules! never {
    ($($message:tt)+) => {
        $crate::never::broken(::std::format_args!($($message)+))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "an invariant is broken: rule 7 of 3")]
    fn a_broken_invariant_panics_in_a_test() {
        never!("rule {} of {}", 7, 3);
    }

    #[test]
    fn a_broken_invariant_is_counted_in_production() {
        let ((), broken) = quietly(|| {
            never!("first");
            assert_eq!(broken_count(), 1);
            never!("second");
        });
        assert_eq!(broken.count, 2);
        assert!(broken.first.unwrap().starts_with("first (shared/domain/src/never.rs:"));
        assert_eq!(take_broken(), Broken::default());
    }
}
