//! Tests the whole system over an emulator: Kinesis in, EventBridge out through a queue, the functions as processes. The
//! state changes must equal those of a replay of the stream.
//!
//! Without python 3 or the package index they are skipped, and say so; on a build server (`CI`) they must run. With
//! `ANDON_TEST_ENDPOINT` they run on an emulator that is there already, such as LocalStack, and the functions are
//! deployed to it behind its own event sources, set as in production.

mod drill;
mod models;
mod oracle;
mod outage;
mod poison;
mod records;
mod reshard;
mod world;

use std::time::Duration;

use andon_clock::now_ms;
use andon_local::{EVALUATE, PUBLISH};

use self::records::{rules, workload};
use self::world::World;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_is_published_is_what_a_replay_of_the_stream_says() {
    runtime().block_on(async {
        let Some(mut world) = World::up("flow", &rules(), |_| {}).await else { return };
        for part in workload(now_ms()).chunks(250) {
            world.send(part).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        world.until_all_is_published(50).await;
        world.down().await;
    });
}

#[test]
fn a_machine_that_falls_silent_is_judged_by_ticks() {
    let rules = "\
settings: {idle_timeout: 1s}
rules:
  - id: hot
    groups: [{id: thermal, states: [{state: ALARM, when: t > 80, for: 3s}]}]
";
    let rules = andon_rule_files::read("silence.yaml", rules).unwrap().document;
    runtime().block_on(async {
        let Some(mut world) = World::up("silence", &rules, |_| {}).await else { return };
        let point =
            serde_json::json!({"timestamp": now_ms(), "equipmentId": "press-1", "tag": "t", "value": 90});
        world.send(&[("press-1".to_owned(), point.to_string().into_bytes())]).await;
        // Nothing but a tick can say that three seconds have passed.
        world.until_all_is_published(1).await;
        assert!(world.read.count() > 1, "there is no tick in the stream");
        world.down().await;
    });
}

#[test]
fn the_same_is_published_while_processes_are_killed_at_random() {
    runtime().block_on(async {
        // An emulator does not let us kill its processes, so these are ours.
        let here = |options: &mut andon_local::Options| {
            options.functions = andon_local::Functions::LocalProcesses;
            options.window = Duration::from_millis(200);
        };
        let Some(mut world) = World::up("kill", &rules(), here).await else { return };
        let mut dice = fastrand::Rng::with_seed(11);
        for part in workload(now_ms()).chunks(100) {
            world.send(part).await;
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(dice.u64(10..100))).await;
                world.system.kill_invoking(EVALUATE);
                world.system.kill_invoking(PUBLISH);
            }
        }
        let killed = world.failures(EVALUATE, "killed") + world.failures(PUBLISH, "killed");
        assert!(killed > 5, "only {killed} processes were killed while they worked");
        world.until_all_is_published(50).await;
        println!("{killed} processes were killed while they worked");
        world.down().await;
    });
}
