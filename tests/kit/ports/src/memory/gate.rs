//! Where a call may fail, wait, or never come back.

use std::cell::RefCell;
use std::rc::Rc;

use andon_workflows::ports::PortError;

use super::World;

/// What is being done, for traces and for the choice of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The method of the port.
    pub method: &'static str,
    /// What it is done to: an equipment, the name of an object, ..
    pub subject: &'a str,
}

/// What stands between a process and the world. Of itself nothing fails, and sleeping moves the world's time at once.
#[allow(async_fn_in_trait, reason = "used from one thread")]
pub trait Gate {
    /// Passed before the effect; on an error there is none.
    ///
    /// # Errors
    /// What the caller is told instead.
    async fn before(&self, _: &Call<'_>) -> Result<(), PortError> {
        Ok(())
    }

    /// Passed after the effect.
    ///
    /// # Errors
    /// What the caller is told instead of the answer.
    async fn after(&self, _: &Call<'_>) -> Result<(), PortError> {
        Ok(())
    }

    /// Asked for each entry of a request that is answered entry by entry.
    fn refuses(&self, _: &Call<'_>) -> Option<PortError> {
        None
    }

    /// How far the process's clock is off, ms.
    fn skew_ms(&self) -> i64 {
        0
    }

    /// How many of the newest changes the index of due times does not show, of those that it need not show.
    fn lag(&self, changes: usize) -> usize {
        // The newest change always comes a little late, so that whoever counts on the index is found out.
        changes.min(1)
    }

    /// Waits.
    async fn sleep_ms(&self, world: &Rc<RefCell<World>>, duration_ms: u64) {
        let mut world = world.borrow_mut();
        world.now_ms = world.now_ms.saturating_add_unsigned(duration_ms);
    }
}

/// Nothing fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Gate for Open {}
