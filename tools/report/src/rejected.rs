//! Renders the table of rejected points, with the reasons in plain words.

use crate::collect::{Equipment, Reason, ReportBuilder};
use crate::escape::{Html, name};
use crate::format::{Count, Counted, Share};
use crate::limits;
use crate::numbers::float_count;

/// In the order in which the page lists them.
const MEANINGS: [(&str, &str); 8] = [
    (
        "malformed",
        "Could not be read: not JSON, a field is missing or of the wrong kind, or the value is not a number that exists. StateStyle at what the sender writes.",
    ),
    (
        "bad_quality",
        "The sender itself marked the value as not to be trusted (quality other than Ok). StateStyle at the sensor or its wiring.",
    ),
    ("no_value", "The point carried no value."),
    (
        "late",
        "Came after the allowed lateness: what it speaks of had already been decided. StateStyle at the network or at a gateway that buffers.",
    ),
    (
        "duplicate",
        "The same point had been used before. Harmless: senders repeat what they are not sure has arrived.",
    ),
    (
        "superseded",
        "A newer value of the same tag had been used before this one came. Harmless as long as there are few.",
    ),
    (
        "ahead",
        "Stamped later than it arrived: a sender's clock is ahead. Used all the same, at the time of its arrival.",
    ),
    (
        "forced",
        "Too many points were waiting for others to catch up, so the oldest were used without waiting further.",
    ),
];

/// Writes the section.
pub(crate) fn write(html: &mut Html, report: &ReportBuilder) {
    html.raw("<section id=rejected><h2>What was not used, and why</h2>");
    if report.reasons.is_empty() {
        html.raw("<p class=lead>Every point was used.</p></section>");
        return;
    }
    let known = MEANINGS
        .iter()
        .filter_map(|(name, meaning)| report.reasons.get(*name).map(|reason| (*name, *meaning, reason)));
    let others = report
        .reasons
        .iter()
        .filter(|(name, _)| MEANINGS.iter().all(|(known, _)| known != name))
        .map(|(name, reason)| (name.as_str(), "", reason));
    let all: Vec<(&str, &str, &Reason)> = known.chain(others).collect();

    html.raw(
        "<div class=scroll><table class=rej><thead><tr><th>Reason<th class=r>Points<th>What it means<tbody>",
    );
    let whole = float_count(report.totals.rejected.saturating_add(report.totals.points));
    for (reason_name, meaning, reason) in &all {
        reason_row(html, reason_name, meaning, reason, whole);
    }
    html.raw("</table></div>");
    by_equipment(html, report, &all);
    html.raw("</section>");
}

fn reason_row(html: &mut Html, reason_name: &str, meaning: &str, reason: &Reason, whole: f64) {
    let n = reason.rejected.saturating_add(reason.counted);
    html.raw("<tr><td><b>").text(name(reason_name)).raw("</b>");
    if reason.rejected == 0 {
        html.raw("<br><small>used all the same</small>");
    }
    html.raw("<td class=r>").text(Count(n)).raw("<br><small>");
    html.text(Share { part: float_count(n), whole }).raw("</small><td>").text(meaning);
    if !reason.samples.is_empty() {
        html.raw("<details><summary>").text(match reason.samples.len() {
            1 => "the first one".to_owned(),
            samples => format!("the first {samples}"),
        });
        html.raw("</summary><ul>");
        for sample in &reason.samples {
            html.raw("<li>line ").text(Count(sample.line));
            if let Some(equipment) = &sample.equipment {
                html.raw(", ").text(name(equipment));
            }
            html.raw(": <code>").text(&sample.detail).raw("</code>");
        }
        html.raw("</ul></details>");
    }
}

fn by_equipment(html: &mut Html, report: &ReportBuilder, all: &[(&str, &str, &Reason)]) {
    let mut machines: Vec<(u64, &Equipment)> = report
        .machines
        .iter()
        .map(|e| (e.rejected.values().sum::<u64>(), e))
        .filter(|(n, _)| *n > 0)
        .collect();
    if machines.is_empty() {
        return;
    }
    machines.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let columns: Vec<&str> = all.iter().filter(|r| r.2.rejected > 0).map(|r| r.0).collect();
    html.raw(
        "<h3>Rejected by machine</h3><div class=scroll><table><thead><tr><th>Machine<th class=r>Rejected",
    );
    html.raw("<th class=r>Share");
    for column in &columns {
        html.raw("<th class=r>").text(name(column));
    }
    html.raw("<tbody>");
    for (n, equipment) in machines.iter().take(limits::REJECTED_ROWS) {
        html.raw("<tr><td>").text(name(&equipment.name)).raw("<td class=r>").text(Count(*n));
        let whole = float_count(n.saturating_add(equipment.points));
        html.raw("<td class=r>").text(Share { part: float_count(*n), whole });
        for column in &columns {
            html.raw("<td class=r>");
            if let Some(n) = equipment.rejected.get(*column) {
                html.text(Count(*n));
            }
        }
    }
    html.raw("</table></div>");
    let more = machines.len().saturating_sub(limits::REJECTED_ROWS);
    if more > 0 {
        let more = Counted(u64::try_from(more).unwrap_or(u64::MAX), "more machine");
        html.raw("<p class=left>").text(format_args!("{more} with fewer are not listed.")).raw("</p>");
    }
}
