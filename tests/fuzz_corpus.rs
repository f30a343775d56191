//! The checks of the fuzz targets (`fuzz/README.md`) without a fuzzer: over the seeds, over past findings, over the
//! samples in `events`, and over a fixed number of mutations of all of these.

#[path = "../fuzz/src/checks/mod.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::support::root;

/// Mutations per target.
const MUTATIONS: u64 = 2000;

/// The greatest length of a mutation, bytes: libFuzzer's own default.
const LONGEST: usize = 4096;

#[test]
fn any_bytes_as_points_are_read_alike_or_rejected() {
    holds("points", &["events/points"]);
}

#[test]
fn any_text_as_rules_is_read_or_explained() {
    holds("documents", &["events/rules", "events/rules/bad"]);
}

#[test]
fn any_text_as_an_expression_is_evaluated_or_explained() {
    holds("expressions", &[]);
}

#[test]
fn any_bytes_as_a_stored_state_are_unpacked_or_refused() {
    holds("state", &[]);
}

#[test]
fn any_stream_is_decided_as_by_the_naive_reference() {
    holds("replay", &[]);
}

#[test]
fn any_answer_of_a_model_and_any_message_of_the_queue_is_read_or_explained() {
    holds("models", &[]);
}

/// Runs a target's check over files and their mutations.
fn holds(target: &str, samples: &[&str]) {
    andon_domain::never::panic_on_broken();
    let (_, check) = checks::TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let seeds = [format!("fuzz/seeds/{target}"), format!("fuzz/regressions/{target}")];
    let folders = seeds.iter().map(String::as_str).chain(samples.iter().copied());
    let inputs: Vec<(PathBuf, Vec<u8>)> = folders.flat_map(|folder| files(&root().join(folder))).collect();
    assert!(!inputs.is_empty(), "no seeds of `{target}`");
    for (path, bytes) in &inputs {
        if catch_unwind(AssertUnwindSafe(|| check(bytes))).is_err() {
            panic!("`{target}` fails for {}", path.display());
        }
    }
    for seed in 0..MUTATIONS {
        let mut rng = Rng::with_seed(seed);
        let bytes = mutated(&mut rng, &inputs);
        if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}-{seed}"));
            std::fs::write(&kept, &bytes).expect("the finding can be kept");
            panic!(
                "`{target}` fails for mutation {seed}; fix it and keep the input: {} belongs to fuzz/regressions/{target}",
                kept.display()
            );
        }
    }
    println!("{target}: {} files and {MUTATIONS} mutations", inputs.len());
}

/// Returns the files of a folder by name; none if the folder does not exist.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).expect("a readable file");
            (path, bytes)
        })
        .collect()
}

/// Returns one of the inputs with some changes: bits, bytes, pieces gone or doubled, the tail of another.
fn mutated(rng: &mut Rng, inputs: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let some = |rng: &mut Rng| inputs[rng.usize(..inputs.len())].1.clone();
    let mut bytes = some(rng);
    for _ in 0..rng.usize(1..8) {
        let at = rng.usize(..=bytes.len());
        let to = rng.usize(at..=bytes.len().min(at + 40));
        match rng.u8(..8) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            2 if at < bytes.len() => {
                bytes[at] = rng.choice(b"\0\xff\x7f\x80\"'{}[]:,-0123456789 \n\\").map_or(0, |byte| *byte)
            }
            3 => drop(bytes.drain(at..to)),
            4 => bytes.truncate(at),
            5 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let other = some(rng);
                let from = rng.usize(..=other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => bytes.insert(at, rng.u8(..)),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
