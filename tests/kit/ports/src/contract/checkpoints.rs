//! Clauses on checkpoints and the memory of `tick`.

use std::collections::BTreeMap;

use andon_domain::limits::SOURCE_BYTES;
use andon_workflows::limits::CHECKPOINT_SOURCES;
use andon_workflows::ports::{Checkpoint, Saved, SourceMark, TickMemory};
use futures_util::future::join_all;

use super::{Held, Names, Ports, is, same};

fn checkpoint(revision: u64, arrival_ms: i64) -> Checkpoint {
    Checkpoint { revision, arrival_ms, ..Checkpoint::default() }
}

fn rich(revision: u64) -> Checkpoint {
    let mark = SourceMark { mark_ms: 1_700_000_000_000, last_ms: -5, ahead: u64::from(u32::MAX), late: 1 };
    let sources = ["", "gateway-7", "a.b#c $\u{fc}\"", "10", "9"];
    Checkpoint {
        revision,
        position: "49590338271490256608559692538361571095921575989136588898".parse().ok(),
        arrival_ms: 1_700_000_000_001,
        written_ms: 1_700_000_000_002,
        sources: sources.into_iter().map(|source| (source.to_owned(), mark)).collect(),
        rejected: BTreeMap::from([("late".to_owned(), 3), ("malformed".to_owned(), 1 << 40)]),
        points: 1 << 50,
    }
}

pub(super) async fn a_shard_without_checkpoint_has_none<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let stream = names.fresh("stream");
    same("the checkpoint", &ports.read_checkpoint(&stream, "shard").await?, &None)?;
    same("the shards", &ports.checkpoints(&stream).await?, &Vec::new())
}

pub(super) async fn a_checkpoint_is_read_as_it_was_written<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let stream = names.fresh("stream");
    for (revision, form) in [(1, checkpoint(1, 0)), (2, rich(2)), (3, checkpoint(3, -1))] {
        same("saving", &ports.save_checkpoint(&stream, "shard", &form).await?, &Saved::Done)?;
        let read = ports.read_checkpoint(&stream, "shard").await?;
        same(&format!("revision {revision}"), &read, &Some(form))?;
    }
    Ok(())
}

pub(super) async fn a_checkpoint_is_saved_one_revision_at_a_time<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let stream = names.fresh("stream");
    let save = async |revision, arrival_ms| {
        ports.save_checkpoint(&stream, "shard", &checkpoint(revision, arrival_ms)).await
    };
    same("a revision that skips the first", &save(2, 1).await?, &Saved::Conflict)?;
    same("nothing stored", &ports.read_checkpoint(&stream, "shard").await?, &None)?;
    for revision in 1..=11 {
        same("the next revision", &save(revision, 5).await?, &Saved::Done)?;
        same("the same again", &save(revision, 5).await?, &Saved::Done)?;
        same("another content of this revision", &save(revision, 6).await?, &Saved::Conflict)?;
        same("a revision that skips one", &save(revision + 2, 6).await?, &Saved::Conflict)?;
    }
    same("a revision long past", &save(1, 5).await?, &Saved::Conflict)?;
    same("the checkpoint", &ports.read_checkpoint(&stream, "shard").await?, &Some(checkpoint(11, 5)))
}

pub(super) async fn of_checkpoints_that_race_one_is_saved<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let stream = names.fresh("stream");
    for revision in 1..=3 {
        let racers: Vec<Checkpoint> = (0..6).map(|racer| checkpoint(revision, racer)).collect();
        let ends = join_all(racers.iter().map(|racer| ports.save_checkpoint(&stream, "shard", racer))).await;
        let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
        let done: Vec<_> = racers.iter().zip(&ends).filter(|(_, end)| **end == Saved::Done).collect();
        same("how many are saved", &done.len(), &1)?;
        let winner = done.first().map(|(racer, _)| (*racer).clone());
        same("the checkpoint", &ports.read_checkpoint(&stream, "shard").await?, &winner)?;
    }
    Ok(())
}

pub(super) async fn a_checkpoint_holds_as_many_sources_as_it_may<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let stream = names.fresh("stream");
    let mark = SourceMark { mark_ms: 1_700_000_000_000, last_ms: 1_700_000_000_000, ahead: 99, late: 99 };
    let sources = (0..CHECKPOINT_SOURCES).map(|index| (format!("{index:0SOURCE_BYTES$}"), mark)).collect();
    let full = Checkpoint { sources, ..checkpoint(1, 5) };
    same("saving", &ports.save_checkpoint(&stream, "shard", &full).await?, &Saved::Done)?;
    is("all sources", ports.read_checkpoint(&stream, "shard").await? == Some(full))
}

pub(super) async fn checkpoints_of_a_stream_come_by_shard<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let (stream, other) = (names.fresh("stream"), names.fresh("stream"));
    let shards = ["shardId-000000000010", "shardId-000000000002", "shardId-000000000001"];
    for shard in shards {
        ports.save_checkpoint(&stream, shard, &rich(1)).await?;
    }
    ports.save_checkpoint(&other, shards[0], &checkpoint(1, 0)).await?;
    let found = ports.checkpoints(&stream).await?;
    let expected: Vec<_> = shards.iter().rev().map(|shard| ((*shard).to_owned(), rich(1))).collect();
    same("the checkpoints", &found, &expected)
}

fn memory(revision: u64) -> TickMemory {
    TickMemory {
        revision,
        sent: (0..2000).map(|index| (format!("filler-{index}"), (1_700_000_000_000, -index))).collect(),
        shards: BTreeMap::from([("shardId-000000000000".to_owned(), ("123".to_owned(), 5))]),
        announced_set_ms: Some(7),
        announcing: Some((8, Some("filler \"\u{fc}\"".to_owned()))),
    }
}

pub(super) async fn what_tick_remembers_is_empty_at_first_and_read_as_written<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let (stream, other) = (names.fresh("stream"), names.fresh("stream"));
    same("at first", &ports.recall(&stream).await?, &TickMemory::default())?;
    for form in [memory(1), TickMemory { revision: 2, ..TickMemory::default() }] {
        same("writing", &ports.remember(&stream, &form).await?, &Saved::Done)?;
        same("the memory", &ports.recall(&stream).await?, &form)?;
    }
    same("of another stream", &ports.recall(&other).await?, &TickMemory::default())
}

pub(super) async fn what_tick_remembers_is_written_one_revision_at_a_time<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let stream = names.fresh("stream");
    let other = |revision| TickMemory { announced_set_ms: None, ..memory(revision) };
    same("skipping the first", &ports.remember(&stream, &memory(2)).await?, &Saved::Conflict)?;
    for revision in 1..=3 {
        same("the next revision", &ports.remember(&stream, &memory(revision)).await?, &Saved::Done)?;
        same("the same again", &ports.remember(&stream, &memory(revision)).await?, &Saved::Done)?;
        same("another content", &ports.remember(&stream, &other(revision)).await?, &Saved::Conflict)?;
        same("skipping one", &ports.remember(&stream, &other(revision + 2)).await?, &Saved::Conflict)?;
    }
    let racers: Vec<TickMemory> =
        (0..4).map(|racer| TickMemory { announced_set_ms: Some(racer), ..memory(4) }).collect();
    let ends = join_all(racers.iter().map(|racer| ports.remember(&stream, racer))).await;
    let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
    same("how many won a race", &ends.iter().filter(|end| **end == Saved::Done).count(), &1)
}
