//! Tests of event sources over fake streams and functions.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::*;

/// A stream in memory. A read gives three records.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<BTreeMap<String, Lane>>>);

/// Parents, records, and whether it is closed.
type Lane = (Vec<String>, Vec<u32>, bool);

impl Stream {
    /// Adds a shard.
    fn shard(&self, id: &str, parents: &[&str], records: impl IntoIterator<Item = u32>, closed: bool) {
        let parents = parents.iter().map(ToString::to_string).collect();
        self.0.lock().unwrap().insert(id.to_owned(), (parents, records.into_iter().collect(), closed));
    }
}

impl Reader for Stream {
    async fn shards(&self) -> Result<Vec<Shard>, ReadError> {
        let shards = self.0.lock().unwrap();
        Ok(shards
            .iter()
            .map(|(id, (parents, ..))| Shard { id: id.clone(), parents: parents.clone() })
            .collect())
    }

    async fn begin(&self, shard: &str, after: Option<&str>) -> Result<String, ReadError> {
        let shards = self.0.lock().unwrap();
        let place = shards[shard].1.iter().position(|record| Some(record.to_string().as_str()) == after);
        Ok(place.map_or(0, |place| place + 1).to_string())
    }

    async fn read(&self, shard: &str, from: &str) -> Result<Page, ReadError> {
        let from: usize = from.parse().unwrap();
        let (_, records, closed) = &self.0.lock().unwrap()[shard];
        let to = (from + 3).min(records.len());
        let page = records[from..to]
            .iter()
            .map(|record| SourceRecord { number: record.to_string(), json: record.to_string() });
        Ok(Page { records: page.collect(), next: (to < records.len() || !closed).then(|| to.to_string()) })
    }
}

/// A function that fails for some records, as it was told.
#[derive(Clone, Default)]
struct Function(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// In the order in which they were done.
    done: Vec<u32>,
    /// Sizes of batches.
    batches: Vec<usize>,
    /// Fails as a whole while this record is in a batch of more than one.
    hates_company: Option<u32>,
    /// Reports this record so often.
    reports: Option<(u32, usize)>,
}

impl Function {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, done: usize) -> Vec<u32> {
        for _ in 0..2000 {
            if self.seen().done.len() >= done {
                return self.seen().done.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("only {:?} of {done} are done", self.seen().done);
    }
}

impl Invoke for Function {
    async fn invoke(&self, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let event: serde_json::Value = serde_json::from_slice(&event).unwrap();
        let records: Vec<u32> = serde_json::from_value(event["Records"].clone()).unwrap();
        let mut seen = self.seen();
        seen.batches.push(records.len());
        if records.len() > 1 && seen.hates_company.is_some_and(|record| records.contains(&record)) {
            return Err(InvokeError::Died("of company".to_owned()));
        }
        if let Some((record, times)) = seen.reports
            && let Some(place) = records.iter().position(|number| *number == record)
        {
            seen.done.extend(&records[..place]);
            seen.reports = (times > 1).then_some((record, times - 1));
            let failures = serde_json::json!({"batchItemFailures": [{"itemIdentifier": record.to_string()}]});
            return Ok(failures.to_string().into_bytes());
        }
        seen.done.extend(records);
        Ok(b"{}".to_vec())
    }
}

fn start(stream: &Stream, function: &Function, window_ms: u64) -> Source {
    let settings = SourceSettings {
        batch_size: 10,
        window: Duration::from_millis(window_ms),
        idle: Duration::from_millis(10),
    };
    Source::stream(stream.clone(), function.clone(), settings, Listener::silent())
}

#[tokio::test]
async fn records_are_handed_over_in_order_in_batches() {
    let (stream, function) = (Stream::default(), Function::default());
    stream.shard("a", &[], 0..25, false);
    let source = start(&stream, &function, 0);
    assert_eq!(function.until(25).await, (0..25).collect::<Vec<_>>());
    assert!(function.seen().batches.iter().all(|size| *size <= 10));
    source.down().await;
}

#[tokio::test]
async fn a_window_gathers_records() {
    let (stream, function) = (Stream::default(), Function::default());
    stream.shard("a", &[], 0..9, false);
    let source = start(&stream, &function, 200);
    function.until(9).await;
    assert_eq!(function.seen().batches, [9]);
    source.down().await;
}

#[tokio::test]
async fn a_batch_comes_again_from_the_record_that_was_reported() {
    let (stream, function) = (Stream::default(), Function::default());
    function.seen().reports = Some((3, 2));
    stream.shard("a", &[], 0..9, false);
    let source = start(&stream, &function, 50);
    assert_eq!(function.until(9).await, (0..9).collect::<Vec<_>>());
    assert_eq!(function.seen().batches, [9, 6, 6]);
    source.down().await;
}

#[tokio::test]
async fn a_batch_that_fails_is_halved_until_the_record_is_alone_and_the_order_is_kept() {
    let (stream, function) = (Stream::default(), Function::default());
    function.seen().hates_company = Some(5);
    stream.shard("a", &[], 0..8, false);
    let source = start(&stream, &function, 50);
    assert_eq!(function.until(8).await, (0..8).collect::<Vec<_>>());
    assert_eq!(function.seen().batches, [8, 4, 4, 2, 1, 1, 2]);
    source.down().await;
}

#[tokio::test]
async fn children_wait_for_their_parents() {
    let (stream, function) = (Stream::default(), Function::default());
    stream.shard("b", &["c"], 100..105, false);
    stream.shard("c", &[], 0..7, true);
    let source = start(&stream, &function, 50);
    let expected: Vec<u32> = (0..7).chain(100..105).collect();
    assert_eq!(function.until(12).await, expected);
    source.down().await;
}
