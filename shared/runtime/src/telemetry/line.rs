//! Lines of the log: one when an invocation starts, one when it ends.

use andon_domain::never;
use andon_domain::never::Broken;
use andon_domain::text::escape_control_chars_up_to;
use andon_workflows::enrich::EnrichSummary;
use andon_workflows::evaluate::Summary;
use andon_workflows::measures::{Level, Measure, Measured, Unit};
use andon_workflows::publish::PublishSummary;
use andon_workflows::tick::TickSummary;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::measures::{DURATION, ERRORS, FAILED, Function, INIT, INVARIANTS_BROKEN};
use super::{DIMENSIONS, NAMESPACE};

/// Most characters of a text in a line.
const TEXT: usize = 1000;

/// Most characters of a name in a line.
const NAME: usize = 256;

/// An invocation as it starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The function.
    pub function: Function,
    /// The stream of data points that it serves.
    pub stream: &'a str,
    /// AWS's id of the invocation.
    pub request_id: &'a str,
    /// Size of the event, in bytes.
    pub event_bytes: usize,
    /// When Lambda kills the invocation, ms.
    pub deadline_ms: i64,
    /// When it started, ms.
    pub now_ms: i64,
    /// The version of the function, such as `$LATEST`.
    pub version: &'a str,
    /// Memory of the function, in MB.
    pub memory_mb: i32,
    /// The AWS X-Ray trace, if there is one.
    pub trace_id: Option<&'a str>,
    /// The lowest level of a line that is printed.
    pub log_level: Level,
}

/// An invocation as it ends.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The function.
    pub function: Function,
    /// The stream of data points that it serves.
    pub stream: &'a str,
    /// AWS's id of the invocation; empty where there was none yet.
    pub request_id: &'a str,
    /// When it ended, ms.
    pub ended_ms: i64,
    /// The duration of the invocation, ms.
    pub duration_ms: u64,
    /// The duration of the process start, ms, if this is its first invocation.
    pub init_ms: Option<u64>,
    /// The lowest level of a line that is printed in full. A line below it has its metrics only.
    pub log_level: Level,
}

/// The result of an invocation.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an invocation has one")]
pub enum Report {
    /// `evaluate` ended.
    Evaluated(Summary),
    /// `publish` ended.
    Published(PublishSummary),
    /// `tick` ended.
    Ticked(TickSummary),
    /// `enrich` ended.
    Enriched(EnrichSummary),
    /// The invocation failed, for this reason.
    Failed(String),
}

/// Returns the line of an invocation that starts: JSON of a bounded length, without a line end and without metrics.
/// `None` where the level of the log leaves it out.
#[must_use]
pub fn start_line(start: &Start<'_>) -> Option<String> {
    if start.log_level > Level::Info {
        return None;
    }
    let mut line = vec![
        ("level", json!(Level::Info.as_str())),
        ("phase", json!("start")),
        ("function", json!(start.function.as_str())),
        ("stream", text(start.stream, NAME)),
        ("requestId", text(start.request_id, NAME)),
        ("eventBytes", json!(start.event_bytes)),
        ("deadlineMs", json!(start.deadline_ms)),
    ];
    if start.log_level == Level::Debug {
        line.push(("remainingMs", json!(start.deadline_ms.saturating_sub(start.now_ms))));
        line.push(("version", text(start.version, NAME)));
        line.push(("memoryMb", json!(start.memory_mb)));
        if let Some(trace_id) = start.trace_id {
            line.push(("traceId", text(trace_id, NAME)));
        }
    }
    Some(json_text(line))
}

