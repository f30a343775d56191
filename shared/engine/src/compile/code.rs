//! Compiles expressions to nodes in one flat list: names become positions, parameters become their values.

use andon_domain::{Finding, ModelBinding, ParameterValue, PathSegment, Rule, never};
use compact_str::CompactString;

use super::TagId;
use super::attributes::AttributeId;
use super::interner::Interner;
use crate::expr::check::{self, AttributeTypes, Names, Parameters};
use crate::expr::{AggregateFn, BinaryOp, CompareOp, Expr, ExprError, ExprKind, parse};
use crate::position::{at, position};

/// A position in [`Code::nodes`].
pub(crate) type NodeId = u32;
/// A position in [`Code::operands`].
pub(crate) type OperandId = u32;

/// The compiled conditions of one rule, or inputs of one binding.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub nodes: Box<[Node]>,
    /// Sides of `&&` and `||`.
    pub sides: Box<[NodeId]>,
    pub texts: Box<[CompactString]>,
    /// The operands of the conditions, each once.
    pub operands: Box<[OperandCode]>,
    /// All tags that the conditions name, each once, in the order of the text.
    pub tags: Box<[TagId]>,
    /// The groups, in order.
    pub groups: Box<[GroupCode]>,
    /// The entries of all groups, in order.
    pub entries: Box<[EntryCode]>,
    /// The inputs of a binding, in order.
    pub inputs: Box<[NodeId]>,
    /// True if a condition depends on time itself: a window or `absent`.
    pub timed: bool,
}

/// The part of a group that a vote needs.
///
/// An evaluation touches the code of a rule and not its document. With many rules, this keeps documents out of the
/// processor's cache.
#[derive(Debug)]
pub(crate) struct GroupCode {
    pub entries: u32,
    pub has_otherwise: bool,
    pub weight: f64,
}

/// The compiled conditions of one entry.
#[derive(Debug)]
pub(crate) struct EntryCode {
    pub when: NodeId,
    pub until: Option<NodeId>,
    pub for_ms: i64,
    pub keep_for_ms: i64,
    /// 0 if the entry has no `times`.
    pub times: u32,
    pub weight: f64,
    /// The tags of `when`, whose points count for `times`. Empty without `times`.
    pub when_tags: Box<[TagId]>,
}

/// An operand of a condition: a tag, a window over a tag, or the age of a tag's newest point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OperandCode {
    Tag(TagId),
    Window { tag: TagId, window_ms: i64, pane_ms: i64, panes: i64 },
    Absent { tag: TagId, wait_ms: i64 },
}

impl OperandCode {
    pub(crate) fn tag(self) -> TagId {
        match self {
            Self::Tag(tag) | Self::Window { tag, .. } | Self::Absent { tag, .. } => tag,
        }
    }

    /// Returns a window in panes of `max(1, floor(w / 60))` ms.
    fn window(tag: TagId, window_ms: i64) -> Self {
        let pane_ms = (window_ms / 60).max(1);
        let panes = window_ms / pane_ms + i64::from(window_ms % pane_ms != 0);
        Self::Window { tag, window_ms, pane_ms, panes }
    }
}

/// An operation. The two comparisons of nearly all rules have nodes of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Number(f64),
    Bool(bool),
    Text(u32),
    Tag(OperandId),
    Attribute(AttributeId),
    Aggregate(AggregateFn, OperandId),
    Absent(OperandId),
    Not(NodeId),
    Negate(NodeId),
    Abs(NodeId),
    /// `&&` of two sides, the usual number.
    Both(NodeId, NodeId),
    Either(NodeId, NodeId),
    And {
        first: u32,
        count: u32,
    },
    Or {
        first: u32,
        count: u32,
    },
    Binary(BinaryOp, NodeId, NodeId),
    Compare(CompareOp, NodeId, NodeId),
    Conditional(NodeId, NodeId, NodeId),
    TagWithNumber(CompareOp, OperandId, f64),
    TagWithText(CompareOp, OperandId, u32),
}

/// The tables that all expressions of a rule set share.
pub(super) struct Shared {
    pub tags: Interner,
    pub attributes: Interner,
    pub types: AttributeTypes,
}

