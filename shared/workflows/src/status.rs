//! The status of a running system: `andon status`.

use std::collections::BTreeMap;

use andon_domain::Settings;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;

use crate::limits;
use crate::ports::{
    Checkpoint, CheckpointStore, Clock, PortError, RuleStore, SetRef, StateStore, Stream, TickMemory,
    TickMemoryStore,
};
use crate::progress::{self, IdleTimeouts};
use crate::rulebook;

/// The ports of the status.
pub trait StatusPorts: StateStore + RuleStore + CheckpointStore + TickMemoryStore + Stream + Clock {}

impl<P: StateStore + RuleStore + CheckpointStore + TickMemoryStore + Stream + Clock> StatusPorts for P {}

/// A status of a system. Times are ms since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The time of this status.
    pub now: i64,
    /// The stream of data points.
    pub stream: String,
    /// The parallelization factor of the event source. Above 1, watermarks are upper bounds.
    pub parallelization_factor: u32,
    /// The global watermark; `None` if no shard is active.
    pub watermark: Option<i64>,
    /// The shards with a checkpoint, and the open shards without one, by name.
    pub shards: Vec<ShardStatus>,
    /// The sources, over all shards.
    pub sources: Vec<SourceStatus>,
    /// Rejected points and messages so far, by reason. Redelivered ones count again.
    pub rejected: BTreeMap<String, u64>,
    /// The rule sets.
    pub rules: RulesStatus,
    /// The ticks for silent keys.
    pub ticks: TicksStatus,
    /// The keys, if they were scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeysStatus>,
}

/// The progress of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardStatus {
    /// Its id.
    pub shard: String,
    /// True if it accepts records.
    pub open: bool,
    /// True if it counts for the global watermark.
    pub active: bool,
    /// The sequence number up to which it is folded.
    pub position: Option<String>,
    /// Its watermark; `None` if no source is active.
    pub watermark: Option<i64>,
    /// The newest arrival that was read.
    pub arrival: Option<i64>,
    /// The time of its checkpoint.
    pub written: Option<i64>,
    /// Points so far. Redelivered ones count again.
    pub points: u64,
    /// The number of its sources.
    pub sources: u64,
    /// The number of its active sources.
    pub active_sources: u64,
}

/// A source of data points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Its id; empty for points without a source.
    pub source: String,
    /// Its greatest timestamp.
    pub mark: i64,
    /// The arrival of the record that raised its mark.
    pub heard: i64,
    /// True if it is active on a shard.
    pub active: bool,
    /// Points with a timestamp after their arrival.
    pub ahead: u64,
    /// Points rejected as late.
    pub late: u64,
    /// The number of shards with its points.
    pub shards: u64,
}

/// The rule sets in force and to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RulesStatus {
    /// The set for records that arrive now.
    pub in_force: Option<SetStatus>,
    /// The sets that start later.
    pub next: Vec<SetStatus>,
    /// The settings in force.
    #[serde(skip)]
    pub settings: Settings,
}

/// A rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetStatus {
    /// Its start.
    pub start: i64,
    /// The time at which it was put.
    pub written: i64,
    /// The number of its rules.
    pub rules: u64,
    /// The note of the operator who put it.
    pub note: String,
}

impl From<&SetRef> for SetStatus {
    fn from(set: &SetRef) -> Self {
        Self { start: set.start_ms, written: set.written_ms, rules: set.rules, note: set.note.clone() }
    }
}

/// The ticks that are due and under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TicksStatus {
    /// Keys that are due.
    pub due: u64,
    /// True if there are more due keys than were counted.
    pub due_uncounted: bool,
    /// The oldest due time.
    pub due_since: Option<i64>,
    /// Ticks under way: sent, and without an effect so far.
    pub under_way: u64,
    /// The time of the oldest tick that its shard has not folded.
    pub waiting_since: Option<i64>,
    /// The start of the rule set that is being announced to silent keys.
    pub announcing: Option<i64>,
}

