use std::collections::BTreeSet;

use andon_domain::Reason;
use andon_ingest::RefusalReason;
use andon_workflows::enrich::EnrichSummary;
use andon_workflows::evaluate::Summary;
use andon_workflows::publish::PublishSummary;
use andon_workflows::tick::TickSummary;
use serde_json::Value;

use super::*;

const INVOCATION: Invocation<'static> = Invocation {
    function: Function::Evaluate,
    stream: "andon-points",
    request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    ended_ms: 1_700_000_010_000,
    duration_ms: 42,
    init_ms: None,
    log_level: Level::Info,
};

fn parsed(line: &str) -> Value {
    assert!(!line.contains('\n'), "one line");
    serde_json::from_str(line).unwrap()
}

fn metrics(line: &Value) -> Vec<(&str, &str)> {
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    metrics
        .iter()
        .map(|metric| (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_batch_is_one_line_that_is_log_and_metrics() {
    let mut summary = Summary { points: 6000, commits: 200, records: 6000, ..Summary::default() };
    summary.newest_arrival_ms = 1_700_000_009_000;
    summary.watermark_ms = Some(1_700_000_003_500);
    let line = parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary)));
    assert_eq!(line["level"], "info");
    assert_eq!(line["points"], 6000);
    assert_eq!(line["records"], 6000);
    assert_eq!(line["iteratorAgeMs"], 1000);
    assert_eq!(line["watermarkLagMs"], 6500);
    assert_eq!(line["_aws"]["Timestamp"], 1_700_000_010_000_i64);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "andon");
    assert_eq!(directive["Dimensions"], serde_json::json!([["stream", "function"]]));
    assert_eq!(
        metrics(&line),
        [
            ("durationMs", "Milliseconds"),
            ("iteratorAgeMs", "Milliseconds"),
            ("watermarkLagMs", "Milliseconds"),
            ("points", "Count"),
            ("commits", "Count"),
        ]
    );
}

#[test]
fn every_metric_and_dimension_is_a_member_of_its_line() {
    let mut summary = Summary { conflicts: 1, errors: 2, retries: 3, torn_reads: 1, ..Summary::default() };
    summary.rejected.insert("bad_quality", 7);
    let line = parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary)));
    for (name, _) in metrics(&line) {
        assert!(line[name].is_number(), "{name} in {line}");
    }
    for dimension in DIMENSIONS {
        assert!(line[dimension].is_string(), "{dimension} in {line}");
    }
    assert_eq!(line["rejectedBadQuality"], 7);
}

#[test]
fn a_line_is_as_grave_as_the_gravest_thing_in_it() {
    let level = |summary: Summary| {
        parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary)))["level"].as_str().unwrap().to_owned()
    };
    assert_eq!(level(Summary { conflicts: 1, ..Summary::default() }), "info");
    assert_eq!(level(Summary { keys_not_done: 1, ..Summary::default() }), "warn");
    assert_eq!(level(Summary { keys_not_done: 1, parked_keys: 1, ..Summary::default() }), "error");
}

#[test]
fn of_a_line_that_is_not_grave_enough_the_metrics_are_left() {
    let invocation = Invocation { log_level: Level::Error, ..INVOCATION };
    let summary = Summary { records: 7, points: 6, keys_not_done: 1, errors: 1, ..Summary::default() };
    let summary = Summary { first_error: Some("throttled".to_owned()), ..summary };
    let line = parsed(&batch_line(&invocation, &Report::Evaluated(summary.clone())));
    assert_eq!(metrics(&line).len(), 4, "{line}");
    assert!(line["points"] == 6 && line.get("records").is_none() && line.get("firstError").is_none());
    let line = parsed(&batch_line(&invocation, &Report::Evaluated(Summary { parked_keys: 1, ..summary })));
    assert!(line["points"] == 6 && line["records"] == 7 && line["firstError"] == "throttled");
}

#[test]
fn a_failure_is_counted_and_gives_its_reason() {
    let line = parsed(&batch_line(&INVOCATION, &Report::Failed("the event has no records".to_owned())));
    assert_eq!(line["level"], "error");
    assert_eq!(line["reason"], "the event has no records");
    assert_eq!(metrics(&line), [("durationMs", "Milliseconds"), ("failed", "Count")]);
}

