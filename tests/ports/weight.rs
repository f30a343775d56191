//! Tests the size of commits: each KiB of a head costs a write unit.

use andon_ingest::encode::{EventRecord, event};
use andon_ingest::{Arena, Decoded, SequenceNumber, ShardId};
use andon_kit_cases::w1::W1;
use andon_kit_ports::memory::Memory;
use andon_workflows::evaluate::{Batch, EvaluateSettings, Evaluator};
use andon_workflows::object_keys;
use andon_workflows::ports::{Pointer, SetRef};

use super::at_once;

/// A write unit of DynamoDB.
const UNIT_BYTES: usize = 1024;

#[test]
fn a_head_of_ten_tags_and_five_rules_is_one_write_unit() {
    let w1 = W1 { machines: 20, points: 30_000, ..W1::default() };
    let ports = Memory::new();
    {
        let mut world = ports.world_mut();
        let json = serde_json::to_vec(&w1.rules()).unwrap();
        let digest = object_keys::digest(&json, 32);
        world.sets.insert(digest.clone(), json);
        let set = SetRef { start_ms: 0, digest, written_ms: 0, rules: 100, note: String::new() };
        world.pointer = Pointer { revision: 1, sets: vec![set] };
    }
    let evaluator = Evaluator::new(ports, EvaluateSettings::new("points"));
    let shard: ShardId = "shardId-000000000000".parse().unwrap();
    let mut points = Vec::new();
    w1.write_points(&mut points).unwrap();
    let lines: Vec<&str> = std::str::from_utf8(&points).unwrap().lines().collect();
    // What twenty machines say in a second.
    let mut weights: Vec<usize> = Vec::new();
    for (second, batch) in (0_u32..).zip(lines.chunks(200)) {
        let records: Vec<(SequenceNumber, String, &str)> = (0_u64..)
            .zip(batch)
            .map(|(index, line)| {
                let point: serde_json::Value = serde_json::from_str(line).unwrap();
                let place = u64::from(second) * 200 + index;
                let number = format!("4959033827149025660855969253836157109592157598{place:010}");
                (number.parse().unwrap(), point["equipmentId"].as_str().unwrap().to_owned(), *line)
            })
            .collect();
        let event = event(
            "points",
            records.iter().map(|(sequence, key, line)| EventRecord {
                shard: &shard,
                sequence: *sequence,
                partition_key: key,
                arrival_ms: w1.start_ms + i64::from(second) * 1000 + 300,
                data: line.as_bytes(),
            }),
        );
        let mut arena = Arena::new();
        let decoded = Decoded::new(event.as_bytes(), &mut arena).unwrap();
        let answer = at_once(evaluator.evaluate(&Batch::of(&decoded, None).unwrap(), i64::MAX));
        assert_eq!(answer.first_not_done, None, "{:?}", answer.summary);
        // Not while windows and waits are still empty.
        if second >= 30 {
            let world = evaluator.ports().world();
            weights.extend(world.heads.iter().map(|(id, head)| andon_aws::head_bytes(id, head).unwrap()));
        }
    }
    weights.sort_unstable();
    let (least, most) = (weights[0], weights[weights.len() - 1]);
    println!("heads of W1: {least} to {most} bytes, half of them up to {}", weights[weights.len() / 2]);
    assert!(most <= UNIT_BYTES, "a head of {most} bytes; expected at most {UNIT_BYTES}");
}
