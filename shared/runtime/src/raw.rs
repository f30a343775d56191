//! Events as they came.
//!
//! `lambda_runtime` hands events over as what serde makes of them; the least that keeps their bytes reads all of them once
//! more than needed, and copies them. So the bytes are taken out of the invocation before it is read, and the function
//! takes them from where they were put. There is one event at a time.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lambda_runtime::tower::Layer;
use lambda_runtime::{LambdaInvocation, Service};

/// Where the bytes of the event are put. Shared by those who hold a clone.
#[derive(Clone, Default)]
pub(crate) struct Slot(Rc<Cell<Option<Bytes>>>);

impl Slot {
    pub(crate) fn take(&self) -> Option<Bytes> {
        self.0.take()
    }
}

/// Puts the bytes of each event into a slot; what goes on is `null`.
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
