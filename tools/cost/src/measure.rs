//! Meters a run of the real workflows over the real ports, on an emulator, in simulated time.

use std::collections::{BTreeMap, VecDeque};

use andon_aws::{Aws, Config, Metered, ResourceNames, setup};
use andon_ingest::encode::{EventRecord, event};
use andon_ingest::{Arena, Decoded, SequenceNumber, ShardId};
use andon_kit_cases::w1::W1;
use andon_kit_ports::memory::hash_of;
use andon_workflows::evaluate::{Batch, EvaluateSettings, Evaluator};
use andon_workflows::ports::OutboxStore as _;
use andon_workflows::publish::{OutboxDelivery, publish};
use andon_workflows::rulebook::{self, KeepSets};
use serde::{Deserialize, Serialize};

use crate::arrivals::{Arrival, arrivals};
use crate::{Plan, Result};

/// A record of the usage of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    /// Simulated time, s.
    pub(crate) seconds: f64,
    pub(crate) shards: usize,
    /// Batches of `evaluate`.
    pub(crate) invocations: u64,
    /// Items of the outbox, each taken for an invocation of `publish`: in fact some come together.
    pub(crate) published_items: u64,
    pub(crate) transitions: u64,
    pub(crate) commits: u64,
    /// Bytes of data points.
    pub(crate) bytes: u64,
    /// By request and table.
    pub(crate) evaluate: BTreeMap<String, RequestUsage>,
    pub(crate) publish: BTreeMap<String, RequestUsage>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RequestUsage {
    pub(crate) requests: u64,
    pub(crate) items: u64,
    /// Capacity units as the emulator answered them.
    pub(crate) units: f64,
    /// Capacity units by the published formula.
    pub(crate) computed_units: f64,
    pub(crate) bytes: u64,
}

/// Maximum bytes of an invocation's event: the 6 MB payload limit of Lambda.
const EVENT_BYTES: usize = 6_000_000;
/// Maximum records of an invocation: the limit of a Kinesis event source.
const BATCH_RECORDS: usize = 10_000;
/// Bytes of the event JSON around the data of each record.
const AROUND_BYTES: usize = 450;

pub(crate) async fn measure(plan: &Plan) -> Result<Run> {
    let config = config(plan)?;
    setup::create(&config).await?;
    let run = measure_in(plan, &config).await;
    setup::delete(&config).await?;
    run
}

async fn measure_in(plan: &Plan, config: &Config) -> Result<Run> {
    let plain = Aws::connect(&Config { meter: false, ..config.clone() }).await;
    let w1 = W1 { machines: plan.machines, ..W1::default() };
    let rules = if plan.windows { w1.rules_with_windows() } else { w1.rules() };
    let put = rulebook::put(&plain, &rules, None, "", KeepSets::default()).await?;
    let start_ms = put.start_ms;
    let shards = shards_for(plan.points_per_s);
    let mut run = Run { plan: plan.clone(), shards, ..Run::default() };

    // Checkpoints are written by the clock of the machine, which is not the simulated one: so one evaluator never writes
    // them, the other always does, and the simulated time chooses.
    let never = evaluator(config, i64::MAX).await;
    let always = evaluator(config, 0).await;
    let mut saved_ms: BTreeMap<usize, i64> = BTreeMap::new();

    let bar = indicatif::ProgressBar::new(plan.points);
    let mut last_ms = start_ms;
    for (number, batch) in batches(plan, arrivals(plan, start_ms)?, shards).into_iter().enumerate() {
        let Some(newest) = batch.arrivals.last() else { continue };
        last_ms = last_ms.max(newest.at_ms);
        let saved = saved_ms
            .get(&batch.shard)
            .is_some_and(|at_ms| newest.at_ms - at_ms < config.checkpoint_interval_ms);
        let evaluator = if saved { &never } else { &always };
        if !saved {
            saved_ms.insert(batch.shard, newest.at_ms);
        }
        let shard: ShardId = format!("shardId-{:012}", batch.shard).parse()?;
        let records = batch.arrivals.iter().zip(0_u64..).map(|(arrival, place)| {
            let sequence: SequenceNumber =
                format!("{}", 1_000_000 + number as u64 * 100_000 + place).parse()?;
            let partition_key = arrival.equipment.as_str();
            Ok(EventRecord {
                shard: &shard,
                sequence,
                partition_key,
                arrival_ms: arrival.at_ms,
                data: arrival.data.as_bytes(),
            })
        });
        let event = event(&config.names.stream, records.collect::<Result<Vec<_>>>()?);
        let mut arena = Arena::new();
        let decoded = Decoded::new(event.as_bytes(), &mut arena).map_err(|error| error.to_string())?;
        let answer = evaluator.evaluate(&Batch::of(&decoded, None)?, i64::MAX).await;
        if let Some(first) = answer.first_not_done {
            return Err(format!("not done from {first}: {:?}", answer.summary).into());
        }
        run.invocations += 1;
        run.commits += answer.summary.commits;
        run.transitions += answer.summary.transitions;
        run.bytes += batch.arrivals.iter().map(|arrival| arrival.data.len() as u64).sum::<u64>();
        bar.inc(batch.arrivals.len() as u64);
    }
    bar.finish_and_clear();
    run.seconds = plan.points as f64 / plan.points_per_s;
    run.evaluate = used([&never, &always].map(|evaluator| evaluator.ports().metered()));

    let meter = Aws::connect(config).await;
    run.published_items = publish_all(&plain, &meter).await?;
    run.publish = used([meter.metered()]);
    Ok(run)
}

