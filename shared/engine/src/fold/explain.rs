//! Explanations of a change of the winner: the condition that won or ended, and its operands.

use std::fmt::Write as _;

use andon_domain::{Explanation, Millis, Operand, OperandValue, ParameterValue, StateEntry, never};
use compact_str::CompactString;

use super::EntryState;
use super::entry::NONE_MS;
use super::winner::Winner;
use crate::compile::{CompiledRule, EntryCode, Node, NodeId, OperandCode, RuleSet};
use crate::eval::{EvalContext, EvalValue};
use crate::expr::{AggregateFn, ast};
use crate::position::{at, range};

/// Explains a change from one winner to another.
///
/// The new winner comes first: its condition, the time since which it holds, its operands. The end of the old winner
/// follows, if its entry was left. An `otherwise` is explained by the conditions of its group, which are all false.
pub(super) fn explain(
    set: &RuleSet,
    rule: &CompiledRule,
    context: &EvalContext<'_>,
    entries: &[EntryState],
    (from, to): (&Winner, &Winner),
) -> Explanation {
    let mut explainer = Explainer {
        set,
        rule,
        context,
        operands: Vec::new(),
        attributes: Vec::new(),
        explanation: Explanation::default(),
    };
    if let Some((position, entry)) = entry_of(rule, to) {
        let since_ms = at(entries, position, "entry of the rule").map(|state| state.since_ms);
        explainer.explanation.since = since_ms.filter(|since_ms| *since_ms != NONE_MS);
        explainer.explanation.when = Some(entry.when.clone());
        explainer.add_condition(&entry.when, code_of(rule, position).map(|code| code.when));
    }
    if let Winner::Otherwise(group) = to {
        for (position, (owner, _)) in (0..).zip(positions(rule)) {
            if owner == usize::from(*group) {
                explainer.add_condition("", code_of(rule, position).map(|code| code.when));
            }
        }
    }
    if let Some((position, entry)) = entry_of(rule, from)
        && at(entries, position, "entry of the rule").is_some_and(|state| !state.active)
    {
        let code = code_of(rule, position);
        let (text, node) = match &entry.until {
            Some(until) => (until.clone(), code.and_then(|code| code.until)),
            None => (format!("!({})", entry.when), code.map(|code| code.when)),
        };
        explainer.add_condition(&text, node);
        explainer.explanation.ended = Some(text);
    }
    explainer.explanation
}

/// Returns every entry of a rule as (position of its group, position in the group).
fn positions(rule: &CompiledRule) -> impl Iterator<Item = (usize, usize)> {
    let groups = rule.rule.groups.iter().enumerate();
    groups.flat_map(|(group, of_group)| (0..of_group.states.len()).map(move |entry| (group, entry)))
}

/// Returns the entry of a winner, with its position among all entries of the rule; `None` for another kind of winner.
fn entry_of<'a>(rule: &'a CompiledRule, winner: &Winner) -> Option<(u32, &'a StateEntry)> {
    let Winner::Entry(group, entry) = winner else { return None };
    let states = rule.rule.groups.iter().flat_map(|group| &group.states);
    let mut entries = (0..).zip(positions(rule).zip(states));
    let wanted = (usize::from(*group), usize::from(*entry));
    let Some((position, (_, entry))) = entries.find(|(_, (place, _))| *place == wanted) else {
        never!("the winner {winner:?} is no entry of rule `{}`", rule.rule.id);
        return None;
    };
    Some((position, entry))
}

fn code_of(rule: &CompiledRule, entry: u32) -> Option<&EntryCode> {
    at(&rule.code.entries, entry, "code of an entry")
}

/// A collector of the parts of an explanation.
struct Explainer<'a> {
    set: &'a RuleSet,
    rule: &'a CompiledRule,
    context: &'a EvalContext<'a>,
    /// The operands that the explanation has already.
    operands: Vec<(Option<AggregateFn>, u32)>,
    attributes: Vec<u32>,
    explanation: Explanation,
}

