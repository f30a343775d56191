//! The bytes of events.
//!
//! `lambda_runtime` gives events to functions as values that serde has read. Even the cheapest type that keeps the bytes
//! costs one more pass over them, and a copy. So a layer takes the bytes out of the invocation before serde reads it, and
//! the function takes them from a slot. There is one event at a time.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lambda_runtime::tower::Layer;
use lambda_runtime::{LambdaInvocation, Service};

/// A slot for the bytes of an event. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Slot(Rc<Cell<Option<Bytes>>>);

impl Slot {
    pub(crate) fn take(&self) -> Option<Bytes> {
        self.0.take()
    }
}

/// Puts the bytes of each event into a slot, and `null` in their place.
pub(crate) struct RawEvents {
    slot: Slot,
}

impl RawEvents {
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot }
    }
}

impl<S> Layer<S> for RawEvents {
    type Service = RawEventsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RawEventsService { slot: self.slot.clone(), inner }
    }
}

/// See [`RawEvents`].
pub(crate) struct RawEventsService<S> {
    slot: Slot,
    inner: S,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for RawEventsService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let body = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        self.slot.0.set(Some(body));
        self.inner.call(invocation)
    }
}