/// Returns the line of an invocation that has ended: JSON of a bounded length, without a line end. `broken` are the
/// invariants that were broken in it, besides those that the report carries.
#[must_use]
pub fn batch_line(invocation: &Invocation<'_>, report: &Report, broken: Broken) -> String {
    match report {
        Report::Evaluated(summary) => render(invocation, &found(invocation, summary, broken)),
        Report::Published(summary) => render(invocation, &found(invocation, summary, broken)),
        Report::Ticked(summary) => render(invocation, &found(invocation, summary, broken)),
        Report::Enriched(summary) => render(invocation, &found(invocation, summary, broken)),
        Report::Failed(reason) => {
            let mut found = Found::default();
            found.common(invocation, 1, 0, &broken);
            found.texts.insert(0, ("reason", reason));
            render(invocation, &found)
        }
    }
}

/// Numbers and texts of a line, in its order.
#[derive(Default)]
struct Found<'s> {
    numbers: Vec<(Measure, u64)>,
    texts: Vec<(&'static str, &'s str)>,
    first_broken: Option<String>,
}

impl Found<'_> {
    fn common(&mut self, invocation: &Invocation<'_>, failed: u64, errors: u64, broken: &Broken) {
        self.numbers.push((DURATION, invocation.duration_ms));
        self.numbers.extend(invocation.init_ms.map(|init_ms| (INIT, init_ms)));
        self.numbers.extend([(FAILED, failed), (ERRORS, errors), (INVARIANTS_BROKEN, broken.count)]);
        self.first_broken.clone_from(&broken.first);
    }
}

fn found<'s, S: Measured>(invocation: &Invocation<'_>, summary: &'s S, later: Broken) -> Found<'s> {
    let mut broken = summary.broken();
    broken.add(later);
    let mut found = Found { texts: summary.texts(), ..Found::default() };
    found.common(invocation, 0, summary.errors(), &broken);
    let values = S::MEASURES.iter().zip(summary.values(invocation.ended_ms));
    found.numbers.extend(values.filter_map(|(measure, value)| Some((*measure, value?))));
    found
}

/// Members of a JSON object in their order.
struct Line(Vec<(&'static str, Value)>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn text(text: &str, chars: usize) -> Value {
    json!(escape_control_chars_up_to(text, chars))
}

fn render(invocation: &Invocation<'_>, found: &Found<'_>) -> String {
    // A count of zero is left out: a metric that never counts anything costs nothing. A duration of zero is a value.
    let is_measured = |measure: &Measure, value: u64| value > 0 || measure.unit == Unit::Milliseconds;
    let measured = || found.numbers.iter().filter(|(measure, value)| is_measured(measure, *value));
    let level = measured().map(|(measure, _)| measure.level).max().unwrap_or(Level::Info);
    let is_logged = level >= invocation.log_level;
    let shows_zeros = invocation.log_level == Level::Debug;
    let mut line = vec![
        ("level", json!(level.as_str())),
        ("function", json!(invocation.function.as_str())),
        ("stream", text(invocation.stream, NAME)),
    ];
    if is_logged {
        if !invocation.request_id.is_empty() {
            line.push(("requestId", text(invocation.request_id, NAME)));
        }
        line.extend(found.texts.iter().map(|(name, said)| (*name, text(said, TEXT))));
        line.extend(found.first_broken.as_ref().map(|said| ("firstBrokenInvariant", text(said, TEXT))));
    }
    for (measure, value) in &found.numbers {
        if shows_zeros || (is_measured(measure, *value) && (is_logged || measure.metric)) {
            line.push((measure.name, json!(value)));
        }
    }
    let metrics: Vec<Value> = measured()
        .filter(|(measure, _)| measure.metric)
        .map(|(measure, _)| json!({"Name": measure.name, "Unit": measure.unit.as_str()}))
        .collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": metrics});
    line.push(("_aws", json!({"Timestamp": invocation.ended_ms, "CloudWatchMetrics": [directive]})));
    json_text(line)
}

fn json_text(line: Vec<(&'static str, Value)>) -> String {
    serde_json::to_string(&Line(line)).unwrap_or_else(|error| {
        never!("a line of the log is no JSON: {error}");
        String::new()
    })
}
