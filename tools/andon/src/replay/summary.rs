//! What a replay did, in a few lines for the person who started it.

use std::time::Duration;

use andon_domain::Reason;

use super::session::Session;
use crate::terminal::{Terminal, counted, grouped};

/// The summary of a session, without a line end.
pub(crate) fn text(session: &Session, elapsed: Duration, terminal: &Terminal) -> String {
    let counts = session.counts();
    let mut lines = vec![format!(
        "{} of {} in {:.1} s ({} points/s); {} by {}",
        counted(counts.points, "point"),
        counted(session.equipment_count() as u64, "equipment"),
        elapsed.as_secs_f64(),
        grouped(per_second(counts.points, elapsed)),
        counted(counts.transitions, "state change"),
        counted(session.rule_count() as u64, "rule"),
    )];
    for reason in Reason::ALL {
        let count = counts.rejected(reason);
        if count == 0 {
            continue;
        }
        let count = terminal.paint(&format!("{:>9}", grouped(count)), "33");
        lines.push(format!("{count} {reason}: {}", meaning(reason)));
        for sample in session.samples().iter().filter(|sample| sample.reason == reason) {
            lines.push(format!("          first: {}", sample.text));
        }
    }
    if counts.rejected.iter().all(|count| *count == 0) {
        lines.push("nothing was rejected".to_owned());
    }
    if counts.ahead > 0 {
        let ahead = grouped(counts.ahead);
        lines.push(format!(
            "{ahead:>9} ahead: stamped later than they arrived; taken as measured at their arrival"
        ));
    }
    if counts.requests > 0 {
        let requests = grouped(counts.requests);
        lines.push(format!("{requests:>9} requests to models"));
    }
    if counts.requests_dropped > 0 {
        let dropped = grouped(counts.requests_dropped);
        lines.push(format!("{dropped:>9} older requests dropped: one record led to too many at once"));
    }
    if counts.forced > 0 {
        let forced = grouped(counts.forced);
        lines.push(format!("{forced:>9} forced: too many points were pending, so event time was moved on"));
    }
    lines.join("\n")
}

pub(crate) fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => "could not be read",
        Reason::BadQuality => "the quality was not `Ok`",
        Reason::NoValue => "came without a value",
        Reason::Late => "came later than `allowed_lateness`",
        Reason::Duplicate => "were applied already",
        Reason::Superseded => "came after a newer point of their tag",
        Reason::RulesRefused => "rule sets that were not taken",
    }
}

fn per_second(points: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(points) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
