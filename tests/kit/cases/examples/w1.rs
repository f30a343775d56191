//! Writes the workload W1, and the digest of its transitions.
//!
//! `cargo run --release -p andon-kit-cases --example w1 -- OUT_DIR [--points N] [--machines E]
//! [--rules-per-machine K]` writes `OUT_DIR/w1.jsonl` and `OUT_DIR/w1.rules.json`.
//!
//! `.. --example w1 -- --digest TRANSITIONS` writes the state changes of a replay as sorted lines
//! `ruleId,equipmentId,at,from,to`: pipe it into `sha256sum`. Their number goes to standard error.

#![allow(clippy::print_stderr, reason = "an example talks to its user")]

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use andon_domain::Transition;
use andon_kit_cases::w1::W1;

const USAGE: &str =
    "usage: w1 OUT_DIR [--points N] [--machines E] [--rules-per-machine K]\n       w1 --digest TRANSITIONS";

fn main() -> Result<(), Box<dyn Error>> {
    let mut w1 = W1::default();
    let mut directory = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{argument}` lacks its value\n{USAGE}"));
        match argument.as_str() {
            "--digest" => return digest(&value()?),
            "--points" => w1.points = value()?.parse()?,
            "--machines" => w1.machines = value()?.parse()?,
            "--rules-per-machine" => w1.rules_per_machine = value()?.parse()?,
            _ if argument.starts_with('-') => {
                return Err(format!("unknown option `{argument}`\n{USAGE}").into());
            }
            _ => directory = Some(PathBuf::from(argument)),
        }
    }
    let directory = directory.ok_or(USAGE)?;
    std::fs::create_dir_all(&directory)?;

    let rules = w1.rules();
    let mut out = BufWriter::new(File::create(directory.join("w1.rules.json"))?);
    serde_json::to_writer(&mut out, &rules)?;
    out.flush()?;

    let mut out = BufWriter::with_capacity(1 << 20, File::create(directory.join("w1.jsonl"))?);
    w1.write_points(&mut out)?;
    out.flush()?;
    eprintln!("{} points, {} rules in {}", w1.points, rules.rules.len(), directory.display());
    Ok(())
}

fn digest(path: &str) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for (number, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        let transition: Transition =
            serde_json::from_str(&line?).map_err(|error| format!("{path}, line {}: {error}", number + 1))?;
        let Transition { rule_id, equipment_id, at, from, to, .. } = transition;
        lines.push(format!("{rule_id},{equipment_id},{at},{from},{}", to.unwrap_or_default()));
    }
    lines.sort_unstable();
    let mut out = BufWriter::new(io::stdout().lock());
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    eprintln!("{} state changes", lines.len());
    Ok(())
}