/// The keys of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeysStatus {
    /// The number of keys.
    pub count: u64,
    /// The parked keys, the longest parked first.
    pub parked: Vec<ParkedKey>,
    /// The keys that failed in their last invocations, and will be parked if they go on failing.
    pub failing: Vec<FailingKey>,
}

/// A parked key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedKey {
    /// The equipment.
    pub equipment_id: String,
    /// The time at which it was parked.
    pub since: i64,
    /// The reason.
    pub reason: String,
    /// The number of its objects of parked records.
    pub objects: u64,
}

/// A failing key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailingKey {
    /// The equipment.
    pub equipment_id: String,
    /// Failed invocations in a row.
    pub failures: u32,
}

/// A cache of the settings of a rule set, between two status requests.
#[derive(Debug, Default)]
pub struct Memo {
    settings: Option<(String, Settings)>,
}

/// Maximum number of due keys that are counted per bucket: reading more takes too long for a status.
const DUE_COUNTED: u64 = 10_000;

/// Collects the status. With `keys` it also scans all keys for parked ones, which reads the whole table of states.
///
/// # Errors
/// If a store does not answer.
pub async fn status<P: StatusPorts>(
    ports: &P,
    parallelization_factor: u32,
    keys: bool,
    memo: &mut Memo,
) -> Result<Status, PortError> {
    let (now_ms, stream) = (ports.now_ms(), ports.stream_name().to_owned());
    let rules = rules(ports, now_ms, memo).await?;
    let timeouts = IdleTimeouts { source_ms: rules.settings.idle_timeout.0, ..IdleTimeouts::default() };
    let checkpoints = ports.checkpoints(&stream).await?;
    let open = ports.open_shards().await?;
    let watermarks = progress::of_stream(&checkpoints, timeouts);
    let mut shards: Vec<ShardStatus> = checkpoints
        .iter()
        .map(|(name, checkpoint)| ShardStatus {
            open: open.contains(name),
            active: watermarks.active.contains(name),
            watermark: watermarks.shards.get(name).copied().flatten(),
            ..shard(name, checkpoint, timeouts)
        })
        .collect();
    let unread = open.iter().filter(|open| checkpoints.iter().all(|(name, _)| name != *open));
    shards.extend(unread.map(|name| ShardStatus {
        shard: name.clone(),
        open: true,
        ..ShardStatus::default()
    }));
    shards.sort_by(|one, other| one.shard.cmp(&other.shard));
    let mut rejected: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in checkpoints.iter().flat_map(|(_, checkpoint)| &checkpoint.rejected) {
        *rejected.entry(reason.clone()).or_default() += count;
    }
    Ok(Status {
        now: now_ms,
        parallelization_factor,
        watermark: watermarks.global_ms,
        shards,
        sources: sources(&checkpoints, timeouts),
        rejected,
        rules,
        ticks: ticks(ports, &stream, now_ms).await?,
        keys: if keys { Some(scan_keys(ports).await?) } else { None },
        stream,
    })
}

fn shard(name: &str, checkpoint: &Checkpoint, timeouts: IdleTimeouts) -> ShardStatus {
    let active =
        checkpoint.sources.values().filter(|source| progress::is_active(source, checkpoint, timeouts));
    ShardStatus {
        shard: name.to_owned(),
        position: checkpoint.position.map(|position| position.to_string()),
        arrival: Some(checkpoint.arrival_ms),
        written: Some(checkpoint.written_ms),
        points: checkpoint.points,
        sources: checkpoint.sources.len() as u64,
        active_sources: active.count() as u64,
        ..ShardStatus::default()
    }
}

/// Merges the sources of all shards: a source on several shards has its newest mark.
fn sources(checkpoints: &[(String, Checkpoint)], timeouts: IdleTimeouts) -> Vec<SourceStatus> {
    let mut sources: BTreeMap<&str, SourceStatus> = BTreeMap::new();
    for (_, checkpoint) in checkpoints {
        for (name, mark) in &checkpoint.sources {
            let known = sources.entry(name).or_insert_with(|| SourceStatus {
                source: name.clone(),
                mark: mark.mark_ms,
                heard: mark.last_ms,
                ..SourceStatus::default()
            });
            known.mark = known.mark.max(mark.mark_ms);
            known.heard = known.heard.max(mark.last_ms);
            known.active |= progress::is_active(mark, checkpoint, timeouts);
            known.ahead += mark.ahead;
            known.late += mark.late;
            known.shards += 1;
        }
    }
    sources.into_values().collect()
}

