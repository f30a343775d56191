//! Injects faults at gates: a call fails, waits, or never returns.

use std::cell::RefCell;
use std::rc::Rc;

use andon_workflows::ports::PortError;

use super::World;

/// A call of a port, for traces and for the choice of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The method of the port.
    pub method: &'static str,
    /// Its subject: a machine, the name of an object, ..
    pub subject: &'a str,
}

/// A gate between a process and the world. By default nothing fails, and sleeping moves the world's time at once.
#[allow(async_fn_in_trait, reason = "used from one thread")]
pub trait Gate {
    /// Called before the effect. On an error there is no effect.
    ///
    /// # Errors
    /// The error that the caller gets instead.
    async fn before(&self, _: &Call<'_>) -> Result<(), PortError> {
        Ok(())
    }

    /// Called after the effect.
    ///
    /// # Errors
    /// The error that the caller gets instead of the answer.
    async fn after(&self, _: &Call<'_>) -> Result<(), PortError> {
        Ok(())
    }

    /// Returns the refusal of an entry, for requests that are answered entry by entry.
    fn refuses(&self, _: &Call<'_>) -> Option<PortError> {
        None
    }

    /// Returns the skew of the process's clock, ms.
    fn skew_ms(&self) -> i64 {
        0
    }

    /// Returns how many of the changes that the index of due times need not show it does not show.
    fn lag(&self, changes: usize) -> usize {
        // The newest change is always late, so that code that relies on the index is found out.
        changes.min(1)
    }

    /// Waits.
    async fn sleep_ms(&self, world: &Rc<RefCell<World>>, duration_ms: u64) {
        let mut world = world.borrow_mut();
        world.now_ms = world.now_ms.saturating_add_unsigned(duration_ms);
    }
}

/// A gate at which nothing fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Gate for Open {}
