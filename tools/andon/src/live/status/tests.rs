use std::collections::BTreeMap;

use andon_kit_ports::memory::Memory;
use andon_workflows::ports::{Checkpoint, Due, Head, Parked, Pointer, SetRef, SourceMark, TickMemory};

use super::*;
use crate::live::at_once;
use crate::terminal::ColorChoice;

/// 2026-03-02 06:00:12Z.
const NOW_MS: i64 = 1_772_431_212_000;

fn set(start_ms: i64, rules: u64, note: &str) -> SetRef {
    let (digest, note) = (start_ms.to_string(), note.to_owned());
    SetRef { start_ms, digest, written_ms: start_ms - 11_000, rules, note }
}

fn mark(mark_ago_ms: i64, heard_ago_ms: i64, ahead: u64, late: u64) -> SourceMark {
    SourceMark { mark_ms: NOW_MS - mark_ago_ms, last_ms: NOW_MS - heard_ago_ms, ahead, late }
}

/// A system in which there is something of everything.
fn memory() -> Memory {
    let memory = Memory::new();
    let mut world = memory.world_mut();
    world.now_ms = NOW_MS;
    world
        .sets
        .insert((NOW_MS - 3_000_000).to_string(), b"{\"settings\":{\"idle_timeout\":\"20s\"}}".to_vec());
    world.pointer = Pointer {
        revision: 3,
        sets: vec![
            set(NOW_MS - 90_000_000, 10, "old"),
            set(NOW_MS - 3_000_000, 12, "limit raised\u{1b}[2J"),
            set(NOW_MS + 8_000, 13, ""),
        ],
    };
    let shard = Checkpoint {
        revision: 5,
        position: "49590338271490256608559692538361571095921575989136588898".parse().ok(),
        arrival_ms: NOW_MS - 900,
        written_ms: NOW_MS - 400,
        points: 1_234_567,
        sources: BTreeMap::from([
            ("gateway-1".to_owned(), mark(1_200, 900, 0, 0)),
            ("gateway-2".to_owned(), mark(95_000, 950, 3, 41)),
            (String::new(), mark(7_200_000, 7_100_000, 0, 0)),
        ]),
        rejected: BTreeMap::from([("late".to_owned(), 41), ("forged".to_owned(), 2)]),
    };
    let closed = Checkpoint { written_ms: NOW_MS - 600_000, arrival_ms: NOW_MS - 601_000, ..shard.clone() };
    world.checkpoints.insert(("points".to_owned(), "shardId-000000000000".to_owned()), shard);
    world.checkpoints.insert(("points".to_owned(), "shardId-000000000007".to_owned()), closed);
    world.heads.insert("filler-1".to_owned(), Head { version: 3, ..Head::default() });
    let parked = Parked {
        since_ms: NOW_MS - 71_000,
        reason: "the stored state was damaged: its checksum does not fit".to_owned(),
        objects: 3,
        ..Parked::default()
    };
    world.heads.insert("filler-9".to_owned(), Head { parked: Some(parked), ..Head::default() });
    world.heads.insert("oven\u{7}".to_owned(), Head { failures: 2, ..Head::default() });
    world.memories.insert(
        "points".to_owned(),
        TickMemory {
            revision: 1,
            sent: BTreeMap::from([("filler-1".to_owned(), (NOW_MS, NOW_MS))]),
            shards: BTreeMap::from([("shardId-000000000000".to_owned(), ("1".to_owned(), NOW_MS - 4_200))]),
            ..TickMemory::default()
        },
    );
    drop(world);
    memory
}

