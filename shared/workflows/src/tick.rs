//! Time for keys that are silent.
//!
//! A key whose timers are due gets a tick: a record in the stream, under its own key, so that a replay of the stream
//! decides the same. What was sent is remembered, so that nothing is sent twice while the stream is behind.

use std::collections::BTreeMap;

use andon_engine::{CompiledRules, RuleSet, rule_set_of};
use andon_ingest::Authenticator;

use crate::catalog;
use crate::envelope::{StateEnvelope, Stored};
use crate::limits;
use crate::ports::{
    CheckpointStore, Clock, Head, Objects, PortError, RuleStore, Saved, StateStore, Stream, StreamEntry,
    TickMemory, TickMemoryStore, Written,
};

/// What sending ticks needs of the world.
pub trait TickPorts:
    StateStore + RuleStore + CheckpointStore + TickMemoryStore + Objects + Stream + Clock
{
}

impl<P: StateStore + RuleStore + CheckpointStore + TickMemoryStore + Objects + Stream + Clock> TickPorts
    for P
{
}

/// What can be set about ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickSettings {
    /// Between two looks at the index, ms.
    pub interval_ms: i64,
    /// No ticks to a shard on which the last one has not been folded for so long, ms.
    pub behind_ms: i64,
    /// A tick of which nothing was seen for so long, ms, neither in the due time of its key nor in the checkpoint of its
    /// shard, is forgotten, so that one is sent again.
    pub forget_ms: i64,
    /// States folded with a set that starts so long before a new one are ticked when that is announced, ms: old sets can be
    /// dropped one day.
    pub set_age_ms: i64,
}

impl Default for TickSettings {
    fn default() -> Self {
        Self { interval_ms: 10_000, behind_ms: 60_000, forget_ms: 120_000, set_age_ms: 15 * 86_400_000 }
    }
}

/// What an invocation did, for one line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TickSummary {
    /// Looks at the index.
    pub looks: u64,
    /// Keys found due.
    pub due: u64,
    /// Ticks sent for due keys.
    pub sent: u64,
    /// Ticks sent to make a rule set known.
    pub announced: u64,
    /// Keys that had been sent their tick already.
    pub remembered: u64,
    /// Keys left to a later look, since too many ticks are under way.
    pub put_off: u64,
    /// Looks in which nothing was sent, since the stream is behind.
    pub behind: u64,
    /// Errors of ports.
    pub errors: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

/// A tick as it stands in the stream, authenticated.
#[must_use]
pub fn tick_record(equipment: &str, seal: &Authenticator) -> StreamEntry {
    let tick = serde_json::json!({"equipmentId": equipment, "tick": true}).to_string();
    StreamEntry { partition_key: equipment.to_owned(), data: seal.seal(&tick).into_bytes() }
}

/// Sends ticks until `until_ms`, with a look at the index every interval; at least one look.
pub async fn tick<P: TickPorts>(
    ports: &P,
    seal: &Authenticator,
    settings: &TickSettings,
    until_ms: i64,
) -> TickSummary {
    let mut summary = TickSummary::default();
    loop {
        let began_ms = ports.now_ms();
        summary.looks += 1;
        if let Err(error) = look(ports, seal, settings, until_ms, &mut summary).await {
            summary.errors += 1;
            summary.first_error.get_or_insert_with(|| error.to_string());
        }
        let next_ms = began_ms.saturating_add(settings.interval_ms);
        if next_ms >= until_ms {
            return summary;
        }
        ports.sleep_ms(u64::try_from(next_ms - ports.now_ms()).unwrap_or_default()).await;
    }
}

