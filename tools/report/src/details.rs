//! Renders a detail for each machine and rule: charts of its tags, and its transitions.

use crate::chart::NumberChart;
use crate::collect::{REMOVED, ReportBuilder, Series};
use crate::escape::{Html, clip, name};
use crate::format::{ClockOrDate, Count, Counted, DateTime, Measured, Share, Span};
use crate::input::{RuleInfo, Threshold, TransitionInfo};
use crate::limits::{self, fair_cut};
use crate::numbers::{float, index};
use crate::overview::{axis, chip, state_class, state_strip};
use crate::range::Range;
use crate::ranking::{Group, Row, rule_id};
use crate::states::{TROUBLE, value_classes};
use crate::timeline::StripView;

/// The share of the page for each detail.
struct DetailBudget {
    buckets: usize,
    boxes: usize,
    transitions: usize,
}

/// Which rows have a detail, by their place in the order of `groups`: those with transitions first.
pub(crate) fn chosen(groups: &[Group<'_>], most: usize) -> Vec<bool> {
    let rows: Vec<&Row<'_>> = groups.iter().flat_map(|g| &g.rows).take(limits::OVERVIEW_ROWS).collect();
    let changing = rows.iter().filter(|r| r.pair.transitions > 0).count();
    let mut room_for_changing = most.min(changing);
    let mut room_for_others = most - room_for_changing;
    rows.iter()
        .map(|row| {
            let room = if row.pair.transitions > 0 { &mut room_for_changing } else { &mut room_for_others };
            let has = *room > 0;
            *room = room.saturating_sub(1);
            has
        })
        .collect()
}

/// Writes the details of the chosen rows.
pub(crate) fn write(
    html: &mut Html,
    report: &ReportBuilder,
    groups: &[Group<'_>],
    chosen: &[bool],
    range: &Range,
) {
    let rows: Vec<(usize, &str, &Row<'_>)> = groups
        .iter()
        .flat_map(|g| g.rows.iter().map(|row| (g.equipment, row)))
        .enumerate()
        .map(|(number, (equipment, row))| (number, equipment, row))
        .collect();
    let drawn: Vec<&(usize, &str, &Row<'_>)> =
        rows.iter().filter(|(number, ..)| chosen.get(*number).copied().unwrap_or(false)).collect();
    if drawn.is_empty() {
        return;
    }
    let share = allowance(report, &drawn);
    html.raw(
        "<section id=details><h2>Rule by rule</h2><p class=lead>The values behind each state. A dashed ",
    );
    html.raw("line across a chart is a limit of the rule, an upright one a change of state.</p>");
    let most = limits::PAGE_BYTES - limits::AFTER_DETAILS_BYTES;
    let mut cut = 0;
    let open = drawn.iter().filter(|(_, _, row)| row.severity >= TROUBLE).count().clamp(1, 2);
    for (i, (number, equipment, row)) in drawn.iter().enumerate() {
        let mut piece = Html::default();
        detail(&mut piece, report, equipment, row, range, &share, (*number, i < open));
        if html.len() + piece.len() <= most {
            html.append(&piece);
        } else {
            cut += 1;
        }
    }
    let left = u64::try_from(rows.len() - drawn.len() + cut).unwrap_or(u64::MAX);
    if left > 0 {
        html.raw("<p class=left>");
        html.text(format_args!(
            "{} of rule and machine left out here, to keep the page small",
            Counted(left, "pair")
        ));
        html.raw("; those with transitions come first.</p>");
    }
    html.raw("</section>");
}

fn rule_of<'a>(report: &'a ReportBuilder, row: &Row<'_>) -> Option<&'a RuleInfo> {
    report.rules.get(index(row.pair.rule))
}

/// Shares the room for buckets, boxes and transitions out among the details.
fn allowance(report: &ReportBuilder, drawn: &[&(usize, &str, &Row<'_>)]) -> DetailBudget {
    let (mut buckets, mut boxes, mut transitions) = (Vec::new(), Vec::new(), Vec::new());
    for (_, _, row) in drawn {
        boxes.push(row.pair.winners.changes().len() + 1);
        transitions.push(row.pair.listed.len());
        let tags = rule_of(report, row).into_iter().flat_map(|rule| rule.tags.iter().take(limits::CHARTS));
        for series in tags.filter_map(|tag| report.series(row.pair.equipment, tag)) {
            buckets.push(series.numbers.buckets().len());
            boxes.push(series.strip.changes().len());
        }
    }
    DetailBudget {
        buckets: fair_cut(&buckets, limits::DRAWN_BUCKETS, 30, limits::BUCKETS),
        boxes: fair_cut(&boxes, limits::DETAILS_SEGMENTS, 10, 300),
        transitions: fair_cut(
            &transitions,
            limits::DRAWN_TRANSITIONS,
            5,
            report.options.max_listed_transitions,
        ),
    }
}

fn detail(
    html: &mut Html,
    report: &ReportBuilder,
    equipment: &str,
    row: &Row<'_>,
    range: &Range,
    share: &DetailBudget,
    (number, open): (usize, bool),
) {
    html.raw("<details class=rule").raw(if open { " open" } else { "" }).raw("><summary><b>");
    html.text(name(equipment)).raw("</b> <span class=rid>").text(name(rule_id(report, row.pair)));
    html.raw("</span> ");
    chip(html, &row.now);
    html.raw(" <span>")
        .text(Counted(row.pair.transitions, "transition"))
        .raw("</span></summary><div class=body id=d");
    html.text(number).raw(">");
    let Some(rule) = rule_of(report, row) else {
        html.raw("</div></details>");
        return;
    };
    if !rule.description.is_empty() {
        html.raw("<p class=desc>").text(&rule.description).raw("</p>");
    }
    html.raw("<p class=shares>");
    let whole = row.time_in.iter().fold(0_i64, |sum, (_, ms)| sum.saturating_add(*ms));
    // A state that was left at once, as at the start, is in the list of changes.
    for (state, ms) in row.time_in.iter().filter(|(_, ms)| *ms > 0 || whole == 0).take(8) {
        html.raw("<span>");
        chip(html, state);
        let share = Share { part: float(*ms), whole: float(whole) };
        html.text(format_args!(" {} ({share})", Span(*ms))).raw("</span> ");
    }
    html.raw("</p><div class=charts tabindex=0 role=group aria-label=\"Charts of ").text(name(&rule.rule_id));
    html.text(format_args!(" on {}", name(equipment)));
    html.raw("; with the arrow keys the crosshair moves, plus and minus zoom, 0 shows the whole range\">");
    axis(html, range);
    html.raw("<div class=row><div class=lab><b>state</b><small>given by this rule</small><span class=read></span></div>");
    state_strip(html, report, row, range, share.boxes);
    html.raw("</div>");

    let marks: Vec<(i64, &'static str)> =
        row.pair.listed.iter().map(|t| (t.at_ms, state_class(t.to.as_deref().unwrap_or(REMOVED)))).collect();
    for tag in rule.tags.iter().take(limits::CHARTS) {
        let thresholds: Vec<&Threshold> =
            rule.thresholds.iter().filter(|t| t.tag == *tag).take(limits::THRESHOLDS).collect();
        match report.series(row.pair.equipment, tag) {
            Some(series) => tag_charts(html, tag, series, &thresholds, &marks, range, share),
            None => {
                html.raw("<div class=row><div class=lab><b>").text(name(tag));
                html.raw("</b></div><div class=\"plot none\">no point came</div></div>");
            }
        }
    }
    html.raw("</div>");
    if rule.tags.len() > limits::CHARTS {
        let more = rule.tags.len() - limits::CHARTS;
        html.raw("<p class=left>")
            .text(format_args!("{more} more tags of this rule are not drawn."))
            .raw("</p>");
    }
    transitions(html, row, share.transitions);
    html.raw("</div></details>");
}

fn tag_charts(
    html: &mut Html,
    tag: &str,
    series: &Series,
    thresholds: &[&Threshold],
    marks: &[(i64, &'static str)],
    range: &Range,
    share: &DetailBudget,
) {
    if let Some((min, max)) = series.numbers.extremes() {
        html.raw("<div class=row><div class=lab><b title=\"").text(clip(tag, 256)).raw("\">").text(name(tag));
        html.raw("</b><small>").text(format_args!("{} – {}", Measured(min), Measured(max)));
        html.text(format_args!(" · {}", Counted(series.numbers.points(), "point")));
        html.raw("</small><span class=read></span></div><div class=\"plot chart\">");
        NumberChart { series: &series.numbers, thresholds, marks, most: share.buckets }.write(html, range);
        html.raw("</div></div>");
    }
    if series.strip_points > 0 {
        html.raw("<div class=row><div class=lab><b title=\"").text(clip(tag, 256)).raw("\">").text(name(tag));
        html.raw("</b><small>").text(Counted(series.strip_points, "point"));
        html.raw("</small><span class=read></span></div><div class=\"plot strip thin\"><div class=clip><div class=inner>");
        let classes = value_classes(series.strip.values());
        let view = StripView { strip: &series.strip, before: None, classes, most: share.boxes };
        view.write(html, range);
        html.raw("</div></div></div></div>");
    }
}

fn transitions(html: &mut Html, row: &Row<'_>, most: usize) {
    if row.pair.transitions == 0 {
        html.raw("<p class=left>No transition: the state stayed as it was.</p>");
        return;
    }
    let listed = row.pair.listed.len().min(most);
    let not_listed = row.pair.transitions - u64::try_from(listed).unwrap_or(0);
    html.raw(
        "<div class=scroll><table class=tr><thead><tr><th>#<th>Time (UTC)<th>Change<th>Group<th>Why<tbody>",
    );
    for transition in row.pair.listed.iter().skip(row.pair.listed.len() - listed) {
        transition_row(html, transition);
    }
    html.raw("</table></div>");
    if not_listed > 0 {
        html.raw("<p class=left>The latest are listed, and there are ").text(Count(not_listed));
        html.raw(" more before them.</p>");
    }
}

fn transition_row(html: &mut Html, t: &TransitionInfo) {
    html.raw("<tr data-at=").text(t.at_ms).raw("><td class=n>").text(t.sequence).raw("<td class=t>");
    html.text(DateTime(t.at_ms)).raw("<td class=c>");
    chip(html, &t.from);
    html.raw(" → ");
    match &t.to {
        Some(to) => chip(html, to),
        None => {
            html.raw("<span class=\"chip none\">rule removed</span>");
        }
    }
    html.raw("<td class=g>").text(t.group.as_deref().unwrap_or("none (default)")).raw("<td class=why>");
    for operand in &t.explanation {
        html.raw("<div><code>").text(&operand.text).raw("</code> <b>").text(&operand.value).raw("</b>");
        if let Some(at_ms) = operand.at_ms {
            html.raw(" <small>at ").text(ClockOrDate { at_ms, near_ms: t.at_ms });
            html.raw("</small>");
        }
        html.raw("</div>");
    }
    if let Some(since_ms) = t.since_ms.filter(|since_ms| *since_ms < t.at_ms) {
        html.raw("<div><small>true since ").text(ClockOrDate { at_ms: since_ms, near_ms: t.at_ms });
        html.text(format_args!(" ({})", Span(t.at_ms.saturating_sub(since_ms)))).raw("</small></div>");
    }
}
