//! Why a winner changed, for people: the condition that won or ended, and what it looked at.

use std::fmt::Write as _;

use andon_domain::{Explanation, Millis, Operand, OperandValue, ParameterValue, StateEntry};
use compact_str::CompactString;

use super::EntryState;
use super::entry::NONE_MS;
use super::rule::Winner;
use crate::compile::{self, CompiledRule, Node, NodeId, RuleSet};
use crate::eval::{EvalContext, EvalValue};
use crate::expr::{AggregateFn, ast};

/// Explains a change from one winner to another.
///
/// What won is told first: its condition, since when it holds, its operands. Then what ended, if the entry that won
/// before was left. An `otherwise` is explained by the conditions of its group, all of which are false.
pub(super) fn explain(
    set: &RuleSet,
    rule: &CompiledRule,
    scene: &EvalContext<'_>,
    entries: &[EntryState],
    from: &Winner,
    to: &Winner,
) -> Explanation {
    let mut teller = Teller {
        set,
        rule,
        scene,
        told: Vec::new(),
        attributes: Vec::new(),
        explanation: Explanation::default(),
    };
    if let Some((position, entry)) = entry_of(rule, to) {
        let since_ms = entries.get(position).map(|state| state.since_ms);
        teller.explanation.since = since_ms.filter(|since_ms| *since_ms != NONE_MS);
        teller.explanation.when = Some(entry.when.clone());
        teller.tell(&entry.when, rule.code.entries.get(position).map(|code| code.when));
    }
    if let Winner::Otherwise(group) = to {
        for (position, (owner, _)) in positions(rule).enumerate() {
            if owner == usize::from(*group) {
                teller.tell("", rule.code.entries.get(position).map(|code| code.when));
            }
        }
    }
    if let Some((position, entry)) = entry_of(rule, from)
        && entries.get(position).is_some_and(|state| !state.active)
    {
        let code = rule.code.entries.get(position);
        let (text, node) = match &entry.until {
            Some(until) => (until.clone(), code.and_then(|code| code.until)),
            None => (format!("!({})", entry.when), code.map(|code| code.when)),
        };
        teller.tell(&text, node);
        teller.explanation.ended = Some(text);
    }
    teller.explanation
}

/// Every entry of a rule as (position of its group, position in the group).
fn positions(rule: &CompiledRule) -> impl Iterator<Item = (usize, usize)> {
    let groups = rule.rule.groups.iter().enumerate();
    groups.flat_map(|(group, of_group)| (0..of_group.states.len()).map(move |entry| (group, entry)))
}

/// The entry that a winner stands for, with its position among all entries of the rule.
fn entry_of<'a>(rule: &'a CompiledRule, winner: &Winner) -> Option<(usize, &'a StateEntry)> {
    let Winner::Entry(group, entry) = winner else { return None };
    let wanted = (usize::from(*group), usize::from(*entry));
    let position = positions(rule).position(|place| place == wanted)?;
    Some((position, rule.rule.groups.get(wanted.0)?.states.get(wanted.1)?))
}

struct Teller<'a> {
    set: &'a RuleSet,
    rule: &'a CompiledRule,
    scene: &'a EvalContext<'a>,
    /// What is in the explanation already.
    told: Vec<(Option<AggregateFn>, u32)>,
    attributes: Vec<u32>,
    explanation: Explanation,
}

impl Teller<'_> {
    /// Adds the parameters and operands of a condition.
    fn tell(&mut self, text: &str, node: Option<NodeId>) {
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
        let Some(node) = code.nodes.get(id as usize) else { return };
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
                for side in code.sides.get(first..first + count as usize).unwrap_or_default() {
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
        let name = self.set.attributes.names.names.get(id as usize);
        self.explanation.operands.push(Operand {
            operand: format!("equipment.{}", name.map(CompactString::as_str).unwrap_or_default()),
            value: shown(self.scene.attribute(id)),
            at: None,
        });
    }

    fn add(&mut self, function: Option<AggregateFn>, position: u32) {
        if self.told.contains(&(function, position)) {
            return;
        }
        self.told.push((function, position));
        let Some(operand) = self.rule.code.operands.get(position as usize) else { return };
        let Some(slot) = self.scene.slots.get(position as usize).map(|slot| *slot as usize) else { return };
        let (tag_slot, value, call) = match (operand, function) {
            (compile::Operand::Window { window_ms, .. }, Some(function)) => {
                let tag = self.scene.specs.get(slot).map(|spec| spec.tag as usize);
                (tag, self.scene.aggregate(function, position), Some((function.name(), *window_ms)))
            }
            (compile::Operand::Absent { wait_ms, .. }, _) => {
                (Some(slot), EvalValue::Bool(self.scene.absent(position)), Some(("absent", *wait_ms)))
            }
            _ => {
                let newest = self.scene.tags.get(slot).and_then(|tag| tag.newest.as_ref());
                (Some(slot), newest.map_or(EvalValue::Unknown, |newest| EvalValue::from(&newest.value)), None)
            }
        };
        let tag = tag_slot.and_then(|slot| self.scene.tags.get(slot));
        self.explanation.operands.push(Operand {
            operand: self.text_of(*operand, call),
            value: shown(value),
            at: tag.and_then(|tag| tag.newest.as_ref()).map(|newest| newest.rank.own_ms),
        });
    }

    /// An operand as it is written. (Writing to a `String` cannot fail.)
    fn text_of(&self, operand: compile::Operand, call: Option<(&str, i64)>) -> String {
        let name = self.set.tags.get(operand.tag() as usize).map(CompactString::as_str).unwrap_or_default();
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

/// Whether an expression names a parameter.
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
