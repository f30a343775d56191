//! Tests rules that need a model, in real time and asynchronously: from points to a score request, to the model, to its
//! score, to a state change. A dead model delays nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use andon_clock::{Stopwatch, now_ms};
use andon_local::EVALUATE;
use andon_local::models::Behaviour;
use andon_models::Model;
use serde_json::{Value, json};

use super::records::OutgoingRecord;
use super::runtime;
use super::world::World;

const RULES: &str = "\
settings: {idle_timeout: 1s}
models:
  - id: wear
    inputs: [{name: temperature, value: temperature}, {name: pressure, value: pressure}]
    at_most_every: 1s
    endpoint: {name: wear-endpoint, rows: 10, timeout: 1s, retries: 1}
  - id: tired
    inputs: [{name: temperature, value: temperature}, {name: pressure, value: pressure}]
    at_most_every: 1s
    endpoint: {name: tired-endpoint, asynchronous: true, timeout: 1m}
rules:
  - id: worn
    groups: [{id: wear, states: [{state: WORN, when: score('wear') > 0.5}]}]
  - id: tired
    groups: [{id: tired, states: [{state: TIRED, when: score('tired') > 0.5}]}]
  - id: hot
    groups: [{id: thermal, states: [{state: HOT, when: temperature > 80}]}]
";

/// Above a half where temperature and pressure together are above 100.
const MODEL: &str = r#"{"kind": "linear", "link": "logistic", "intercept": -100,
    "inputs": [{"name": "temperature", "weight": 1}, {"name": "pressure", "weight": 1}]}"#;

/// Returns the current data points of the machine.
fn points(equipment: &str, temperature: f64, pressure: f64) -> Vec<OutgoingRecord> {
    let now_ms = now_ms();
    [("temperature", temperature), ("pressure", pressure)]
        .into_iter()
        .map(|(tag, value)| {
            let point = json!({"timestamp": now_ms, "equipmentId": equipment, "tag": tag, "value": value});
            (equipment.to_owned(), point.to_string().into_bytes())
        })
        .collect()
}

/// Sends the points of a machine repeatedly until its rules reach their states. Returns the time until then.
async fn until(
    world: &mut World,
    equipment: &str,
    temperature: f64,
    pressure: f64,
    states: &[(&str, &str)],
) -> Duration {
    let since = Stopwatch::start();
    let mut next = 0;
    loop {
        // A little more each time, so that the model is asked anew.
        world.send(&points(equipment, temperature + f64::from(next) / 1000.0, pressure)).await;
        next += 1;
        for _ in 0..4 {
            world.receive().await;
        }
        let there: BTreeSet<(String, String)> = world.states_of(equipment);
        if states.iter().all(|(rule, state)| there.contains(&((*rule).to_owned(), (*state).to_owned()))) {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(90), "{equipment}: {there:?}; expected {states:?}");
    }
}

#[test]
fn a_rule_that_needs_a_model_fires_and_a_dead_model_holds_up_nothing() {
    let rules = andon_rule_files::read("models.yaml", RULES).unwrap().document;
    runtime().block_on(async {
        let model = Model::read(MODEL.as_bytes()).unwrap();
        let host = |options: &mut andon_local::Options| {
            options.functions = andon_local::Functions::LocalProcesses;
            options.models.insert("wear-endpoint".to_owned(), model.clone());
            options.models.insert("tired-endpoint".to_owned(), model);
        };
        let Some(mut world) = World::up("models", &rules, host).await else { return };

        let well = until(&mut world, "press-1", 60.0, 50.0, &[("worn", "WORN"), ("tired", "TIRED")]).await;
        println!("a score has decided {} ms after the first point", well.as_millis());

        assert!(world.models().behave("wear-endpoint", Behaviour { dead: true, ..Behaviour::default() }));
        let before = world.models().requests("wear-endpoint");
        let dead = until(&mut world, "press-2", 90.0, 50.0, &[("hot", "HOT")]).await;
        until(&mut world, "press-2", 90.0, 50.0, &[("tired", "TIRED")]).await;
        println!("with the model dead another rule has decided after {} ms", dead.as_millis());
        assert!(dead < Duration::from_secs(15), "{dead:?}");
        assert!(world.models().requests("wear-endpoint") > before, "it is asked");
        assert!(!world.states_of("press-2").contains(&("worn".to_owned(), "WORN".to_owned())));

        assert!(world.models().behave("wear-endpoint", Behaviour::default()));
        let again = until(&mut world, "press-2", 90.0, 50.0, &[("worn", "WORN")]).await;
        println!("with the model back a score has decided after {} ms", again.as_millis());
        assert!(again < Duration::from_secs(30), "{again:?}");

        // What was decided is what the stream says, scores and all.
        world.until_all_is_published(5).await;
        let scores = world.read.data().filter(|data| is_score(data)).count();
        assert!(scores >= 2, "{scores} scores in the stream");
        println!("{scores} scores in the stream");
        world.down().await;
    });
}

