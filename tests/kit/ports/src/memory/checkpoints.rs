//! Keeps the table `checkpoints` and the memory of `tick` in memory.

use andon_workflows::ports::{Checkpoint, CheckpointStore, PortError, Saved, TickMemory, TickMemoryStore};

use super::world::{CheckpointSaved, fits};
use super::{Call, Gate, Memory};

impl<G: Gate> CheckpointStore for Memory<G> {
    async fn read_checkpoint(&self, stream: &str, shard: &str) -> Result<Option<Checkpoint>, PortError> {
        self.call(Call { method: "read_checkpoint", subject: shard }, |world| {
            Ok(world.checkpoints.get(&(stream.to_owned(), shard.to_owned())).cloned())
        })
        .await
    }

    async fn save_checkpoint(
        &self,
        stream: &str,
        shard: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Saved, PortError> {
        self.call(Call { method: "save_checkpoint", subject: shard }, |world| {
            fits(shard, checkpoint.sources.keys().map(|source| source.len() + 60).sum())?;
            let key = (stream.to_owned(), shard.to_owned());
            let stored = world.checkpoints.get(&key);
            if stored == Some(checkpoint) {
                return Ok(Saved::Done);
            }
            let revision = stored.map_or(0, |stored| stored.revision);
            if revision + 1 != checkpoint.revision && !world.flaws.ignores_revisions {
                return Ok(Saved::Conflict);
            }
            world.checkpoints.insert(key, checkpoint.clone());
            world.saves.push(CheckpointSaved {
                stream: stream.to_owned(),
                shard: shard.to_owned(),
                checkpoint: checkpoint.clone(),
            });
            Ok(Saved::Done)
        })
        .await
    }

    async fn checkpoints(&self, stream: &str) -> Result<Vec<(String, Checkpoint)>, PortError> {
        self.call(Call { method: "checkpoints", subject: stream }, |world| {
            let from = (stream.to_owned(), String::new());
            let of_stream = world.checkpoints.range(from..).take_while(|((of, _), _)| of == stream);
            Ok(of_stream.map(|((_, shard), checkpoint)| (shard.clone(), checkpoint.clone())).collect())
        })
        .await
    }
}

impl<G: Gate> TickMemoryStore for Memory<G> {
    async fn recall(&self, stream: &str) -> Result<TickMemory, PortError> {
        self.call(Call { method: "recall", subject: stream }, |world| {
            Ok(world.memories.get(stream).cloned().unwrap_or_default())
        })
        .await
    }

    async fn remember(&self, stream: &str, memory: &TickMemory) -> Result<Saved, PortError> {
        self.call(Call { method: "remember", subject: stream }, |world| {
            let stored = world.memories.get(stream);
            if stored == Some(memory) {
                return Ok(Saved::Done);
            }
            if stored.map_or(0, |stored| stored.revision) + 1 != memory.revision {
                return Ok(Saved::Conflict);
            }
            world.memories.insert(stream.to_owned(), memory.clone());
            Ok(Saved::Done)
        })
        .await
    }
}