impl Explainer<'_> {
    /// Adds the parameters and operands of a condition.
    fn add_condition(&mut self, text: &str, node: Option<NodeId>) {
        for (name, value) in &self.rule.rule.parameters {
            if names_parameter(text, name) {
                let value = match value {
                    ParameterValue::Bool(value) => OperandValue::Bool(*value),
                    ParameterValue::Number(number) => OperandValue::Number(*number),
                    ParameterValue::Text(text) => OperandValue::Text(text.clone()),
                };
                self.explanation.parameters.insert(name.clone(), value);
            }
        }
        if let Some(node) = node {
            self.walk(node);
        }
    }

    /// Adds the operands of an expression, from left to right.
    fn walk(&mut self, id: NodeId) {
        let code = &self.rule.code;
        let Some(node) = at(&code.nodes, id, "node") else { return };
        match *node {
            Node::Number(_) | Node::Bool(_) | Node::Text(_) => {}
            Node::Attribute(id) => self.add_attribute(id),
            Node::Tag(operand)
            | Node::TagWithNumber(_, operand, _)
            | Node::TagWithText(_, operand, _)
            | Node::Absent(operand) => self.add(None, operand),
            Node::Aggregate(function, operand) => self.add(Some(function), operand),
            Node::Not(inner) | Node::Negate(inner) | Node::Abs(inner) => self.walk(inner),
            Node::Both(left, right) | Node::Either(left, right) => {
                self.walk(left);
                self.walk(right);
            }
            Node::And { first, count } | Node::Or { first, count } => {
                let first = first as usize;
                for side in range(&code.sides, first..first + count as usize, "sides") {
                    self.walk(*side);
                }
            }
            Node::Binary(_, left, right) | Node::Compare(_, left, right) => {
                self.walk(left);
                self.walk(right);
            }
            Node::Conditional(condition, then, otherwise) => {
                for part in [condition, then, otherwise] {
                    self.walk(part);
                }
            }
        }
    }

    fn add_attribute(&mut self, id: u32) {
        if self.attributes.contains(&id) {
            return;
        }
        self.attributes.push(id);
        let name = at(&self.set.attributes.names.names, id, "attribute");
        self.explanation.operands.push(Operand {
            operand: format!("equipment.{}", name.map(CompactString::as_str).unwrap_or_default()),
            value: shown(self.context.attribute(id)),
            at: None,
        });
    }

    fn add(&mut self, function: Option<AggregateFn>, position: u32) {
        if self.operands.contains(&(function, position)) {
            return;
        }
        self.operands.push((function, position));
        let Some(operand) = at(&self.rule.code.operands, position, "operand") else { return };
        let Some(slot) = at(self.context.slots, position, "operand position").copied() else { return };
        let (tag_slot, value, call) = match (operand, function) {
            (OperandCode::Window { window_ms, .. }, Some(function)) => {
                let tag = at(self.context.specs, slot, "window").map(|spec| spec.tag);
                (tag, self.context.aggregate(function, position), Some((function.name(), *window_ms)))
            }
            (OperandCode::Absent { wait_ms, .. }, _) => {
                (Some(slot), EvalValue::Bool(self.context.absent(position)), Some(("absent", *wait_ms)))
            }
            _ => {
                let newest = at(self.context.tags, slot, "tag").and_then(|tag| tag.newest.as_ref());
                (Some(slot), newest.map_or(EvalValue::Unknown, |newest| EvalValue::from(&newest.value)), None)
            }
        };
        let tag = tag_slot.and_then(|slot| at(self.context.tags, slot, "tag"));
        self.explanation.operands.push(Operand {
            operand: self.text_of(*operand, call),
            value: shown(value),
            at: tag.and_then(|tag| tag.newest.as_ref()).map(|newest| newest.order.own_ms),
        });
    }

    /// Returns an operand as it is written. (Writing to a `String` cannot fail.)
    fn text_of(&self, operand: OperandCode, call: Option<(&str, i64)>) -> String {
        let name = at(&self.set.tags, operand.tag(), "tag of the set")
            .map(CompactString::as_str)
            .unwrap_or_default();
        let mut text = String::new();
        if let Some((call, _)) = call {
            text.push_str(call);
            text.push('(');
        }
        let _ = ast::write_tag(&mut text, name);
        if let Some((_, duration_ms)) = call {
            let _ = write!(text, ", '{}')", Millis(duration_ms));
        }
        text
    }
}

/// Returns whether an expression names a parameter.
fn names_parameter(text: &str, name: &str) -> bool {
    text.split("params.").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end) == Some(name)
    })
}

fn shown(value: EvalValue<'_>) -> Option<OperandValue> {
    match value {
        EvalValue::Unknown => None,
        EvalValue::Bool(value) => Some(OperandValue::Bool(value)),
        EvalValue::Number(number) => Some(OperandValue::Number(number)),
        EvalValue::Text(text) => Some(OperandValue::Text(text.to_owned())),
    }
}