async fn rules<P: StatusPorts>(ports: &P, now_ms: i64, memo: &mut Memo) -> Result<RulesStatus, PortError> {
    let sets = ports.pointer().await?.sets;
    let (started, next): (Vec<&SetRef>, Vec<&SetRef>) = sets.iter().partition(|set| set.start_ms <= now_ms);
    let in_force = started.into_iter().next_back();
    let settings = match (&in_force, &memo.settings) {
        (None, _) => Settings::default(),
        (Some(set), Some((digest, settings))) if *digest == set.digest => *settings,
        (Some(set), _) => {
            let settings = rulebook::document(ports, set).await?.settings.unwrap_or_default();
            memo.settings = Some((set.digest.clone(), settings));
            settings
        }
    };
    Ok(RulesStatus {
        in_force: in_force.map(SetStatus::from),
        next: next.into_iter().map(SetStatus::from).collect(),
        settings,
    })
}

async fn ticks<P: StatusPorts>(ports: &P, stream: &str, now_ms: i64) -> Result<TicksStatus, PortError> {
    let TickMemory { sent, shards, announcing, .. } = ports.recall(stream).await?;
    let mut ticks = TicksStatus {
        under_way: sent.len() as u64,
        waiting_since: shards.values().map(|(_, sent_ms)| *sent_ms).min(),
        announcing: announcing.map(|(start_ms, _)| start_ms),
        ..TicksStatus::default()
    };
    let buckets: Vec<Result<_, PortError>> = stream::iter(0..limits::DUE_BUCKETS)
        .map(|bucket| due(ports, bucket, now_ms))
        .buffered(limits::CONCURRENT_REQUESTS)
        .collect()
        .await;
    for bucket in buckets {
        let (count, oldest_ms, more) = bucket?;
        ticks.due += count;
        ticks.due_uncounted |= more;
        ticks.due_since = [ticks.due_since, oldest_ms].into_iter().flatten().min();
    }
    Ok(ticks)
}

/// Returns the number of due keys of a bucket, the oldest due time, and whether there are more keys.
async fn due<P: StatusPorts>(
    ports: &P,
    bucket: u32,
    now_ms: i64,
) -> Result<(u64, Option<i64>, bool), PortError> {
    let (mut count, mut oldest_ms, mut next) = (0, None, None);
    loop {
        let page = ports.due(bucket, now_ms, next.as_deref()).await?;
        oldest_ms = oldest_ms.or(page.items.first().map(|(_, at_ms)| *at_ms));
        count += page.items.len() as u64;
        next = page.next;
        if next.is_none() || count >= DUE_COUNTED {
            return Ok((count, oldest_ms, next.is_some()));
        }
    }
}

/// Scans all keys. Reads the whole table of states.
///
/// # Errors
/// If the store does not answer.
pub async fn scan_keys<P: StateStore>(ports: &P) -> Result<KeysStatus, PortError> {
    let mut keys = KeysStatus::default();
    let mut next = None;
    loop {
        let page = ports.scan_heads(next.as_deref()).await?;
        keys.count += page.items.len() as u64;
        for (equipment_id, head) in page.items {
            match head.parked {
                Some(parked) => keys.parked.push(ParkedKey {
                    equipment_id,
                    since: parked.since_ms,
                    reason: parked.reason,
                    objects: parked.objects,
                }),
                None if head.failures > 0 => {
                    keys.failing.push(FailingKey { equipment_id, failures: head.failures });
                }
                None => {}
            }
        }
        next = page.next;
        if next.is_none() {
            keys.parked.sort_by(|one, other| {
                (one.since, &one.equipment_id).cmp(&(other.since, &other.equipment_id))
            });
            keys.failing.sort_by(|one, other| one.equipment_id.cmp(&other.equipment_id));
            return Ok(keys);
        }
    }
}
