//! Measures how the engine scales: `cargo run --release -p andon-testkit --example scale -- [load | points | memory |
//! packed | conditions]`; without an argument all of them. What the tables mean is said in `docs/performance.md`.
//!
//! Times are CPU times of the thread as Linux counts them, so other programs disturb them less than a clock. Each
//! row about memory is measured in a process of its own, by its resident size.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::process::Command;

use andon_engine::replay::{Replay, Sink};
use andon_engine::{Body, CompiledRules, KeyState, Record, Refused, RuleSet, SegmentId};
use andon_model::{DataPoint, RuleDocument, Transition, Value};
use andon_testkit::w1::{self, W1};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Nobody listens.
struct Quiet;

impl Sink for Quiet {
    fn transition(&mut self, transition: Transition) {
        black_box(transition);
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => ["load", "points", "memory", "packed", "conditions"].iter().try_for_each(|topic| apart(&[topic])),
        ["load"] => load(),
        ["load", shape, rules] => load_row(shape, rules.parse()?),
        ["points"] => points(),
        ["points", shape] => points_rows(shape),
        ["memory"] => memory(),
        ["memory", equipments, rules] => memory_row(equipments.parse()?, rules.parse()?),
        ["packed"] => packed(),
        ["conditions"] => conditions(),
        _ => Err("usage: scale [load | points | memory | packed | conditions]".into()),
    }
}

/// Runs this program once more, in a process of its own.
fn apart(arguments: &[&str]) -> Result<()> {
    let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(format!("{arguments:?} failed").into()) }
}

// ---- what is measured with

/// CPU time of this thread so far, ns.
fn cpu_ns() -> Result<u64> {
    // Linux brings the count up to date when a thread yields.
    std::thread::yield_now();
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(counts.split(' ').next().unwrap_or_default().parse()?)
}

/// CPU time of something, ns.
fn timed<T>(work: impl FnOnce() -> T) -> Result<(u64, T)> {
    let before = cpu_ns()?;
    let result = work();
    Ok((cpu_ns()? - before, result))
}

/// A line of `/proc/self/status`, in bytes.
fn memory_bytes(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such memory count")?;
    let kib: u64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
    Ok(kib * 1024)
}

fn resident() -> Result<u64> {
    memory_bytes("VmRSS:")
}

#[allow(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
fn per(total: u64, count: usize) -> f64 {
    total as f64 / count.max(1) as f64
}

/// The least, the median and the greatest.
fn spread<T: Copy + PartialOrd + Default>(mut values: Vec<T>) -> (T, T, T) {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    (at(0), at(values.len() / 2), at(values.len().saturating_sub(1)))
}

fn median(values: Vec<f64>) -> f64 {
    spread(values).1
}

// ---- what is measured

fn compiled(document: RuleDocument) -> Result<CompiledRules> {
    Ok(CompiledRules::new(RuleSet::compile(document).map_err(Refused::Invalid)?))
}

fn lines_of(w1: &W1) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    w1.write_points(&mut bytes)?;
    Ok(bytes)
}

