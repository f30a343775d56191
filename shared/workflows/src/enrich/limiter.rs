//! Permits for model calls: how many run at a time, for which endpoints, and a circuit breaker for each endpoint.
//!
//! A free permit goes to the endpoint that holds the fewest, and among several to the one that got a permit least
//! recently: a slow endpoint does not block others. The circuit of an endpoint opens after [`FAILURES_TO_OPEN`]
//! consecutive failures. After [`OPEN_MS`] it is half open: one call at a time probes the endpoint. A probe that fails
//! has failed for all calls that wait for the endpoint, and opens the circuit again.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use andon_domain::{ModelEndpoint, never};

use crate::limits::FAILING_ENDPOINTS;

/// Consecutive failures that open the circuit of an endpoint. At a failure rate of 50 %, a run of 10 happens once in 1,024.
pub(super) const FAILURES_TO_OPEN: u32 = 10;

/// Time for which a circuit stays open after a failure, and for which its messages wait in the queue, ms.
pub(super) const OPEN_MS: i64 = 5_000;

/// Returns the queue key of an endpoint. Calls with the same endpoint, variant and mode share a queue, because they fail
/// together.
pub(super) fn queue_key(endpoint: &ModelEndpoint) -> String {
    let variant = endpoint.variant.as_deref().unwrap_or_default();
    format!("{} {variant} {}", endpoint.name, endpoint.asynchronous)
}

/// Queue key of polls and notifications of asynchronous calls.
pub(super) const ASYNC_QUEUE_KEY: &str = "";

/// The endpoints whose last call failed. Kept between invocations.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    failing: BTreeMap<String, Failures>,
}

#[derive(Debug)]
struct Failures {
    consecutive: u32,
    last_ms: i64,
}

impl CircuitBreaker {
    /// Returns whether a circuit is open or half open.
    fn is_tripped(&self, endpoint: &str) -> bool {
        self.failing.get(endpoint).is_some_and(|failures| failures.consecutive >= FAILURES_TO_OPEN)
    }

    /// Returns whether a circuit is open: no call may be made, not even a probe.
    fn is_open(&self, endpoint: &str, now_ms: i64) -> bool {
        self.is_tripped(endpoint)
            && self
                .failing
                .get(endpoint)
                .is_some_and(|failures| now_ms < failures.last_ms.saturating_add(OPEN_MS))
    }

    fn on_failure(&mut self, endpoint: &str, now_ms: i64) {
        if let Some(failures) = self.failing.get_mut(endpoint) {
            failures.consecutive = failures.consecutive.saturating_add(1);
            failures.last_ms = now_ms;
            return;
        }
        if self.failing.len() >= FAILING_ENDPOINTS {
            self.failing.pop_first();
        }
        self.failing.insert(endpoint.to_owned(), Failures { consecutive: 1, last_ms: now_ms });
    }

    fn on_success(&mut self, endpoint: &str) {
        self.failing.remove(endpoint);
    }
}

/// The answer to a call that asks for a permit.
#[derive(Debug)]
pub(super) enum Admission<'l> {
    /// The call may be made.
    Granted(Permit<'l>),
    /// The circuit opened, or its probe failed, while this call waited.
    FailedWhileWaiting,
    /// The circuit is open.
    CircuitOpen,
}

/// A permit for one call; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'l> {
    limiter: &'l EndpointLimiter<'l>,
    endpoint: String,
}

/// The permits of one invocation.
#[derive(Debug)]
pub(super) struct EndpointLimiter<'b> {
    breaker: &'b RefCell<CircuitBreaker>,
    queue: RefCell<WaitQueue>,
}

#[derive(Debug, Default)]
struct WaitQueue {
    free: usize,
    tickets: u64,
    granted: u64,
    endpoints: BTreeMap<String, EndpointQueue>,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug, Default)]
struct EndpointQueue {
    /// Permits that calls of the endpoint hold.
    held: usize,
    /// Number of the last permit that the endpoint got.
    granted: u64,
    /// Tickets in the order in which they came.
    tickets: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    grant: Option<Grant>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Grant {
    Permit,
    FailedWhileWaiting,
}

impl<'b> EndpointLimiter<'b> {
    pub(super) fn new(permits: usize, breaker: &'b RefCell<CircuitBreaker>) -> Self {
        Self { breaker, queue: RefCell::new(WaitQueue { free: permits.max(1), ..WaitQueue::default() }) }
    }