/// Compiles the conditions of a rule whose shape is valid.
pub(super) fn compile(rule: &Rule, index: usize, shared: &mut Shared) -> Result<Code, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut compiler = Compiler { parameters: &rule.parameters, shared, parts: Parts::default() };
    let mut entries = Vec::new();
    for (group_index, group) in rule.groups.iter().enumerate() {
        for (entry_index, entry) in group.states.iter().enumerate() {
            let place = |field: &str| -> Vec<PathSegment> {
                vec![
                    "rules".into(),
                    index.into(),
                    "groups".into(),
                    group_index.into(),
                    "states".into(),
                    entry_index.into(),
                    field.into(),
                ]
            };
            let when = compiler.condition(&entry.when).map_err(|errors| (place("when"), errors));
            let until = match &entry.until {
                Some(until) => compiler.condition(until).map(Some).map_err(|errors| (place("until"), errors)),
                None => Ok(None),
            };
            match (when, until) {
                (Ok((when, when_tags)), Ok(until)) => entries.push(EntryCode {
                    when,
                    until: until.map(|(node, _)| node),
                    for_ms: entry.hold.unwrap_or_default().0,
                    keep_for_ms: entry.keep_for.unwrap_or_default().0,
                    times: entry.times.unwrap_or(0),
                    weight: entry.weight.unwrap_or(group.weight),
                    when_tags: if entry.times.is_some() { when_tags.into() } else { Box::default() },
                }),
                (when, until) => {
                    for (path, errors) in [when.err(), until.err()].into_iter().flatten() {
                        findings.extend(errors.into_iter().map(|error| finding(path.clone(), error)));
                    }
                }
            }
        }
    }
    let groups = rule.groups.iter().map(|group| GroupCode {
        entries: position(group.states.len()),
        has_otherwise: group.otherwise.is_some(),
        weight: group.weight,
    });
    if findings.is_empty() { Ok(compiler.parts.finish(groups.collect(), entries)) } else { Err(findings) }
}

/// Compiles the inputs of a model binding.
pub(super) fn compile_inputs(
    binding: &ModelBinding,
    index: usize,
    shared: &mut Shared,
) -> Result<Code, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut compiler = Compiler { parameters: &binding.parameters, shared, parts: Parts::default() };
    let mut inputs = Vec::new();
    for (position, input) in binding.inputs.iter().enumerate() {
        match compiler.input(&input.value) {
            Ok(node) => inputs.push(node),
            Err(errors) => {
                let path: Vec<PathSegment> =
                    vec!["models".into(), index.into(), "inputs".into(), position.into(), "value".into()];
                findings.extend(errors.into_iter().map(|error| finding(path.clone(), error)));
            }
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let code = compiler.parts.finish(Box::default(), Vec::new());
    Ok(Code { inputs: inputs.into(), ..code })
}

fn finding(path: Vec<PathSegment>, error: ExprError) -> Finding {
    let mut finding =
        Finding::error("expression", path, error.message).within(error.span.start..error.span.end);
    finding.help = error.help;
    finding
}

#[derive(Default)]
struct Parts {
    nodes: Vec<Node>,
    sides: Vec<NodeId>,
    texts: Vec<CompactString>,
    operands: Vec<OperandCode>,
    tags: Vec<TagId>,
}

impl Parts {
    fn finish(self, groups: Box<[GroupCode]>, entries: Vec<EntryCode>) -> Code {
        let timed = self.operands.iter().any(|operand| !matches!(operand, OperandCode::Tag(_)));
        Code {
            nodes: self.nodes.into(),
            sides: self.sides.into(),
            texts: self.texts.into(),
            operands: self.operands.into(),
            tags: self.tags.into(),
            groups,
            entries: entries.into(),
            inputs: Box::default(),
            timed,
        }
    }
}

struct Compiler<'a> {
    parameters: &'a Parameters,
    shared: &'a mut Shared,
    parts: Parts,
}

