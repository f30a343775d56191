//! Measures how the engine scales: `cargo run --release -p andon-kit-cases --example scale -- [load | points | memory |
//! packed | conditions]`; without an argument all of them. `docs/performance.md` explains the tables.
//!
//! Times are CPU times of the thread by Linux: other programs disturb them less than a clock. Each row about memory is
//! measured in a process of its own, by its resident size.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

mod gauge;
mod states;
mod workload;

use std::error::Error;
use std::process::Command;

use andon_domain::RuleDocument;
use andon_engine::replay::Replay;
use andon_kit_cases::w1::W1;

use gauge::{median, memory_bytes, per, resident, timed};
use workload::{compiled, document, feed, lines_of, rules, split};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            ["load", "points", "memory", "packed", "conditions"].iter().try_for_each(|topic| apart(&[topic]))
        }
        ["load"] => load(),
        ["load", shape, rules] => load_row(shape, rules.parse()?),
        ["points"] => points(),
        ["points", shape] => points_rows(shape),
        ["memory"] => states::memory(),
        ["memory", machines, rules] => states::memory_row(machines.parse()?, rules.parse()?),
        ["packed"] => states::packed(),
        ["conditions"] => states::conditions(),
        _ => Err("usage: scale [load | points | memory | packed | conditions]".into()),
    }
}

/// Runs this program once more, in a process of its own.
fn apart(arguments: &[&str]) -> Result<()> {
    let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(format!("{arguments:?} failed").into()) }
}

fn load() -> Result<()> {
    println!("\nloading rules, from JSON texts of 20,000 rules each");
    println!("shape      rules       parse       compile     memory        at most");
    for shape in ["elsewhere", "globs", "beside"] {
        for rules in ["1000", "100000", "1000000"] {
            apart(&["load", shape, rules])?;
        }
    }
    Ok(())
}

fn load_row(shape: &str, count: usize) -> Result<()> {
    let before = resident()?;
    let (mut text_bytes, mut parse_ns) = (0, 0);
    let mut whole = RuleDocument::default();
    let mut more = rules(shape, count)?;
    loop {
        let rules = more.by_ref().take(20_000).collect();
        let part = RuleDocument { rules, ..RuleDocument::default() };
        if part.rules.is_empty() {
            break;
        }
        let text = serde_json::to_string(&part)?;
        drop(part);
        text_bytes += text.len();
        let (ns, read) = timed(|| RuleDocument::from_json(&text))?;
        parse_ns += ns;
        whole.rules.extend(read?.rules);
    }
    let (compile_ns, compiled) = timed(|| compiled(whole))?;
    let compiled = compiled?;
    println!(
        "{shape:9}  {count:9}  {:5.2} us/rule  {:5.2} us/rule  {:6.0} B/rule  {:5.0} MiB   ({} B/rule of text)",
        per(parse_ns, count) / 1e3,
        per(compile_ns, count) / 1e3,
        per(resident()?.saturating_sub(before), count),
        per(memory_bytes("VmHWM:")?, 1 << 20),
        text_bytes / count,
    );
    drop(compiled);
    Ok(())
}

fn points() -> Result<()> {
    println!(
        "\nCPU time per point of W1, by the number of rules: medians over slices of 20,000 points, taken in turn"
    );
    println!("shape      rules      ns/point   of that with 1,000 rules");
    apart(&["points", "elsewhere"])?;
    apart(&["points", "beside"])
}

fn points_rows(shape: &str) -> Result<()> {
    let bytes = lines_of(&W1 { points: 800_000, ..W1::default() })?;
    let lines: Vec<&[u8]> = split(&bytes).collect();
    // Twice a thousand: the difference between the two rows is noise.
    let counts = [1_000, 1_000, 100_000, 1_000_000];
    let mut replays = Vec::new();
    for count in counts {
        replays.push((Replay::new(compiled(document(shape, count)?)?), Vec::new()));
    }
    let (warm_up, rest) = lines.split_at(80_000);
    for (replay, _) in &mut replays {
        feed(replay, warm_up.iter().copied())?;
    }
    for (turn, slice) in rest.chunks(20_000).enumerate() {
        for step in 0..replays.len() {
            let place = (turn + step) % replays.len();
            let Some((replay, times)) = replays.get_mut(place) else { continue };
            let (ns, fed) = timed(|| feed(replay, slice.iter().copied()))?;
            fed?;
            times.push(per(ns, slice.len()));
        }
    }
    let base = replays.first().map(|(_, times)| times.clone()).unwrap_or_default();
    for ((_, times), count) in replays.into_iter().zip(counts) {
        let ratios = times.iter().zip(&base).map(|(time, base)| time / base).collect();
        println!("{shape:9}  {count:9}  {:8.0}   {:5.2}", median(times), median(ratios));
    }
    Ok(())
}
