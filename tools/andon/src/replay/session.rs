//! One replay with all that watches it: the output, the samples of what was rejected, the report.

use std::io;
use std::path::{Path, PathBuf};

use andon_domain::{DataPoint, OperandValue, Reason, ScoreRequest, Transition, Value};
use andon_engine::replay::{Counts, Replay, Sink};
use andon_engine::{BoundScoreRequest, CompiledRules, FoldError, RejectedPoint};
use andon_report::{ReportBuilder, ReportOptions, RuleInfo, Threshold, TransitionInfo};

use crate::terminal::measured;
use andon_domain::text::escape_control_chars;

/// A replay with all that watches it.
pub(crate) struct Session {
    replay: Replay,
    watcher: Watcher,
}

/// What the replay tells goes here.
struct Watcher {
    explain: bool,
    file: PathBuf,
    line: u64,
    transitions: Vec<Transition>,
    samples: Vec<Sample>,
    report: Option<ReportBuilder>,
    /// The state changes so far, where they are to be told.
    kept: Option<Vec<Transition>>,
    last_ms: i64,
    write_error: Option<io::Error>,
    /// Where requests to models go, if they are to be written, and what went wrong with that.
    requests: Option<Box<dyn io::Write>>,
    requests_error: Option<io::Error>,
    /// What was asked and not taken yet, where somebody takes it.
    asked: Option<Vec<ScoreRequest>>,
}

/// The first rejection of a reason.
pub(crate) struct Sample {
    pub(crate) reason: Reason,
    pub(crate) text: String,
}

impl Session {
    /// A session over rules. With `explain`, transitions keep their explanation.
    pub(crate) fn new(rules: CompiledRules, explain: bool) -> Self {
        let watcher = Watcher {
            explain,
            file: PathBuf::new(),
            line: 0,
            transitions: Vec::new(),
            samples: Vec::new(),
            report: None,
            kept: None,
            last_ms: i64::MIN,
            write_error: None,
            requests: None,
            requests_error: None,
            asked: None,
        };
        Self { replay: Replay::new(rules), watcher }
    }

    /// Also make a report.
    pub(crate) fn report(&mut self, title: &str, note: &str) {
        let options =
            ReportOptions { title: title.to_owned(), note: note.to_owned(), ..ReportOptions::default() };
        let mut report = ReportBuilder::new(options);
        if let Some(set) = self.replay.rules().newest() {
            for (position, rule) in set.rules().enumerate() {
                let thresholds = set.thresholds_of(position).into_iter().map(|threshold| {
                    let shown = format!("{} {}", threshold.op.symbol(), threshold.value);
                    Threshold {
                        label: match threshold.aggregate {
                            Some(aggregate) => format!("{aggregate} {shown}"),
                            None => shown,
                        },
                        tag: threshold.tag,
                        op: threshold.op.symbol().to_owned(),
                        value: threshold.value,
                        state: threshold.state,
                    }
                });
                report.rule(RuleInfo {
                    rule_id: rule.id.clone(),
                    description: rule.description.clone().unwrap_or_default(),
                    default_state: rule.default.clone(),
                    tags: set.tags_of(position).into_iter().map(str::to_owned).collect(),
                    thresholds: thresholds.collect(),
                });
            }
        }
        self.watcher.report = Some(report);
    }

    /// Also write what models would be asked.
    pub(crate) fn requests(&mut self, output: Box<dyn io::Write>) {
        self.watcher.requests = Some(output);
    }

    /// Also keep what models are asked, for whoever takes it.
    pub(crate) fn keep_asked(&mut self) {
        self.watcher.asked = Some(Vec::new());
    }

    /// What models were asked since the last time, if it was to be kept.
    pub(crate) fn take_asked(&mut self) -> Vec<ScoreRequest> {
        self.watcher.asked.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Ends the writing of requests.
    ///
    /// # Errors
    /// The first error of it.
    pub(crate) fn end_requests(&mut self) -> io::Result<()> {
        match self.watcher.requests_error.take() {
            Some(error) => Err(error),
            None => self.watcher.requests.take().map_or(Ok(()), |mut output| output.flush()),
        }
    }

    /// Also keep the state changes: only where there are few.
    pub(crate) fn keep(&mut self) {
        self.watcher.kept = Some(Vec::new());
    }

    /// The state changes so far, in the order of decision, if they were to be kept.
    pub(crate) fn kept(&self) -> &[Transition] {
        self.watcher.kept.as_deref().unwrap_or_default()
    }

    /// A table for the top of the report.
    pub(crate) fn table(&mut self, text: &str) {
        if let Some(report) = &mut self.watcher.report {
            report.table(text);
        }
    }

    /// Something that happened, for the report.
    pub(crate) fn incident(&mut self, at_ms: i64, equipment: Option<&str>, text: &str) {
        if let Some(report) = &mut self.watcher.report {
            report.incident(at_ms, equipment, text);
        }
    }

    /// The lines that follow are of this file, from its first one.
    pub(crate) fn begin_file(&mut self, path: &Path) {
        self.watcher.file = path.to_owned();
        self.watcher.line = 0;
    }

    /// Folds whole lines, and writes what they decide, until the output fails.
    pub(crate) fn lines(&mut self, mut lines: &[u8], output: &mut impl io::Write) -> Result<(), FoldError> {
        while !lines.is_empty() && !self.has_write_error() {
            self.watcher.line += 1;
            lines = self.replay.first_line(lines, &mut self.watcher)?;
            if !self.watcher.transitions.is_empty() {
                self.watcher.write(output);
            }
        }
        Ok(())
    }

    /// A line that was too long to be read.
    pub(crate) fn too_long(&mut self) {
        self.watcher.line += 1;
        self.replay.too_long(&mut self.watcher);
    }

    /// Ends the replay: event time advances for every key to the greatest mark in the whole input.
    pub(crate) fn close(&mut self, output: &mut impl io::Write) {
        self.replay.close(&mut self.watcher);
        self.watcher.write(output);
    }

    pub(crate) fn counts(&self) -> &Counts {
        self.replay.counts()
    }

    pub(crate) fn equipment_count(&self) -> usize {
        self.replay.keys().len()
    }

    pub(crate) fn rule_count(&self) -> usize {
        self.replay.rules().newest().map_or(0, |set| set.rule_count())
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.watcher.samples
    }

    pub(crate) fn has_write_error(&self) -> bool {
        self.watcher.write_error.is_some()
    }

    pub(crate) fn take_write_error(&mut self) -> Option<io::Error> {
        self.watcher.write_error.take()
    }

    /// The report's page, if one was asked for.
    pub(crate) fn into_page(self) -> Option<String> {
        let mut report = self.watcher.report?;
        for key in self.replay.keys() {
            for rule in key.rule_ids() {
                report.watch(rule, key.equipment());
            }
        }
        let counts = self.replay.counts();
        report.counted("ahead", counts.ahead);
        report.counted("forced", counts.forced);
        Some(report.finish(self.watcher.last_ms))
    }
}

impl Watcher {
    fn write(&mut self, output: &mut impl io::Write) {
        for mut transition in self.transitions.drain(..) {
            if !self.explain {
                transition.explanation = None;
            }
            let written = serde_json::to_writer(&mut *output, &transition)
                .map_err(io::Error::from)
                .and_then(|()| output.write_all(b"\n"));
            if let Err(error) = written {
                self.write_error.get_or_insert(error);
            }
            if let Some(kept) = &mut self.kept {
                kept.push(transition);
            }
        }
    }

