//! Sweeps over many seeds.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Failure, Report, run};

/// A result of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// The number of seeds that were run.
    pub seeds: u64,
    /// The sum of the reports of all seeds that hold.
    pub report: Report,
    /// The failures, by seed.
    pub failures: Vec<Failure>,
}

/// Runs seeds on a number of threads; each seed runs on one. Calls `tell` after each seed, with its failure.
pub fn sweep(seeds: Range<u64>, threads: usize, tell: impl Fn(u64, Option<&Failure>) + Sync) -> Swept {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut swept = Swept::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return swept;
            }
            swept.seeds += 1;
            let ran = run(seed);
            tell(seed, ran.as_ref().err());
            match ran {
                Ok(report) => swept.report.add(report),
                Err(failure) => swept.failures.push(failure),
            }
        }
    };
    let mut all = Swept::default();
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        all.add(work());
        for other in others {
            match other.join() {
                Ok(swept) => all.add(swept),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all.failures.sort_by_key(|failure| failure.seed);
    all
}

impl Swept {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.report.add(other.report);
        self.failures.extend(other.failures);
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.transitions += other.transitions;
        self.steps += other.steps;
        other.tally.into_iter().for_each(|(what, count)| *self.tally.entry(what).or_default() += count);
    }
}

/// Maximum number of failures that are shown in full.
const SHOWN: usize = 10;

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { steps, transitions, tally } = &self.report;
        for (what, count) in tally {
            writeln!(f, "{count:>12} {what}")?;
        }
        writeln!(f, "{} seeds, {steps} steps, {transitions} state changes published", self.seeds)?;
        if self.failures.is_empty() {
            return f.write_str("none failed");
        }
        for failure in self.failures.iter().take(SHOWN) {
            writeln!(f, "{failure}")?;
        }
        let mut by_checker: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        self.failures
            .iter()
            .for_each(|failure| by_checker.entry(failure.checker).or_default().push(failure.seed));
        write!(f, "{} failed: {by_checker:?}", self.failures.len())
    }
}
