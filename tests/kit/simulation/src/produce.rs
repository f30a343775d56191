//! Producers of the stream: machines, scorers, and forgers.

use andon_domain::RuleDocument;
use andon_ingest::encode;
use andon_ingest::gzip::{Spare, gzip};
use andon_workflows::rulebook::{self, KeepSets, PutError};
use andon_workflows::tick::tick_record;
use serde_json::Value;

use super::Simulation;
use super::executor::{FaultGate, Kind, Process};
use andon_kit_ports::memory::Memory;

/// Records that cannot be read.
const POISON: [&[u8]; 8] = [
    b"{\"equipmentId\":\"filler-1\",\"tag\":\"level\"",
    b"\x1f\x8b\x08\x00not really gzip",
    b"\xff\xfe\x00 no text",
    b"",
    b"{\"arrival\":1,\"data\":{\"equipmentId\":\"filler-1\",\"tick\":true}}",
    b"{\"arrival\":1,\"rules\":{\"rules\":[]}}",
    b"\xf3\x89\x9a\xc2 aggregated without a checksum",
    b"[{\"timestamp\":1,\"equipmentId\":\"filler-1\",\"tag\":\"level\",\"value\":{}}]",
];

/// Rules that do not compile.
const NO_RULES: &str =
    r#"{"rules":[{"id":"none","groups":[{"id":"g","states":[{"state":"A","when":"level >"}]}]}]}"#;

/// A rule over the flow. It changes its state often, because of the points in its windows.
const FLOW_RULE: &str = r#"{"id":"flow","default":"EVEN","groups":[
    {"id":"count","states":[{"state":"ODD","when":"count(flow, '4m') % 4 > 1"}]},
    {"id":"sum","weight":2,"states":[{"state":"HIGH","when":"sum(flow, '2m') % 3 > 1 && max(flow, '8m') > 2"}]}]}"#;

/// Time between two points of the flow, ms.
const FLOW_MS: i64 = 2000;

/// Maximum number of points of the flow in a record.
const MOST_FLOW: i64 = 60;

