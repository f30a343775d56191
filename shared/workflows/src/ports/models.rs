//! Models: the queue of questions to them, the calls, and where asynchronous ones leave their answers.

use std::fmt;

use super::{Accepted, PortError};

/// A message for the queue of questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// JSON, see [`crate::enrich::EnrichMessage`].
    pub body: String,
    /// Nobody sees it before so long, s; at most [`crate::limits::QUEUE_DELAY_S`].
    pub delay_s: u32,
}

/// The queue of questions to models, to be written to.
pub trait ScoreRequestQueue {
    /// Whether there is a queue: a deployment without models needs none.
    fn has_queue(&self) -> bool;

    /// Sends messages; one answer per message, in order. Any number of messages is taken. A message may be delivered
    /// more than once, and in any order.
    async fn enqueue(&self, entries: &[QueueEntry]) -> Result<Vec<Accepted>, PortError>;
}

/// A call of an endpoint that answers at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall<'c> {
    /// The endpoint's name.
    pub endpoint: &'c str,
    /// Which of its variants, if not any.
    pub variant: Option<&'c str>,
    /// Of the body.
    pub content_type: &'c str,
    /// The content type that is wanted of the answer.
    pub accept: &'c str,
    /// The rows.
    pub body: &'c [u8],
    /// It has failed when there is no answer after so long, ms.
    pub timeout_ms: u64,
}

/// A call of an endpoint that answers later, into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncInvocation<'c> {
    /// The endpoint's name.
    pub endpoint: &'c str,
    /// Of the body.
    pub content_type: &'c str,
    /// The content type that is wanted of the answer.
    pub accept: &'c str,
    /// The rows. Where they are too many for the call, they are written to an object of this call's id first.
    pub body: &'c [u8],
    /// Names the call in its answer.
    pub inference_id: &'c str,
    /// After so long nobody waits for the answer any more, s.
    pub wanted_for_s: u32,
}

/// Where the answer to a call will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsyncOutput {
    /// Where the answer will be.
    pub output: Option<String>,
    /// Where it will say why there is none.
    pub failure: Option<String>,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// There was no answer in time.
    Timeout,
    /// Throttled, not ready, not reached, or broken inside: the same call may succeed later.
    Busy,
    /// Refused for what was asked, or the answer cannot be used: the same call will always fail.
    Refused,
}

/// Why a call of a model failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// How.
    pub kind: CallErrorKind,
    /// What was tried and what was answered, for the person who can mend it.
    pub message: String,
}

impl CallError {
    /// An error of a kind.
    pub fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind != CallErrorKind::Refused
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}

/// Models behind endpoints.
pub trait Models {
    /// Calls an endpoint and waits for its answer, of at most [`crate::limits::MODEL_ANSWER_BYTES`]. One attempt: whoever
    /// calls tries again, and knows how often.
    async fn call(&self, call: &ModelCall<'_>) -> Result<Vec<u8>, CallError>;

    /// Calls an endpoint that answers later. One attempt.
    async fn invoke_async(&self, call: &AsyncInvocation<'_>) -> Result<AsyncOutput, CallError>;

    /// Reads what such an endpoint has left at a place, if it has.
    async fn read_async_output(&self, place: &str) -> Result<Option<Vec<u8>>, PortError>;
}
