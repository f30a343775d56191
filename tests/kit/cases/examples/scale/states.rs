//! The states of keys: their memory, their packed form, and the CPU time of a condition.

use std::collections::BTreeMap;
use std::hint::black_box;

use andon_domain::{DataPoint, RuleDocument, Value};
use andon_engine::replay::Replay;
use andon_engine::{CompiledRules, KeyState, Record, RecordBody, SegmentId};
use andon_kit_cases::w1::{self, W1};

use crate::gauge::{median, per, resident, spread, timed};
use crate::workload::{compiled, document, feed, lines_of, split};
use crate::{Result, apart};

pub(crate) fn memory() -> Result<()> {
    println!("\nmemory per (rule, equipment), in bytes, for rules of W1, each of one equipment");
    println!("  machines  rules each   compiled    plan   state   together");
    for (machines, rules) in [("20000", "5"), ("2000", "50"), ("200", "500")] {
        apart(&["memory", machines, rules])?;
    }
    Ok(())
}

pub(crate) fn memory_row(machines: u32, rules_per_machine: u32) -> Result<()> {
    let w1 = W1 { machines, rules_per_machine, ..W1::default() };
    let ids = w1.equipment_ids();
    let pairs = usize::try_from(machines * rules_per_machine)?;
    // From text, as rules arrive. Memory that is freed and used again is not counted.
    let text = serde_json::to_string(&w1.rules())?;
    let start = resident()?;
    let rules = compiled(RuleDocument::from_json(&text)?)?;
    let compiled = resident()?;
    if let Some(set) = rules.newest() {
        ids.iter().try_for_each(|equipment| set.plan_for(equipment).map(drop))?;
    }
    let planned = resident()?;
    let keys = ids.iter().map(|equipment| seven_seconds(equipment, &rules)).collect::<Result<Vec<_>>>()?;
    let folded = resident()?;
    let bytes_per = |from: u64, to: u64| per(to.saturating_sub(from), pairs);
    println!(
        "{machines:10}  {rules_per_machine:10}   {:8.0}  {:6.0}  {:6.0}   {:8.0}   ({:.0} B of state per machine)",
        bytes_per(start, compiled),
        bytes_per(compiled, planned),
        bytes_per(planned, folded),
        bytes_per(start, folded),
        per(folded.saturating_sub(planned), keys.len()),
    );
    Ok(())
}

/// Returns a machine that has sent ten tags for seven seconds: two seconds are decided, five pending.
fn seven_seconds(equipment: &str, rules: &CompiledRules) -> Result<KeyState> {
    let start_ms = W1::default().start_ms;
    let mut key = KeyState::new(equipment, rules, start_ms)?;
    for at_ms in (start_ms..).step_by(1000).take(7) {
        let value = |tag: &str| match tag {
            "machine_state" | "product" => Value::Text("running".into()),
            _ => Value::Number(50.5),
        };
        let points: Vec<_> = w1::TAGS.iter().map(|tag| point(tag, value(tag), at_ms)).collect();
        key.apply(rules, &Record { arrival_ms: at_ms, body: RecordBody::Points(&points) })?;
    }
    Ok(key)
}

