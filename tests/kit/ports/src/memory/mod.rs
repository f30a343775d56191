//! Implements the ports in memory: one world, and any number of handles to it.
//!
//! All processes share a [`World`]: tables, stream, bus, objects. It keeps the promises of DynamoDB and Kinesis
//! (conditions, transactions, sizes of items, hash ranges, an index that lags), and a history for checkers. A [`Memory`]
//! is the handle of one process. Each of its calls passes the process's [`Gate`] before and after its effect: there a
//! simulation injects faults.

mod checkpoints;
mod endpoint;
mod flaws;
mod gate;
mod models;
mod objects;
mod queue;
mod rules;
mod sinks;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod world;

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use andon_workflows::ports::{Clock, PortError, QueueEntry};

pub use endpoint::{AsyncAnswer, MemoryModel};
pub use flaws::Flaws;
pub use gate::{Call, Gate, Open};
pub use queue::{Queue, Queued};
pub use stream::{Kinesis, Shard, ShardRecord, hash_of, slice_of};
pub use world::{CheckpointSaved, Commitment, Expired, ITEM_BYTES, Sent, World};

/// The name and the content of an object that a flaw holds back.
type HeldBack = (String, Vec<u8>);

/// A handle of one process to a world.
#[derive(Clone, Debug)]
pub struct Memory<G = Open> {
    world: Rc<RefCell<World>>,
    gate: G,
    /// Objects that a flaw holds back.
    held_back: Rc<RefCell<Vec<HeldBack>>>,
    /// Score requests that a flaw holds back.
    unsent: Rc<RefCell<Vec<QueueEntry>>>,
}

impl Memory<Open> {
    /// Creates a handle to a new world without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(&Rc::new(RefCell::new(World::new())), Open)
    }
}

impl Default for Memory<Open> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Gate> Memory<G> {
    /// Creates a handle to a world.
    #[must_use]
    pub fn of(world: &Rc<RefCell<World>>, gate: G) -> Self {
        Self { world: Rc::clone(world), gate, held_back: Rc::default(), unsent: Rc::default() }
    }

    /// Returns the world, to read it.
    #[must_use]
    pub fn world(&self) -> Ref<'_, World> {
        self.world.borrow()
    }

    /// Returns the world, to change it from outside.
    #[must_use]
    pub fn world_mut(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    fn write_held_back(&self) {
        let mut world = self.world.borrow_mut();
        world.objects.extend(self.held_back.take());
        self.unsent.take().iter().for_each(|entry| world.take_score_request(entry));
    }

    /// Makes a call: the gate, the effect, the gate again.
    async fn call<T>(
        &self,
        call: Call<'_>,
        effect: impl FnOnce(&mut World) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        self.gate.before(&call).await?;
        let answer = effect(&mut self.world.borrow_mut());
        self.gate.after(&call).await?;
        answer
    }
}

impl<G: Gate> Clock for Memory<G> {
    fn now_ms(&self) -> i64 {
        self.world.borrow().now_ms.saturating_add(self.gate.skew_ms())
    }

    async fn sleep_ms(&self, duration_ms: u64) {
        self.gate.sleep_ms(&self.world, duration_ms).await;
    }
}
