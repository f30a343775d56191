//! What the workflows need from the world, and what whoever implements it owes.
//!
//! Every method may be called again after any failure, also after one where the effect took place and only the
//! answer was lost: the methods say what a repeat must do. None of them retries for longer than its caller can wait;
//! what fails is answered as a [`PortError`], which says whether trying again can help.
//!
//! Nothing here is bound to threads: the functions and the command line run on one, and so does the simulation.

mod checkpoints;
mod models;
mod objects;
mod rules;
mod sinks;
mod state;

use std::fmt;

pub use checkpoints::{Checkpoint, CheckpointStore, Saved, SourceMark, TickMemory, TickMemoryStore};
pub use models::{
    AsyncInvocation, AsyncOutput, CallError, CallErrorKind, ModelCall, Models, QueueEntry, ScoreRequestQueue,
};
pub use objects::Objects;
pub use rules::{Advanced, Pointer, RuleStore, RuleVersion, SetRef};
pub use sinks::{Accepted, Bus, BusEntry, Failures, Refusal, Stream, StreamEntry, Written};
pub use state::{
    Commit, Committed, Due, Head, OutboxItem, OutboxStore, Page, Parked, Payload, StateStore, StoredSegment,
    View,
};

/// Why a port could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortError {
    /// Whether trying again can help.
    pub kind: ErrorKind,
    /// What was tried and what was answered, for the person who can mend it.
    pub message: String,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Throttled, timed out, unavailable, or not answered: the same call may succeed later. Its effect may have taken
    /// place.
    Transient,
    /// Refused for what was asked: the same call will always be refused. It had no effect.
    Permanent,
}

impl PortError {
    /// The same call may succeed later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Transient, message: message.into() }
    }

    /// The same call will always be refused.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Permanent, message: message.into() }
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Transient
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PortError {}

/// The machine's time. It paces work and stamps what is written; it decides nothing.
pub trait Clock {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Waits. Used between attempts and between rounds of ticks.
    async fn sleep_ms(&self, duration_ms: u64);
}
