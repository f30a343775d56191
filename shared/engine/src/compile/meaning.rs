//! What a rule or an entry means, as a text: equal texts, equal meaning. Used where rules change.

use std::fmt::Write as _;

use andon_model::{ParameterValue, Rule, StateEntry};

use crate::expr::{Expr, ExprKind, parse};

/// The meaning of `when`, `until`, `for`, `keep_for` and `times` of an entry, as parsed, with parameters and
/// defaults filled in and durations in ms.
pub(crate) fn entry_meaning(rule: &Rule, entry: &StateEntry) -> String {
    let mut text = String::new();
    let until = entry.until.as_deref().map(|until| condition(rule, until));
    // Writing to a `String` cannot fail.
    let _ = write!(
        text,
        "when {} until {until:?} for {} keep_for {} times {}",
        condition(rule, &entry.when),
        entry.hold.unwrap_or_default().0,
        entry.keep_for.unwrap_or_default().0,
        entry.times.unwrap_or(0),
    );
    text
}

/// The meaning of a rule: everything but its version and description.
pub(crate) fn rule_meaning(rule: &Rule) -> String {
    let mut text = String::new();
    let _ = write!(text, "{:?} {:?} {:?}", rule.id, rule.scope.equipment, rule.default);
    for group in &rule.groups {
        let _ = write!(text, " group {:?} {} {:?}", group.id, group.weight, group.otherwise);
        for entry in &group.states {
            let weight = entry.weight.unwrap_or(group.weight);
            let _ = write!(text, " state {:?} {weight} {}", entry.state, entry_meaning(rule, entry));
        }
    }
    text
}

fn condition(rule: &Rule, text: &str) -> String {
    match parse(text) {
        Ok(mut expr) => {
            fill_in(rule, &mut expr);
            expr.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

/// Replaces parameters by their values.
fn fill_in(rule: &Rule, expr: &mut Expr) {
    match &mut expr.kind {
        ExprKind::Param(name) => {
            expr.kind = match rule.parameters.get(name) {
                Some(ParameterValue::Bool(value)) => ExprKind::Bool(*value),
                Some(ParameterValue::Number(number)) => ExprKind::Number(*number),
                Some(ParameterValue::Text(text)) => ExprKind::Text(text.clone()),
                None => return,
            }
        }
        ExprKind::Not(inner) | ExprKind::Negate(inner) | ExprKind::Abs(inner) => fill_in(rule, inner),
        ExprKind::And(sides) | ExprKind::Or(sides) => sides.iter_mut().for_each(|side| fill_in(rule, side)),
        ExprKind::Binary(_, left, right) | ExprKind::Compare(_, left, right) => {
            fill_in(rule, left);
            fill_in(rule, right);
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            for part in [condition, then, otherwise] {
                fill_in(rule, part);
            }
        }
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Tag(_)
        | ExprKind::Aggregate { .. }
        | ExprKind::Absent { .. } => {}
    }
}