#[test]
fn the_page_shows_something_of_everything_aligned_and_harmless() {
    let status = at_once(status(&memory(), 1, true, &mut Memo::default())).unwrap();
    let text = render::text(&status, false, &Terminal::new(ColorChoice::Never));
    let expected = "\
Stream     points, at 2026-03-02 06:00:12Z
Watermark  05:58:37 (95 s behind)
Rules      12 rules since 05:10:12: limit raised\\u{1b}[2J
           13 rules from 06:00:20 on, in 8.0 s
Machines   3, 1 parked, 1 failing (`oven\\u{7}`)
Ticks      none due, 1 under way, the oldest sent 4.2 s ago

SHARD                 STATE   WATERMARK   LAG  READ TO         READ     POINTS  SENDERS  POSITION
shardId-000000000000  active  05:58:37   95 s  06:00:11   0.4 s ago  1\u{202f}234\u{202f}567   2 of 3  …989136588898
shardId-000000000007  closed  05:58:37   95 s  05:50:11  10 min ago  1\u{202f}234\u{202f}567   2 of 3  …989136588898

SENDER       STATE   MARK          BEHIND           HEARD  AHEAD  LATE
(not named)  idle    04:00:12  1 h 59 min  1 h 58 min ago      0     0
gateway-1    active  06:00:10       0.0 s       0.9 s ago      0     0
gateway-2    active  05:58:37        93 s       0.9 s ago      6    82

REJECTED  COUNT
forged        4  ticks and scores that this system did not send
late         82  arrived later than `allowed_lateness`

PARKED    SINCE                BATCHES  REASON
filler-9  05:59:01 (71 s ago)        3  the stored state was damaged: its checksum does not fit
When the cause is fixed: andon unpark EQUIPMENT, or andon unpark --all
";
    assert_eq!(text, expected);
}

#[test]
fn before_anything_was_read_the_page_says_what_is_missing() {
    let status = at_once(status(&Memory::new(), 1, true, &mut Memo::default())).unwrap();
    let text = render::text(&status, false, &Terminal::new(ColorChoice::Never));
    let expected = "\
Stream     points, at 2023-11-14 22:13:20Z
Watermark  nothing has been read yet
Rules      none in force (to put some: andon rules put FILE...)
Machines   0
Ticks      none due

SHARD                 STATE         WATERMARK  LAG  READ TO  READ  POINTS  SENDERS  POSITION
shardId-000000000000  not read yet                                      0
";
    assert_eq!(text, expected);
}

#[test]
fn with_a_parallelization_factor_above_1_the_watermark_is_called_an_upper_bound() {
    let status = at_once(status(&memory(), 4, false, &mut Memo::default())).unwrap();
    let text = render::text(&status, false, &Terminal::new(ColorChoice::Never));
    assert!(text.contains("(95 s behind; an upper bound, with parallelization factor 4)"), "{text}");
}

#[test]
fn a_program_gets_times_as_numbers_and_all_of_it() {
    let status = at_once(status(&memory(), 1, true, &mut Memo::default())).unwrap();
    let json: serde_json::Value = serde_json::to_value(&status).unwrap();
    assert_eq!(json["watermark"], NOW_MS - 95_000);
    assert_eq!(json["rules"]["inForce"]["rules"], 12);
    assert_eq!(json["rules"]["next"][0]["start"], NOW_MS + 8_000);
    assert_eq!(json["keys"]["parked"][0]["equipmentId"], "filler-9");
    assert_eq!(json["rejected"]["late"], 82);
    assert_eq!(json["shards"][1]["open"], false);
    assert_eq!(json["sources"][2]["late"], 82);
}

#[test]
fn due_keys_are_counted_with_the_longest_due_one() {
    let memory = memory();
    {
        let ports = memory.clone();
        let head = |at_ms: i64| Head { version: 1, due: Some(Due { bucket: 1, at_ms }), ..Head::default() };
        for (equipment, ago_ms) in [("a", 5_000), ("b", 65_000), ("c", -5_000), ("d", 1)] {
            let commit = andon_workflows::ports::Commit {
                equipment: equipment.to_owned(),
                read_version: 0,
                head: head(NOW_MS - ago_ms),
                outbox: None,
            };
            at_once(andon_workflows::ports::StateStore::commit(&ports, &commit)).unwrap();
        }
    }
    // The index shows the newest changes late.
    memory.world_mut().now_ms += 4_000;
    let status = at_once(status(&memory, 1, false, &mut Memo::default())).unwrap();
    assert_eq!((status.ticks.due, status.ticks.due_since), (3, Some(NOW_MS - 65_000)));
}
