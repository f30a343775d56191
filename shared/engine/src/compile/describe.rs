//! The thresholds of a rule, for charts.

use super::{CompiledRule, Node, RuleSet};
use crate::expr::CompareOp;
use crate::position::{at, range};

/// A number that a tag, or an aggregate of it, is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The tag.
    pub tag: String,
    /// The comparison, with the tag on its left side.
    pub op: CompareOp,
    /// The number on its right side.
    pub value: f64,
    /// The aggregate, such as `avg`, if it is not the tag's value itself.
    pub aggregate: Option<&'static str>,
    /// The state whose condition holds the comparison.
    pub state: String,
}

impl RuleSet {
    /// Returns the thresholds in the conditions of a rule, each once; none for a rule that does not exist.
    #[must_use]
    pub fn thresholds_of(&self, rule: usize) -> Vec<Threshold> {
        let Some(compiled) = self.rules.get(rule) else { return Vec::new() };
        let mut thresholds: Vec<Threshold> = Vec::new();
        let states = compiled.rule.groups.iter().flat_map(|group| &group.states);
        for (entry, code) in states.zip(&compiled.code.entries) {
            for node in [Some(code.when), code.until].into_iter().flatten() {
                self.collect(compiled, node, &entry.state, &mut thresholds);
            }
        }
        thresholds
    }

    fn collect(&self, compiled: &CompiledRule, id: u32, state: &str, found: &mut Vec<Threshold>) {
        let code = &compiled.code;
        let node = |id: u32| at(&code.nodes, id, "node").copied();
        let operand_tag = |operand: u32| {
            let tag = at(&code.operands, operand, "operand")?.tag();
            at(&self.tags, tag, "tag").map(|tag| tag.to_string())
        };
        let threshold = match node(id) {
            Some(Node::TagWithNumber(op, operand, value)) => Some((operand, op, value, None)),
            Some(Node::Compare(op, left, right)) => match (node(left), node(right)) {
                (Some(Node::Aggregate(function, operand)), Some(Node::Number(value))) => {
                    Some((operand, op, value, Some(function.name())))
                }
                (Some(Node::Number(value)), Some(Node::Aggregate(function, operand))) => {
                    Some((operand, op.flipped(), value, Some(function.name())))
                }
                _ => None,
            },
            Some(Node::Not(inner)) => return self.collect(compiled, inner, state, found),
            Some(Node::Both(left, right) | Node::Either(left, right)) => {
                self.collect(compiled, left, state, found);
                return self.collect(compiled, right, state, found);
            }
            Some(Node::And { first, count } | Node::Or { first, count }) => {
                let first = first as usize;
                for side in range(&code.sides, first..first + count as usize, "sides") {
                    self.collect(compiled, *side, state, found);
                }
                return;
            }
            _ => None,
        };
        if let Some((operand, op, value, aggregate)) = threshold
            && let Some(tag) = operand_tag(operand)
        {
            let threshold = Threshold { tag, op, value, aggregate, state: state.to_owned() };
            if !found.contains(&threshold) {
                found.push(threshold);
            }
        }
    }
}