async fn look<P: TickPorts>(
    ports: &P,
    seal: &Authenticator,
    settings: &TickSettings,
    until_ms: i64,
    summary: &mut TickSummary,
) -> Result<(), PortError> {
    let now_ms = ports.now_ms();
    let due = due_keys(ports, now_ms).await?;
    let pointer = ports.pointer().await?;
    let started = pointer.sets.iter().rev().find(|set| set.start_ms <= now_ms);
    let stream = ports.stream_name().to_owned();
    let mut memory = ports.recall(&stream).await?;
    let to_announce =
        started.filter(|set| memory.announced_set_ms.is_none_or(|announced| announced < set.start_ms));
    if due.is_empty() && to_announce.is_none() && memory.sent.is_empty() {
        return Ok(());
    }
    let read = memory.clone();
    let behind = is_behind(ports, &stream, &mut memory, settings, now_ms).await?;
    summary.due += due.len() as u64;
    // What is no longer due was folded.
    memory.sent.retain(|equipment, (due_ms, sent_ms)| {
        due.get(equipment) == Some(due_ms) && now_ms - *sent_ms < settings.forget_ms
    });
    if behind {
        summary.behind += 1;
        return remember(ports, &stream, &read, memory).await;
    }
    let mut wanted: Vec<(&String, i64)> = Vec::new();
    for (equipment, due_ms) in &due {
        if memory.sent.contains_key(equipment) {
            summary.remembered += 1;
        } else if memory.sent.len() + wanted.len() >= limits::TICKS_UNDER_WAY {
            summary.put_off += 1;
        } else {
            wanted.push((equipment, *due_ms));
        }
    }
    let equipments: Vec<&str> = wanted.iter().map(|(equipment, _)| equipment.as_str()).collect();
    let sent = send(ports, seal, &equipments, &mut memory, summary).await?;
    for ((equipment, due_ms), sent) in wanted.into_iter().zip(sent) {
        if sent {
            summary.sent += 1;
            memory.sent.insert(equipment.clone(), (due_ms, now_ms));
        }
    }
    if let Some(set) = to_announce {
        announce(ports, seal, settings, set.start_ms, &pointer.sets, until_ms, &mut memory, summary).await?;
    }
    remember(ports, &stream, &read, memory).await
}

/// All keys that are due, with their due times.
async fn due_keys<P: TickPorts>(ports: &P, now_ms: i64) -> Result<BTreeMap<String, i64>, PortError> {
    let mut due = BTreeMap::new();
    for bucket in 0..limits::DUE_BUCKETS {
        let mut next = None;
        loop {
            let page = ports.due(bucket, now_ms, next.as_deref()).await?;
            due.extend(page.items);
            next = page.next;
            // Those beyond come up at the next look: these are the longest due.
            if next.is_none() || due.len() >= 2 * limits::TICKS_UNDER_WAY {
                break;
            }
        }
    }
    Ok(due)
}

/// Whether some shard has not folded for long what was last sent to it. Shards that have are forgotten; so are those of
/// which nothing was seen for very long: a checkpoint that could not be written is written with the next batch, and there
/// may be none before the next tick.
async fn is_behind<P: TickPorts>(
    ports: &P,
    stream: &str,
    memory: &mut TickMemory,
    settings: &TickSettings,
    now_ms: i64,
) -> Result<bool, PortError> {
    if memory.shards.is_empty() {
        return Ok(false);
    }
    let checkpoints: BTreeMap<_, _> = ports.checkpoints(stream).await?.into_iter().collect();
    memory.shards.retain(|shard, (number, sent_ms)| {
        let sent = number.parse().ok();
        let folded = checkpoints.get(shard).and_then(|checkpoint| checkpoint.position);
        folded < sent && now_ms - *sent_ms < settings.forget_ms
    });
    Ok(memory.shards.values().any(|(_, sent_ms)| now_ms - *sent_ms > settings.behind_ms))
}

/// Sends ticks; answers for each whether it is in the stream.
async fn send<P: TickPorts>(
    ports: &P,
    seal: &Authenticator,
    equipments: &[&str],
    memory: &mut TickMemory,
    summary: &mut TickSummary,
) -> Result<Vec<bool>, PortError> {
    if equipments.is_empty() {
        return Ok(Vec::new());
    }
    let entries: Vec<StreamEntry> = equipments.iter().map(|equipment| tick_record(equipment, seal)).collect();
    let now_ms = ports.now_ms();
    let mut sent = Vec::with_capacity(entries.len());
    for written in ports.put_records(&entries).await? {
        match written {
            Written::At { shard, sequence_number } => {
                // The oldest that is not folded says how far behind the shard is.
                memory.shards.entry(shard).or_insert((sequence_number.to_string(), now_ms));
                sent.push(true);
            }
            Written::No(error) => {
                summary.errors += 1;
                summary.first_error.get_or_insert_with(|| error.to_string());
                sent.push(false);
            }
        }
    }
    Ok(sent)
}