    fn reject(&mut self, reason: Reason, equipment: Option<&str>, detail: &str) {
        if !self.samples.iter().any(|sample| sample.reason == reason) {
            let place = if self.file.as_os_str() == "-" || self.file.as_os_str().is_empty() {
                format!("line {}", self.line)
            } else {
                format!("{}:{}", self.file.display(), self.line)
            };
            self.samples.push(Sample { reason, text: format!("{place}: {}", escape_control_chars(detail)) });
        }
        if let Some(report) = &mut self.report {
            report.rejected(reason.as_str(), equipment, self.line, detail);
        }
    }
}

impl Sink for Watcher {
    fn transition(&mut self, transition: Transition) {
        self.last_ms = self.last_ms.max(transition.at);
        if let Some(report) = &mut self.report {
            report.transition(info(&transition));
        }
        self.transitions.push(transition);
    }

    fn request(&mut self, request: BoundScoreRequest) {
        if let Some(asked) = &mut self.asked {
            asked.push(request.request.clone());
        }
        let Some(output) = &mut self.requests else { return };
        let written = serde_json::to_writer(&mut *output, &request.request)
            .map_err(io::Error::from)
            .and_then(|()| output.write_all(b"\n"));
        if let Err(error) = written {
            self.requests_error.get_or_insert(error);
        }
    }

    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        let Some(report) = &mut self.report else { return };
        let own_ms = point.timestamp_ms.min(arrival_ms);
        self.last_ms = self.last_ms.max(own_ms);
        if let (true, Some(value)) = (point.quality_ok, &point.value) {
            let value = match value {
                Value::Number(number) => andon_report::Value::Num(*number),
                Value::Bool(value) => andon_report::Value::Bool(*value),
                Value::Text(text) => andon_report::Value::Text(text),
            };
            report.point(equipment, &point.tag, own_ms, value);
        }
    }

    fn rejected_point(&mut self, equipment: &str, rejected: &RejectedPoint) {
        // Sentences are made only where they are read: there may be millions.
        let known = self.samples.iter().any(|sample| sample.reason == rejected.reason);
        if known && self.report.is_none() {
            return;
        }
        let value = match &rejected.value {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Text(text)) => format!("`{}`", text.chars().take(60).collect::<String>()),
            None => "no value".to_owned(),
        };
        let time = session_time(rejected.sent_ms);
        let detail = format!("`{}` of `{equipment}`, sent as {time}, with {value}", rejected.tag);
        self.reject(rejected.reason, Some(equipment), &detail);
    }

    fn rejected_message(&mut self, reason: Reason, detail: &str) {
        self.reject(reason, None, detail);
    }
}

/// A time as people read it: `2026-03-02T06:00:00.25Z`.
pub(crate) fn session_time(at_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{at_ms} ms"),
    }
}

fn info(transition: &Transition) -> TransitionInfo {
    let explanation = transition.explanation.as_ref();
    let operands = explanation.map(|explanation| explanation.operands.as_slice()).unwrap_or_default();
    TransitionInfo {
        rule_id: transition.rule_id.to_string(),
        equipment: transition.equipment_id.to_string(),
        sequence: transition.sequence,
        from: transition.from.to_string(),
        to: transition.to.as_ref().map(ToString::to_string),
        at_ms: transition.at,
        group: transition.group.as_ref().map(ToString::to_string),
        explanation: operands
            .iter()
            .map(|operand| andon_report::Operand {
                text: operand.operand.clone(),
                value: match &operand.value {
                    Some(OperandValue::Number(number)) => measured(*number, 6),
                    Some(OperandValue::Bool(value)) => value.to_string(),
                    Some(OperandValue::Text(text)) => text.clone(),
                    None => "unknown".to_owned(),
                },
                at_ms: operand.at,
            })
            .collect(),
        since_ms: explanation.and_then(|explanation| explanation.since),
    }
}
