//! The summary of a replay on standard error.

use std::time::Duration;

use andon_domain::Reason;
use andon_engine::replay::Replay;

use super::logs::Samples;
use crate::terminal::{Terminal, counted, grouped};

/// Returns the summary of a replay, without a line end.
pub(crate) fn text(replay: &Replay, samples: &Samples, elapsed: Duration, terminal: &Terminal) -> String {
    let counts = replay.counts();
    let rules = replay.rules().newest().map_or(0, |set| set.rule_count());
    let mut lines = vec![format!(
        "{} of {} in {:.1} s ({} points/s); {} by {}",
        counted(counts.points, "point"),
        counted(replay.keys().len() as u64, "machine"),
        elapsed.as_secs_f64(),
        grouped(per_second(counts.points, elapsed)),
        counted(counts.transitions, "state change"),
        counted(rules as u64, "rule"),
    )];
    for reason in Reason::ALL {
        let count = counts.rejected(reason);
        if count == 0 {
            continue;
        }
        let count = terminal.paint(&format!("{:>9}", grouped(count)), "33");
        lines.push(format!("{count} {reason}: {}", meaning(reason)));
        if let Some(sample) = samples.first(reason) {
            lines.push(format!("          first: {sample}"));
        }
    }
    if counts.rejected.iter().all(|count| *count == 0) {
        lines.push("nothing was rejected".to_owned());
    }
    if counts.points_from_future > 0 {
        let ahead = grouped(counts.points_from_future);
        lines.push(format!(
            "{ahead:>9} ahead: stamped later than they arrived; applied at their arrival time"
        ));
    }
    if counts.requests > 0 {
        let requests = grouped(counts.requests);
        lines.push(format!("{requests:>9} requests to models"));
    }
    if counts.requests_dropped > 0 {
        let dropped = grouped(counts.requests_dropped);
        lines.push(format!("{dropped:>9} older requests dropped: one record caused too many at once"));
    }
    if counts.watermark_forced > 0 {
        let forced = grouped(counts.watermark_forced);
        lines
            .push(format!("{forced:>9} forced: too many points were pending, so the watermark was moved on"));
    }
    lines.join("\n")
}

pub(crate) fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => "could not be read",
        Reason::BadQuality => "the quality was not `Ok`",
        Reason::NoValue => "had no value",
        Reason::Late => "arrived later than `allowed_lateness`",
        Reason::Duplicate => "had been applied before",
        Reason::Superseded => "arrived after a newer point of their tag",
        Reason::RulesRefused => "rule sets that were refused",
    }
}

fn per_second(points: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(points) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
