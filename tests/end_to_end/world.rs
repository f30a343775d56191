//! Sets up a system under test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use andon_aws::Aws;
use andon_clock::{Stopwatch, now_ms};
use andon_domain::RuleDocument;
use andon_local::{Backend, Event, Functions, Listener, Options, System, SystemError};
use andon_workflows::ports::{CheckpointStore as _, Stream as _, StreamEntry, Written};
use andon_workflows::publish::StateChange;
use andon_workflows::rulebook;

use super::oracle::{Changes, StreamCopy, sorted};
use super::records::OutgoingRecord;

/// An endpoint to run on, in place of an emulator of our own.
fn endpoint() -> Option<String> {
    std::env::var("ANDON_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())
}

/// Maximum wait for an expected effect.
pub(super) const TEST_TIMEOUT: Duration = Duration::from_secs(240);

pub(super) struct World {
    pub(super) system: System,
    pub(super) aws: Aws,
    pub(super) read: StreamCopy,
    rules: RuleDocument,
    start_ms: i64,
    events: Arc<Mutex<Vec<Event>>>,
    published: BTreeMap<String, StateChange>,
    deliveries: usize,
    sent: usize,
}

impl World {
    /// Starts a system with rules, and waits until they have started; none where it cannot be had here.
    pub(super) async fn up(name: &str, rules: &RuleDocument, set: impl FnOnce(&mut Options)) -> Option<Self> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let mut options = Options {
            backend: endpoint().map_or(Backend::Emulator, Backend::Endpoint),
            prefix: format!("e2e-{name}-{}", std::process::id()),
            functions: if endpoint().is_some() { Functions::Deployed } else { Functions::LocalProcesses },
            listener: Listener::new(move |event| {
                if std::env::var_os("ANDON_TEST_LOG").is_some() {
                    println!("{} {event}", now_ms());
                }
                told.lock().unwrap().push(event);
            }),
            ..Options::default()
        };
        options.vars.insert("ANDON_TICK_INTERVAL".to_owned(), "1s".to_owned());
        set(&mut options);
        let system = match System::up(options).await {
            Ok(system) => system,
            Err(SystemError::Emulator(error)) if std::env::var_os("CI").is_none() => {
                eprintln!("SKIPPED, nothing was tested end to end: {error}");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let aws = Aws::connect(system.config()).await;
        let since = Stopwatch::start();
        let put = loop {
            match rulebook::put(&aws, rules, None, "test", system.config().keep_sets()).await {
                Ok(put) => break put,
                // A slow emulator. Put again, the same set is left as it is.
                Err(error) => assert!(since.elapsed() < TEST_TIMEOUT, "{error}"),
            }
        };
        let left_ms = u64::try_from(put.start_ms - now_ms()).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(left_ms + 10)).await;
        Some(Self {
            system,
            aws,
            read: StreamCopy::default(),
            rules: rules.clone(),
            start_ms: put.start_ms,
            events,
            published: BTreeMap::new(),
            deliveries: 0,
            sent: 0,
        })
    }

    pub(super) async fn down(self) {
        println!(
            "{} records, {} state changes, {} deliveries of them",
            self.read.count(),
            self.published.len(),
            self.deliveries
        );
        self.system.down().await;
    }

    /// Sends records, and refused ones again. The order in the stream is read back later.
    pub(super) async fn send(&mut self, records: &[OutgoingRecord]) {
        // A slow emulator takes seconds for larger requests, and requests that time out are sent again.
        for part in records.chunks(100) {
            let mut entries: Vec<StreamEntry> = part
                .iter()
                .map(|(key, data)| StreamEntry { partition_key: key.clone(), data: data.clone() })
                .collect();
            let since = Stopwatch::start();
            while !entries.is_empty() {
                let written = self.aws.put_records(&entries).await;
                let written = written.unwrap_or_else(|error| vec![Written::No(error); entries.len()]);
                let is_refused = |written: &Written| matches!(written, Written::No(_));
                assert!(
                    since.elapsed() < TEST_TIMEOUT,
                    "{:?}",
                    written.iter().find(|written| is_refused(written))
                );
                let refused = entries.into_iter().zip(&written).filter(|(_, written)| is_refused(written));
                entries = refused.map(|(entry, _)| entry).collect();
            }
        }
        self.sent += records.len();
    }

    /// Returns the number of invocations of a function.
    pub(super) fn invocations(&self, of: &str) -> usize {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter(|event| matches!(event, Event::Invoked { function, .. } if function == of))
            .count()
    }

    /// Returns the durations of the invocations of a function, in their order.
    pub(super) fn durations(&self, of: &str) -> Vec<Duration> {
        let events = self.events.lock().unwrap();
        let took = events.iter().filter_map(|event| match event {
            Event::Invoked { function, duration, .. } if function == of => Some(*duration),
            _ => None,
        });
        took.collect()
    }

    /// Returns a field of the log lines of a function, in their order.
    pub(super) fn measured(&self, of: &str, measure: &str) -> Vec<i64> {
        let events = self.events.lock().unwrap();
        let values = events.iter().filter_map(|event| match event {
            Event::Line { function, line } if function == of => {
                serde_json::from_str::<serde_json::Value>(line).ok()?.get(measure)?.as_i64()
            }
            _ => None,
        });
        values.collect()
    }

    /// Returns the number of invocations that failed for a reason.
    pub(super) fn failures(&self, of: &str, reason: &str) -> usize {
        let events = self.events.lock().unwrap();
        let failed = |event: &&Event| {
            matches!(event, Event::Invoked { function, error: Some(error), .. }
                if function == of && error.contains(reason))
        };
        events.iter().filter(failed).count()
    }

    /// Receives messages of the queue.
    pub(super) async fn receive(&mut self) {
        // A slow emulator delivers them later.
        for body in self.system.receive_changes(1).await.unwrap_or_default() {
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(event["source"], "andon");
            let change: StateChange = serde_json::from_value(event["detail"].clone()).unwrap();
            self.deliveries += 1;
            if let Some(before) = self.published.insert(change.id.clone(), change.clone()) {
                assert_eq!(before, change, "one identity with two contents");
            }
        }
    }

    /// Receives messages until the queue is empty.
    pub(super) async fn drain_queue(&mut self) {
        let mut before = usize::MAX;
        while before != self.deliveries {
            before = self.deliveries;
            self.receive().await;
        }
    }

    /// Returns the number of distinct state changes.
    pub(super) fn changes(&self) -> usize {
        self.published.len()
    }

    /// Returns the number of deliveries, repeats included.
    pub(super) fn deliveries(&self) -> usize {
        self.deliveries
    }

    /// The models that are hosted for the test.
    pub(super) fn models(&self) -> &andon_local::models::ModelServer {
        self.system.models().expect("models are hosted")
    }

    /// Returns the rules of a machine with the states that they have entered.
    pub(super) fn states_of(&self, equipment: &str) -> BTreeSet<(String, String)> {
        let changes = self.published.values().map(|change| &change.transition);
        let of_it = changes.filter(|transition| transition.equipment_id == equipment);
        of_it
            .filter_map(|transition| {
                Some((transition.rule_id.to_string(), transition.to.as_ref()?.to_string()))
            })
            .collect()
    }

    fn published(&self) -> Changes {
        sorted(self.published.values().map(|change| change.transition.clone()))
    }

    /// Waits until the published state changes equal those of a replay of the stream, and are at least `least`.
    pub(super) async fn until_all_is_published(&mut self, least: usize) {
        let since = Stopwatch::start();
        let mut seen = usize::MAX;
        loop {
            self.receive().await;
            self.read.on(self.system.points()).await;
            // While much comes in, there is no need to compare.
            if seen != self.deliveries && since.elapsed() < TEST_TIMEOUT {
                seen = self.deliveries;
                continue;
            }
            let expected = self.read.changes(self.system.config(), &self.rules, self.start_ms);
            let published = self.published();
            if expected == published && self.published.len() >= least {
                assert!(self.read.count() >= self.sent, "the stream was not read to its end");
                return;
            }
            if since.elapsed() > TEST_TIMEOUT {
                self.show_difference(&expected, &published);
            }
        }
    }

    fn show_last_events(&self) {
        for event in self.events.lock().unwrap().iter().rev().take(30).rev() {
            println!("{event}");
        }
    }

    fn show_difference(&self, expected: &Changes, published: &Changes) {
        let count = |changes: &Changes| changes.values().map(BTreeMap::len).sum::<usize>();
        println!("a replay has {} state changes, published are {}", count(expected), count(published));
        self.show_last_events();
        let keys = expected.keys().chain(published.keys());
        let differs = keys.into_iter().find(|key| expected.get(*key) != published.get(*key));
        let key = differs.expect("a difference, not just too few state changes");
        assert_eq!(expected.get(key), published.get(key), "left: replayed, right: published, of {key:?}");
    }

    /// Waits until all that is in the stream was folded.
    pub(super) async fn until_all_is_folded(&mut self) {
        let since = Stopwatch::start();
        loop {
            let waiting = self.unfolded().await;
            if waiting == 0 && self.read.count() >= self.sent {
                return;
            }
            if since.elapsed() > TEST_TIMEOUT {
                self.show_last_events();
                panic!("{waiting} of {} records are not folded", self.read.count());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Returns the number of records behind the checkpoints.
    pub(super) async fn unfolded(&mut self) -> usize {
        let stream = self.system.config().names.stream.clone();
        self.read.on(self.system.points()).await;
        let checkpoints: BTreeMap<_, _> =
            self.aws.checkpoints(&stream).await.unwrap_or_default().into_iter().collect();
        let position = |id: &String| checkpoints.get(id).and_then(|checkpoint| checkpoint.position);
        self.read.shards.iter().map(|(id, shard)| shard.behind(position(id))).sum()
    }
}
