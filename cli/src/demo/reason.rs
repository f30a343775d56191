//! Why a state changed, in one short line.

use andon_engine::RuleSet;
use andon_engine::compile::Threshold;
use andon_model::{Explanation, Operand, OperandValue, RuleDocument, StateEntry, Transition};

/// What the reasons are told by: the rules, and the limits in their conditions.
pub(super) struct Reasons {
    document: RuleDocument,
    /// The limits of each rule.
    limits: Vec<Vec<Threshold>>,
}

impl Reasons {
    pub(super) fn new(document: RuleDocument, set: &RuleSet) -> Self {
        let limits = (0..set.rule_count()).map(|position| set.thresholds_of(position)).collect();
        Self { document, limits }
    }

    /// As in `avg(water_temperature, '1m') 84.2 > 80, maintenance_mode false; since 09:56:43`.
    pub(super) fn text(&self, transition: &Transition) -> String {
        let Some(explanation) = &transition.explanation else { return String::new() };
        let position = self.document.rules.iter().position(|rule| rule.id == transition.rule_id.as_str());
        let limits =
            position.and_then(|position| self.limits.get(position)).map(Vec::as_slice).unwrap_or_default();
        // The limits of the state that won, and those of the state that ended.
        let meant = |limit: &&Threshold| {
            transition.to.as_deref() == Some(limit.state.as_str())
                || (explanation.ended.is_some() && limit.state == transition.from.as_str())
        };
        let meant: Vec<&Threshold> = limits.iter().filter(meant).collect();
        let operands = explanation.operands.iter().map(|operand| told(operand, &meant));
        let mut text = operands.collect::<Vec<_>>().join(", ");
        if let Some(since_ms) = self.waited_since(transition, explanation) {
            text.push_str(&format!("; since {}", super::story::clock(since_ms)));
        }
        text
    }

    /// Since when the condition holds, where the rule made it wait.
    fn waited_since(&self, transition: &Transition, explanation: &Explanation) -> Option<i64> {
        let rule = self.document.rules.iter().find(|rule| rule.id == transition.rule_id.as_str())?;
        let group =
            rule.groups.iter().find(|group| Some(group.id.as_str()) == transition.group.as_deref())?;
        let won = |entry: &&StateEntry| {
            Some(entry.state.as_str()) == transition.to.as_deref()
                && Some(&entry.when) == explanation.when.as_ref()
        };
        let entry = group.states.iter().find(won)?;
        let waits = entry.hold.is_some() || entry.times.is_some();
        explanation.since.filter(|since_ms| waits && *since_ms < transition.at)
    }
}

/// One thing that was looked at: its value, and the limit that it is beyond.
fn told(operand: &Operand, limits: &[&Threshold]) -> String {
    let text = &operand.operand;
    match &operand.value {
        None => format!("{text} unknown"),
        Some(OperandValue::Bool(value)) => match absence(text) {
            Some((tag, wait)) if *value => format!("no {tag} for {wait}"),
            Some((tag, _)) => format!("{tag} is back"),
            None => format!("{text} {value}"),
        },
        Some(OperandValue::Text(value)) => format!("{text} '{value}'"),
        Some(OperandValue::Number(value)) => {
            let own: Vec<&&Threshold> = limits.iter().filter(|limit| is_of(limit, text)).collect();
            let beyond: Vec<String> =
                own.iter().filter(|limit| holds(*value, limit)).map(|limit| shown(limit)).collect();
            let value = measured(*value);
            match (beyond.as_slice(), own.first()) {
                ([], Some(limit)) => format!("{text} {value} (limit {})", shown(limit)),
                ([], None) => format!("{text} {value}"),
                (beyond, _) => format!("{text} {value} {}", beyond.join(" and ")),
            }
        }
    }
}

/// Tag and duration of `absent(tag, '30s')`.
fn absence(operand: &str) -> Option<(&str, &str)> {
    let (tag, wait) = operand.strip_prefix("absent(")?.strip_suffix("')")?.rsplit_once(", '")?;
    Some((tag, wait))
}

/// Whether an operand, as it is written, is what a limit is for.
fn is_of(limit: &Threshold, operand: &str) -> bool {
    match limit.aggregate {
        Some(aggregate) => operand
            .strip_prefix(aggregate)
            .and_then(|rest| rest.strip_prefix('(')?.strip_prefix(limit.tag.as_str()))
            .is_some_and(|rest| rest.starts_with(',')),
        None => operand == limit.tag,
    }
}

