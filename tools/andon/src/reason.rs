//! The reason of a state change, in one short line.

use andon_domain::{Explanation, Operand, OperandValue, RuleDocument, StateEntry, Transition};
use andon_engine::expr::{self, BinaryOp, CompareOp, Expr, ExprKind};

use crate::terminal::measured;
use crate::times::clock;

/// The limits in the conditions of rules, by which reasons are described.
pub(crate) struct Reasons {
    document: Option<RuleDocument>,
}

/// A number that something is compared with in a condition.
struct Limit {
    /// The compared operand, as written in an explanation.
    operand: String,
    op: CompareOp,
    value: f64,
}

impl Reasons {
    pub(crate) fn new(document: RuleDocument) -> Self {
        Self { document: Some(document) }
    }

    /// Where the rules are not at hand.
    #[cfg(feature = "live")]
    pub(crate) fn without_rules() -> Self {
        Self { document: None }
    }

    /// As in `avg(water_temperature, '1m') 84.19 > 80, maintenance_mode false; since 09:56:43`.
    pub(crate) fn text(&self, transition: &Transition) -> String {
        let Some(explanation) = &transition.explanation else { return String::new() };
        let mut limits = Vec::new();
        for condition in [&explanation.when, &explanation.ended].into_iter().flatten() {
            if let Ok(condition) = expr::parse(condition) {
                collect(&condition, explanation, &mut limits);
            }
        }
        let operands = explanation.operands.iter().map(|operand| told(operand, &limits));
        let mut text = operands.collect::<Vec<_>>().join(", ");
        if let Some(since_ms) = self.waited_since(transition, explanation) {
            text.push_str(&format!("; since {}", clock(since_ms)));
        }
        text
    }

    /// Since when the condition holds, where the rule made it wait; where the rules are not at hand, if it held before.
    fn waited_since(&self, transition: &Transition, explanation: &Explanation) -> Option<i64> {
        let before = explanation.since.filter(|since_ms| *since_ms < transition.at);
        let Some(document) = &self.document else { return before };
        let rule = document.rules.iter().find(|rule| rule.id == transition.rule_id.as_str())?;
        let group =
            rule.groups.iter().find(|group| Some(group.id.as_str()) == transition.group.as_deref())?;
        let won = |entry: &&StateEntry| {
            Some(entry.state.as_str()) == transition.to.as_deref()
                && Some(&entry.when) == explanation.when.as_ref()
        };
        let entry = group.states.iter().find(won)?;
        let waits = entry.hold.is_some() || entry.times.is_some();
        before.filter(|_| waits)
    }
}

/// Adds the limits in a condition.
fn collect(condition: &Expr, explanation: &Explanation, limits: &mut Vec<Limit>) {
    match &condition.kind {
        ExprKind::And(sides) | ExprKind::Or(sides) => {
            sides.iter().for_each(|side| collect(side, explanation, limits));
        }
        ExprKind::Not(inner) => collect(inner, explanation, limits),
        ExprKind::Compare(op, left, right) => {
            let limit = match (number(left, explanation), number(right, explanation)) {
                (None, Some(value)) => Limit { operand: left.to_string(), op: *op, value },
                (Some(value), None) => Limit { operand: right.to_string(), op: op.flipped(), value },
                _ => return,
            };
            limits.push(limit);
        }
        _ => {}
    }
}

/// The value of what is made of numbers and parameters alone.
fn number(expr: &Expr, explanation: &Explanation) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number(number) => Some(*number),
        ExprKind::Param(name) => match explanation.parameters.get(name) {
            Some(OperandValue::Number(number)) => Some(*number),
            _ => None,
        },
        ExprKind::Negate(inner) => number(inner, explanation).map(|number| -number),
        ExprKind::Binary(op, left, right) => {
            let (left, right) = (number(left, explanation)?, number(right, explanation)?);
            Some(match op {
                BinaryOp::Add => left + right,
                BinaryOp::Subtract => left - right,
                BinaryOp::Multiply => left * right,
                BinaryOp::Divide => left / right,
                BinaryOp::Remainder => left % right,
            })
        }
        _ => None,
    }
}

