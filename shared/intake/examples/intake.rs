//! Measures what it costs to come from a raw event to messages, in ns of processor time per data point of W1.
//!
//! `cargo run --release -p andon-intake --example intake`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "an example that measures and says so"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use andon_intake::encode::{self, EventRecord};
use andon_intake::{Arena, Decoded, Outcome, SequenceNumber, ShardId, read_event};
use andon_model::wire::Message;
use andon_testkit::w1::W1;
use base64::Engine as _;

const POINTS: usize = 6_000;
const POINTS_PER_RECORD: usize = 100;
const ROUNDS: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = Vec::new();
    W1 { points: POINTS as u64, ..W1::default() }.write_points(&mut text)?;
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let groups: Vec<Vec<u8>> = lines.chunks(POINTS_PER_RECORD).map(|lines| lines.join(&b'\n')).collect();
    println!("{POINTS} points of {} bytes; best of {ROUNDS} rounds", text.len() / POINTS);
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ns per point", "event B", "outer", "+ decode", "+ parse", "all"
    );

    let parse = best(|| lines.iter().filter(|line| Message::read_usual(black_box(line)).is_some()).count());
    println!("{:<34} {:>9} {:>9} {:>9} {:>9.0} {:>9}", "points alone", "", "", "", parse, "");
    let engine = base64::engine::general_purpose::STANDARD;
    let encoded: Vec<String> = lines.iter().map(|line| engine.encode(line)).collect();
    let mut out = vec![0; 1024];
    let scalar = best(|| encoded.iter().filter_map(|data| engine.decode_slice(data, &mut out).ok()).sum());
    println!("{:<34} {:>9} {:>9} {:>9.0} {:>9} {:>9}", "base64 alone, without SIMD", "", "", scalar, "", "");

    measure("one point per record", lines.iter().map(|line| line.to_vec()))?;
    measure("JSON lines, 100 per record", groups.iter().cloned())?;
    measure("gzip of JSON lines", groups.iter().map(|lines| encode::gzip(lines)))?;
    let aggregated = lines.chunks(POINTS_PER_RECORD).map(|lines| {
        let user_records: Vec<(&str, &[u8])> = lines.iter().map(|line| ("key", *line)).collect();
        encode::aggregate(&user_records)
    });
    measure("aggregated, 100 per record", aggregated)?;
    hostile()
}

/// What an event of 6 MB can cost at most, of several kinds.
fn hostile() -> Result<(), Box<dyn Error>> {
    println!(
        "\nhostile events of 6 MB: seconds of processor time; records that are left for a later invocation"
    );
    let most = 10 << 20;
    let fill = |text: &str| encode::gzip(text.repeat(most / text.len()).as_bytes());
    let empty = encode::gzip(b"");
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x01, 0x00, 0x00];
    for (name, record) in [
        ("bombs of 10 MiB and a byte", encode::gzip(&vec![b' '; most + 1])),
        ("lines that are no point", fill("{}\n")),
        ("lists of what is no point", encode::gzip(format!("[{}7]", "7,".repeat(most / 2 - 2)).as_bytes())),
        ("empty gzip members", empty.repeat(900_000 / empty.len())),
        ("empty zstd frames", frame.repeat(900_000 / frame.len())),
        ("packed user records, empty", encode::aggregate(&vec![("k", empty.as_slice()); 20_000])),
    ] {
        let count = 4_300_000 / (record.len() + 500);
        let event = event_of((0..count).map(|_| record.clone()))?;
        let mut arena = Arena::new();
        let start = Instant::now();
        let decoded = Decoded::new(event.as_bytes(), &mut arena)?;
        for record in decoded.records() {
            record.for_each(None, |outcome| {
                black_box(&outcome);
            });
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:<34} {seconds:>9.2} {:>9} of {count}", decoded.deferred().len());
    }
    Ok(())
}

fn event_of(records: impl Iterator<Item = Vec<u8>>) -> Result<String, Box<dyn Error>> {
    let shard: ShardId = "shardId-000000000000".parse()?;
    let first = 49_590_338_271_490_256_608_559_692_u128;
    let mut owned = Vec::new();
    for (place, data) in records.enumerate() {
        let sequence: SequenceNumber = format!("{first}{:029}", place * 7919).parse()?;
        owned.push((
            sequence,
            format!("{:032x}", place % 200),
            1_700_000_000_000 + i64::try_from(place)?,
            data,
        ));
    }
    Ok(encode::event(
        "points",
        owned.iter().map(|(sequence, partition_key, arrival_ms, data)| EventRecord {
            shard: &shard,
            sequence: *sequence,
            partition_key,
            arrival_ms: *arrival_ms,
            data,
        }),
    ))
}

fn measure(name: &str, records: impl Iterator<Item = Vec<u8>>) -> Result<(), Box<dyn Error>> {
    let event = event_of(records)?;
    let event = event.as_bytes();
    let serde = serde_alone(event);
    let outer = best(|| read_event(black_box(event)).map_or(0, |records| records.len()));
    let mut arena = Arena::new();
    let decoded =
        best(|| Decoded::new(black_box(event), &mut arena).map_or(0, |decoded| decoded.records().len()));
    let mut counted = 0;
    let all = best(|| {
        counted = 0;
        let Ok(decoded) = Decoded::new(black_box(event), &mut arena) else { return 0 };
        for record in decoded.records() {
            record.for_each(None, |outcome| {
                counted += match black_box(&outcome) {
                    Outcome::Item(item) => item.body.points().len(),
                    Outcome::Refused(_) => 0,
                }
            });
        }
        counted
    });
    if counted != POINTS {
        return Err(format!("{name}: {counted} points were read").into());
    }
    println!(
        "{name:<34} {:>9} {outer:>9.0} {:>9.0} {:>9.0} {all:>9.0}   (outer by serde: {serde:.0})",
        event.len(),
        decoded - outer,
        all - decoded
    );
    Ok(())
}

/// The outer JSON by serde: with a space at the front, the fast reader gives up at once.
fn serde_alone(event: &[u8]) -> f64 {
    let spaced = [b" ", event].concat();
    best(|| read_event(black_box(&spaced)).map_or(0, |records| records.len()))
}

/// The least time of many rounds, in ns per point.
fn best(mut f: impl FnMut() -> usize) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(f());
        least = least.min(start.elapsed().as_secs_f64());
    }
    least * 1e9 / POINTS as f64
}
