//! Runs many seeds of the simulation, without the rest of the workspace.
//!
//! `cargo run --release -p andon-kit-simulation --example simulation -- SEEDS [--from SEED] [--threads N]` prints what failed as it
//! is found, and at the end what was seen, how often. Exit code 1 if a seed failed.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::process::ExitCode;

use andon_kit_simulation::sweep;

const USAGE: &str = "usage: simulation SEEDS [--from SEED] [--threads N]";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut seeds, mut from, mut threads) = (None, 0_u64, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{argument}` lacks its value\n{USAGE}"));
        match argument.as_str() {
            "--from" => from = value()?.parse()?,
            "--threads" => threads = value()?.parse()?,
            _ if argument.starts_with('-') => {
                return Err(format!("unknown option `{argument}`\n{USAGE}").into());
            }
            _ => seeds = Some(argument.parse::<u64>()?),
        }
    }
    let to = from.saturating_add(seeds.ok_or(USAGE)?);
    let swept = sweep(from..to, threads, |seed, failure| {
        if let Some(failure) = failure {
            eprintln!("{failure}");
        }
        if seed % 1000 == 999 {
            eprintln!("up to seed {seed}");
        }
    });
    println!("{swept}");
    Ok(if swept.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
