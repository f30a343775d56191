//! Ticks: time for silent keys.
//!
//! A key whose timers are due gets a tick: a record in the stream, under its own partition key, so that a replay of the
//! stream decides the same. Ticks under way are remembered, so that none is sent twice while the stream is behind.

use std::collections::BTreeMap;

use andon_domain::never;
use andon_engine::{CompiledRules, RuleSet, rule_set_of};
use andon_ingest::Authenticator;

use crate::catalog;
use crate::envelope::{StateEnvelope, Stored};
use crate::limits;
use crate::measures::summary;
use crate::ports::{
    CheckpointStore, Clock, Head, Objects, PortError, RuleStore, Saved, SetRef, StateStore, Stream,
    StreamEntry, TickMemory, TickMemoryStore, Written,
};

/// The ports of `tick`.
pub trait TickPorts:
    StateStore + RuleStore + CheckpointStore + TickMemoryStore + Objects + Stream + Clock
{
}

impl<P: StateStore + RuleStore + CheckpointStore + TickMemoryStore + Objects + Stream + Clock> TickPorts
    for P
{
}

/// Settings of `tick`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickSettings {
    /// Time between the starts of two scans of the index, ms.
    pub interval_ms: i64,
    /// Time after which a tick that its shard has not folded holds back all further ticks, ms.
    pub behind_ms: i64,
    /// Time after which a tick without any effect is forgotten and sent again, ms. Effects are a new due time of its key
    /// and a checkpoint of its shard.
    pub forget_ms: i64,
    /// Age of a rule set, relative to a new one, from which its keys get a tick when the new one is announced, ms: so that
    /// old sets can be dropped.
    pub set_age_ms: i64,
}

impl Default for TickSettings {
    fn default() -> Self {
        Self { interval_ms: 10_000, behind_ms: 60_000, forget_ms: 120_000, set_age_ms: 15 * 86_400_000 }
    }
}

summary! {
    /// A summary of an invocation of `tick`, for one line of the log.
    pub struct TickSummary {
        counts {
            /// Scans of the index of due times.
            due_scans: log info;
            /// Machines found due.
            due_keys: log info;
            /// Ticks sent to due machines.
            ticks_sent: metric info
                "Many silent machines with rules that wait; each costs a record and a commit.";
            /// Ticks sent to make a new rule set known.
            announced: metric info "Once after each change of rules.";
            /// Due machines that had been sent their tick already.
            remembered: log info;
            /// Due machines left to a later scan, because too many ticks are in flight.
            ticks_deferred: metric warn "As `ticksHeldBack`.";
            /// Scans that sent nothing, because the stream is behind.
            ticks_held_back: metric warn "`iteratorAgeMs` of evaluate.";
        }
    }
}

/// Returns a tick as a record of the stream, authenticated.
#[must_use]
pub fn tick_record(equipment: &str, seal: &Authenticator) -> StreamEntry {
    let tick = serde_json::json!({"equipmentId": equipment, "tick": true}).to_string();
    StreamEntry { partition_key: equipment.to_owned(), data: seal.seal(&tick).into_bytes() }
}

/// Sends ticks until `until_ms`, with a scan of the index every interval; at least one scan.
pub async fn tick<P: TickPorts>(
    ports: &P,
    seal: &Authenticator,
    settings: &TickSettings,
    until_ms: i64,
) -> TickSummary {
    let mut ticker = Ticker { ports, seal, settings, until_ms, summary: TickSummary::default() };
    loop {
        let began_ms = ports.now_ms();
        ticker.summary.due_scans += 1;
        if let Err(error) = ticker.scan_due().await {
            ticker.summary.error(&error);
        }
        let next_ms = began_ms.saturating_add(settings.interval_ms);
        if next_ms >= until_ms {
            return ticker.summary;
        }
        // A scan that took longer than the interval is followed by the next one at once.
        ports.sleep_ms(u64::try_from(next_ms - ports.now_ms()).unwrap_or_default()).await;
    }
}

/// An invocation of `tick`.
struct Ticker<'t, P> {
    ports: &'t P,
    seal: &'t Authenticator,
    settings: &'t TickSettings,
    until_ms: i64,
    summary: TickSummary,
}

