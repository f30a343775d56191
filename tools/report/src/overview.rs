//! Renders the overview: all rules of all machines on one time axis.

use std::collections::BTreeMap;

use crate::collect::{Incident, REMOVED, ReportBuilder};
use crate::escape::{Html, clip, name};
use crate::format::{Count, Counted, DateTime, Share, Span, to_second};
use crate::limits::{self, fair_cut};
use crate::numbers::float;
use crate::range::Range;
use crate::ranking::{Group, Row, initial, rule_id};
use crate::scale::time_ticks;
use crate::states::{TROUBLE, look};
use crate::timeline::StripView;

/// Width of a numbered mark, as a share of a plot on a wide page.
const MARK_PERCENT: f64 = 2.2;

/// The class of a state, with one for `no rule any more`.
pub(crate) fn state_class(state: &str) -> &'static str {
    if state == REMOVED { "none" } else { look(state).class }
}

/// The name of a state in its colour.
pub(crate) fn chip(html: &mut Html, state: &str) {
    html.raw("<span class=\"chip ").raw(state_class(state)).raw("\">").text(name(state)).raw("</span>");
}

/// The time axis, as wide as the strips below it.
pub(crate) fn axis(html: &mut Html, range: &Range) {
    html.raw("<div class=\"row axis\"><div class=lab>Time (UTC)</div><div class=plot>");
    for tick in time_ticks(range) {
        let at = range.fraction(tick.at_ms) * 100.0;
        let class = if at < 3.0 {
            "tick s"
        } else if at > 97.0 {
            "tick e"
        } else {
            "tick"
        };
        html.raw("<span class=\"").raw(class).raw("\" style=\"left:").text(format_args!("{at:.3}"));
        html.raw("%\">").text(&tick.label);
        if let Some(day) = &tick.day {
            html.raw("<small>").text(day).raw("</small>");
        }
        html.raw("</span>");
    }
    html.raw("</div></div>");
}

/// A strip of winning states.
pub(crate) fn state_strip(
    html: &mut Html,
    report: &ReportBuilder,
    row: &Row<'_>,
    range: &Range,
    most: usize,
) {
    html.raw("<div class=\"plot strip\" role=img aria-label=\"");
    let whole = row.time_in.iter().fold(0_i64, |sum, (_, ms)| sum.saturating_add(*ms));
    for (i, (state, ms)) in row.time_in.iter().take(6).enumerate() {
        html.raw(if i > 0 { ", " } else { "" });
        html.text(format_args!("{} {}", name(state), Share { part: float(*ms), whole: float(whole) }));
    }
    html.raw("\"><div class=clip><div class=inner>");
    let (state, since_ms) = initial(report, row.pair, range);
    let strip = &row.pair.winners;
    let classes = strip.values().map(state_class).collect();
    StripView { strip, before: Some((state, state_class(state), since_ms)), classes, most }
        .write(html, range);
    html.raw("</div></div></div>");
}

