//! One line of the log.

use andon_domain::text::escape_control_chars_up_to;
use andon_workflows::enrich::EnrichSummary;
use andon_workflows::evaluate::Summary;
use andon_workflows::publish::PublishSummary;
use andon_workflows::tick::TickSummary;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::measures::{Function, Level, MEASURES, Measure, rejected};
use super::{DIMENSIONS, NAMESPACE};

/// Characters of a text in a line.
const TEXT: usize = 1000;

/// Characters of a name in a line.
const NAME: usize = 256;

/// What is known of every invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Which function.
    pub function: Function,
    /// The stream of data points that it serves.
    pub stream: &'a str,
    /// How AWS names the invocation; empty where there was none yet.
    pub request_id: &'a str,
    /// When it ended, ms.
    pub ended_ms: i64,
    /// How long it took, ms.
    pub duration_ms: u64,
    /// How long the process took to start, ms, if this is the first invocation of it.
    pub init_ms: Option<u64>,
    /// Of a line that is less grave than this, only the metrics are left.
    pub log_level: Level,
}

/// How it ended.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an invocation has one")]
pub enum Report {
    /// `evaluate` was done.
    Evaluated(Summary),
    /// `publish` was done.
    Published(PublishSummary),
    /// `tick` was done.
    Ticked(TickSummary),
    /// `enrich` was done.
    Enriched(EnrichSummary),
    /// Nothing could be done, for this reason.
    Failed(String),
}

/// The line of an invocation: JSON, without a line end. It has a bounded length.
#[must_use]
pub fn batch_line(invocation: &Invocation<'_>, report: &Report) -> String {
    let ended_ms = invocation.ended_ms;
    let since = |at_ms: i64| (at_ms > 0).then(|| ended_ms.saturating_sub(at_ms).max(0));
    let mut found = match report {
        Report::Evaluated(summary) => {
            let mut found = members(summary);
            for (reason, count) in &summary.rejected {
                found.insert(rejected(reason), json!(count));
            }
            put(&mut found, "iteratorAgeMs", since(summary.newest_arrival_ms));
            put(&mut found, "watermarkLagMs", summary.watermark_ms.and_then(since));
            found
        }
        Report::Published(summary) => {
            let mut found = members(summary);
            put(&mut found, "sinceArrivalMs", since(summary.newest_clock_ms));
            found
        }
        Report::Ticked(summary) => members(summary),
        Report::Enriched(summary) => members(summary),
        Report::Failed(reason) => {
            let mut found = Map::new();
            found.insert("failed".to_owned(), json!(1));
            found.insert("reason".to_owned(), json!(reason));
            found
        }
    };
    found.insert("durationMs".to_owned(), json!(invocation.duration_ms));
    put(&mut found, "initMs", invocation.init_ms);
    render(invocation, &found)
}

fn members(summary: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(summary) {
        Ok(Value::Object(members)) => members,
        // A summary is a struct of numbers and texts.
        _ => Map::new(),
    }
}

fn put(found: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        found.insert(name.to_owned(), value.into());
    }
}

/// Members of a JSON object in their order.
struct Line(Vec<(&'static str, Value)>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn render(invocation: &Invocation<'_>, found: &Map<String, Value>) -> String {
    let function = invocation.function;
    // Zero is left out: a metric that never counts anything costs nothing. A time of zero is a value.
    let counted = |measure: &&Measure| {
        measure.functions.contains(&function)
            && found.get(measure.name).is_some_and(|value| {
                measure.name.ends_with("Ms") || value.as_u64().is_some_and(|count| count > 0)
            })
    };
    let mut measured: Vec<&Measure> = MEASURES.iter().filter(counted).collect();
    let level = measured.iter().map(|measure| measure.level).max().unwrap_or(Level::Info);
    let is_logged = level >= invocation.log_level;
    measured.retain(|measure| is_logged || measure.metric);
    let metrics: Vec<Value> = measured
        .iter()
        .filter(|measure| measure.metric)
        .map(|measure| json!({"Name": measure.name, "Unit": measure.unit.as_str()}))
        .collect();
    let mut line = vec![
        ("level", json!(level.as_str())),
        ("function", json!(function.as_str())),
        ("stream", json!(escape_control_chars_up_to(invocation.stream, NAME))),
    ];
    if is_logged {
        if !invocation.request_id.is_empty() {
            line.push(("requestId", json!(escape_control_chars_up_to(invocation.request_id, NAME))));
        }
        for name in ["reason", "firstError", "firstFailure"] {
            if let Some(text) = found.get(name).and_then(Value::as_str) {
                line.push((name, json!(escape_control_chars_up_to(text, TEXT))));
            }
        }
    }
    for measure in &measured {
        line.push((measure.name, found.get(measure.name).cloned().unwrap_or_default()));
    }
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": metrics});
    line.push(("_aws", json!({"Timestamp": invocation.ended_ms, "CloudWatchMetrics": [directive]})));
    serde_json::to_string(&Line(line)).unwrap_or_default()
}
