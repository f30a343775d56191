use std::collections::BTreeSet;

use andon_domain::Reason;
use andon_domain::never::Broken;
use andon_ingest::RefusalReason;
use andon_workflows::evaluate::Summary;
use andon_workflows::measures::{Level, Measured as _};
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
    let line = parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary), Broken::default()));
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
    let line = parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary), Broken::default()));
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
        parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary), Broken::default()))["level"]
            .as_str()
            .unwrap()
            .to_owned()
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
    let line = parsed(&batch_line(&invocation, &Report::Evaluated(summary.clone()), Broken::default()));
    assert_eq!(metrics(&line).len(), 4, "{line}");
    assert!(line["points"] == 6 && line.get("records").is_none() && line.get("firstError").is_none());
    let line = parsed(&batch_line(
        &invocation,
        &Report::Evaluated(Summary { parked_keys: 1, ..summary }),
        Broken::default(),
    ));
    assert!(line["points"] == 6 && line["records"] == 7 && line["firstError"] == "throttled");
}

#[test]
fn a_failure_is_counted_and_gives_its_reason() {
    let line = parsed(&batch_line(
        &INVOCATION,
        &Report::Failed("the event has no records".to_owned()),
        Broken::default(),
    ));
    assert_eq!(line["level"], "error");
    assert_eq!(line["reason"], "the event has no records");
    assert_eq!(metrics(&line), [("durationMs", "Milliseconds"), ("failed", "Count")]);
}

#[test]
fn hostile_text_stays_harmless_and_bounded() {
    let hostile = format!("\u{1b}]0;x\u{7}\n{{\"level\":\"info\"}}\u{202e}{}", "x".repeat(1_000_000));
    let summary = Summary { errors: 1, first_error: Some(hostile.clone()), ..Summary::default() };
    let invocation = Invocation { stream: &hostile, request_id: &hostile, ..INVOCATION };
    let line = batch_line(&invocation, &Report::Evaluated(summary), Broken::default());
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
    assert!(batch_line(&INVOCATION, &Report::Evaluated(summary), Broken::default()).len() < 32_000);
}

#[test]
fn every_reason_of_rejection_is_a_measure() {
    // Rules do not arrive by the stream: such a message is malformed there.
    let points = Reason::ALL.into_iter().filter(|reason| *reason != Reason::RulesRefused);
    let messages = RefusalReason::ALL.into_iter().map(RefusalReason::as_str);
    for reason in points.map(Reason::as_str).chain(messages) {
        let summary = Summary { rejected: [(reason, 7)].into(), ..Summary::default() };
        assert!(summary.values(0).contains(&Some(7)), "`{reason}` is no measure");
    }
}

#[test]
fn a_name_means_one_number_of_a_function() {
    for function in Function::ALL {
        let all = EVERY.iter().chain(function.measures());
        let names: BTreeSet<_> = all.map(|measure| measure.name).collect();
        assert_eq!(names.len(), EVERY.len() + function.measures().len(), "{function:?}");
    }
}

#[test]
fn a_broken_invariant_is_an_error_with_its_message() {
    let summary = Summary {
        invariants_broken: 2,
        first_broken_invariant: Some("rule 7 of 3 (fold.rs:7)".to_owned()),
        ..Summary::default()
    };
    let later = Broken { count: 1, first: Some("no plan (plan.rs:1)".to_owned()) };
    let line = parsed(&batch_line(&INVOCATION, &Report::Evaluated(summary), later));
    assert_eq!((line["level"].as_str(), line["invariantsBroken"].as_u64()), (Some("error"), Some(3)));
    assert_eq!(line["firstBrokenInvariant"], "rule 7 of 3 (fold.rs:7)");
    assert!(metrics(&line).contains(&("invariantsBroken", "Count")));
    let failed = Broken { count: 1, first: Some("no plan (plan.rs:1)".to_owned()) };
    let line = parsed(&batch_line(&INVOCATION, &Report::Failed("no event".to_owned()), failed));
    assert_eq!(line["invariantsBroken"], 1);
}

const START: Start<'static> = Start {
    function: Function::Enrich,
    stream: "andon-points",
    request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    event_bytes: 1_048_576,
    deadline_ms: 1_700_000_060_000,
    now_ms: 1_700_000_000_000,
    version: "$LATEST",
    memory_mb: 512,
    trace_id: None,
    log_level: Level::Info,
};

#[test]
fn an_invocation_that_starts_leaves_a_short_line_without_metrics() {
    let line = start_line(&START).unwrap();
    assert_eq!(
        line,
        "{\"level\":\"info\",\"phase\":\"start\",\"function\":\"enrich\",\"stream\":\"andon-points\",\
         \"requestId\":\"8476a536-e9f4-11e8-9739-2dfe598c3fcd\",\"eventBytes\":1048576,\"deadlineMs\":1700000060000}"
    );
    assert!(line.len() < 200, "docs/telemetry.md says what a start line costs: {} bytes", line.len());
    for log_level in [Level::Warn, Level::Error] {
        assert_eq!(start_line(&Start { log_level, ..START }), None);
    }
}

#[test]
fn debug_adds_details_to_the_start_and_zeros_to_the_end() {
    let debug = Start { log_level: Level::Debug, trace_id: Some("Root=1-5759e988"), ..START };
    let line = parsed(&start_line(&debug).unwrap());
    assert_eq!((line["remainingMs"].as_i64(), line["memoryMb"].as_i64()), (Some(60_000), Some(512)));
    assert_eq!(
        (line["version"].as_str(), line["traceId"].as_str()),
        (Some("$LATEST"), Some("Root=1-5759e988"))
    );
    let invocation = Invocation { log_level: Level::Debug, ..INVOCATION };
    let line = parsed(&batch_line(&invocation, &Report::Evaluated(Summary::default()), Broken::default()));
    assert_eq!((line["conflicts"].as_u64(), line["level"].as_str()), (Some(0), Some("info")));
    assert_eq!(
        metrics(&line),
        [("durationMs", "Milliseconds")],
        "a metric that counts nothing costs nothing"
    );
}

#[test]
fn the_tables_of_the_page_are_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/telemetry.md");
    let page = std::fs::read_to_string(path).unwrap();
    let filled = page::fill_tables(&page);
    for function in Function::ALL {
        for measure in EVERY.iter().chain(function.measures()) {
            assert!(filled.contains(&format!("| `{}` |", measure.name)), "no table with `{}`", measure.name);
        }
    }
    if std::env::var_os("ANDON_BLESS").is_some() {
        std::fs::write(path, filled).unwrap();
        return;
    }
    assert!(page == filled, "docs/telemetry.md is stale; ANDON_BLESS=1 writes its tables anew");
}