impl Compiler<'_> {
    /// Adds a condition. Returns its node and the tags that it names.
    fn condition(&mut self, text: &str) -> Result<(NodeId, Vec<TagId>), Vec<ExprError>> {
        let expr = parse(text).map_err(|error| vec![error])?;
        check::condition(&expr, self.names())?;
        let mut named = Vec::new();
        let node = self.node(&expr, &mut named);
        Ok((node, named))
    }

    /// Adds an input. Returns its node.
    fn input(&mut self, text: &str) -> Result<NodeId, Vec<ExprError>> {
        let expr = parse(text).map_err(|error| vec![error])?;
        check::value(&expr, self.names())?;
        Ok(self.node(&expr, &mut Vec::new()))
    }

    fn names(&self) -> Names<'_> {
        Names { parameters: self.parameters, attributes: &self.shared.types }
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.parts.nodes.push(node);
        position(self.parts.nodes.len() - 1)
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(known) = self.parts.texts.iter().position(|known| known == text) {
            return position(known);
        }
        self.parts.texts.push(text.into());
        position(self.parts.texts.len() - 1)
    }

    fn tag(&mut self, name: &str, named: &mut Vec<TagId>) -> TagId {
        let tag = self.shared.tags.id(name);
        for list in [named, &mut self.parts.tags] {
            if !list.contains(&tag) {
                list.push(tag);
            }
        }
        tag
    }

    fn operand(&mut self, operand: OperandCode) -> OperandId {
        let known = self.parts.operands.iter().position(|known| *known == operand);
        position(known.unwrap_or_else(|| {
            self.parts.operands.push(operand);
            self.parts.operands.len() - 1
        }))
    }

    fn joined(&mut self, sides: &[Expr], named: &mut Vec<TagId>) -> (u32, u32) {
        let nodes: Vec<NodeId> = sides.iter().map(|side| self.node(side, named)).collect();
        let first = position(self.parts.sides.len());
        self.parts.sides.extend(nodes);
        (first, position(sides.len()))
    }

    fn node(&mut self, expr: &Expr, named: &mut Vec<TagId>) -> NodeId {
        let node = match &expr.kind {
            ExprKind::Number(number) => Node::Number(*number),
            ExprKind::Bool(value) => Node::Bool(*value),
            ExprKind::Text(text) => Node::Text(self.text(text)),
            ExprKind::Tag(name) => {
                let tag = self.tag(name, named);
                Node::Tag(self.operand(OperandCode::Tag(tag)))
            }
            ExprKind::Param(name) => match self.parameters.get(name) {
                Some(ParameterValue::Number(number)) => Node::Number(*number),
                Some(ParameterValue::Bool(value)) => Node::Bool(*value),
                Some(ParameterValue::Text(text)) => Node::Text(self.text(text)),
                None => {
                    never!("the check let the unknown parameter `{name}` pass");
                    Node::Bool(false)
                }
            },
            ExprKind::Attribute(name) => Node::Attribute(self.shared.attributes.id(name)),
            ExprKind::Not(inner) => Node::Not(self.node(inner, named)),
            ExprKind::Negate(inner) => Node::Negate(self.node(inner, named)),
            ExprKind::Abs(inner) => Node::Abs(self.node(inner, named)),
            ExprKind::And(sides) => match sides.as_slice() {
                [left, right] => Node::Both(self.node(left, named), self.node(right, named)),
                sides => {
                    let (first, count) = self.joined(sides, named);
                    Node::And { first, count }
                }
            },
            ExprKind::Or(sides) => match sides.as_slice() {
                [left, right] => Node::Either(self.node(left, named), self.node(right, named)),
                sides => {
                    let (first, count) = self.joined(sides, named);
                    Node::Or { first, count }
                }
            },
            ExprKind::Binary(op, left, right) => {
                Node::Binary(*op, self.node(left, named), self.node(right, named))
            }
            ExprKind::Compare(op, left, right) => return self.compare(*op, left, right, named),
            ExprKind::Conditional(condition, then, otherwise) => Node::Conditional(
                self.node(condition, named),
                self.node(then, named),
                self.node(otherwise, named),
            ),
            ExprKind::Aggregate { function, tag, window_ms } => {
                let tag = self.tag(tag, named);
                Node::Aggregate(*function, self.operand(OperandCode::window(tag, *window_ms)))
            }
            ExprKind::Absent { tag, wait_ms } => {
                let tag = self.tag(tag, named);
                Node::Absent(self.operand(OperandCode::Absent { tag, wait_ms: *wait_ms }))
            }
        };
        self.push(node)
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr, named: &mut Vec<TagId>) -> NodeId {
        let (left, right) = (self.node(left, named), self.node(right, named));
        let side = |id: NodeId| at(&self.parts.nodes, id, "side of a comparison").copied();
        let node = match (side(left), side(right)) {
            (Some(Node::Tag(operand)), Some(Node::Number(number))) => {
                Node::TagWithNumber(op, operand, number)
            }
            (Some(Node::Number(number)), Some(Node::Tag(operand))) => {
                Node::TagWithNumber(op.flipped(), operand, number)
            }
            (Some(Node::Tag(operand)), Some(Node::Text(text))) => Node::TagWithText(op, operand, text),
            (Some(Node::Text(text)), Some(Node::Tag(operand))) => {
                Node::TagWithText(op.flipped(), operand, text)
            }
            _ => return self.push(Node::Compare(op, left, right)),
        };
        // The two sides are the newest nodes, and no other node refers to them.
        self.parts.nodes.truncate(self.parts.nodes.len().saturating_sub(2));
        self.push(node)
    }
}
