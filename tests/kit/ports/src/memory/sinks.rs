//! Implements the bus, the stream and the failure destination in memory.

use andon_workflows::ports::{Accepted, Bus, BusEntry, Failures, PortError, Stream, StreamEntry, Written};

use super::{Call, Gate, Memory, World};

/// Maximum size of an entry of the bus, in bytes.
const BUS_ENTRY_BYTES: usize = 256 << 10;

/// Entries in one request to the bus.
const BUS_ENTRIES: usize = 10;

/// Maximum size of a record of the stream with its partition key, in bytes.
const STREAM_RECORD_BYTES: usize = 10 << 20;

impl World {
    /// Entries that were answered as accepted and were not.
    fn take_early(&mut self) -> Vec<BusEntry> {
        std::mem::take(&mut self.early)
    }

    fn accept(&mut self, entry: &BusEntry) -> Accepted {
        let bytes = entry.detail.len() + entry.detail_type.len() + entry.resource.len();
        if bytes > BUS_ENTRY_BYTES {
            return Accepted::No(PortError::permanent(format!(
                "the entry of `{}` has {bytes} bytes; an entry takes {BUS_ENTRY_BYTES}",
                entry.resource
            )));
        }
        if serde_json::from_str::<serde::de::IgnoredAny>(&entry.detail).is_err() {
            return Accepted::No(PortError::permanent(format!(
                "the detail of `{}` is no JSON",
                entry.resource
            )));
        }
        if self.refused_detail.as_ref().is_some_and(|refused| entry.detail.contains(refused)) {
            return Accepted::No(PortError::permanent(format!(
                "an entry of `{}` is refused",
                entry.resource
            )));
        }
        if self.flaws.loses_bus && self.every(5) {
            return Accepted::Yes;
        }
        if self.flaws.reorders_bus && self.held.is_none() && self.every(3) {
            self.held = Some(entry.clone());
            return Accepted::Yes;
        }
        self.bus.push((self.now_ms, entry.clone()));
        let held = self.held.take();
        self.bus.extend(held.map(|held| (self.now_ms, held)));
        Accepted::Yes
    }
}

impl<G: Gate> Bus for Memory<G> {
    async fn offer(&self, entries: &[BusEntry]) -> Result<Vec<Accepted>, PortError> {
        let mut answers = Vec::with_capacity(entries.len());
        for entries in entries.chunks(BUS_ENTRIES) {
            let subject = entries.first().map(|entry| entry.resource.as_str()).unwrap_or_default();
            let answered = self.call(Call { method: "offer", subject }, |world| {
                let early = world.take_early();
                let answer = |entry: &BusEntry| match self.gate.refuses(&Call { method: "offer", subject }) {
                    Some(_) if world.flaws.accepts_too_early => {
                        world.early.push(entry.clone());
                        Accepted::Yes
                    }
                    Some(refusal) => Accepted::No(refusal),
                    None => world.accept(entry),
                };
                let answers = entries.iter().map(answer).collect::<Vec<_>>();
                for entry in early {
                    world.accept(&entry);
                }
                Ok(answers)
            });
            answers.extend(answered.await?);
        }
        Ok(answers)
    }
}

impl<G: Gate> Stream for Memory<G> {
    fn stream_name(&self) -> &str {
        "points"
    }

    async fn put_records(&self, entries: &[StreamEntry]) -> Result<Vec<Written>, PortError> {
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            let call = Call { method: "put_records", subject: &entry.partition_key };
            let answered = self.call(call, |world| {
                if let Some(refusal) = self.gate.refuses(&call) {
                    return Ok(Written::No(refusal));
                }
                let bytes = entry.data.len() + entry.partition_key.len();
                if entry.partition_key.is_empty() || bytes > STREAM_RECORD_BYTES {
                    return Ok(Written::No(PortError::permanent(format!(
                        "the record of `{}` has {bytes} bytes; a record has a partition key and at most \
                         {STREAM_RECORD_BYTES} bytes",
                        entry.partition_key
                    ))));
                }
                let (shard, sequence_number) =
                    world.stream.put(&entry.partition_key, &entry.data, world.now_ms);
                Ok(Written::At { shard, sequence_number })
            });
            answers.push(answered.await?);
        }
        Ok(answers)
    }

    async fn open_shards(&self) -> Result<Vec<String>, PortError> {
        self.call(Call { method: "open_shards", subject: "" }, |world| {
            Ok(world
                .stream
                .shards()
                .iter()
                .filter(|shard| shard.open)
                .map(|shard| shard.id.clone())
                .collect())
        })
        .await
    }
}

impl<G: Gate> Failures for Memory<G> {
    async fn report_failure(&self, report: &str) -> Result<(), PortError> {
        self.call(Call { method: "report_failure", subject: "" }, |world| {
            world.failures.push(report.to_owned());
            Ok(())
        })
        .await
    }
}