/// Ticks the keys whose rules differ between a set and the one before it, so that silent ones hear of it; and those that
/// stand on a very old set.
#[allow(clippy::too_many_arguments, reason = "one step of a look, which has all of these at hand")]
async fn announce<P: TickPorts>(
    ports: &P,
    seal: &Authenticator,
    settings: &TickSettings,
    start_ms: i64,
    sets: &[crate::ports::SetRef],
    until_ms: i64,
    memory: &mut TickMemory,
    summary: &mut TickSummary,
) -> Result<(), PortError> {
    let mut compiled: BTreeMap<i64, RuleSet> = BTreeMap::new();
    let mut next = match &memory.announcing {
        Some((announcing, next)) if *announcing == start_ms => next.clone(),
        _ => None,
    };
    loop {
        let page = ports.scan_heads(next.as_deref()).await?;
        let mut wanted = Vec::new();
        for (equipment, head) in &page.items {
            let Some(former_ms) = set_of(ports, head).await? else { continue };
            if former_ms >= start_ms {
                continue;
            }
            let old = start_ms.saturating_sub(former_ms) > settings.set_age_ms;
            if old || differs(ports, &mut compiled, sets, former_ms, start_ms, equipment).await? {
                wanted.push(equipment.as_str());
            }
        }
        let sent = send(ports, seal, &wanted, memory, summary).await?;
        summary.announced += sent.iter().filter(|sent| **sent).count() as u64;
        if sent.contains(&false) {
            // The same page again at the next look.
            memory.announcing = Some((start_ms, next));
            return Ok(());
        }
        next = page.next;
        if next.is_none() {
            memory.announced_set_ms = Some(start_ms);
            memory.announcing = None;
            return Ok(());
        }
        memory.announcing = Some((start_ms, next.clone()));
        if ports.now_ms() >= until_ms {
            return Ok(());
        }
    }
}

/// The start of the set that a state was folded with; `None` where there is no state, or it cannot be read.
async fn set_of<P: TickPorts>(ports: &P, head: &Head) -> Result<Option<i64>, PortError> {
    if head.parked.is_some() {
        return Ok(None);
    }
    let Ok(body) = StateEnvelope::read(&head.body) else { return Ok(None) };
    let packed = match body.state {
        Stored::Here(packed) => packed,
        Stored::Object(name) => ports.get_object(&name).await?.unwrap_or_default(),
    };
    Ok(rule_set_of(&packed).ok())
}

/// Whether an equipment's rules or the settings differ between two sets.
async fn differs<P: TickPorts>(
    ports: &P,
    compiled: &mut BTreeMap<i64, RuleSet>,
    sets: &[crate::ports::SetRef],
    former_ms: i64,
    start_ms: i64,
    equipment: &str,
) -> Result<bool, PortError> {
    for start in [former_ms, start_ms] {
        if compiled.contains_key(&start) || start == CompiledRules::ALWAYS_MS {
            continue;
        }
        let Some(set) = sets.iter().find(|set| set.start_ms == start) else { return Ok(true) };
        let document = ports.read_set(&set.digest).await?;
        let Ok(set) = catalog::compile(&document) else { return Ok(true) };
        compiled.insert(start, set);
    }
    let rules = |start: i64| compiled.get(&start).map(|set| set.meaning_for(equipment));
    Ok(rules(former_ms) != rules(start_ms))
}

async fn remember<P: TickPorts>(
    ports: &P,
    stream: &str,
    read: &TickMemory,
    memory: TickMemory,
) -> Result<(), PortError> {
    if *read == memory {
        return Ok(());
    }
    let memory = TickMemory { revision: read.revision + 1, ..memory };
    match ports.remember(stream, &memory).await? {
        Saved::Done => Ok(()),
        // Another invocation sends ticks as well; at worst a key gets two.
        Saved::Conflict => Err(PortError::transient("another `tick` is running")),
    }
}