impl<P: TickPorts> Ticker<'_, P> {
    /// Scans the index of due times once and sends the ticks that are missing.
    async fn scan_due(&mut self) -> Result<(), PortError> {
        let ports = self.ports;
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
        let behind = is_behind(ports, &stream, &mut memory, self.settings, now_ms).await?;
        self.summary.due_keys += due.len() as u64;
        // A key that is no longer due was folded.
        memory.sent.retain(|equipment, (due_ms, sent_ms)| {
            due.get(equipment) == Some(due_ms) && now_ms - *sent_ms < self.settings.forget_ms
        });
        if behind {
            self.summary.ticks_held_back += 1;
            return remember(ports, &stream, &read, memory).await;
        }
        self.send_due(&due, now_ms, &mut memory).await?;
        if let Some(set) = to_announce {
            self.announce(set.start_ms, &pointer.sets, &mut memory).await?;
        }
        remember(ports, &stream, &read, memory).await
    }

    /// Sends ticks to the due keys that have none under way.
    async fn send_due(
        &mut self,
        due: &BTreeMap<String, i64>,
        now_ms: i64,
        memory: &mut TickMemory,
    ) -> Result<(), PortError> {
        let mut missing: Vec<(&String, i64)> = Vec::new();
        for (equipment, due_ms) in due {
            if memory.sent.contains_key(equipment) {
                self.summary.remembered += 1;
            } else if memory.sent.len() + missing.len() >= limits::TICKS_UNDER_WAY {
                self.summary.ticks_deferred += 1;
            } else {
                missing.push((equipment, *due_ms));
            }
        }
        let keys: Vec<&str> = missing.iter().map(|(equipment, _)| equipment.as_str()).collect();
        let sent = self.send(&keys, memory).await?;
        for ((equipment, due_ms), sent) in missing.into_iter().zip(sent) {
            if sent {
                self.summary.ticks_sent += 1;
                memory.sent.insert(equipment.clone(), (due_ms, now_ms));
            }
        }
        Ok(())
    }

    /// Sends ticks and returns for each whether it is in the stream.
    async fn send(&mut self, keys: &[&str], memory: &mut TickMemory) -> Result<Vec<bool>, PortError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let entries: Vec<StreamEntry> = keys.iter().map(|key| tick_record(key, self.seal)).collect();
        let now_ms = self.ports.now_ms();
        let mut sent = Vec::with_capacity(entries.len());
        for written in self.ports.put_records(&entries).await? {
            match written {
                Written::At { shard, sequence_number } => {
                    // The oldest one that is not folded shows how far behind the shard is.
                    memory.shards.entry(shard).or_insert((sequence_number.to_string(), now_ms));
                    sent.push(true);
                }
                Written::No(error) => {
                    self.summary.error(&error);
                    sent.push(false);
                }
            }
        }
        if sent.len() != keys.len() {
            never!("the stream answered {} of {} ticks", sent.len(), keys.len());
        }
        Ok(sent)
    }

    /// Sends ticks to the keys whose rules differ between a set and the one before, so that silent ones take up the set;
    /// and to keys that still use a very old set.
    async fn announce(
        &mut self,
        start_ms: i64,
        sets: &[SetRef],
        memory: &mut TickMemory,
    ) -> Result<(), PortError> {
        let ports = self.ports;
        let mut compiled: BTreeMap<i64, RuleSet> = BTreeMap::new();
        let mut next = match &memory.announcing {
            Some((announcing, next)) if *announcing == start_ms => next.clone(),
            _ => None,
        };
        loop {
            let page = ports.scan_heads(next.as_deref()).await?;
            let mut concerned = Vec::new();
            for (equipment, head) in &page.items {
                let Some(former_ms) = set_of(ports, head).await? else { continue };
                if former_ms >= start_ms {
                    continue;
                }
                let old = start_ms.saturating_sub(former_ms) > self.settings.set_age_ms;
                if old || differs(ports, &mut compiled, sets, former_ms, start_ms, equipment).await? {
                    concerned.push(equipment.as_str());
                }
            }
            let sent = self.send(&concerned, memory).await?;
            self.summary.announced += sent.iter().filter(|sent| **sent).count() as u64;
            if sent.contains(&false) {
                // The next scan takes the same page again.
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
            if ports.now_ms() >= self.until_ms {
                return Ok(());
            }
        }
    }
}

/// Returns all keys that are due, with their due times.
async fn due_keys<P: TickPorts>(ports: &P, now_ms: i64) -> Result<BTreeMap<String, i64>, PortError> {
    let mut due = BTreeMap::new();
    for bucket in 0..limits::DUE_BUCKETS {
        let mut next = None;
        loop {
            let page = ports.due(bucket, now_ms, next.as_deref()).await?;
            due.extend(page.items);
            next = page.next;
            // The longest due come first. The next scan finds the others.
            if next.is_none() || due.len() >= 2 * limits::TICKS_UNDER_WAY {
                break;
            }
        }
    }
    Ok(due)
}

/// Returns whether a shard has a tick that it should have folded long ago.
///
/// Forgets the ticks that their shards have folded, and those without an effect for very long. A checkpoint that could
/// not be written is written with the next batch, and without a new tick there may be none.
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

/// Returns the start of the set that a state was folded with, ms; `None` if there is no state, or it cannot be read.
async fn set_of<P: TickPorts>(ports: &P, head: &Head) -> Result<Option<i64>, PortError> {
    if head.parked.is_some() {
        return Ok(None);
    }
    // A damaged state is found by `evaluate` when a record of the key arrives.
    let Ok(body) = StateEnvelope::read(&head.body) else { return Ok(None) };
    let packed = match body.state {
        Stored::Here(packed) => packed,
        // A commit since the scan may have replaced the object.
        Stored::Object(name) => ports.get_object(&name).await?.unwrap_or_default(),
    };
    Ok(rule_set_of(&packed).ok())
}

/// Returns whether the rules of a machine or the settings differ between two sets.
async fn differs<P: TickPorts>(
    ports: &P,
    compiled: &mut BTreeMap<i64, RuleSet>,
    sets: &[SetRef],
    former_ms: i64,
    start_ms: i64,
    equipment: &str,
) -> Result<bool, PortError> {
    for start in [former_ms, start_ms] {
        if compiled.contains_key(&start) || start == CompiledRules::ALWAYS_MS {
            continue;
        }
        // A set that is no longer listed, or that this version cannot use: the tick leads to a fold, which tells.
        let Some(set) = sets.iter().find(|set| set.start_ms == start) else { return Ok(true) };
        let document = ports.read_set(&set.digest).await?;
        let Ok(set) = catalog::compile(&document) else { return Ok(true) };
        compiled.insert(start, set);
    }
    let rules = |start: i64| compiled.get(&start).map(|set| set.meaning_for(equipment));
    Ok(rules(former_ms) != rules(start_ms))
}

/// Saves the memory, if it changed.
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
        // A concurrent invocation sends ticks too; at worst a key gets two.
        Saved::Conflict => Err(PortError::transient("another `tick` is running")),
    }
}
