//! Drills the faults that an operator meets in production. Each part prints its action and its outcome
//! (`-- drill --nocapture`).

use std::process::Command;
use std::time::Duration;

use andon_clock::{Stopwatch, now_ms};
use andon_local::{Backend, Emulator, Functions, Listener, PUBLISH};
use andon_workflows::ports::{Commit, Committed, StateStore as _};

use super::outage::{DYNAMODB, EVENTBRIDGE, FaultProxy};
use super::records::{OutgoingRecord, rules, workload};
use super::runtime;
use super::world::World;

/// Duration of an outage.
const OUTAGE: Duration = Duration::from_secs(8);

#[test]
fn a_drill_of_outages_a_damaged_state_and_a_lost_consumer_loses_nothing() {
    runtime().block_on(async {
        let emulator = match Emulator::start(&Listener::silent()) {
            Ok(emulator) => emulator,
            Err(error) if std::env::var_os("CI").is_none() => {
                eprintln!("SKIPPED, no drill was held: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let door = FaultProxy::before(emulator.endpoint()).await;
        let behind = |options: &mut andon_local::Options| {
            options.backend = Backend::Endpoint(door.url.clone());
            options.functions = Functions::LocalProcesses;
            options.window = Duration::from_millis(200);
            // So that checkpoints say at any time what was folded.
            options.vars.insert("ANDON_CHECKPOINT_INTERVAL".to_owned(), "0s".to_owned());
        };
        let Some(mut world) = World::up("drill", &rules(), behind).await else { return };
        let records = workload(now_ms());
        let mut parts = records.chunks(records.len() / 5);
        let mut part = || parts.next().unwrap();

        world.send(part()).await;
        world.until_all_is_published(1).await;
        println!("all is well: {} state changes", world.changes());

        tables_are_away(&mut world, &door, part()).await;
        the_bus_is_away(&mut world, &door, part()).await;
        a_state_is_damaged(&mut world, part(), part()).await;
        a_consumer_lost_a_day(&mut world).await;
        world.down().await;
    });
}

async fn tables_are_away(world: &mut World, door: &FaultProxy, records: &[OutgoingRecord]) {
    let before = world.changes();
    door.shut(DYNAMODB);
    world.send(records).await;
    let since = Stopwatch::start();
    tokio::time::sleep(OUTAGE).await;
    door.open(DYNAMODB);
    let waiting = world.unfolded().await;
    assert!(waiting > 0, "records were folded without tables");
    println!("tables away for {:.0?}: {waiting} records wait in the stream", since.elapsed());
    let since = Stopwatch::start();
    world.until_all_is_published(before + 1).await;
    println!("  back: all folded and published {:.1?} later", since.elapsed());
}

async fn the_bus_is_away(world: &mut World, door: &FaultProxy, records: &[OutgoingRecord]) {
    let before = world.changes();
    door.shut(EVENTBRIDGE);
    world.send(records).await;
    // They are folded all the same: a bus that is away holds up no rule.
    world.until_all_is_folded().await;
    let since = Stopwatch::start();
    tokio::time::sleep(OUTAGE).await;
    world.drain_queue().await;
    assert_eq!(world.changes(), before, "something was published without a bus");
    let asked = world.invocations(PUBLISH);
    door.open(EVENTBRIDGE);
    println!("bus away for {:.0?}: all is folded, nothing is published", since.elapsed());
    let since = Stopwatch::start();
    world.until_all_is_published(before + 1).await;
    assert!(world.invocations(PUBLISH) > asked, "no retries");
    println!("  back: all published {:.1?} later", since.elapsed());
}

async fn a_state_is_damaged(world: &mut World, records: &[OutgoingRecord], later: &[OutgoingRecord]) {
    let (equipment, _) = records.first().unwrap();
    world.until_all_is_folded().await;
    let body = damage(world, equipment, |body| std::mem::replace(body, b"damaged".to_vec())).await;
    world.send(records).await;
    let since = Stopwatch::start();
    while !is_parked(world, equipment).await {
        assert!(since.elapsed() < super::world::TEST_TIMEOUT, "`{equipment}` is not parked");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.send(later).await;
    world.until_all_is_folded().await;
    println!("state of `{equipment}` damaged: parked, all others go on");
    let (ok, said) = andon(world, &["unpark", equipment]).await;
    assert!(!ok, "it was unparked while damaged: {said}");
    println!("  andon unpark, too early: {said}");
    damage(world, equipment, |damaged| std::mem::replace(damaged, body)).await;
    let (ok, said) = andon(world, &["unpark", equipment]).await;
    assert!(ok, "{said}");
    println!("  fixed, andon unpark: {said}");
    world.until_all_is_published(1).await;
    println!("  what was decided is what would have been");
}

/// Changes the stored body of a state behind the back of the system.
async fn damage(world: &World, equipment: &str, change: impl FnOnce(&mut Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut head = world.aws.read_heads(&[equipment]).await.unwrap().remove(0).unwrap();
    let read_version = head.version;
    head.version += 1;
    let former = change(&mut head.body);
    let commit = Commit { equipment: equipment.to_owned(), read_version, head, outbox: None };
    assert_eq!(world.aws.commit(&commit).await, Ok(Committed::Done));
    former
}

async fn is_parked(world: &World, equipment: &str) -> bool {
    let heads = world.aws.read_heads(&[equipment]).await.unwrap_or_default();
    heads.into_iter().flatten().any(|head| head.parked.is_some())
}

async fn a_consumer_lost_a_day(world: &mut World) {
    let (changes, deliveries) = (world.changes(), world.deliveries());
    let (ok, said) = andon(world, &["republish", "--since", "1d"]).await;
    assert!(ok, "{said}");
    println!("a consumer lost a day: andon republish --since 1d: {said}");
    let since = Stopwatch::start();
    while world.deliveries() < deliveries + changes {
        assert!(since.elapsed() < super::world::TEST_TIMEOUT, "not all came again");
        world.drain_queue().await;
    }
    assert_eq!(world.changes(), changes, "republishing made a new identity");
    println!("  all {changes} came again, each with the content it had");
}

/// Runs the command line as an operator would: whether it ended well, and what it said. Apart, since this thread carries
/// what it sends.
async fn andon(world: &World, arguments: &[&str]) -> (bool, String) {
    let folder = std::env::current_exe().unwrap();
    let mut command = Command::new(folder.ancestors().nth(2).unwrap().join("andon"));
    command.args(arguments).envs(world.system.vars());
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().expect("the command line was built together with the functions");
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    let lines = said.lines().filter(|line| !line.starts_with("Talking to"));
    (output.status.success(), lines.map(str::trim).collect::<Vec<_>>().join("; "))
}
