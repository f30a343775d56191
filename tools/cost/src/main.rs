//! Computes the cost of a stream of W1's points from metered runs.
//!
//! `AWS_ENDPOINT_URL=.. cargo run --release -p andon-cost -- measure >> runs.jsonl` runs the real workflows over the ports
//! of an emulator in simulated time and writes the usage, one line a run. With options it makes one run:
//! `measure --rate 1000 --window 5 --machines 200 [--points 200000] [--windows]`.
//!
//! `cargo run --release -p andon-cost -- bill runs.jsonl` prints the tables of `docs/cost.md`. `-- models` prints the table
//! of requests to models, by formula. All prices stand in `prices.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool prints its results")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and dollars, shown with three digits"
)]

mod arrivals;
mod bill;
mod measure;
mod models;
mod prices;

use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: cost measure [--rate POINTS_PER_S --window S --machines N [--points N] [--windows]]\n       cost bill RUNS.jsonl\n       cost models";

/// A plan of a metered run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) points_per_s: f64,
    /// The batch window, s.
    pub(crate) window_s: u32,
    pub(crate) machines: u32,
    pub(crate) points: u64,
    /// True if each key has ten windows of a minute.
    pub(crate) windows: bool,
}

impl Plan {
    fn new(points_per_s: f64, window_s: u32, machines: u32) -> Self {
        // As many of the 200,000 points as make 8,000 commits: an emulator takes some hundred a second at best.
        let per_window = points_per_s * f64::from(window_s);
        let commits_per_window = per_window.min(f64::from(machines));
        let points = (8_000.0 / commits_per_window * per_window).min(200_000.0) as u64;
        Self { points_per_s, window_s, machines, points, windows: false }
    }

    fn name(&self) -> String {
        let windows = if self.windows { "w" } else { "" };
        format!("{}-{}-{}{windows}", self.points_per_s, self.window_s, self.machines)
    }

    /// Returns the plans of all runs in `docs/cost.md`.
    fn all() -> Vec<Self> {
        let mut plans = Vec::new();
        for window_s in [1, 5, 30] {
            for machines in [20, 200, 2000] {
                plans.push(Self::new(1000.0, window_s, machines));
            }
            plans.push(Self { windows: true, ..Self::new(1000.0, window_s, 200) });
        }
        for points_per_s in [10.0, 100.0, 10_000.0] {
            for window_s in [1, 5, 30] {
                plans.push(Self::new(points_per_s, window_s, 200));
            }
        }
        for machines in [20, 2000] {
            plans.push(Self::new(10_000.0, 5, machines));
        }
        plans
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bill") => bill::bill(&std::fs::read_to_string(arguments.next().ok_or(USAGE)?)?),
        Some("models") => models::bill(),
        Some("measure") => {
            let rest: Vec<String> = arguments.collect();
            let plans = if rest.is_empty() { Plan::all() } else { vec![plan(rest)?] };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            for plan in plans {
                eprintln!("{plan:?}");
                let run = runtime.block_on(measure::measure(&plan))?;
                println!("{}", serde_json::to_string(&run)?);
            }
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

fn plan(arguments: Vec<String>) -> Result<Plan> {
    let (mut rate, mut window_s, mut machines, mut points, mut windows) = (1000.0, 5, 200, None, false);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{argument}` lacks its value\n{USAGE}"));
        match argument.as_str() {
            "--rate" => rate = value()?.parse()?,
            "--window" => window_s = value()?.parse()?,
            "--machines" => machines = value()?.parse()?,
            "--points" => points = Some(value()?.parse()?),
            "--windows" => windows = true,
            _ => return Err(format!("unknown option `{argument}`\n{USAGE}").into()),
        }
    }
    let plan = Plan::new(rate, window_s, machines);
    Ok(Plan { points: points.unwrap_or(plan.points), windows, ..plan })
}
