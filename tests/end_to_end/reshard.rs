//! Tests splits and merges of shards.

use std::time::Duration;

use andon_clock::now_ms;
use andon_local::Functions;
use aws_sdk_kinesis::Client;

use super::records::{rules, workload};
use super::runtime;
use super::world::World;

/// The middle of all hash keys.
const MIDDLE: &str = "170141183460469231731687303715884105728";

/// On an emulator that keeps closed shards this happens under load. Ours forgets a shard, with all that was not read of
/// it, in the moment when it is split or merged: there it is folded to its end before, and what is seen is that the
/// children are found and handed over. That children wait for their parents is seen in `andon_local::sources`, and what
/// happens if they do not, in the simulation.
#[test]
fn nothing_is_lost_or_doubled_when_shards_are_split_and_merged() {
    runtime().block_on(async {
        let mut forgets = false;
        let set =
            |options: &mut andon_local::Options| forgets = options.functions == Functions::LocalProcesses;
        let Some(mut world) = World::up("reshard", &rules(), set).await else { return };
        let kinesis = Client::new(world.aws.sdk());
        let stream = world.system.config().names.stream.clone();
        let records = workload(now_ms());
        let parts: Vec<_> = records.chunks(200).collect();
        let (split_at, merge_at) = (parts.len() / 3, parts.len() * 2 / 3);
        for (place, part) in parts.iter().enumerate() {
            if forgets && (place == split_at || place == merge_at) {
                world.until_all_is_folded().await;
            }
            if place == split_at {
                let parent = open(&kinesis, &stream).await.remove(0);
                let split = kinesis.split_shard().stream_name(&stream).shard_to_split(parent);
                split.new_starting_hash_key(MIDDLE).send().await.unwrap();
            }
            if place == merge_at {
                let open = open(&kinesis, &stream).await;
                assert_eq!(open.len(), 2);
                let merge = kinesis.merge_shards().stream_name(&stream).shard_to_merge(&open[0]);
                merge.adjacent_shard_to_merge(&open[1]).send().await.unwrap();
            }
            world.send(part).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        world.until_all_is_published(50).await;
        let shards = &world.read.shards;
        assert_eq!(shards.len(), 4);
        assert!(shards.values().all(|shard| shard.last.is_some()), "a shard without records shows nothing");
        println!("{}", if forgets { "the shards were folded to their end before" } else { "under load" });
        world.down().await;
    });
}

/// Shards that can be written to.
async fn open(kinesis: &Client, stream: &str) -> Vec<String> {
    let mut open = Vec::new();
    for _ in 0..100 {
        let summary = kinesis.describe_stream_summary().stream_name(stream).send().await.unwrap();
        let status = summary.stream_description_summary.unwrap().stream_status;
        let listed = kinesis.list_shards().stream_name(stream).send().await.unwrap().shards.unwrap();
        let is_open = |shard: &aws_sdk_kinesis::types::Shard| {
            shard.sequence_number_range.as_ref().is_none_or(|range| range.ending_sequence_number.is_none())
        };
        open = listed.into_iter().filter(is_open).map(|shard| shard.shard_id).collect();
        if status == aws_sdk_kinesis::types::StreamStatus::Active {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    open.sort();
    open
}
