//! Computes the bill in dollars from metered usage.

use crate::measure::{RequestUsage, Run};
use crate::prices::{self, Price};
use crate::{Plan, Result};

/// Price of a managed Flink application in dollars for a million points, by points per second. It pays two units and
/// their storage all month, and more units at the highest rate.
const FLINK: [(f64, f64); 4] = [(10.0, 6.30), (100.0, 0.63), (1000.0, 0.063), (10_000.0, 0.016)];

/// Dollars for a million points where one unit of Flink is in full use.
const FLINK_AT_ITS_BEST: f64 = 0.0063;

// Assumptions: an emulator does not measure them.

/// Memory of `evaluate` and `publish`, GB.
const MEMORY_GB: f64 = 0.5;
/// Memory of `tick`, GB. It runs through the whole minute, mostly asleep.
const TICK_MEMORY_GB: f64 = 0.125;
/// Memory at which Lambda allocates one full vCPU, GB (1,769 MB).
const GB_PER_PROCESSOR: f64 = 1.769;
/// Processor seconds of `evaluate` for a million points, from the event to the commits: see the page on performance.
const CPU_S_PER_MILLION: f64 = 2.6;
/// A request to DynamoDB, s.
const REQUEST_S: f64 = 0.005;
/// Commits under way at a time.
const SIDE_BY_SIDE: f64 = 32.0;
/// A line of the log of each invocation, with those that Lambda adds, bytes.
const LOG_BYTES: f64 = 2_000.0;
/// Metrics of all three functions.
const METRICS: f64 = 43.0;
/// Used share of provisioned capacity: 70 % is the default target of DynamoDB auto scaling.
const UTILISATION: f64 = 0.7;

/// A bill in dollars for a million points, by item.
struct Bill {
    writes: f64,
    reads: f64,
    provisioned: f64,
    lambda: f64,
    bus: f64,
    objects: f64,
    logs: f64,
    kinesis: f64,
    kinesis_provisioned: f64,
    /// Cost without load: `tick` and the metrics run all month.
    standing: f64,
}

impl Bill {
    fn of(run: &Run) -> Self {
        let millions = run.plan.points as f64 / 1e6;
        let used = || run.evaluate.iter().chain(&run.publish);
        let units = |write: bool| -> f64 {
            used().filter(|(name, _)| is_write(name) == Some(write)).map(|(_, used)| charged(used)).sum()
        };
        let requests = |of: &str| -> f64 {
            used().filter(|(name, _)| name.starts_with(of)).map(|(_, used)| used.requests as f64).sum()
        };
        let entries = |of: &str| -> f64 {
            used().filter(|(name, _)| name.starts_with(of)).map(|(_, used)| used.items as f64).sum()
        };
        let hours =
            |price: Price, units: f64| price.of(units / run.seconds / UTILISATION * run.seconds / 3600.0);
        let invocations = (run.invocations + run.published_items) as f64;
        let hours_run = run.seconds / 3600.0;
        let month = prices::SECONDS_PER_MONTH;
        let standing = (prices::LAMBDA_GB_SECOND.of(TICK_MEMORY_GB * month)
            + prices::LAMBDA_REQUEST.of(month / 60.0)
            + prices::METRIC_MONTH.of(METRICS))
            / month;
        let put_units = run.plan.points as f64;
        // A record is counted in whole kilobytes.
        let gigabytes = put_units * 1024.0 / (1_u64 << 30) as f64;
        Self {
            writes: prices::WRITE_UNIT.of(units(true)) / millions,
            reads: prices::READ_UNIT.of(units(false)) / millions,
            provisioned: (hours(prices::WRITE_HOUR, units(true)) + hours(prices::READ_HOUR, units(false)))
                / millions,
            lambda: (prices::LAMBDA_REQUEST.of(invocations)
                + prices::LAMBDA_GB_SECOND.of(MEMORY_GB * busy_s(run)))
                / millions,
            bus: prices::BUS_EVENT.of(entries("eventbridge")) / millions,
            objects: prices::OBJECT_WRITE.of(requests("s3.Put")) / millions,
            logs: prices::LOG_GB.of(invocations * LOG_BYTES / 1e9) / millions,
            kinesis: (prices::KINESIS_STREAM_HOUR.of(hours_run)
                + prices::KINESIS_GB_IN.of(gigabytes)
                + prices::KINESIS_GB_OUT.of(gigabytes))
                / millions,
            kinesis_provisioned: (prices::KINESIS_SHARD_HOUR.of(run.shards as f64 * hours_run)
                + prices::KINESIS_PUT_UNIT.of(put_units))
                / millions,
            standing: standing * run.seconds / millions,
        }
    }

