//! What the fold asks of models, on its way to the queue.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use andon_kit_ports::memory::{Call, Gate, World};
use andon_workflows::enrich::EnrichMessage;
use andon_workflows::ports::PortError;

use super::*;

const RULES: &str = "\
models:
  - id: wear
    inputs: [{name: t, value: temperature}]
    at_most_every: 1s
    endpoint: {name: wear-endpoint, rows: 3, too_old: 10m}
rules:
  - id: worn
    groups: [{id: wear, states: [{state: WORN, when: score('wear') > 0.5}]}]
";

/// A queue that takes nothing for a while.
#[derive(Clone, Debug, Default)]
struct Closed(Rc<Cell<bool>>);

impl Gate for Closed {
    fn refuses(&self, call: &Call<'_>) -> Option<PortError> {
        (self.0.get() && call.method == "enqueue").then(|| PortError::transient("throttled"))
    }
}

fn asking() -> (Evaluate<Memory<Closed>>, Closed) {
    let closed = Closed::default();
    let world = Rc::new(RefCell::new(World::new()));
    let memory = Memory::of(&world, closed.clone());
    prepare(&memory, andon_rule_files::read("models.yaml", RULES).unwrap().document);
    (Evaluate::new(memory, EvaluateSettings::new("andon-points"), trust(&KEY)), closed)
}

/// Returns an event with two temperatures of each of a number of machines; the second lets the first be evaluated.
fn temperatures(machines: u32) -> String {
    let point = |machine: u32, ago_ms: i64| {
        let point = serde_json::json!({
            "timestamp": ARRIVAL_MS - ago_ms,
            "equipmentId": format!("press-{machine}"),
            "tag": "temperature",
            "value": machine,
        });
        point.to_string().into_bytes()
    };
    let keys: Vec<String> = (0..machines).map(|machine| format!("press-{machine}")).collect();
    let records: Vec<(&str, Vec<u8>)> = keys
        .iter()
        .zip(0..machines)
        .flat_map(|(key, machine)| {
            [(key.as_str(), point(machine, 60_000)), (key.as_str(), point(machine, 0))]
        })
        .collect();
    event_of(&records)
}

/// Returns endpoint and machines of each message of the queue.
fn queued(world: &World) -> Vec<(String, Vec<String>)> {
    let open = |body: &str| match EnrichMessage::read(body).unwrap() {
        EnrichMessage::ScoreRequests(batch) => {
            assert_eq!(batch.names, ["t"]);
            assert!(batch.asked_ms > ARRIVAL_MS, "the age is counted from the arrival");
            let machines = batch.requests.iter().map(|request| request.equipment_id.to_string());
            (batch.endpoint.name.clone(), machines.collect())
        }
        EnrichMessage::Poll(_) => panic!("{body}"),
    };
    world.queue.messages().map(|message| open(&message.body)).collect()
}

async fn evaluated_by(function: &Evaluate<Memory<Closed>>, event: &str) -> EvaluateAnswer {
    function.evaluate(event.as_bytes(), ARRIVAL_MS + 60_000).await.unwrap()
}

#[tokio::test]
async fn score_requests_leave_before_the_commit_in_messages_of_the_endpoint_s_rows() {
    let (function, _) = asking();
    let answer = evaluated_by(&function, &temperatures(4)).await;
    let summary = answer.summary;
    assert_eq!((answer.first_not_done, summary.commits), (None, 4));
    assert_eq!(
        (summary.score_requests, summary.score_request_messages, summary.score_requests_unsent),
        (4, 2, 0)
    );
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        queued(&function.ports().world()),
        [
            ("wear-endpoint".to_owned(), names(&["press-0", "press-1", "press-2"])),
            ("wear-endpoint".to_owned(), names(&["press-3"])),
        ]
    );
}

#[tokio::test]
async fn without_a_queue_the_rules_continue_and_the_log_names_the_variable() {
    let (function, _) = asking();
    function.ports().world_mut().has_queue = false;
    let answer = evaluated_by(&function, &temperatures(4)).await;
    let summary = answer.summary;
    assert_eq!((answer.first_not_done, summary.commits, summary.errors), (None, 4, 0));
    assert_eq!((summary.score_requests, summary.score_requests_unsent), (4, 4));
    let said = summary.first_failure.unwrap();
    assert!(said.contains("ANDON_SCORE_REQUESTS_QUEUE_URL"), "{said}");
}

#[tokio::test]
async fn a_score_request_that_cannot_be_sent_now_comes_again() {
    let (function, closed) = asking();
    closed.0.set(true);
    let event = temperatures(4);
    let answer = evaluated_by(&function, &event).await;
    assert!(answer.first_not_done.is_some() && answer.summary.commits == 0, "{answer:?}");
    assert!(answer.summary.first_error.unwrap().contains("throttled"));
    closed.0.set(false);
    let answer = evaluated_by(&function, &event).await;
    assert_eq!((answer.first_not_done, answer.summary.commits), (None, 4));
    assert_eq!(queued(&function.ports().world()).len(), 2);
}

#[tokio::test]
async fn a_score_request_that_is_too_old_is_not_sent() {
    let (function, _) = asking();
    function.ports().world_mut().now_ms += 11 * 60_000;
    let answer = function.evaluate(temperatures(4).as_bytes(), i64::MAX).await.unwrap();
    let summary = answer.summary;
    assert_eq!(
        (summary.score_requests, summary.score_requests_too_old, summary.score_request_messages),
        (4, 4, 0)
    );
    assert!(function.ports().world().queue.is_empty());
}

#[tokio::test]
async fn a_batch_that_comes_again_sends_no_score_request_twice() {
    let (function, _) = asking();
    let event = temperatures(2);
    evaluated_by(&function, &event).await;
    let again = evaluated_by(&function, &event).await.summary;
    assert_eq!((again.skipped, again.score_requests, again.score_request_messages), (4, 0, 0));
}
