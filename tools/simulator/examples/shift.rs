//! Writes a shift as JSON lines to standard output, and its story to standard error.
//!
//! `cargo run --release -p andon-simulator --example shift -- [SEED [MINUTES]] > shift.jsonl`

use std::io::{self, Write};

use andon_simulator::{Shift, ShiftOptions};

fn main() -> io::Result<()> {
    let mut options = ShiftOptions::default();
    let mut arguments = std::env::args().skip(1);
    if let Some(seed) = arguments.next() {
        options.seed = seed.parse().map_err(|_| wrong("the seed", "a whole number", &seed))?;
    }
    if let Some(minutes) = arguments.next() {
        let minutes: u32 =
            minutes.parse().map_err(|_| wrong("the duration", "a number of minutes", &minutes))?;
        options.duration_ms = i64::from(minutes) * 60_000;
    }
    let mut shift = Shift::new(&options);
    let mut notes = io::stderr().lock();
    for incident in shift.story() {
        let minute = (incident.at_ms - options.start_ms) / 60_000;
        writeln!(notes, "{minute:>4} min  {:15} {:19} {}", incident.equipment, incident.kind, incident.text)?;
    }
    let totals = shift.write_to(&mut io::stdout().lock(), |_| {})?;
    writeln!(notes, "{totals:?}")
}

fn wrong(what: &str, expected: &str, given: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{what} must be {expected}, not `{given}`"))
}
