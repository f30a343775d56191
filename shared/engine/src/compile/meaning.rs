//! The meaning of a rule, an entry or a binding for one machine, as a text. Equal texts have an equal meaning. A change
//! of rules compares them.

use std::fmt::Write as _;

use andon_domain::{ModelBinding, ParameterValue, Rule, StateEntry, Value, never};

use super::RuleSet;
use super::attributes::AttributeValues;
use crate::expr::check::Parameters;
use crate::expr::{Expr, ExprKind, parse};

/// The values of names on one equipment.
#[derive(Clone, Copy)]
pub(crate) struct RuleContext<'a> {
    pub set: &'a RuleSet,
    pub attributes: &'a AttributeValues,
}

impl RuleContext<'_> {
    fn attribute(&self, name: &str) -> Option<&Value> {
        self.set.attributes.names.ids.get(name).and_then(|id| self.attributes.get(*id))
    }
}

/// Returns the meaning of `when`, `until`, `for`, `keep_for` and `times` of an entry, as parsed, with parameters,
/// attributes and defaults filled in and durations in ms.
pub(crate) fn entry_meaning(context: RuleContext<'_>, rule: &Rule, entry: &StateEntry) -> String {
    let mut text = String::new();
    let condition = |text: &str| meaning(context, &rule.parameters, text);
    let until = entry.until.as_deref().map(condition);
    // Writing to a `String` cannot fail.
    let _ = write!(
        text,
        "when {} until {until:?} for {} keep_for {} times {}",
        condition(&entry.when),
        entry.hold.unwrap_or_default().0,
        entry.keep_for.unwrap_or_default().0,
        entry.times.unwrap_or(0),
    );
    text
}

/// Returns the meaning of a rule: everything but its version and description.
pub(crate) fn rule_meaning(context: RuleContext<'_>, rule: &Rule) -> String {
    let mut text = String::new();
    let _ = write!(text, "{:?} {:?} {:?}", rule.id, rule.scope.equipment, rule.default);
    for group in &rule.groups {
        let _ = write!(text, " group {:?} {} {:?}", group.id, group.weight, group.otherwise);
        for entry in &group.states {
            let weight = entry.weight.unwrap_or(group.weight);
            let _ = write!(text, " state {:?} {weight} {}", entry.state, entry_meaning(context, rule, entry));
        }
    }
    text
}

/// Returns the meaning of a binding for the fold: its inputs, and the times of its score requests.
pub(crate) fn binding_meaning(context: RuleContext<'_>, binding: &ModelBinding) -> String {
    let (most, least) = (binding.at_most_every, binding.at_least_every);
    let mut text = format!("{:?} {most:?} {least:?} {:?}", binding.id, binding.every);
    for input in &binding.inputs {
        let _ = write!(text, " input {}", meaning(context, &binding.parameters, &input.value));
    }
    text
}

fn meaning(context: RuleContext<'_>, parameters: &Parameters, text: &str) -> String {
    match parse(text) {
        Ok(mut expr) => {
            fill_in(context, parameters, &mut expr);
            expr.to_string()
        }
        Err(error) => {
            never!("a compiled expression does not parse: {error}: {text}");
            text.to_owned()
        }
    }
}

/// Replaces parameters and attributes by their values.
fn fill_in(context: RuleContext<'_>, parameters: &Parameters, expr: &mut Expr) {
    let fill = |inner: &mut Expr| fill_in(context, parameters, inner);
    match &mut expr.kind {
        ExprKind::Param(name) => {
            expr.kind = match parameters.get(name) {
                Some(ParameterValue::Bool(value)) => ExprKind::Bool(*value),
                Some(ParameterValue::Number(number)) => ExprKind::Number(*number),
                Some(ParameterValue::Text(text)) => ExprKind::Text(text.clone()),
                None => return never!("a compiled expression names the unknown parameter `{name}`"),
            }
        }
        ExprKind::Attribute(name) => {
            expr.kind = match context.attribute(name) {
                Some(Value::Bool(value)) => ExprKind::Bool(*value),
                Some(Value::Number(number)) => ExprKind::Number(*number),
                Some(Value::Text(text)) => ExprKind::Text(text.to_string()),
                // Not every equipment has every attribute.
                None => return,
            }
        }
        ExprKind::Not(inner) | ExprKind::Negate(inner) | ExprKind::Abs(inner) => fill(inner),
        ExprKind::And(sides) | ExprKind::Or(sides) => sides.iter_mut().for_each(fill),
        ExprKind::Binary(_, left, right) | ExprKind::Compare(_, left, right) => {
            fill(left);
            fill(right);
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            for part in [condition, then, otherwise] {
                fill(part);
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
