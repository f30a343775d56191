//! A replay as a page.

use andon_domain::{DataPoint, OperandValue, Transition, Value};
use andon_engine::CompiledRules;
use andon_engine::replay::Replay;
use andon_report::{ReportBuilder, ReportOptions, RuleInfo, Threshold, TransitionInfo};

use super::observer::{Observer, Rejected};
use crate::terminal::measured;

/// An observer that builds the page of a replay.
pub(crate) struct Report {
    builder: ReportBuilder,
    /// The newest time in the input, ms: where the page ends.
    last_ms: i64,
}

impl Report {
    /// A report on these rules.
    pub(crate) fn new(title: &str, note: &str, rules: &CompiledRules) -> Self {
        let options =
            ReportOptions { title: title.to_owned(), note: note.to_owned(), ..ReportOptions::default() };
        let mut builder = ReportBuilder::new(options);
        if let Some(set) = rules.newest() {
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
                builder.rule(RuleInfo {
                    rule_id: rule.id.clone(),
                    description: rule.description.clone().unwrap_or_default(),
                    default_state: rule.default.clone(),
                    tags: set.tags_of(position).into_iter().map(str::to_owned).collect(),
                    thresholds: thresholds.collect(),
                });
            }
        }
        Self { builder, last_ms: i64::MIN }
    }

    /// Adds a table at the top of the page.
    pub(crate) fn table(&mut self, text: &str) {
        self.builder.table(text);
    }

    /// Marks an incident on the time axis.
    pub(crate) fn incident(&mut self, at_ms: i64, equipment: Option<&str>, text: &str) {
        self.builder.incident(at_ms, equipment, text);
    }

    /// Returns the page of a replay that has ended.
    pub(crate) fn into_page(mut self, replay: &Replay) -> String {
        for key in replay.keys() {
            for rule in key.rule_ids() {
                self.builder.watch(rule, key.equipment());
            }
        }
        let counts = replay.counts();
        self.builder.counted("ahead", counts.points_from_future);
        self.builder.counted("forced", counts.watermark_forced);
        self.builder.finish(self.last_ms)
    }
}

impl Observer for Report {
    fn transition(&mut self, transition: &Transition) {
        self.last_ms = self.last_ms.max(transition.at);
        self.builder.transition(info(transition));
    }

    fn point(&mut self, equipment: &str, point: &DataPoint<'_>, arrival_ms: i64) {
        let own_ms = point.timestamp_ms.min(arrival_ms);
        self.last_ms = self.last_ms.max(own_ms);
        if let (true, Some(value)) = (point.quality_ok, &point.value) {
            let value = match value {
                Value::Number(number) => andon_report::Value::Num(*number),
                Value::Bool(value) => andon_report::Value::Bool(*value),
                Value::Text(text) => andon_report::Value::Text(text),
            };
            self.builder.point(equipment, &point.tag, own_ms, value);
        }
    }

    fn rejected(&mut self, rejected: &Rejected<'_>) {
        let reason = rejected.reason().as_str();
        self.builder.rejected(reason, rejected.equipment(), rejected.line, &rejected.detail());
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
