//! Replays W1 at another rate: the same points in the same order, with event time scaled to the rate. Delays scale
//! with it: a point that is late by a number of points of its machine stays late by as many.

use andon_kit_cases::w1::W1;

use crate::{Plan, Result};

/// A data point on its way.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at_ms: i64,
    pub(crate) equipment: String,
    pub(crate) data: String,
}

pub(crate) fn arrivals(plan: &Plan, start_ms: i64) -> Result<Vec<Arrival>> {
    let w1 = W1 { machines: plan.machines, points: plan.points, ..W1::default() };
    let mut bytes = Vec::new();
    w1.write_points(&mut bytes)?;
    let text = String::from_utf8(bytes)?;
    // One second of W1 takes this time at the rate of the plan.
    let period_ms = 1e3 * f64::from(w1.machines) * f64::from(w1.tags) / plan.points_per_s;
    text.lines()
        .enumerate()
        .map(|(number, line)| {
            let timestamp_ms: i64 = field(line, "\"timestamp\":", ',')?.parse()?;
            let periods = f64::from(i32::try_from((timestamp_ms - w1.start_ms) / 1000)?);
            let moved_ms = start_ms + whole(periods * period_ms);
            // A machine takes a period to send what it has measured at its beginning: nothing comes before its timestamp.
            let since_start_ms = period_ms + f64::from(u32::try_from(number)?) * 1e3 / plan.points_per_s;
            Ok(Arrival {
                at_ms: start_ms + whole(since_start_ms),
                equipment: field(line, "\"equipmentId\":\"", '"')?.to_owned(),
                data: line.replacen(&format!("{timestamp_ms}"), &format!("{moved_ms}"), 1),
            })
        })
        .collect()
}

fn field<'a>(line: &'a str, name: &str, end: char) -> Result<&'a str> {
    let value = line.split_once(name).and_then(|(_, rest)| rest.split_once(end));
    Ok(value.ok_or(format!("W1 writes points without `{name}`"))?.0)
}

/// To whole milliseconds.
#[allow(clippy::cast_possible_truncation, reason = "some hours in milliseconds")]
fn whole(ms: f64) -> i64 {
    ms.round() as i64
}