impl Simulation {
    /// Sends one line of the case.
    pub(super) fn produce(&mut self, line: &str) {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            self.dice.count("poison records");
            return self.send("no-machine", line.as_bytes());
        };
        self.world.borrow_mut().now_ms += i64::try_from(self.dice.below(3000)).unwrap_or_default();
        if let Some(rules) = value.get("rules") {
            match serde_json::from_value::<RuleDocument>(rules.clone()) {
                Ok(rules) => self.put_rules(rules),
                Err(_) => self.put_rules(serde_json::from_str(NO_RULES).unwrap_or_default()),
            }
            return;
        }
        let data = value.get("data").unwrap_or(&value);
        let Some(equipment) = equipment_of(data) else {
            self.dice.count("poison records");
            return self.send("no-machine", line.as_bytes());
        };
        let equipment = self.partition_key(equipment);
        if self.dice.one_in_thousand(30) {
            let poison = POISON.get(self.dice.below(POISON.len())).copied().unwrap_or_default();
            self.dice.count("poison records");
            self.send(&equipment, poison);
        }
        // Times as they are in the case, moved to now, so that points are as late or as early as they were.
        let mut data = data.clone();
        let arrival_ms = value.get("arrival").and_then(Value::as_i64);
        let shift_ms = arrival_ms.map_or(0, |arrival_ms| self.world.borrow().now_ms - arrival_ms);
        shift(&mut data, shift_ms);
        let text = self.sealed(&data, &equipment);
        self.send_packed(&equipment, text.into_bytes());
        if self.plan.flows && self.dice.one_in_thousand(250) {
            self.send_flow(&data);
        }
    }

    /// Sends the points of a machine's flow since the last ones.
    fn send_flow(&mut self, data: &Value) {
        let Some(equipment) = equipment_of(data) else { return };
        let now_ms = self.world.borrow().now_ms;
        let sent_ms = self.flowed.entry(equipment.to_owned()).or_insert(now_ms - 100_000);
        let mut points = Vec::new();
        *sent_ms = (*sent_ms).max(now_ms - FLOW_MS * MOST_FLOW);
        while *sent_ms + FLOW_MS <= now_ms {
            *sent_ms += FLOW_MS;
            let value = self.dice.below(5);
            points.push(serde_json::json!({
                "timestamp": *sent_ms, "equipmentId": equipment, "tag": "flow", "value": value,
            }));
        }
        if !points.is_empty() {
            self.dice.count("records of a flow");
            self.send(equipment, Value::Array(points).to_string().as_bytes());
        }
    }

    /// Returns the partition key for a record of a machine: mostly the machine.
    fn partition_key(&self, equipment: &str) -> String {
        if self.dice.one_in_thousand(self.plan.strangers) {
            self.dice.count("records under a strange key");
            return format!("stranger-{}", self.dice.below(5));
        }
        equipment.to_owned()
    }

    /// The text of a message; sealed where this system itself would send it, or forged.
    fn sealed(&self, data: &Value, equipment: &str) -> String {
        let text = data.to_string();
        let tick = data.get("tick").is_some();
        if !tick && !is_internal(data) {
            return text;
        }
        if of_several(data) || self.dice.one_in_thousand(150) {
            self.dice.count(if tick { "forged ticks" } else { "forged scores" });
            return if self.dice.one_in_thousand(500) { self.forger.seal(&text) } else { text };
        }
        if tick && self.dice.one_in_thousand(500) {
            return String::from_utf8(tick_record(equipment, &self.trust).data).unwrap_or_default();
        }
        if !tick {
            self.dice.count("scores used");
        }
        self.trust.seal(&text)
    }

    /// Sends a message: by itself, compressed, or together with one that was held back for it.
    fn send_packed(&mut self, partition_key: &str, message: Vec<u8>) {
        match self.dice.below(100) {
            0..=3 => {
                self.dice.count("compressed records");
                return self.send(partition_key, &gzip(&message, Spare::Bytes));
            }
            4..=9 if self.held.is_none() => {
                self.held = Some(message);
                return;
            }
            _ => {}
        }
        let Some(held) = self.held.take() else { return self.send(partition_key, &message) };
        self.dice.count("records of several messages");
        let both = if self.dice.one_in_thousand(500) {
            encode::aggregate(&[(partition_key, &held), (partition_key, &message)])
        } else {
            [held.as_slice(), b"\n", &message].concat()
        };
        self.send(partition_key, &both);
    }

    pub(super) fn send(&self, partition_key: &str, data: &[u8]) {
        let mut world = self.world.borrow_mut();
        let now_ms = world.now_ms;
        world.stream.put(partition_key, data, now_ms);
    }

    /// Puts a rule set, with retries until it is put. It counts from its start, which is in the future.
    pub(super) fn put_rules(&mut self, mut rules: RuleDocument) {
        if self.plan.flows {
            rules.rules.extend(serde_json::from_str::<andon_domain::Rule>(FLOW_RULE).ok());
        }
        if let Some(models) = &self.plan.models {
            rules.models.iter_mut().for_each(|model| models.settle(&mut model.endpoint));
        }
        for _ in 0..50 {
            let gate = FaultGate::new(&self.dice, &self.world, Kind::Rules);
            let status = gate.status.clone();
            let (ports, rules) = (Memory::of(&self.world, gate), rules.clone());
            let put = async move { rulebook::put(&ports, &rules, None, "", KeepSets::default()).await };
            match Process::new(status, put).alone() {
                None | Some(Err(PutError::Port(_) | PutError::Conflict)) => {}
                Some(Ok(put)) => {
                    self.dice.count("rule sets put");
                    self.dice.add("rules removed", put.removed.len() as u64);
                    let again = put.added.iter().filter(|id| self.removed.contains(*id)).count();
                    self.dice.add("rules created again", again as u64);
                    self.removed.extend(put.removed);
                    return;
                }
                Some(Err(PutError::Invalid(_))) => return self.dice.count("rule sets refused"),
                Some(Err(_)) => return self.dice.count("rule sets not put"),
            }
        }
    }
}

fn points(data: &Value) -> impl Iterator<Item = &Value> {
    data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice).iter()
}

fn equipment_of(data: &Value) -> Option<&str> {
    points(data).next()?.get("equipmentId")?.as_str()
}

fn of_several(data: &Value) -> bool {
    let first = equipment_of(data);
    points(data).any(|point| point.get("equipmentId").and_then(Value::as_str) != first)
}

/// Whether there is a point that only this system itself may send.
fn is_internal(data: &Value) -> bool {
    points(data).any(|point| {
        let score = point.get("tag").and_then(Value::as_str).is_some_and(|tag| tag.starts_with("ml."));
        let flags = point.get("meta").and_then(|meta| meta.get("flags")).and_then(Value::as_array);
        score || flags.is_some_and(|flags| flags.iter().any(|flag| flag == "Drv"))
    })
}

/// Moves the times of points.
fn shift(data: &mut Value, by_ms: i64) {
    match data {
        Value::Array(list) => list.iter_mut().for_each(|item| shift(item, by_ms)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if (name == "timestamp" || name == "createdAt")
                    && let Some(at_ms) = value.as_i64()
                {
                    *value = at_ms.saturating_add(by_ms).into();
                }
                if name == "meta" {
                    shift(value, by_ms);
                }
            }
        }
        _ => {}
    }
}
