//! Runs many seeds of the simulation: `cargo run --release -p andon-testkit --example storm -- [SEEDS] [FIRST]`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use andon_testkit::storm::{self as sim, Report};

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let seeds = arguments.next().and_then(Result::ok).unwrap_or(1000);
    let first = arguments.next().and_then(Result::ok).unwrap_or(0);
    let next = AtomicU64::new(first);
    let failed = AtomicU64::new(0);
    let total = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    if (seed - first) % 1000 == 999 {
                        eprintln!(
                            "{} of {seeds} seeds, {} failed",
                            seed - first + 1,
                            failed.load(Ordering::Relaxed)
                        );
                    }
                    match sim::run(seed) {
                        Ok(report) => {
                            let Ok(mut total) = total.lock() else { return };
                            total.transitions += report.transitions;
                            for (what, count) in report.tally {
                                *total.tally.entry(what).or_default() += count;
                            }
                        }
                        Err(failure) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("{failure}");
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    if let Ok(total) = total.into_inner() {
        println!("{seeds} seeds, {failed} failed, {} state changes published", total.transitions);
        for (what, count) in total.tally {
            println!("{count:>12} {what}");
        }
    }
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