    fn on_demand(&self) -> f64 {
        self.writes + self.reads + self.rest()
    }

    fn provisioned(&self) -> f64 {
        self.provisioned + self.rest()
    }

    fn rest(&self) -> f64 {
        self.lambda + self.bus + self.objects + self.logs + self.standing
    }
}

/// Time that `evaluate` is paid for, s: its processor time, and its waits for DynamoDB.
fn busy_s(run: &Run) -> f64 {
    let share = (MEMORY_GB / GB_PER_PROCESSOR).min(1.0);
    let cpu_s = CPU_S_PER_MILLION / share * run.plan.points as f64 / 1e6;
    let rounds = (run.commits as f64 / run.invocations.max(1) as f64 / SIDE_BY_SIDE).ceil();
    // The pointer, the heads, the commits, and sometimes a checkpoint.
    cpu_s + run.invocations as f64 * (3.0 + rounds) * REQUEST_S + run.published_items as f64 * 4.0 * REQUEST_S
}

fn charged(used: &RequestUsage) -> f64 {
    if used.units > 0.0 { used.units } else { used.computed_units }
}

/// Returns whether a request to DynamoDB writes; `None` for other services.
fn is_write(name: &str) -> Option<bool> {
    let operation = name.strip_prefix("dynamodb.")?;
    Some(
        !(operation.starts_with("Get")
            || operation.starts_with("BatchGet")
            || operation.starts_with("Query")
            || operation.starts_with("Scan")),
    )
}

pub(crate) fn bill(lines: &str) -> Result<()> {
    let runs: Vec<Run> = lines.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    println!("## Prices\n\n| what | dollars | for |\n| --- | --- | --- |");
    for price in prices::ALL {
        println!("| {} | {} | {} |", price.what, price.dollars, whole(price.per));
    }
    println!("\n## What was used, for a million points\n");
    println!(
        "| points/s | window, s | machines | commits | write units | by the formula | read units | invocations | state changes |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for run in &runs {
        let per = |count: f64| whole(count * 1e6 / run.plan.points as f64);
        let sum = |write: bool, of: fn(&RequestUsage) -> f64| -> f64 {
            let all = run.evaluate.iter().chain(&run.publish);
            all.filter(|(name, _)| is_write(name) == Some(write)).map(|(_, used)| of(used)).sum()
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            title(&run.plan),
            run.plan.machines,
            per(run.commits as f64),
            per(sum(true, |used| used.units)),
            per(sum(true, |used| used.computed_units)),
            per(sum(false, charged)),
            per(run.invocations as f64),
            per(run.transitions as f64),
        );
    }
    println!("\n## Dollars for a million points\n");
    println!(
        "| points/s | window, s | machines | writes | reads | Lambda | bus | logs | standing | on demand | provisioned | Flink | Kinesis on demand | provisioned |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for run in &runs {
        let bill = Bill::of(run);
        let flink = FLINK.iter().find(|(rate, _)| (rate - run.plan.points_per_s).abs() < 1.0);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | **{}** | {} | {} | {} | {} |",
            title(&run.plan),
            run.plan.machines,
            dollars(bill.writes),
            dollars(bill.reads),
            dollars(bill.lambda),
            dollars(bill.bus + bill.objects),
            dollars(bill.logs),
            dollars(bill.standing),
            dollars(bill.on_demand()),
            dollars(bill.provisioned()),
            flink.map_or_else(String::new, |(_, flink)| dollars(*flink)),
            dollars(bill.kinesis),
            dollars(bill.kinesis_provisioned),
        );
    }
    println!("\nOne unit of Flink in full use: {} for a million.", dollars(FLINK_AT_ITS_BEST));
    Ok(())
}

fn title(plan: &Plan) -> String {
    let windows = if plan.windows { ", ten windows a machine" } else { "" };
    format!("{} | {}{windows}", whole(plan.points_per_s), plan.window_s)
}

pub(crate) fn dollars(dollars: f64) -> String {
    // No cents, not minus none.
    let dollars = dollars + 0.0;
    if dollars >= 0.1 { format!("{dollars:.2}") } else { format!("{dollars:.4}") }
}

pub(crate) fn whole(count: f64) -> String {
    let digits = format!("{count:.0}");
    let places = digits.len();
    let with_gaps = digits.char_indices().flat_map(|(place, digit)| {
        let gap = place > 0 && (places - place).is_multiple_of(3);
        gap.then_some(',').into_iter().chain([digit])
    });
    with_gaps.collect()
}