#[allow(clippy::float_cmp, reason = "rules compare exactly, and so must what is told about them")]
fn holds(value: f64, limit: &Threshold) -> bool {
    match limit.op.symbol() {
        "<" => value < limit.value,
        "<=" => value <= limit.value,
        ">" => value > limit.value,
        ">=" => value >= limit.value,
        "==" => value == limit.value,
        _ => value != limit.value,
    }
}

fn shown(limit: &Threshold) -> String {
    format!("{} {}", limit.op.symbol(), limit.value)
}

/// A measured value, no finer than a person wants to know it.
pub(super) fn measured(value: f64) -> String {
    let decimals = match value.abs() {
        1_000.0.. => 0,
        100.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
rules:
  - id: hot
    parameters: {limit: 80}
    groups:
      - id: line
        states: [{state: ACTIVE, when: "machine_state == 'running'"}]
      - id: thermal
        weight: 2
        states:
          - state: WARNING
            when: "avg(temperature, '1m') > params.limit"
            for: 5m
            until: "avg(temperature, '1m') < params.limit - 3"
          - {state: NO_DATA, when: "absent(temperature, '30s')"}
"#;

    fn reasons() -> Reasons {
        let document = andon_document::read("rules.yaml", RULES).unwrap().document;
        let set = RuleSet::compile(document.clone()).map_err(|_| ()).unwrap();
        Reasons::new(document, &set)
    }

    fn transition(from: &str, to: &str, explanation: &str) -> Transition {
        let group = if to == "ACTIVE" { "line" } else { "thermal" };
        let text = format!(
            r#"{{"ruleId":"hot","ruleVersion":1,"equipmentId":"m","sequence":1,"from":"{from}","to":"{to}","at":60000,
            "group":"{group}","explanation":{explanation}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_reason_names_the_value_the_limit_and_since_when_it_waited() {
        let won = transition(
            "ACTIVE",
            "WARNING",
            r#"{"when":"avg(temperature, '1m') > params.limit","since":30000,
            "operands":[{"operand":"avg(temperature, '1m')","value":84.19389,"at":1}]}"#,
        );
        assert_eq!(reasons().text(&won), "avg(temperature, '1m') 84.19 > 80; since 00:00:30");
    }

    #[test]
    fn a_state_that_ends_names_the_limit_that_ended_it() {
        let ended = transition(
            "WARNING",
            "ACTIVE",
            r#"{"when":"machine_state == 'running'","since":0,"ended":"avg(temperature, '1m') < params.limit - 3",
            "operands":[{"operand":"machine_state","value":"running","at":1},
            {"operand":"avg(temperature, '1m')","value":76.5,"at":1}]}"#,
        );
        // `ACTIVE` does not wait, so since when it holds is of no interest.
        assert_eq!(reasons().text(&ended), "machine_state 'running', avg(temperature, '1m') 76.5 < 77");
    }

    #[test]
    fn an_absence_is_told_in_words() {
        let operand = |value: bool| {
            format!(
                r#"{{"operands":[{{"operand":"absent(temperature, '30s')","value":{value},"at":null}}]}}"#
            )
        };
        assert_eq!(reasons().text(&transition("X", "NO_DATA", &operand(true))), "no temperature for 30s");
        assert_eq!(reasons().text(&transition("NO_DATA", "X", &operand(false))), "temperature is back");
    }

    #[test]
    fn what_is_not_beyond_its_limit_is_told_with_it() {
        let text = r#"{"ended":"x","operands":[{"operand":"avg(temperature, '1m')","value":78,"at":1},
            {"operand":"avg(temperature_2, '1m')","value":null,"at":null}]}"#;
        let ended = transition("WARNING", "ACTIVE", text);
        let told = reasons().text(&ended);
        assert_eq!(told, "avg(temperature, '1m') 78 (limit > 80), avg(temperature_2, '1m') unknown");
    }

    #[test]
    fn measured_values_are_no_finer_than_anyone_wants_to_know() {
        let all = [18_034.51, 151.29, 84.193, 6.0, -0.08965, -0.0001, 0.0].map(measured);
        assert_eq!(all, ["18035", "151.3", "84.19", "6", "-0.09", "0", "0"]);
    }
}
