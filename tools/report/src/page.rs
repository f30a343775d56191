//! Renders the page: head, styles, script and the sections in their order.

use crate::collect::ReportBuilder;
use crate::details;
use crate::escape::{Html, clip};
use crate::format::{Count, Counted, DateTime, Share, Span};
use crate::limits;
use crate::numbers::float_count;
use crate::overview;
use crate::range::{Range, worth_showing};
use crate::ranking;
use crate::rejected;
use crate::scale::TIME_STEPS_MS;

const STYLE: &str = include_str!("assets/style.css");
const DARK: &str = include_str!("assets/dark.css");
const SCRIPT: &str = include_str!("assets/script.js");

impl ReportBuilder {
    /// Writes the page. The range shown ends at `end_ms` (milliseconds since the epoch), or at the last point or
    /// transition if that is later.
    #[must_use]
    pub fn finish(mut self, end_ms: i64) -> String {
        let (range, outside) = self.range(end_ms);
        self.incidents.sort_by_key(|incident| incident.at_ms);
        let groups = ranking::groups(&self, &range);
        let chosen = details::chosen(&groups, self.options.max_details.min(limits::OVERVIEW_ROWS));

        let mut html = Html::default();
        head(&mut html, &self, &range);
        header(&mut html, &self, &range, outside);
        html.raw("<main>");
        overview::write(&mut html, &self, &groups, &range, &|number| {
            chosen.get(number).copied().unwrap_or(false)
        });
        overview::incidents(&mut html, &self);
        details::write(&mut html, &self, &groups, &chosen, &range);
        rejected::write(&mut html, &self);
        html.raw("</main><div id=tip role=status hidden></div><script>")
            .raw(SCRIPT)
            .raw("</script></body></html>\n");
        html.into_string()
    }

    fn range(&self, end_ms: i64) -> (Range, u64) {
        let Some(first) = self.totals.first_ms else { return (Range::new(end_ms, end_ms), 0) };
        let last = self.totals.last_ms.map_or(end_ms, |last| last.max(end_ms));
        let mut points: Vec<(i64, i64, u64)> = Vec::new();
        for series in self.all_series() {
            points.extend(series.numbers.buckets().iter().map(|b| (b.first_ms, b.last_ms, b.points)));
            points.extend(series.strip.changes().iter().map(|c| (c.at_ms, c.end_ms, u64::from(c.changes))));
        }
        worth_showing(&mut points, first, last)
    }
}

fn head(html: &mut Html, report: &ReportBuilder, range: &Range) {
    html.raw("<!doctype html><html lang=en data-start=").text(range.start_ms).raw(" data-end=");
    html.text(range.end_ms).raw(" data-steps=\"");
    for (i, step) in TIME_STEPS_MS.iter().enumerate() {
        html.raw(if i > 0 { " " } else { "" }).text(step);
    }
    html.raw(
        "\"><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">",
    );
    // Nothing is loaded, whatever were to get into the page.
    html.raw(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src 'unsafe-inline';",
    );
    html.raw("script-src 'unsafe-inline';base-uri 'none';form-action 'none'\"><title>");
    html.text(clip(&report.options.title, limits::TEXT_CHARS)).raw("</title><style>").raw(STYLE);
    html.raw("@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){").raw(DARK);
    html.raw("}}@media screen{:root[data-theme=dark]{").raw(DARK).raw("}}</style></head><body>");
}

fn header(html: &mut Html, report: &ReportBuilder, range: &Range, outside: u64) {
    let totals = &report.totals;
    html.raw("<header><div class=top><h1>")
        .text(clip(&report.options.title, limits::TEXT_CHARS))
        .raw("</h1>");
    html.raw("<div class=tools hidden><button type=button data-do=out disabled>Whole range</button><button ");
    html.raw(
        "type=button data-do=all>Open all</button><button type=button data-do=theme>Theme: system</button>",
    );
    html.raw("</div></div><p class=when>");
    if totals.first_ms.is_some() {
        html.text(DateTime(range.start_ms)).raw(" – ").text(DateTime(range.end_ms));
        html.text(format_args!(" UTC ({})", Span(range.width_ms())));
    } else {
        html.raw("No points.");
    }
    html.raw("</p>");
    if !report.options.note.is_empty() {
        html.raw("<p class=note>").text(clip(&report.options.note, limits::TEXT_CHARS * 4)).raw("</p>");
    }
    if !report.table.is_empty() {
        html.raw("<pre>");
        for line in &report.table {
            html.text(line).raw("\n");
        }
        html.raw("</pre>");
    }
    html.raw("<p class=lead>This page shows the state of each rule on each machine over time, the values ");
    html.raw("behind every change, and which data could not be used.</p><dl class=totals>");
    let total = |html: &mut Html, n: u64, what: &'static str| {
        html.raw("<div><dd>").text(Count(n)).raw("</dd><dt>").raw(what).raw("</dt></div>");
    };
    let usize_count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    total(html, usize_count(report.machines.len()), "machines");
    total(html, usize_count(report.rules.len()), "rules");
    total(html, totals.points, "points used");
    html.raw("<div><dd>").text(Count(totals.rejected)).raw("</dd><dt>rejected");
    if totals.rejected > 0 {
        let whole = float_count(totals.rejected.saturating_add(totals.points));
        html.text(format_args!(" ({})", Share { part: float_count(totals.rejected), whole }));
    }
    html.raw("</dt></div>");
    total(html, totals.transitions, "transitions");
    html.raw("</dl>");
    notes(html, report, outside);
    html.raw("</header>");
}

/// Writes a note for each limit that cut the page.
fn notes(html: &mut Html, report: &ReportBuilder, outside: u64) {
    let totals = &report.totals;
    let mut note = |n: u64, what: &'static str, why: &'static str| {
        if n > 0 {
            html.raw("<p class=left>").text(format_args!("{} {why}", Counted(n, what))).raw("</p>");
        }
    };
    note(outside, "point", "far outside of the time range that is shown: look at the senders' clocks.");
    note(totals.points_not_kept, "point", "not drawn: more machines and tags than this page can hold.");
    note(
        totals.transitions_not_kept,
        "transition",
        "not shown: more machines and rules than this page can hold.",
    );
    note(totals.rules_not_kept, "rule", "not shown: more rules than this page can hold.");
}