/// Points that a machine sends in one phase, a tenth of a second apart.
const PHASE_POINTS: u32 = 60;

#[test]
fn evaluating_takes_as_long_with_a_slow_a_failing_or_a_dead_model_as_without_trouble() {
    let rules = andon_rule_files::read("models.yaml", RULES).unwrap().document;
    runtime().block_on(async {
        let model = Model::read(MODEL.as_bytes()).unwrap();
        let host = |options: &mut andon_local::Options| {
            options.functions = andon_local::Functions::LocalProcesses;
            options.window = Duration::from_millis(200);
            options.models.insert("wear-endpoint".to_owned(), model.clone());
            options.models.insert("tired-endpoint".to_owned(), model);
        };
        let Some(mut world) = World::up("trouble", &rules, host).await else { return };
        // So that functions are warm.
        until(&mut world, "press-0", 60.0, 50.0, &[("worn", "WORN")]).await;
        let slow = Behaviour { latency_ms: 5_000, ..Behaviour::default() };
        let failing = Behaviour { errors: 0.5, ..Behaviour::default() };
        let dead = Behaviour { dead: true, ..Behaviour::default() };
        let phases = [("well", Behaviour::default()), ("5 s slow", slow), ("half fail", failing), ("dead", dead)];
        let (mut medians, mut ages_ms) = (Vec::new(), Vec::new());
        for (phase, behaviour) in phases {
            assert!(world.models().behave("wear-endpoint", behaviour));
            let (before, asked) = (world.durations(EVALUATE).len(), world.models().requests("wear-endpoint"));
            let aged = world.measured(EVALUATE, "iteratorAgeMs").len();
            let equipment = format!("press {phase}");
            for step in 0..PHASE_POINTS {
                world.send(&points(&equipment, 60.0 + f64::from(step) / 1000.0, 50.0)).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let hot = until(&mut world, &equipment, 90.0, 50.0, &[("hot", "HOT")]).await;
            let mut durations = world.durations(EVALUATE).split_off(before);
            durations.sort_unstable();
            let median = durations[durations.len() / 2];
            let mut ages = world.measured(EVALUATE, "iteratorAgeMs").split_off(aged);
            ages.sort_unstable();
            let age_ms = ages[ages.len() / 2];
            println!("{phase}: iterator age {age_ms} ms in the median, at most {} ms", ages[ages.len() - 1]);
            let asked = world.models().requests("wear-endpoint") - asked;
            println!("{phase}: evaluate {median:.0?} in the median of {}, another rule after {hot:.1?}, {asked} requests", durations.len());
            let peaks = ["evaluate", "enrich"].map(peak_mb);
            println!("{phase}: at most {} MB of evaluate, {} MB of enrich so far", peaks[0], peaks[1]);
            // Both have far less than they are given.
            assert!(peaks.iter().all(|peak| *peak < 200), "{peaks:?}");
            assert!(hot < Duration::from_secs(15), "{phase}: {hot:?}");
            medians.push(median);
            ages_ms.push(age_ms);
        }
        // A noisy machine: what matters is that no call waits for seconds.
        let worst = medians.iter().max().unwrap();
        assert!(*worst < medians[0] * 3 + Duration::from_millis(200), "{medians:?}");
        assert!(*ages_ms.iter().max().unwrap() < ages_ms[0] * 3 + 500, "{ages_ms:?}");

        assert!(world.models().behave("wear-endpoint", Behaviour::default()));
        let again = until(&mut world, "press dead", 91.0, 50.0, &[("worn", "WORN")]).await;
        println!("well again: a score has decided after {again:.1?}");
        world.until_all_is_published(5).await;
        world.down().await;
    });
}

/// Returns the peak memory of the processes of a function that this one has started, MB; 0 where `/proc` is missing.
fn peak_mb(function: &str) -> u32 {
    let own = format!("PPid:\t{}", std::process::id());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let statuses =
        processes.filter_map(|process| std::fs::read_to_string(process.path().join("status")).ok());
    let of_function = statuses.filter(|status| {
        status.lines().any(|line| line == own) && status.starts_with(&format!("Name:\tandon-{function}\n"))
    });
    let peaks = of_function.filter_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse::<u32>().ok()
    });
    peaks.max().unwrap_or_default() / 1024
}

fn is_score(data: &[u8]) -> bool {
    let sealed: Option<Value> = serde_json::from_slice(data).ok();
    sealed.is_some_and(|sealed| sealed["data"]["tag"] == "ml.wear")
}