/// Writes the overview. `links` says which rows have a detail, by the place of the row in the order of `groups`.
pub(crate) fn write(
    html: &mut Html,
    report: &ReportBuilder,
    groups: &[Group<'_>],
    range: &Range,
    has_detail: &dyn Fn(usize) -> bool,
) {
    let rows: usize = groups.iter().map(|g| g.rows.len()).sum();
    html.raw("<section id=overview><h2>Overview</h2>");
    if rows == 0 {
        html.raw("<p class=lead>No rule watched any machine in this range.</p></section>");
        return;
    }
    html.raw(
        "<p class=lead>One line per rule: its state over time. Machines in an alarm or warning state at the end ",
    );
    html.raw("come first, then those that were in one longest.</p>");
    legend(html, report, groups);
    html.raw(
        "<div class=\"charts over\" tabindex=0 role=group aria-label=\"Overview; with the arrow keys the ",
    );
    html.raw("crosshair moves, plus and minus zoom, 0 shows the whole range\">");
    axis(html, range);
    marks(html, &report.incidents, None, range);

    let lengths: Vec<usize> = groups
        .iter()
        .flat_map(|g| &g.rows)
        .take(limits::OVERVIEW_ROWS)
        .map(|row| row.pair.winners.changes().len() + 1)
        .collect();
    let most = fair_cut(&lengths, limits::OVERVIEW_SEGMENTS, 20, 240);
    let start = html.len();
    let mut number = 0;
    for group in groups {
        let room = number < limits::OVERVIEW_ROWS && html.len() - start < limits::OVERVIEW_BYTES;
        if !room {
            break;
        }
        group_head(html, group);
        marks(html, &report.incidents, Some(group.equipment), range);
        for row in &group.rows {
            if number < limits::OVERVIEW_ROWS && html.len() - start < limits::OVERVIEW_BYTES {
                line(html, report, row, range, most, has_detail(number).then_some(number));
                number += 1;
            }
        }
        html.raw("</details>");
    }
    html.raw("</div>");
    if number < rows {
        let left = u64::try_from(rows - number).unwrap_or(u64::MAX);
        html.raw("<p class=left>").text(format_args!(
            "{} with less trouble are not shown here, to keep the page small.",
            Counted(left, "line")
        ));
        html.raw("</p>");
    }
    html.raw("</section>");
}

fn group_head(html: &mut Html, group: &Group<'_>) {
    html.raw("<details class=eq open><summary><b>").text(name(group.equipment)).raw("</b>");
    let worst = group.rows.iter().filter(|r| r.severity >= TROUBLE).max_by_key(|r| r.severity);
    if let Some(worst) = worst {
        html.raw(" <span>now</span> ");
        chip(html, &worst.now);
        html.raw(" <span>since ").text(DateTime(to_second(worst.since_ms))).raw("</span>");
    }
    let trouble = group.rows.iter().map(|r| r.trouble_ms).max().unwrap_or(0);
    if trouble > 0 {
        html.raw(" <span>").text(format_args!("{} in trouble", Span(trouble))).raw("</span>");
    }
    if group.rejected > 0 {
        html.raw(" <span>")
            .text(format_args!("{} rejected", Counted(group.rejected, "point")))
            .raw("</span>");
    }
    html.raw("</summary>");
}

fn line(
    html: &mut Html,
    report: &ReportBuilder,
    row: &Row<'_>,
    range: &Range,
    most: usize,
    detail: Option<usize>,
) {
    html.raw("<div class=row><div class=lab>");
    let rule = name(rule_id(report, row.pair));
    match detail {
        Some(number) => {
            html.raw("<a href=\"#d").text(number).raw("\">").text(&rule).raw("</a>");
        }
        None => {
            html.text(&rule);
        }
    }
    html.raw("</div>");
    state_strip(html, report, row, range, most);
    html.raw("<div class=side>");
    chip(html, &row.now);
    html.raw("<small>").text(match row.pair.transitions {
        1 => "1 change".to_owned(),
        n => format!("{} changes", Count(n)),
    });
    html.raw("</small></div></div>");
}

fn legend(html: &mut Html, report: &ReportBuilder, groups: &[Group<'_>]) {
    let mut states: BTreeMap<(std::cmp::Reverse<u8>, &str), ()> = BTreeMap::new();
    for (state, _) in groups.iter().flat_map(|g| &g.rows).flat_map(|r| &r.time_in) {
        states.insert((std::cmp::Reverse(look(state).severity), state), ());
    }
    html.raw("<p class=legend><span>States:</span> ");
    for (_, state) in states.keys().take(limits::LEGEND) {
        chip(html, state);
        html.raw(" ");
    }
    if states.len() > limits::LEGEND {
        html.raw("<span>and ").text(states.len() - limits::LEGEND).raw(" more</span> ");
    }
    html.raw("<span class=\"chip many\">many changes</span>");
    if !report.incidents.is_empty() {
        html.raw(" <span class=\"num\">1</span> <span>what happened, see the list below</span>");
    }
    html.raw("</p>");
}

/// Numbered marks of incidents, of one equipment or of the whole line.
fn marks(html: &mut Html, incidents: &[Incident], equipment: Option<&str>, range: &Range) {
    let mut of_equipment = incidents
        .iter()
        .enumerate()
        .filter(|(_, i)| i.equipment.as_deref() == equipment && range.contains(i.at_ms))
        .peekable();
    if of_equipment.peek().is_none() {
        return;
    }
    // Marks that would cover each other stand below each other.
    let mut lanes = [f64::MIN; 3];
    let mut placed = Vec::new();
    for (i, incident) in of_equipment {
        let at = range.fraction(incident.at_ms) * 100.0;
        let lane = lanes.iter().position(|last| at - last >= MARK_PERCENT).unwrap_or(0);
        if let Some(last) = lanes.get_mut(lane) {
            *last = at;
        }
        placed.push((i, incident, at, lane));
    }
    let used = lanes.iter().filter(|last| **last >= 0.0).count();
    html.raw("<div class=\"row marks\"><div class=lab>what happened</div><div class=plot style=\"height:");
    html.text(used * 20).raw("px\"><div class=clip><div class=inner>");
    for (i, incident, at, lane) in placed {
        html.raw("<a class=num href=\"#i").text(i + 1).raw("\" style=\"left:").text(format_args!("{at:.3}"));
        html.raw("%;top:").text(lane * 20);
        html.raw("px\" title=\"").text(format_args!("{} · {}", DateTime(incident.at_ms), incident.text));
        html.raw("\">").text(i + 1).raw("</a>");
    }
    html.raw("</div></div></div></div>");
}

/// The list of incidents.
pub(crate) fn incidents(html: &mut Html, report: &ReportBuilder) {
    if report.incidents.is_empty() {
        return;
    }
    html.raw(
        "<section id=incidents><h2>What happened</h2><div class=scroll><table class=inc><thead><tr><th>#<th>Time (UTC)",
    );
    html.raw("<th>Machine<th>Event<tbody>");
    for (i, incident) in report.incidents.iter().enumerate() {
        html.raw("<tr id=i").text(i + 1).raw("><td><span class=num>").text(i + 1).raw("</span><td class=t>");
        html.text(DateTime(incident.at_ms)).raw("<td>");
        html.text(incident.equipment.as_deref().map_or("whole line".to_owned(), name)).raw("<td>");
        html.text(clip(&incident.text, limits::TEXT_CHARS * 2));
    }
    html.raw("</table></div>");
    if report.totals.incidents_not_kept > 0 {
        let left = Counted(report.totals.incidents_not_kept, "more event");
        html.raw("<p class=left>")
            .text(format_args!("{left} not listed, to keep the page small."))
            .raw("</p>");
    }
    html.raw("</section>");
}