/// Publishes the whole outbox, each item in an invocation of its own, and returns their number. Only the calls over `meter`
/// are metered.
async fn publish_all(plain: &Aws, meter: &Aws) -> Result<u64> {
    let mut items = 0;
    let mut next = None;
    loop {
        let page = plain.decided(i64::MIN, None, next.as_deref()).await?;
        for item in page.items {
            let delivery = OutboxDelivery { sequence_number: item.version.to_string(), item: Ok(item) };
            let answer = publish(meter, &[delivery], i64::MAX).await;
            if answer.first_not_done.is_some() {
                return Err(format!("not published: {:?}", answer.summary).into());
            }
            items += 1;
        }
        next = page.next;
        if next.is_none() {
            return Ok(items);
        }
    }
}

fn config(plan: &Plan) -> Result<Config> {
    let config = Config::from_vars(std::env::vars())?;
    // Names of its own, so that runs do not meet.
    let own = |name: &str| format!("cost-{}-{}-{name}", std::process::id(), plan.name());
    let names = ResourceNames {
        stream: own("points"),
        state_table: own("state"),
        outbox_table: own("outbox"),
        checkpoints_table: own("checkpoints"),
        rules_table: own("rules"),
        bucket: own("records"),
        bus: own("bus"),
        failures_queue: own("failures"),
    };
    Ok(Config { names, meter: true, ..config })
}

async fn evaluator(config: &Config, checkpoint_interval_ms: i64) -> Evaluator<Aws> {
    let settings = EvaluateSettings {
        checkpoint_interval_ms,
        new_keys_per_batch: usize::MAX,
        ..config.evaluate_settings()
    };
    Evaluator::new(Aws::connect(config).await, settings)
}

/// A shard takes a thousand records a second.
fn shards_for(points_per_s: f64) -> usize {
    (1..1000)
        .find(|shards| f64::from(*shards) * 1000.0 >= points_per_s)
        .map_or(1000, |shards| shards as usize)
}

struct Cut {
    shard: usize,
    arrivals: Vec<Arrival>,
}

/// Cuts the arrivals into batches as the event source does: per shard, until the batch window ends or the event is full.
fn batches(plan: &Plan, arrivals: Vec<Arrival>, shards: usize) -> Vec<Cut> {
    let mut open: Vec<(i64, usize, Vec<Arrival>)> = (0..shards).map(|_| (0, 0, Vec::new())).collect();
    let mut cut = VecDeque::new();
    for arrival in arrivals {
        let shard = hash_of(&arrival.equipment) as usize % shards;
        let Some((began_ms, bytes, waiting)) = open.get_mut(shard) else { continue };
        let size = arrival.data.len().div_ceil(3) * 4 + AROUND_BYTES;
        let full = *bytes + size > EVENT_BYTES || waiting.len() >= BATCH_RECORDS;
        if !waiting.is_empty() && (full || arrival.at_ms - *began_ms >= i64::from(plan.window_s) * 1000) {
            cut.push_back(Cut { shard, arrivals: std::mem::take(waiting) });
            *bytes = 0;
        }
        if waiting.is_empty() {
            *began_ms = arrival.at_ms;
        }
        *bytes += size;
        waiting.push(arrival);
    }
    let rest = open.into_iter().enumerate().filter(|(_, (_, _, waiting))| !waiting.is_empty());
    cut.extend(rest.map(|(shard, (_, _, arrivals))| Cut { shard, arrivals }));
    cut.into()
}

fn used(metered: impl IntoIterator<Item = Metered>) -> BTreeMap<String, RequestUsage> {
    let mut used = BTreeMap::new();
    for (name, count) in metered.into_iter().flatten() {
        // Tables by what they are for, not by the run's own name.
        let name = match name.split_once(' ') {
            Some((operation, table)) => format!("{operation} {}", table.rsplit('-').next().unwrap_or(table)),
            None => name.clone(),
        };
        let into: &mut RequestUsage = used.entry(name).or_default();
        into.requests += count.requests;
        into.items += count.items;
        into.units += count.units;
        into.computed_units += count.computed_units;
        into.bytes += count.bytes;
    }
    used
}