fn point(tag: &'static str, value: Value, timestamp_ms: i64) -> DataPoint<'static> {
    DataPoint {
        timestamp_ms,
        tag: tag.into(),
        value: Some(value),
        quality_ok: true,
        sequence_number: 0,
        derived: false,
        created_at_ms: None,
        source: "gateway".into(),
    }
}

pub(crate) fn packed() -> Result<()> {
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
    println!(
        "stored every   head                  live segments   segments per key and minute   packing a key"
    );
    for seconds in [1, 5, 30] {
        commits(&lines, seconds)?;
    }

    println!("\npacking and unpacking one state: medians of 20 rounds over 200 keys");
    println!("rules                          head      pack      unpack");
    pack_times("W1, 5 per key", W1::default().rules(), &lines, 200_000)?;
    pack_times("W1 with ten windows per key", W1::default().rules_with_windows(), &lines, 200_000)?;
    pack_times("W1 and 99,000 elsewhere", document("elsewhere", 100_000)?, &lines, 20_000)?;
    pack_times("W1 and 99,000 by 19,800 globs", document("globs", 100_000)?, &lines, 20_000)?;
    pack_times("W1 and 495 beside, per key", document("beside", 100_000)?, &lines, 20_000)?;
    pack_times("W1 and 4,995 beside, per key", document("beside", 1_000_000)?, &lines, 20_000)
}

fn three(values: Vec<usize>) -> String {
    let (least, median, greatest) = spread(values);
    format!("{least}  {median}  {greatest}")
}

fn commits(lines: &[&[u8]], seconds: usize) -> Result<()> {
    let mut replay = Replay::new(compiled(W1::default().rules_with_windows())?);
    let (mut heads, mut live, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut count, mut bytes, mut minutes) = (0, 0, 0.0);
    for (commit, batch) in lines.chunks(2_000 * seconds).enumerate() {
        feed(&mut replay, batch.iter().copied())?;
        let mut keys = replay.keys().to_vec();
        let (ns, packed) = timed(|| keys.iter_mut().map(KeyState::pack).collect::<Vec<_>>())?;
        let mut stored = keys.into_iter();
        replay.replace_keys(|_, _| stored.next().ok_or("there are as many as before"))?;
        // The first two minutes fill the windows.
        if commit * seconds < 120 {
            continue;
        }
        minutes += per(u64::try_from(seconds)?, 60);
        times.push(per(ns, packed.len()) / 1e3);
        for packed in packed {
            heads.push(packed.head.len());
            live.push(packed.live_segments.len());
            count += packed.new_segments.len();
            bytes += packed.new_segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
        }
    }
    let per_key = |total: usize| u64::try_from(total).map(|total| per(total, replay.keys().len()) / minutes);
    let (segments, bytes) = (per_key(count)?, per_key(bytes)?);
    let (heads, live, pack_us) = (three(heads), three(live), median(times));
    println!(
        "{seconds:9} s    {heads:<20}  {live:<14}  {segments:5.1}  {bytes:6.0} B        {pack_us:6.1} us"
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
            .map(|packed| {
                packed.new_segments.iter().map(|segment| (segment.id, segment.bytes.clone())).collect()
            })
            .collect();
        let (unpack_ns, unpacked) = timed(|| {
            let mut stored = packed.iter().zip(&segments).zip(keys);
            stored.try_for_each(|((packed, segments), key)| {
                let segment = |id| segments.get(&id).map(Vec::as_slice);
                KeyState::unpack(key.equipment(), replay.rules(), &packed.head, segment)
                    .map(|key| drop(black_box(key)))
            })
        })?;
        unpacked?;
        unpacks.push(per(unpack_ns, keys.len()));
    }
    let (pack_us, unpack_us) = (median(packs) / 1e3, median(unpacks) / 1e3);
    println!("{name:29}  {:6} B  {pack_us:6.1} us  {unpack_us:6.1} us", spread(heads).1);
    Ok(())
}

pub(crate) fn conditions() -> Result<()> {
    println!("\nevaluating, in ns: what one more of a hundred adds to a point, medians of 30 rounds");
    let rules = |count: usize, conditions: &str| -> Result<CompiledRules> {
        let mut document = W1 { machines: 1, rules_per_machine: 1, ..W1::default() }.rules();
        document.settings = None;
        let pattern = document.rules.pop().ok_or("W1 has no rules")?;
        document.rules.extend((0..count).map(|number| {
            let mut rule = pattern.clone();
            rule.id = format!("r{number}");
            rule.groups.truncate(1);
            rule.groups
                .iter_mut()
                .flat_map(|group| &mut group.states)
                .for_each(|entry| entry.when = conditions.into());
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
        let differences =
            (0..30).map(|_| Ok((point_ns(&many)? - point_ns(&few)?) / 100.0)).collect::<Result<Vec<_>>>()?;
        println!("{name:25}  {:6.1}", median(differences));
    }
    Ok(())
}

/// Returns the CPU time of a record of two points, ns.
fn point_ns(rules: &CompiledRules) -> Result<f64> {
    const RECORDS: i64 = 5_000;
    let start_ms = W1::default().start_ms;
    let equipment = W1::default().equipment_ids().into_iter().next().unwrap_or_default();
    let mut key = KeyState::new(&equipment, rules, start_ms)?;
    let (ns, done) = timed(|| -> Result<()> {
        for second in 0..RECORDS {
            let at_ms = start_ms + second * 1000;
            let temperature = if second % 2 == 0 { 90.5 } else { 90.75 };
            let points = [
                point("temperature", Value::Number(temperature), at_ms),
                point("machine_state", Value::Text("running".into()), at_ms),
            ];
            black_box(key.apply(rules, &Record { arrival_ms: at_ms, body: RecordBody::Points(&points) })?);
        }
        Ok(())
    })?;
    done?;
    Ok(per(ns, usize::try_from(RECORDS)?))
}
