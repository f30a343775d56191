//! The ports: what the workflows require of AWS, and the duties of an implementation.
//!
//! Every method may be called again after any failure, also after one whose effect took place and whose answer was lost.
//! Each method defines the effect of a repeat. No method retries for longer than its caller can wait. A failure is a
//! [`PortError`], which tells whether a retry can help.
//!
//! No port is bound to threads: the functions, the command line and the simulation use one thread each.

mod checkpoints;
mod models;
mod objects;
mod rules;
mod sinks;
mod state;

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

/// An error of a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// The kind of the error: it decides whether a retry can help.
    pub kind: ErrorKind,
    /// The call and its answer, for the operator who can fix the cause.
    pub message: String,
}

/// A kind of error: whether a retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Throttled, timed out, unavailable, or without an answer: the same call may succeed later. Its effect may have
    /// taken place.
    Transient,
    /// Refused because of its content: the same call is always refused. It had no effect.
    Permanent,
}

impl PortError {
    /// Creates a transient error: the same call may succeed later.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Transient, message: message.into() }
    }

    /// Creates a permanent error: the same call is always refused.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Permanent, message: message.into() }
    }

    /// Returns whether a retry can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Transient
    }
}

/// The wall clock. It paces work and stamps stored items; no state change depends on it.
pub trait Clock {
    /// Returns the time, ms since the epoch.
    fn now_ms(&self) -> i64;

    /// Waits: between attempts, and between scans of `tick`.
    async fn sleep_ms(&self, duration_ms: u64);
}
