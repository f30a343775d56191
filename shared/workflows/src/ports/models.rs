//! Models: the queue of score requests, calls of endpoints, and outputs of asynchronous calls.

use super::{Accepted, PortError};

/// A message for the queue of score requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// JSON, see [`crate::enrich::EnrichMessage`].
    pub body: String,
    /// The delay before it can be received, s; at most [`crate::limits::QUEUE_DELAY_S`].
    pub delay_s: u32,
}

/// The queue of score requests, for its senders.
pub trait ScoreRequestQueue {
    /// Returns whether there is a queue: a deployment without models needs none.
    fn has_queue(&self) -> bool;

    /// Sends any number of messages; returns one answer per message, in order. A message may be delivered more than once,
    /// and in any order.
    async fn enqueue(&self, entries: &[QueueEntry]) -> Result<Vec<Accepted>, PortError>;
}

/// A call of a real-time endpoint (`InvokeEndpoint`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall<'c> {
    /// The endpoint's name.
    pub endpoint: &'c str,
    /// The target variant; `None`: any variant.
    pub variant: Option<&'c str>,
    /// The content type of the body.
    pub content_type: &'c str,
    /// The accepted content type of the answer.
    pub accept: &'c str,
    /// The rows, encoded.
    pub body: &'c [u8],
    /// The timeout of the call, ms.
    pub timeout_ms: u64,
}

/// A call of an asynchronous endpoint (`InvokeEndpointAsync`), which answers into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncInvocation<'c> {
    /// The endpoint's name.
    pub endpoint: &'c str,
    /// The content type of the body.
    pub content_type: &'c str,
    /// The accepted content type of the answer.
    pub accept: &'c str,
    /// The rows, encoded. The implementation writes them to an object of this call's id first if it has to.
    pub body: &'c [u8],
    /// The id of the call, repeated in its answer.
    pub inference_id: &'c str,
    /// The time to live of the request in the endpoint's queue, s. After it the answer is no longer needed.
    pub request_ttl_s: u32,
}

/// The locations of an asynchronous call's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsyncOutput {
    /// The location of the answer.
    pub output: Option<String>,
    /// The location of the failure, if there is no answer.
    pub failure: Option<String>,
}

/// A kind of failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The call timed out.
    Timeout,
    /// The endpoint throttles, is not ready, not reachable, or has an internal error: the same call may succeed later.
    Busy,
    /// The endpoint refuses the content of the call, or its answer cannot be used: the same call always fails.
    Refused,
}

/// An error of a call of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// The kind of failure.
    pub kind: CallErrorKind,
    /// The call and its answer, for the operator who can fix the cause.
    pub message: String,
}

impl CallError {
    /// Creates an error of a kind.
    pub fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Returns whether a retry can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind != CallErrorKind::Refused
    }
}

/// Models behind endpoints.
pub trait Models {
    /// Calls an endpoint and waits for its answer, of at most [`crate::limits::MODEL_ANSWER_BYTES`]. It makes one attempt:
    /// the caller retries.
    async fn call(&self, call: &ModelCall<'_>) -> Result<Vec<u8>, CallError>;

    /// Calls an asynchronous endpoint. It makes one attempt.
    async fn invoke_async(&self, call: &AsyncInvocation<'_>) -> Result<AsyncOutput, CallError>;

    /// Reads the output of an asynchronous endpoint at a location; `None` if there is none yet.
    async fn read_async_output(&self, place: &str) -> Result<Option<Vec<u8>>, PortError>;
}