    /// Waits for a permit.
    pub(super) async fn admit<'l>(&'l self, endpoint: &str, now_ms: i64) -> Admission<'l> {
        if self.breaker.borrow().is_open(endpoint, now_ms) {
            return Admission::CircuitOpen;
        }
        let ticket = self.queue.borrow_mut().join(endpoint);
        let mut is_first = true;
        let grant = poll_fn(|context| {
            // Grant nothing before all calls that start together have joined: the first endpoint would take all permits.
            if std::mem::take(&mut is_first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.grant_free();
            let mut queue = self.queue.borrow_mut();
            let Some(waiting) = queue.waiting.get_mut(&ticket) else {
                never!("ticket {ticket} waits and is not in the queue");
                return Poll::Ready(Grant::FailedWhileWaiting);
            };
            if let Some(grant) = waiting.grant {
                queue.waiting.remove(&ticket);
                return Poll::Ready(grant);
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        });
        match grant.await {
            Grant::Permit => Admission::Granted(Permit { limiter: self, endpoint: endpoint.to_owned() }),
            Grant::FailedWhileWaiting => Admission::FailedWhileWaiting,
        }
    }

    /// Grants free permits to waiting calls.
    fn grant_free(&self) {
        let breaker = self.breaker.borrow();
        let mut queue = self.queue.borrow_mut();
        while queue.free > 0 {
            let granted = queue.granted + 1;
            let candidates = queue.endpoints.iter_mut().filter(|(endpoint, own)| {
                !own.tickets.is_empty() && (own.held == 0 || !breaker.is_tripped(endpoint))
            });
            let next =
                candidates.min_by_key(|(_, own)| (own.held, own.granted, own.tickets.front().copied()));
            let Some((_, own)) = next else { return };
            let Some(ticket) = own.tickets.pop_front() else {
                return never!("an endpoint without waiting calls was chosen");
            };
            own.held += 1;
            own.granted = granted;
            queue.free -= 1;
            queue.granted = granted;
            queue.tell(ticket, Grant::Permit);
        }
    }
}

impl WaitQueue {
    fn join(&mut self, endpoint: &str) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        match self.endpoints.get_mut(endpoint) {
            Some(own) => own.tickets.push_back(ticket),
            None => {
                let own = EndpointQueue { tickets: VecDeque::from([ticket]), ..EndpointQueue::default() };
                self.endpoints.insert(endpoint.to_owned(), own);
            }
        }
        self.waiting.insert(ticket, Waiting::default());
        ticket
    }

    fn tell(&mut self, ticket: u64, grant: Grant) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else {
            return never!("ticket {ticket} is in the queue of an endpoint and does not wait");
        };
        waiting.grant = Some(grant);
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

impl Permit<'_> {
    /// Notes that the endpoint answered, even if it rejected the call. This closes its circuit.
    pub(super) fn on_success(&self) {
        self.limiter.breaker.borrow_mut().on_success(&self.endpoint);
    }

    /// Notes that the call failed; returns whether the circuit is now open.
    pub(super) fn on_failure(&self, now_ms: i64) -> bool {
        let mut breaker = self.limiter.breaker.borrow_mut();
        breaker.on_failure(&self.endpoint, now_ms);
        let is_tripped = breaker.is_tripped(&self.endpoint);
        if is_tripped {
            let mut queue = self.limiter.queue.borrow_mut();
            let own = queue.endpoints.get_mut(&self.endpoint);
            let tickets = own.map(|own| std::mem::take(&mut own.tickets)).unwrap_or_default();
            for ticket in tickets {
                queue.tell(ticket, Grant::FailedWhileWaiting);
            }
        }
        is_tripped
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        {
            let mut queue = self.limiter.queue.borrow_mut();
            queue.free += 1;
            match queue.endpoints.get_mut(&self.endpoint) {
                Some(own) => own.held = own.held.saturating_sub(1),
                None => never!("an endpoint holds a permit and has no queue"),
            }
        }
        self.limiter.grant_free();
    }
}
