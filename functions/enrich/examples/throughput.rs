//! Measures how many scores a second one process of `enrich` brings: `cargo run --release -p andon-enrich --example
//! throughput -- [SECONDS]`.
//!
//! The whole function, from the event of the queue to sealed points, over models that take 5, 50 and 500 ms, with 1, 20 and
//! 200 calls side by side. What can be had at most is the number of calls side by side divided by the time that one takes;
//! where less comes, the last column shows whether the CPU is full. The stream takes 10 ms for a request, and a timer of
//! the runtime has a millisecond, so 5 ms are nearer to 6: the third column is what a call took really.
//!
//! `.. -- memory [SECONDS]` measures instead how much memory the process takes, on Linux, while a model is well, slow or
//! dead and batch after batch comes out of a backlog, each as large as an invocation takes.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use andon_clock::{Stopwatch, now_ms};
use andon_enrich::Enrich;
use andon_ingest::Authenticator;
use andon_workflows::enrich::EnrichSettings;
use andon_workflows::ports::{
    Accepted, AsyncInvocation, AsyncOutput, CallError, CallErrorKind, Clock, Failures, ModelCall, Models,
    Objects, PortError, QueueEntry, ScoreRequestQueue, Stream, StreamEntry, Written,
};
use serde_json::json;

/// How long a request to the stream takes, ms.
const STREAM_MS: u64 = 10;

/// A model that takes its time and weighs nothing, and all else that the function needs.
struct World {
    latency_ms: u64,
    /// It never answers.
    dead: bool,
    calls: Cell<u32>,
    took: Cell<Duration>,
    written: Cell<usize>,
    requests: Cell<usize>,
}

impl World {
    fn new(latency_ms: u64, dead: bool) -> Self {
        Self {
            latency_ms,
            dead,
            calls: Cell::default(),
            took: Cell::default(),
            written: Cell::default(),
            requests: Cell::default(),
        }
    }
}

impl Models for World {
    async fn call(&self, call: &ModelCall<'_>) -> Result<Vec<u8>, CallError> {
        let since = Stopwatch::start();
        if self.dead || self.latency_ms > call.timeout_ms {
            tokio::time::sleep(Duration::from_millis(call.timeout_ms)).await;
            return Err(CallError::new(CallErrorKind::Timeout, "no answer"));
        }
        tokio::time::sleep(Duration::from_millis(self.latency_ms)).await;
        self.calls.set(self.calls.get() + 1);
        self.took.set(self.took.get() + since.elapsed());
        let rows = call.body.split(|byte| *byte == b'\n').count();
        Ok("0.5\n".repeat(rows).into_bytes())
    }

    async fn invoke_async(&self, _: &AsyncInvocation<'_>) -> Result<AsyncOutput, CallError> {
        Err(CallError::new(CallErrorKind::Refused, "not asynchronous"))
    }

    async fn read_async_output(&self, _: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }
}

impl Stream for World {
    fn stream_name(&self) -> &str {
        "points"
    }

    async fn put_records(&self, entries: &[StreamEntry]) -> Result<Vec<Written>, PortError> {
        tokio::time::sleep(Duration::from_millis(STREAM_MS)).await;
        self.written.set(self.written.get() + entries.len());
        self.requests.set(self.requests.get() + 1);
        let at = || Written::At { shard: String::new(), sequence_number: Default::default() };
        Ok(entries.iter().map(|_| at()).collect())
    }

    async fn open_shards(&self) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}

impl ScoreRequestQueue for World {
    fn has_queue(&self) -> bool {
        true
    }

    async fn enqueue(&self, entries: &[QueueEntry]) -> Result<Vec<Accepted>, PortError> {
        Ok(vec![Accepted::Yes; entries.len()])
    }
}

impl Objects for World {
    async fn put_object(&self, _: &str, _: Vec<u8>) -> Result<(), PortError> {
        Ok(())
    }

    async fn get_object(&self, _: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }

    async fn list_objects(&self, _: &str) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }

    async fn delete_object(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

impl Failures for World {
    async fn report_failure(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

impl Clock for World {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn sleep_ms(&self, duration_ms: u64) {
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
    }
}

/// An event of messages, each one score request with ten features.
fn event(messages: u32) -> Vec<u8> {
    let now_ms = now_ms();
    let inputs: Vec<f64> = (0..10_u32).map(|number| f64::from(number) + 0.25).collect();
    let names: Vec<String> = (0..10).map(|number| format!("feature_{number}")).collect();
    let records: Vec<_> = (0..messages)
        .map(|number| {
            let ask = json!({"ask": {
                "askedMs": now_ms,
                "endpoint": {"name": "m"},
                "names": names,
                "requests": [{
                    "model": "m", "version": 1, "equipmentId": format!("press-{number}"), "at": now_ms, "inputs": inputs,
                }],
            }});
            json!({
                "messageId": number.to_string(),
                "body": ask.to_string(),
                "attributes": {"ApproximateReceiveCount": "1"},
            })
        })
        .collect();
    json!({"Records": records}).to_string().into_bytes()
}

/// CPU time of this process, as Linux tells it in hundredths of a second.
fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok().map(f64::from);
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

async fn measure(latency_ms: u64, capacity: u32, seconds: f64) -> Result<(), Box<dyn Error>> {
    let world = World::new(latency_ms, false);
    let settings = EnrichSettings { concurrency: usize::try_from(capacity)?, ..EnrichSettings::default() };
    let function = Enrich::new(world, Authenticator::new(&[7; 32])?, settings);
    let possible = f64::from(capacity) * 1000.0 / f64::from(u32::try_from(latency_ms)?);
    // Events as large as Lambda's of a queue, and enough of them.
    let messages = format!("{:.0}", (possible * seconds).clamp(f64::from(capacity) * 2.0, 5000.0)).parse()?;
    let event = event(messages);
    let (since, cpu_before) = (Stopwatch::start(), cpu());
    let mut scores = 0_u32;
    while scores == 0 || since.elapsed().as_secs_f64() < seconds {
        let enriched = function.enrich(&event, now_ms() + 600_000).await?;
        if !enriched.answer.not_done.is_empty() {
            return Err(format!("not done: {:?}", enriched.answer.summary).into());
        }
        scores += u32::try_from(enriched.answer.summary.scores)?;
    }
    let took = since.elapsed().as_secs_f64();
    let busy = cpu().zip(cpu_before).map(|(after, before)| (after - before) / took * 100.0);
    let world = function.ports();
    let call_ms = world.took.get().as_secs_f64() * 1000.0 / f64::from(world.calls.get());
    let rate = f64::from(scores) / took;
    println!(
        "{latency_ms:>6} ms {capacity:>6} {call_ms:>9.1} ms {rate:>12.0} {possible:>12.0} {:>9.0} % {:>8} {:>9.0} %",
        rate / (f64::from(capacity) * 1000.0 / call_ms) * 100.0,
        world.written.get() / world.requests.get().max(1),
        busy.unwrap_or_default(),
    );
    Ok(())
}

/// Messages that Lambda puts into an event at most.
const LARGEST: u32 = 10_000;

/// Timeout of an invocation here, ms.
const INVOCATION_MS: i64 = 20_000;

/// The most memory that this process has had, MB, since [`forget_peak`].
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kb: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(kb) / 1024.0)
}

fn forget_peak() -> std::io::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
}

async fn measure_memory(name: &str, latency_ms: u64, dead: bool, seconds: f64) -> Result<(), Box<dyn Error>> {
    let function =
        Enrich::new(World::new(latency_ms, dead), Authenticator::new(&[7; 32])?, EnrichSettings::default());
    let event = event(LARGEST);
    forget_peak()?;
    let since = Stopwatch::start();
    let (mut invocations, mut scores, mut left, mut postponed) = (0_u32, 0, 0, 0);
    while invocations == 0 || since.elapsed().as_secs_f64() < seconds {
        let answer = function.enrich(&event, now_ms() + INVOCATION_MS).await?.answer;
        invocations += 1;
        scores += answer.summary.scores;
        left += answer.summary.messages_not_done;
        postponed += answer.summary.postponed;
    }
    let kilobytes = event.len() >> 10;
    let peak = peak_mb().ok_or("no `VmHWM` in /proc/self/status")?;
    println!(
        "{name:>6} {kilobytes:>6} KB {invocations:>12} {scores:>10} {postponed:>10} {left:>10} {peak:>8.0} MB"
    );
    Ok(())
}

async fn memory(seconds: f64) -> Result<(), Box<dyn Error>> {
    println!("before anything was done: {:.0} MB", peak_mb().ok_or("only on Linux")?);
    println!(
        "{:>6} {:>9} {:>12} {:>10} {:>10} {:>10} {:>11}",
        "model", "an event", "invocations", "scores", "postponed", "not done", "peak"
    );
    for (name, latency_ms, dead) in [("well", 5, false), ("slow", 4_500, false), ("dead", 0, true)] {
        measure_memory(name, latency_ms, dead, seconds).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("memory") {
        return memory(std::env::args().nth(2).as_deref().unwrap_or("30").parse()?).await;
    }
    let seconds: f64 = std::env::args().nth(1).as_deref().unwrap_or("3").parse()?;
    println!(
        "{:>9} {:>6} {:>12} {:>12} {:>12} {:>11} {:>8} {:>11}",
        "model", "calls", "took", "scores/s", "calls/model", "of what took", "a write", "CPU"
    );
    for latency_ms in [5, 50, 500] {
        for capacity in [1, 20, 200] {
            measure(latency_ms, capacity, seconds).await?;
        }
    }
    Ok(())
}