fn feed<'a>(replay: &mut Replay, lines: impl IntoIterator<Item = &'a [u8]>) -> Result<()> {
    lines.into_iter().try_for_each(|line| Ok(replay.line(line, &mut Quiet)?))
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The rules of W1, and so many more that a point of W1 never touches: `elsewhere` they watch other machines,
/// `beside` the same machines, but other tags.
fn rules(shape: &str, count: usize) -> Result<impl Iterator<Item = andon_model::Rule>> {
    let beside = match shape {
        "elsewhere" => false,
        "beside" => true,
        _ => return Err(format!("no such shape: `{shape}`").into()),
    };
    let document = W1::default().rules();
    let pattern = document.rules.last().cloned().ok_or("W1 has no rules")?;
    let equipments = W1::default().equipment_ids();
    let more = (document.rules.len()..count).map(move |number| {
        let mut rule = pattern.clone();
        rule.id = format!("r{number:06}");
        let (turn, place) = (number / equipments.len(), number % equipments.len());
        if beside {
            rule.scope.equipment = equipments.get(place).cloned().into_iter().collect();
            // Not all ten thousand: W1's own rules name four.
            let (first, second) = (turn * 2 % 9_000, turn * 2 % 9_000 + 1);
            for entry in rule.groups.iter_mut().flat_map(|group| &mut group.states) {
                entry.when = format!("aux_{first:04} > 80.00 && aux_{second:04} > 5.00");
            }
        } else {
            rule.scope.equipment = vec![format!("machine-{:06}", number / 5)];
        }
        rule
    });
    Ok(document.rules.into_iter().chain(more))
}

fn document(shape: &str, count: usize) -> Result<RuleDocument> {
    Ok(RuleDocument { settings: W1::default().rules().settings, rules: rules(shape, count)?.collect() })
}

// ---- (a) loading

fn load() -> Result<()> {
    println!("\nloading rules, from JSON texts of 20,000 rules each");
    println!("shape      rules       parse       compile     memory        at most");
    for shape in ["elsewhere", "beside"] {
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
        let part = RuleDocument { settings: None, rules: more.by_ref().take(20_000).collect() };
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

// ---- (b) points under more rules

fn points() -> Result<()> {
    println!("\nCPU time per point of W1, by the number of rules: medians over slices of 20,000 points, taken in turn");
    println!("shape      rules      ns/point   of that with 1,000 rules");
    apart(&["points", "elsewhere"])?;
    apart(&["points", "beside"])
}

fn points_rows(shape: &str) -> Result<()> {
    let bytes = lines_of(&W1 { points: 800_000, ..W1::default() })?;
    let lines: Vec<&[u8]> = split(&bytes).collect();
    // Twice a thousand: what differs between these is noise.
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

// ---- (c) memory per rule and equipment

fn memory() -> Result<()> {
    println!("\nmemory per (rule, equipment), in bytes, for rules of W1, each of one equipment");
    println!("equipments  rules each   compiled    plan   state   together");
    for (equipments, rules) in [("20000", "5"), ("2000", "50"), ("200", "500")] {
        apart(&["memory", equipments, rules])?;
    }
    Ok(())
}

fn memory_row(equipments: u32, rules_per_equipment: u32) -> Result<()> {
    // Seven seconds: two of them have been decided, five are pending.
    let points = u64::from(equipments) * 10 * 7;
    let w1 = W1 { equipments, rules_per_equipment, points, ..W1::default() };
    let bytes = lines_of(&w1)?;
    let pairs = usize::try_from(equipments * rules_per_equipment)?;
    let start = resident()?;
    let rules = compiled(w1.rules())?;
    let compiled = resident()?;
    for set in rules.newest() {
        w1.equipment_ids().iter().try_for_each(|equipment| set.plan_for(equipment).map(drop))?;
    }
    let planned = resident()?;
    let mut replay = Replay::new(rules);
    feed(&mut replay, split(&bytes))?;
    let folded = resident()?;
    let bytes_per = |from: u64, to: u64| per(to.saturating_sub(from), pairs);
    println!(
        "{equipments:10}  {rules_per_equipment:10}   {:8.0}  {:6.0}  {:6.0}   {:8.0}   ({:.0} B of state per equipment)",
        bytes_per(start, compiled),
        bytes_per(compiled, planned),
        bytes_per(planned, folded),
        bytes_per(start, folded),
        per(folded.saturating_sub(planned), replay.keys().len()),
    );
    Ok(())
}

// ---- (d), (e) packed states

/// W1 with ten windows of a minute per machine: five rules that each look at two means.
fn with_windows() -> RuleDocument {
    let mut document = W1::default().rules();
    for (number, rule) in document.rules.iter_mut().enumerate() {
        let tags = w1::TAGS.iter().skip(number % 5 * 2).take(2);
        let means: Vec<String> = tags.map(|tag| format!("avg({tag}, '1m') > 55")).collect();
        if let Some(entry) = rule.groups.iter_mut().flat_map(|group| &mut group.states).last() {
            entry.when = means.join(" && ");
        }
    }
    document
}

fn packed() -> Result<()> {
    let bytes = lines_of(&W1::default())?;
    let lines: Vec<&[u8]> = split(&bytes).collect();
    println!("\npacked size of the 200 states of W1, in bytes: least, median, greatest");
    println!("after points    as it is              without pending points");
    let mut replay = Replay::new(compiled(W1::default().rules())?);
    let mut from = 0;
    for to in [2_000, 20_000, 200_000, 1_000_000, 2_000_000] {
        feed(&mut replay, lines.get(from..to).unwrap_or_default().iter().copied())?;
        from = to;
        let mark_ms = replay.keys().iter().filter_map(KeyState::greatest_mark_ms).max().unwrap_or_default();
        let as_it_is = replay.keys().iter().map(|key| key.clone().pack().head.len()).collect();
        let settled = replay.keys().iter().map(|key| {
            let mut key = key.clone();
            key.close(mark_ms);
            key.pack().head.len()
        });
        println!("{to:9}       {:<20}  {}", three(as_it_is), three(settled.collect()));
    }

    println!("\nthe same with ten windows of a minute each, stored every so often in event time");
    println!("stored every   head                  live segments   segments, and their bytes, per key and minute");
    for seconds in [1, 5, 30] {
        commits(&lines, seconds)?;
    }

    println!("\npacking and unpacking one state: medians of 20 rounds over 200 keys");
    println!("rules                          head      pack      unpack");
    pack_times("W1, 5 per key", W1::default().rules(), &lines, 200_000)?;
    pack_times("W1 with ten windows per key", with_windows(), &lines, 200_000)?;
    pack_times("W1 and 495 beside, per key", document("beside", 100_000)?, &lines, 20_000)?;
    pack_times("W1 and 4,995 beside, per key", document("beside", 1_000_000)?, &lines, 20_000)
}

fn three(values: Vec<usize>) -> String {
    let (least, median, greatest) = spread(values);
    format!("{least}  {median}  {greatest}")
}

fn commits(lines: &[&[u8]], seconds: usize) -> Result<()> {
    let mut replay = Replay::new(compiled(with_windows())?);
    let (mut heads, mut live, mut count, mut bytes, mut minutes) = (Vec::new(), Vec::new(), 0, 0, 0.0);
    for (commit, batch) in lines.chunks(2_000 * seconds).enumerate() {
        feed(&mut replay, batch.iter().copied())?;
        // The first two minutes fill the windows.
        let counts = commit * seconds >= 120;
        replay.replace_keys(|_, key| -> std::result::Result<_, std::convert::Infallible> {
            let mut key = key.clone();
            let packed = key.pack();
            if counts {
                heads.push(packed.head.len());
                live.push(packed.live_segments.len());
                count += packed.new_segments.len();
                bytes += packed.new_segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
            }
            Ok(key)
        })?;
        minutes += if counts { per(u64::try_from(seconds)?, 60) } else { 0.0 };
    }
    let per_key = |total: usize| u64::try_from(total).map(|total| per(total, replay.keys().len()) / minutes);
    println!(
        "{seconds:9} s    {:<20}  {:<14}  {:5.1}  {:8.0}",
        three(heads),
        three(live),
        per_key(count)?,
        per_key(bytes)?
    );
    Ok(())
}

fn pack_times(name: &str, document: RuleDocument, lines: &[&[u8]], points: usize) -> Result<()> {
    let mut replay = Replay::new(compiled(document)?);
    let (mut heads, mut packs, mut unpacks) = (Vec::new(), Vec::new(), Vec::new());
    feed(&mut replay, lines.iter().take(points).copied())?;
    let keys = replay.keys();
    for _ in 0..20 {
        let mut copies = keys.to_vec();
        let (pack_ns, packed) = timed(|| copies.iter_mut().map(KeyState::pack).collect::<Vec<_>>())?;
        packs.push(per(pack_ns, keys.len()));
        heads = packed.iter().map(|packed| packed.head.len()).collect();
        let segments: Vec<BTreeMap<SegmentId, Vec<u8>>> = packed
            .iter()
            .map(|packed| packed.new_segments.iter().map(|segment| (segment.id, segment.bytes.clone())).collect())
            .collect();
        let (unpack_ns, unpacked) = timed(|| {
            let mut stored = packed.iter().zip(&segments).zip(keys);
            stored.try_for_each(|((packed, segments), key)| {
                let segment = |id| segments.get(&id).map(Vec::as_slice);
                KeyState::unpack(key.equipment(), replay.rules(), &packed.head, segment).map(|key| drop(black_box(key)))
            })
        })?;
        unpacked?;
        unpacks.push(per(unpack_ns, keys.len()));
    }
    let (pack_us, unpack_us) = (median(packs) / 1e3, median(unpacks) / 1e3);
    println!("{name:29}  {:6} B  {pack_us:6.1} us  {unpack_us:6.1} us", spread(heads).1);
    Ok(())
}

// ---- (f) conditions

fn conditions() -> Result<()> {
    println!("\nevaluating, in ns: what one more of a hundred adds to a point, medians of 30 rounds");
    let rules = |count: usize, conditions: &str| -> Result<CompiledRules> {
        let mut document = W1 { equipments: 1, rules_per_equipment: 1, ..W1::default() }.rules();
        document.settings = None;
        let pattern = document.rules.pop().ok_or("W1 has no rules")?;
        document.rules.extend((0..count).map(|number| {
            let mut rule = pattern.clone();
            rule.id = format!("r{number}");
            rule.groups.truncate(1);
            rule.groups.iter_mut().flat_map(|group| &mut group.states).for_each(|entry| entry.when = conditions.into());
            rule
        }));
        compiled(document)
    };
    let joined = |count: usize, condition: &str| vec![condition; count].join(" && ");
    let (number, text) = ("temperature > 80", "machine_state == 'running'");
    let two = format!("{number} && {text}");
    let rows = [
        ("a rule of two conditions", rules(1, &two)?, rules(101, &two)?),
        ("a condition on a number", rules(1, &joined(1, number))?, rules(1, &joined(101, number))?),
        ("a condition on a text", rules(1, &joined(1, text))?, rules(1, &joined(101, text))?),
    ];
    for (name, few, many) in rows {
        let differences = (0..30).map(|_| Ok((point_ns(&many)? - point_ns(&few)?) / 100.0)).collect::<Result<Vec<_>>>()?;
        println!("{name:25}  {:6.1}", median(differences));
    }
    Ok(())
}

/// CPU time of a record of two points, ns.
fn point_ns(rules: &CompiledRules) -> Result<f64> {
    const RECORDS: i64 = 5_000;
    let start_ms = W1::default().start_ms;
    let equipment = W1::default().equipment_ids().into_iter().next().unwrap_or_default();
    let mut key = KeyState::new(&equipment, rules, start_ms)?;
    let point = |tag: &'static str, value: Value, timestamp_ms: i64| DataPoint {
        timestamp_ms,
        tag: tag.into(),
        value: Some(value),
        quality_ok: true,
        sequence_number: 0,
        derived: false,
        created_at_ms: None,
        source: "".into(),
    };
    let (ns, done) = timed(|| -> Result<()> {
        for second in 0..RECORDS {
            let at_ms = start_ms + second * 1000;
            let temperature = if second % 2 == 0 { 90.5 } else { 90.75 };
            let points = [
                point("temperature", Value::Number(temperature), at_ms),
                point("machine_state", Value::Text("running".into()), at_ms),
            ];
            black_box(key.apply(rules, &Record { arrival_ms: at_ms, body: Body::Points(&points) })?);
        }
        Ok(())
    })?;
    done?;
    Ok(per(ns, usize::try_from(RECORDS)?))
}
