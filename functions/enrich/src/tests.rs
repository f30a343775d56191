//! The samples in `events/enrich`, and the workflow behind the function, over ports in memory.

mod async_inference;
mod models;
mod samples;
mod unhealthy_endpoint;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use andon_domain::ScoreRequestBatch;
use andon_kit_ports::memory::{Gate, Memory, MemoryModel, World};
use andon_workflows::enrich::{EnrichMessage, EnrichSummary};
use andon_workflows::ports::{Clock as _, QueueEntry};
use serde_json::{Value, json};

use super::*;

pub(super) const KEY: [u8; 32] = [0; 32];

/// A function over a world of its own, with a model `m`.
pub(super) fn function() -> Enrich<Memory> {
    with(EnrichSettings::default())
}

pub(super) fn with(settings: EnrichSettings) -> Enrich<Memory> {
    let ports = Memory::new();
    ports.world_mut().models.insert("m".to_owned(), MemoryModel::default());
    Enrich::new(ports, Authenticator::new(&KEY).unwrap(), settings)
}

pub(super) fn model(function: &Enrich<Memory>, set: impl FnOnce(&mut MemoryModel)) {
    set(function.ports().world_mut().models.get_mut("m").unwrap());
}

/// Score requests about machines, each with one input, of now.
pub(super) fn batch(function: &Enrich<Memory>, endpoint: Value, rows: &[(&str, f64)]) -> ScoreRequestBatch {
    let now_ms = function.ports().now_ms();
    let mut whole = json!({"name": "m", "rows": 10});
    for (name, value) in endpoint.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let requests: Vec<Value> = rows
        .iter()
        .map(|(equipment, input)| {
            json!({"model": "m", "version": 1, "equipmentId": equipment, "at": now_ms - 1000, "inputs": [input]})
        })
        .collect();
    let batch = json!({"askedMs": now_ms, "endpoint": whole, "names": ["t"], "requests": requests});
    serde_json::from_value(batch).unwrap()
}

/// An event of the queue with messages.
pub(super) fn event(bodies: &[String], receive_count: u32) -> Vec<u8> {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": number.to_string(),
                "body": body,
                "attributes": {"ApproximateReceiveCount": receive_count.to_string()},
                "eventSource": "aws:sqs",
            })
        })
        .collect();
    json!({"Records": records}).to_string().into_bytes()
}

/// Handles score requests within a minute.
pub(super) async fn enrich_batches(function: &Enrich<Memory>, batches: &[ScoreRequestBatch]) -> EnrichAnswer {
    enrich_batches_within(function, batches, 60_000, 1).await
}

pub(super) async fn enrich_batches_within(
    function: &Enrich<Memory>,
    batches: &[ScoreRequestBatch],
    time_ms: i64,
    receive_count: u32,
) -> EnrichAnswer {
    let bodies: Vec<String> =
        batches.iter().map(|batch| EnrichMessage::ScoreRequests(Box::new(batch.clone())).to_json()).collect();
    let deadline_ms = function.ports().now_ms() + time_ms;
    function.enrich(&event(&bodies, receive_count), deadline_ms).await.unwrap().answer
}

/// What is in the stream: partition key, tag, value.
pub(super) fn written<G: Gate>(ports: &Memory<G>) -> Vec<(String, String, Value)> {
    let seal = Authenticator::new(&KEY).unwrap();
    let world = ports.world();
    let records = world.stream.shards().iter().flat_map(|shard| shard.records.iter());
    records
        .map(|record| {
            let point: Value = serde_json::from_slice(seal.open(&record.data).unwrap()).unwrap();
            assert_eq!(point["equipmentId"], record.partition_key.as_str());
            assert_eq!(point["meta"]["flags"], json!(["Drv"]));
            (record.partition_key.clone(), point["tag"].as_str().unwrap().to_owned(), point["value"].clone())
        })
        .collect()
}

/// Values in the stream.
pub(super) fn values(function: &Enrich<Memory>) -> Vec<Value> {
    written(function.ports()).into_iter().map(|(.., value)| value).collect()
}

/// Time that really passes, in milliseconds of the machine.
#[derive(Clone, Copy, Debug, Default)]
struct Timed;

impl Gate for Timed {
    async fn sleep_ms(&self, world: &Rc<RefCell<World>>, duration_ms: u64) {
        let until_ms = world.borrow().now_ms.saturating_add_unsigned(duration_ms);
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
        let mut world = world.borrow_mut();
        world.now_ms = world.now_ms.max(until_ms);
    }
}

/// A hundred score requests at once.
async fn hundred(latency_ms: u64, concurrency: usize) -> (EnrichSummary, u64) {
    let world = Rc::new(RefCell::new(World::new()));
    world.borrow_mut().models.insert("m".to_owned(), MemoryModel { latency_ms, ..MemoryModel::default() });
    let ports = Memory::of(&world, Timed);
    let settings = EnrichSettings { concurrency, ..EnrichSettings::default() };
    let function = Enrich::new(ports, Authenticator::new(&KEY).unwrap(), settings);
    let template = self::function();
    let bodies: Vec<String> = (0..100_u32)
        .map(|number| batch(&template, json!({}), &[(&format!("e{number}"), f64::from(number))]))
        .map(|batch| EnrichMessage::ScoreRequests(Box::new(batch)).to_json())
        .collect();
    let answer = function.enrich(&event(&bodies, 1), i64::MAX).await.unwrap().answer;
    assert_eq!(written(function.ports()).len(), 100);
    let most = world.borrow().models["m"].most_in_flight;
    (answer.summary, most)
}

#[tokio::test]
async fn as_many_models_are_asked_side_by_side_as_may_be_and_no_more() {
    for concurrency in [1, 7, 200] {
        let (summary, most) = hundred(2, concurrency).await;
        assert_eq!((summary.scores, summary.model_calls), (100, 100));
        assert_eq!(most, concurrency.min(100) as u64);
        assert_eq!(summary.in_flight, most);
    }
}
