//! Places for calls: how many are under way, of which endpoints, and what an endpoint in trouble is given.
//!
//! A place that is free goes to the endpoint that holds the fewest, of several to the one that was given none for
//! longest: one that is slow does not keep others from being asked. An endpoint of which [`IN_A_ROW`] calls in a row have
//! failed is in trouble: one call at a time tries it, and if that fails, it has failed for all that wait for the endpoint.
//! Between two tries it is left alone for a while.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use andon_domain::ModelEndpoint;

use crate::limits::ENDPOINTS_IN_TROUBLE;

/// So many calls of an endpoint in a row have failed when it is in trouble. Of a model that fails half of the time,
/// one run in a thousand is as long.
pub(super) const IN_A_ROW: u32 = 10;

/// How long an endpoint in trouble is left alone after a call that failed, and how long what is to be asked of it
/// waits in the queue, ms.
pub(super) const PAUSE_MS: i64 = 5_000;

/// In which line the calls of an endpoint wait: in one with all that answer or fail together.
pub(super) fn lane(endpoint: &ModelEndpoint) -> String {
    let variant = endpoint.variant.as_deref().unwrap_or_default();
    format!("{} {variant} {}", endpoint.name, endpoint.asynchronous)
}

/// Where those wait who look after calls that are answered later.
pub(super) const LATER: &str = "";

/// What is known of endpoints whose last call failed. Kept between invocations.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    failing: BTreeMap<String, Failing>,
}

#[derive(Debug)]
struct Failing {
    in_a_row: u32,
    last_ms: i64,
}

impl CircuitBreaker {
    fn is_in_trouble(&self, endpoint: &str) -> bool {
        self.failing.get(endpoint).is_some_and(|failing| failing.in_a_row >= IN_A_ROW)
    }

    fn is_left_alone(&self, endpoint: &str, now_ms: i64) -> bool {
        self.is_in_trouble(endpoint)
            && self
                .failing
                .get(endpoint)
                .is_some_and(|failing| now_ms < failing.last_ms.saturating_add(PAUSE_MS))
    }

    fn failed(&mut self, endpoint: &str, now_ms: i64) {
        if let Some(failing) = self.failing.get_mut(endpoint) {
            failing.in_a_row = failing.in_a_row.saturating_add(1);
            failing.last_ms = now_ms;
            return;
        }
        if self.failing.len() >= ENDPOINTS_IN_TROUBLE {
            self.failing.pop_first();
        }
        self.failing.insert(endpoint.to_owned(), Failing { in_a_row: 1, last_ms: now_ms });
    }
}

/// What somebody is told who wants to make a call.
#[derive(Debug)]
pub(super) enum Permit<'p> {
    /// It may be made.
    Yours(Place<'p>),
    /// The endpoint is in trouble, and was tried in vain while this one waited.
    TriedInVain,
    /// The endpoint is in trouble, and was tried a short while ago.
    LeftAlone,
}

/// A place; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place<'p> {
    places: &'p EndpointLimiter<'p>,
    endpoint: String,
}

/// The places of one invocation.
#[derive(Debug)]
pub(super) struct EndpointLimiter<'h> {
    health: &'h RefCell<CircuitBreaker>,
    line: RefCell<Line>,
}

#[derive(Debug, Default)]
struct Line {
    free: usize,
    tickets: u64,
    given: u64,
    /// Who waits, by endpoint, in the order in which they came; and how many places each endpoint holds.
    endpoints: BTreeMap<String, Lane>,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug, Default)]
struct Lane {
    held: usize,
    /// When it was given one last, in places given.
    given: u64,
    waiting: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    told: Option<Told>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Yours,
    TriedInVain,
}

impl<'h> EndpointLimiter<'h> {
    pub(super) fn new(number: usize, health: &'h RefCell<CircuitBreaker>) -> Self {
        Self { health, line: RefCell::new(Line { free: number.max(1), ..Line::default() }) }
    }

    /// Waits for a place.
    pub(super) async fn turn<'p>(&'p self, endpoint: &str, now_ms: i64) -> Permit<'p> {
        if self.health.borrow().is_left_alone(endpoint, now_ms) {
            return Permit::LeftAlone;
        }
        let ticket = self.line.borrow_mut().join(endpoint);
        let mut is_first = true;
        let told = poll_fn(|context| {
            // Not before all that are begun together stand in line: the first would take all places.
            if std::mem::take(&mut is_first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.give();
            let mut line = self.line.borrow_mut();
            let Some(waiting) = line.waiting.get_mut(&ticket) else { return Poll::Ready(Told::TriedInVain) };
            if let Some(told) = waiting.told {
                line.waiting.remove(&ticket);
                return Poll::Ready(told);
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        });
        match told.await {
            Told::Yours => Permit::Yours(Place { places: self, endpoint: endpoint.to_owned() }),
            Told::TriedInVain => Permit::TriedInVain,
        }
    }

    /// Gives free places to those who wait.
    fn give(&self) {
        let health = self.health.borrow();
        let mut line = self.line.borrow_mut();
        while line.free > 0 {
            let given = line.given + 1;
            let lanes = line.endpoints.iter_mut();
            let may = lanes.filter(|(endpoint, lane)| {
                !lane.waiting.is_empty() && (lane.held == 0 || !health.is_in_trouble(endpoint))
            });
            let next = may.min_by_key(|(_, lane)| (lane.held, lane.given, lane.waiting.front().copied()));
            let Some((_, lane)) = next else { return };
            let Some(ticket) = lane.waiting.pop_front() else { return };
            lane.held += 1;
            lane.given = given;
            line.free -= 1;
            line.given = given;
            line.tell(ticket, Told::Yours);
        }
    }
}

impl Line {
    fn join(&mut self, endpoint: &str) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        match self.endpoints.get_mut(endpoint) {
            Some(lane) => lane.waiting.push_back(ticket),
            None => {
                let lane = Lane { waiting: VecDeque::from([ticket]), ..Lane::default() };
                self.endpoints.insert(endpoint.to_owned(), lane);
            }
        }
        self.waiting.insert(ticket, Waiting::default());
        ticket
    }

    fn tell(&mut self, ticket: u64, told: Told) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.told = Some(told);
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

impl Place<'_> {
    /// The endpoint has answered, be it that it refused.
    pub(super) fn answered(&self) {
        self.places.health.borrow_mut().failing.remove(&self.endpoint);
    }

    /// The call has failed; answers whether the endpoint is in trouble.
    pub(super) fn failed(&self, now_ms: i64) -> bool {
        let mut health = self.places.health.borrow_mut();
        health.failed(&self.endpoint, now_ms);
        let is_in_trouble = health.is_in_trouble(&self.endpoint);
        if is_in_trouble {
            let mut line = self.places.line.borrow_mut();
            let lane = line.endpoints.get_mut(&self.endpoint);
            let waiting = lane.map(|lane| std::mem::take(&mut lane.waiting)).unwrap_or_default();
            for ticket in waiting {
                line.tell(ticket, Told::TriedInVain);
            }
        }
        is_in_trouble
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        {
            let mut line = self.places.line.borrow_mut();
            line.free += 1;
            if let Some(lane) = line.endpoints.get_mut(&self.endpoint) {
                lane.held = lane.held.saturating_sub(1);
            }
        }
        self.places.give();
    }
}