/// One thing that was looked at: its value, and the limit that it is beyond.
fn told(operand: &Operand, limits: &[Limit]) -> String {
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
            let own: Vec<&Limit> = limits.iter().filter(|limit| &limit.operand == text).collect();
            let beyond: Vec<String> =
                own.iter().filter(|limit| holds(*value, limit)).map(|limit| shown(limit)).collect();
            let value = shown_value(*value, &own);
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
    operand.strip_prefix("absent(")?.strip_suffix("')")?.rsplit_once(", '")
}

#[allow(clippy::float_cmp, reason = "rules compare exactly, and so must their explanation")]
fn holds(value: f64, limit: &Limit) -> bool {
    match limit.op {
        CompareOp::Less => value < limit.value,
        CompareOp::LessOrEqual => value <= limit.value,
        CompareOp::Greater => value > limit.value,
        CompareOp::GreaterOrEqual => value >= limit.value,
        CompareOp::Equal => value == limit.value,
        CompareOp::NotEqual => value != limit.value,
    }
}

fn shown(limit: &Limit) -> String {
    format!("{} {}", limit.op.symbol(), limit.value)
}

/// A measured value in four digits, or in as many as it takes to see on which side of its limits it is.
fn shown_value(value: f64, limits: &[&Limit]) -> String {
    let tells = |text: &String| {
        text.parse()
            .is_ok_and(|shown: f64| limits.iter().all(|limit| holds(shown, limit) == holds(value, limit)))
    };
    (4..=15).map(|digits| measured(value, digits)).find(tells).unwrap_or_else(|| value.to_string())
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
        Reasons::new(andon_rule_files::read("rules.yaml", RULES).unwrap().document)
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
            r#"{"when":"avg(temperature, '1m') > params.limit","since":30000,"parameters":{"limit":80},
            "operands":[{"operand":"avg(temperature, '1m')","value":84.19389,"at":1}]}"#,
        );
        assert_eq!(reasons().text(&won), "avg(temperature, '1m') 84.19 > 80; since 00:00:30");
    }

    #[test]
    fn a_state_that_ends_names_the_limit_that_ended_it() {
        let ended = transition(
            "WARNING",
            "ACTIVE",
            r#"{"when":"machine_state == 'running'","since":0,"ended":"avg(temperature, '1m') < params.limit - 3","parameters":{"limit":80},
            "operands":[{"operand":"machine_state","value":"running","at":1},
            {"operand":"avg(temperature, '1m')","value":76.5,"at":1}]}"#,
        );
        // `ACTIVE` does not wait, so since when it holds is of no interest.
        assert_eq!(reasons().text(&ended), "machine_state 'running', avg(temperature, '1m') 76.5 < 77");
    }

    #[test]
    fn a_reason_states_an_absence_in_words() {
        let operand = |value: bool| {
            format!(
                r#"{{"operands":[{{"operand":"absent(temperature, '30s')","value":{value},"at":null}}]}}"#
            )
        };
        assert_eq!(reasons().text(&transition("X", "NO_DATA", &operand(true))), "no temperature for 30s");
        assert_eq!(reasons().text(&transition("NO_DATA", "X", &operand(false))), "temperature is back");
    }

    #[test]
    fn a_value_within_its_limit_is_shown_with_the_limit() {
        let text = r#"{"ended":"!(avg(temperature, '1m') > 80)","operands":[{"operand":"avg(temperature, '1m')","value":78,"at":1},
            {"operand":"avg(temperature_2, '1m')","value":null,"at":null}]}"#;
        let ended = transition("WARNING", "ACTIVE", text);
        let told = reasons().text(&ended);
        assert_eq!(told, "avg(temperature, '1m') 78 (limit > 80), avg(temperature_2, '1m') unknown");
    }

    #[test]
    fn a_value_just_beyond_its_limit_is_shown_with_enough_digits_to_tell_the_two_apart() {
        let won = transition(
            "ACTIVE",
            "WARNING",
            r#"{"when":"avg(temperature, '1m') > 80","operands":[{"operand":"avg(temperature, '1m')","value":80.00013,"at":1}]}"#,
        );
        assert_eq!(reasons().text(&won), "avg(temperature, '1m') 80.0001 > 80");
    }
}
