//! A healthy model beside an unhealthy one, in time that passes when nothing else can happen.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

/// A table of wakers by wake-up time in ms.
#[derive(Clone, Debug, Default)]
struct Sleepers(Rc<RefCell<BTreeMap<(i64, u64), Waker>>>, Rc<Cell<u64>>);

impl Gate for Sleepers {
    async fn sleep_ms(&self, world: &Rc<RefCell<World>>, duration_ms: u64) {
        let until_ms = world.borrow().now_ms.saturating_add_unsigned(duration_ms);
        poll_fn(|context| {
            if world.borrow().now_ms >= until_ms {
                return Poll::Ready(());
            }
            self.1.set(self.1.get() + 1);
            self.0.borrow_mut().insert((until_ms, self.1.get()), context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The function, a queue, and the models `dead` and `healthy`.
struct Line {
    function: Enrich<Memory<Sleepers>>,
    world: Rc<RefCell<World>>,
    sleepers: Sleepers,
    began_ms: i64,
    sent: u32,
}

impl Line {
    fn new(concurrency: usize) -> Self {
        let world = Rc::new(RefCell::new(World::new()));
        let dead = MemoryModel { dead: true, ..MemoryModel::default() };
        let healthy = MemoryModel { latency_ms: 50, ..MemoryModel::default() };
        world.borrow_mut().models = [("dead".to_owned(), dead), ("healthy".to_owned(), healthy)].into();
        let sleepers = Sleepers::default();
        let ports = Memory::of(&world, sleepers.clone());
        let settings = EnrichSettings { concurrency, ..EnrichSettings::default() };
        let function = Enrich::new(ports, Authenticator::new(&KEY).unwrap(), settings);
        let began_ms = world.borrow().now_ms;
        Self { function, world, sleepers, began_ms, sent: 0 }
    }

    /// Puts score requests to a model into the queue.
    fn ask(&mut self, endpoint: &str, number: u32, more: &Value) {
        let mut whole = json!({"name": endpoint});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for _ in 0..number {
            self.sent += 1;
            let now_ms = self.world.borrow().now_ms;
            let batch = json!({"askedMs": now_ms, "endpoint": whole, "names": ["t"], "requests": [
                {"model": endpoint, "version": 1, "equipmentId": format!("e{}", self.sent), "at": now_ms, "inputs": [1.5]}
            ]});
            let batch: ScoreRequestBatch = serde_json::from_value(batch).unwrap();
            let body = EnrichMessage::ScoreRequests(Box::new(batch)).to_json();
            self.world.borrow_mut().queue.send(&QueueEntry { body, delay_s: 0 }, now_ms);
        }
    }

    /// One invocation with what is visible in the queue, and how long it took, ms.
    fn invoke(&mut self) -> (EnrichSummary, i64) {
        let now_ms = self.world.borrow().now_ms;
        let (ids, bodies): (Vec<u64>, Vec<String>) = {
            let mut world = self.world.borrow_mut();
            let received = world.queue.receive(1000, now_ms, 360_000, 12);
            received.into_iter().map(|(id, message)| (id, message.body)).unzip()
        };
        let event = event(&bodies, 1);
        let mut working = pin!(self.function.enrich(&event, now_ms + 60_000));
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let answer = loop {
            if flag.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(answer) = working.as_mut().poll(&mut Context::from_waker(&waker)) {
                    break answer.unwrap().answer;
                }
            } else {
                let first = self.sleepers.0.borrow_mut().pop_first();
                let ((until_ms, _), sleeper) = first.expect("a sleeper");
                let mut world = self.world.borrow_mut();
                world.now_ms = world.now_ms.max(until_ms);
                drop(world);
                sleeper.wake();
            }
        };
        for (place, id) in ids.iter().enumerate() {
            if !answer.not_done.contains(&place.to_string()) {
                self.world.borrow_mut().queue.delete(*id);
            }
        }
        (answer.summary, self.world.borrow().now_ms - now_ms)
    }

    fn wait(&self, duration_ms: i64) {
        self.world.borrow_mut().now_ms += duration_ms;
    }

    /// When scores of a model were written, ms since the beginning.
    fn scored(&self, endpoint: &str) -> Vec<i64> {
        let tag = format!(r#""tag":"ml.{endpoint}""#);
        let world = self.world.borrow();
        let records = world.stream.shards().iter().flat_map(|shard| shard.records.iter());
        let of_tag = records.filter(|record| String::from_utf8_lossy(&record.data).contains(&tag));
        of_tag.map(|record| record.arrival_ms - self.began_ms).collect()
    }

    fn calls(&self, endpoint: &str) -> u64 {
        self.world.borrow().models[endpoint].calls
    }
}

#[test]
fn a_healthy_model_does_not_wait_for_a_dead_one_in_the_same_batch() {
    for (concurrency, of_the_healthy) in [(2, 1), (20, 10)] {
        let mut line = Line::new(concurrency);
        line.ask("dead", 60, &json!({}));
        line.ask("healthy", 60, &json!({}));
        let (summary, _) = line.invoke();
        let scored = line.scored("healthy");
        assert_eq!((scored.len(), summary.scores), (60, 60));
        // 50 ms a call, with half of the places, all in one write at the end.
        let last_ms = 60 * 50 / of_the_healthy;
        assert!(scored.iter().all(|at_ms| *at_ms <= last_ms), "{concurrency}: {scored:?}");
    }
}

#[test]
fn one_place_goes_to_each_endpoint_in_turn() {
    let mut line = Line::new(1);
    line.ask("dead", 5, &json!({"timeout": "1s"}));
    line.ask("healthy", 5, &json!({}));
    line.invoke();
    let expected: Vec<i64> = (1..=5).map(|number| number * 1050).collect();
    assert_eq!(line.scored("healthy"), expected);
}

#[test]
fn an_unhealthy_endpoint_is_tried_by_one_call_and_holds_up_no_invocation() {
    let mut line = Line::new(20);
    line.ask("dead", 20, &json!({"on_failure": -1.0}));
    let (first, took_ms) = line.invoke();
    assert_eq!((first.model_timeouts, first.postponed, first.requests_unanswered), (20, 20, 0));
    assert!((5_000..6_000).contains(&took_ms), "{took_ms}");

    // It was tried a short while ago: what comes now waits, and nothing has failed for it.
    line.ask("dead", 20, &json!({"on_failure": -1.0}));
    line.ask("healthy", 20, &json!({}));
    let (second, took_ms) = line.invoke();
    assert_eq!((second.model_calls, second.postponed, second.scores), (20, 20, 20));
    assert!(took_ms < 100, "{took_ms}");

    // One call for all forty.
    line.wait(5_000);
    let (third, took_ms) = line.invoke();
    assert_eq!(
        (third.score_requests, third.model_calls, third.model_timeouts, third.postponed),
        (40, 1, 1, 40)
    );
    assert_eq!(took_ms, 5_000);

    // The attempts of a binding are as many as ever: of the first the call of its own, and three for all.
    let mut told = Vec::new();
    for _ in 0..3 {
        line.wait(5_000);
        let (summary, _) = line.invoke();
        assert_eq!((summary.model_calls, summary.scores), (1, 0));
        told.push((summary.requests_unanswered, summary.substitutes, summary.postponed));
    }
    assert_eq!(told, [(0, 0, 40), (20, 20, 20), (20, 20, 0)]);
    assert!(line.world.borrow().queue.is_empty());
    assert_eq!(line.calls("dead"), 24);
}

#[test]
fn an_endpoint_that_answers_again_is_asked_all_that_waits() {
    let mut line = Line::new(20);
    line.ask("dead", 100, &json!({}));
    let (summary, _) = line.invoke();
    // Nine of the first twenty had given their places to others before the tenth failed.
    assert_eq!((summary.model_timeouts, summary.postponed), (29, 100));
    line.world.borrow_mut().models.get_mut("dead").unwrap().dead = false;
    line.wait(5_000);
    let (summary, took_ms) = line.invoke();
    assert_eq!((summary.scores, summary.postponed, line.scored("dead").len()), (100, 0, 100));
    assert!(took_ms < 50, "{took_ms}");
}

#[test]
fn a_message_that_the_queue_does_not_take_comes_again_by_itself() {
    let mut line = Line::new(20);
    line.ask("dead", 20, &json!({}));
    line.invoke();
    line.ask("dead", 1, &json!({"format": "json", "content_type": "x".repeat(300_000)}));
    let (summary, _) = line.invoke();
    assert_eq!((summary.postponed, summary.errors, summary.messages_not_done), (0, 1, 1));
}

#[test]
fn without_retries_a_try_for_all_is_the_only_attempt() {
    let mut line = Line::new(20);
    line.ask("dead", 20, &json!({"retries": 0}));
    let (summary, _) = line.invoke();
    assert_eq!((summary.model_calls, summary.requests_unanswered, summary.postponed), (20, 20, 0));
    line.ask("dead", 20, &json!({"retries": 0}));
    assert_eq!(line.invoke().0.postponed, 20);
    line.wait(5_000);
    let (summary, _) = line.invoke();
    assert_eq!((summary.model_calls, summary.requests_unanswered, summary.postponed), (1, 20, 0));
}