#[test]
fn hostile_text_stays_harmless_and_bounded() {
    let hostile = format!("\u{1b}]0;x\u{7}\n{{\"level\":\"info\"}}\u{202e}{}", "x".repeat(1_000_000));
    let summary = Summary { errors: 1, first_error: Some(hostile.clone()), ..Summary::default() };
    let invocation = Invocation { stream: &hostile, request_id: &hostile, ..INVOCATION };
    let line = batch_line(&invocation, &Report::Evaluated(summary));
    assert!(line.len() < 16_000, "{} bytes", line.len());
    assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'));
    let shown = parsed(&line)["firstError"].as_str().unwrap().to_owned();
    assert!(shown.starts_with(r#"\u{1b}]0;x\u{7}\n{"level":"info"}\u{202e}xxx"#), "{shown}");
}

#[test]
fn the_longest_line_fits_into_a_log_event_many_times() {
    let summary = Summary {
        errors: u64::MAX,
        first_error: Some("\u{e0001}".repeat(10_000)),
        first_failure: Some("\"\\".repeat(10_000)),
        ..Summary::default()
    };
    assert!(batch_line(&INVOCATION, &Report::Evaluated(summary)).len() < 32_000);
}

#[test]
fn every_number_of_a_summary_is_a_measure() {
    // These become others, or are maps and texts.
    let enriched = EnrichSummary { call_ms: Some(1), input_to_score_ms: Some(1), ..EnrichSummary::default() };
    let not_as_such = ["newestArrivalMs", "newestClockMs", "rejected"];
    for (function, summary) in [
        (Function::Evaluate, serde_json::to_value(Summary::default()).unwrap()),
        (Function::Publish, serde_json::to_value(PublishSummary::default()).unwrap()),
        (Function::Tick, serde_json::to_value(TickSummary::default()).unwrap()),
        (Function::Enrich, serde_json::to_value(enriched).unwrap()),
    ] {
        for name in summary.as_object().unwrap().keys().filter(|name| !not_as_such.contains(&name.as_str())) {
            let known =
                MEASURES.iter().any(|measure| measure.name == *name && measure.functions.contains(&function));
            assert!(known, "`{name}` of {function:?} is no measure");
        }
    }
}

#[test]
fn every_reason_of_rejection_is_a_measure() {
    // Rules do not come by the stream: such a message is malformed there.
    let points = Reason::ALL.into_iter().filter(|reason| *reason != Reason::RulesRefused);
    let messages = RefusalReason::ALL.into_iter().map(RefusalReason::as_str);
    for reason in points.map(Reason::as_str).chain(messages) {
        let name = rejected(reason);
        assert!(MEASURES.iter().any(|measure| measure.name == name), "`{name}` is no measure");
    }
}

#[test]
fn a_name_is_given_once() {
    let names: BTreeSet<_> = MEASURES.iter().map(|measure| measure.name).collect();
    assert_eq!(names.len(), MEASURES.len());
}

/// Rows of the tables of `docs/telemetry.md`, by the function of their section: name, unit, kind, level.
fn documented(page: &str) -> BTreeSet<(String, [String; 4])> {
    let mut section = "";
    let mut rows = BTreeSet::new();
    for line in page.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, unit, kind, level, _, _, _] = cells[..] else { continue };
        let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
        rows.insert((section.to_owned(), [name, unit, kind, level].map(str::to_owned)));
    }
    rows
}

#[test]
fn the_page_and_the_code_agree() {
    let row = |section: &str, measure: &Measure| {
        let kind = if measure.metric { "metric" } else { "log" };
        let cells = [measure.name, measure.unit.as_str(), kind, measure.level.as_str()];
        (section.to_owned(), cells.map(str::to_owned))
    };
    let coded: BTreeSet<_> = MEASURES
        .iter()
        .flat_map(|measure| match measure.functions {
            functions if functions == Function::ALL => vec![row("Every function", measure)],
            functions => functions.iter().map(|function| row(function.as_str(), measure)).collect(),
        })
        .collect();
    let documented = documented(include_str!("../../../../docs/telemetry.md"));
    let missing: Vec<_> = coded.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&coded).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not in docs/telemetry.md: {missing:#?}; only there: {unknown:#?}"
    );
}
