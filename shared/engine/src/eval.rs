//! Evaluates conditions at one instant: three-valued, without allocation.

use std::cmp::Ordering;

use andon_domain::{Value, never};

use crate::compile::plan::WindowSpec;
use crate::compile::{AttributeValues, Code, Node, NodeId, OperandCode};
use crate::expr::{AggregateFn, BinaryOp, CompareOp};
use crate::position::{at, range};
use crate::state::TagState;
use crate::window::Window;

/// A truth value. Unknown is neither true nor false: it starts nothing and ends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The value of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum EvalValue<'a> {
    Unknown,
    Bool(bool),
    Number(f64),
    Text(&'a str),
}

impl<'a> From<&'a Value> for EvalValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(*number),
            Value::Bool(value) => Self::Bool(*value),
            Value::Text(text) => Self::Text(text),
        }
    }
}

/// The trigger of an evaluation. At an instant a wait must have passed its end. At a timer the end may be just reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Instant,
    Timer,
}

impl Trigger {
    /// Returns whether a wait of `wait_ms` that began at `begin_ms` is over at `t_ms`.
    pub(crate) fn is_over(self, wait_ms: i64, begin_ms: i64, t_ms: i64) -> bool {
        match self {
            _ if wait_ms == 0 => true,
            Self::Instant => t_ms - begin_ms > wait_ms,
            Self::Timer => t_ms - begin_ms >= wait_ms,
        }
    }

    /// Returns the earliest time, ms, at which a timer may still be due after this evaluation.
    pub(crate) fn next_due_from(self, t_ms: i64) -> i64 {
        match self {
            Self::Instant => t_ms,
            Self::Timer => t_ms + 1,
        }
    }
}

/// Everything that a condition can read at a time.
#[derive(Clone, Copy)]
pub(crate) struct EvalContext<'a> {
    pub code: &'a Code,
    /// The positions of the operands in `tags` and `windows`.
    pub slots: &'a [u32],
    pub tags: &'a [TagState],
    pub windows: &'a [Window],
    pub specs: &'a [WindowSpec],
    pub attributes: &'a AttributeValues,
    pub t_ms: i64,
    pub trigger: Trigger,
    pub first_instant_ms: Option<i64>,
}

impl<'a> EvalContext<'a> {
    #[inline]
    fn slot(&self, operand: u32) -> Option<u32> {
        at(self.slots, operand, "operand of the code").copied()
    }

    #[inline]
    fn tag_state(&self, operand: u32) -> Option<&'a TagState> {
        at(self.tags, self.slot(operand)?, "tag of an operand")
    }

    /// Returns the newest value of a tag. A tag without points is unknown.
    #[inline]
    fn tag(&self, operand: u32) -> EvalValue<'a> {
        match self.tag_state(operand).and_then(|tag| tag.newest.as_ref()) {
            Some(newest) => EvalValue::from(&newest.value),
            None => EvalValue::Unknown,
        }
    }

    /// Returns an attribute. An attribute that the equipment lacks is unknown.
    pub(crate) fn attribute(&self, id: u32) -> EvalValue<'a> {
        self.attributes.get(id).map_or(EvalValue::Unknown, EvalValue::from)
    }

    /// Returns the truth of a condition.
    #[inline]
    pub(crate) fn truth(&self, id: NodeId) -> Truth {
        match self.code.nodes.get(id as usize) {
            Some(Node::TagWithNumber(op, operand, number)) => match self.tag(*operand) {
                EvalValue::Number(value) => compare_numbers(*op, value, *number),
                _ => Truth::Unknown,
            },
            Some(Node::TagWithText(op, operand, text)) => match (self.tag(*operand), self.text(*text)) {
                (EvalValue::Text(value), Some(text)) => compare_texts(*op, value, text),
                _ => Truth::Unknown,
            },
            Some(Node::Both(left, right)) => match self.truth(*left) {
                Truth::False => Truth::False,
                Truth::True => self.truth(*right),
                Truth::Unknown if self.truth(*right) == Truth::False => Truth::False,
                Truth::Unknown => Truth::Unknown,
            },
            Some(Node::Either(left, right)) => match self.truth(*left) {
                Truth::True => Truth::True,
                Truth::False => self.truth(*right),
                Truth::Unknown if self.truth(*right) == Truth::True => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Some(Node::And { first, count }) => self.all(*first, *count, Truth::True, Truth::False),
            Some(Node::Or { first, count }) => self.all(*first, *count, Truth::False, Truth::True),
            Some(Node::Not(inner)) => match self.truth(*inner) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            _ => match self.value(id) {
                EvalValue::Bool(value) => value.into(),
                _ => Truth::Unknown,
            },
        }
    }

    /// Returns the truth of `&&` or `||`: one `decisive` side decides, else all must be `neutral`.
    fn all(&self, first: u32, count: u32, neutral: Truth, decisive: Truth) -> Truth {
        let first = first as usize;
        let mut answer = neutral;
        for side in range(&self.code.sides, first..first + count as usize, "sides") {
            let truth = self.truth(*side);
            if truth == decisive {
                return decisive;
            }
            if truth != neutral {
                answer = Truth::Unknown;
            }
        }
        answer
    }

    fn text(&self, text: u32) -> Option<&'a str> {
        at(&self.code.texts, text, "text").map(compact_str::CompactString::as_str)
    }

    /// Returns the value of an expression.
    pub(crate) fn value(&self, id: NodeId) -> EvalValue<'a> {
        let Some(node) = at(&self.code.nodes, id, "node") else { return EvalValue::Unknown };
        match *node {
            Node::Number(number) => EvalValue::Number(number),
            Node::Bool(value) => EvalValue::Bool(value),
            Node::Text(text) => self.text(text).map_or(EvalValue::Unknown, EvalValue::Text),
            Node::Tag(operand) => self.tag(operand),
            Node::Attribute(id) => self.attribute(id),
            Node::Aggregate(function, operand) => self.aggregate(function, operand),
            Node::Absent(operand) => EvalValue::Bool(self.absent(operand)),
            Node::Negate(inner) => {
                self.number(inner).map_or(EvalValue::Unknown, |number| EvalValue::Number(-number))
            }
            Node::Abs(inner) => {
                self.number(inner).map_or(EvalValue::Unknown, |number| EvalValue::Number(number.abs()))
            }
            Node::Binary(op, left, right) => self.binary(op, left, right),
            Node::Compare(op, left, right) => boolean(compare(op, self.value(left), self.value(right))),
            Node::Conditional(condition, then, otherwise) => match self.truth(condition) {
                Truth::True => self.value(then),
                Truth::False => self.value(otherwise),
                Truth::Unknown => EvalValue::Unknown,
            },
            Node::Not(_)
            | Node::Both(..)
            | Node::Either(..)
            | Node::And { .. }
            | Node::Or { .. }
            | Node::TagWithNumber(..)
            | Node::TagWithText(..) => boolean(self.truth(id)),
        }
    }

    fn number(&self, id: NodeId) -> Option<f64> {
        match self.value(id) {
            EvalValue::Number(number) => Some(number),
            _ => None,
        }
    }

    fn binary(&self, op: BinaryOp, left: NodeId, right: NodeId) -> EvalValue<'a> {
        let (Some(left), Some(right)) = (self.number(left), self.number(right)) else {
            return EvalValue::Unknown;
        };
        let result = match op {
            BinaryOp::Add => left + right,
            BinaryOp::Subtract => left - right,
            BinaryOp::Multiply => left * right,
            // Division by zero is not finite, hence unknown.
            BinaryOp::Divide => left / right,
            BinaryOp::Remainder => left % right,
        };
        if result.is_finite() { EvalValue::Number(result) } else { EvalValue::Unknown }
    }

    /// Returns an aggregate. Without points, counts are 0 and all other aggregates unknown.
    pub(crate) fn aggregate(&self, function: AggregateFn, operand: u32) -> EvalValue<'a> {
        let Some(slot) = self.slot(operand) else { return EvalValue::Unknown };
        let Some(window) = at(self.windows, slot, "window of an operand") else { return EvalValue::Unknown };
        let Some(spec) = at(self.specs, slot, "planned window") else { return EvalValue::Unknown };
        let newest = at(self.tags, spec.tag, "tag of a window").and_then(|tag| tag.newest.as_ref());
        let value = match newest {
            Some(newest) => window.aggregate(*spec, self.t_ms, function, as_number(&newest.value)),
            None if matches!(function, AggregateFn::Count | AggregateFn::Changes) => Some(0.0),
            None => None,
        };
        value.map_or(EvalValue::Unknown, EvalValue::Number)
    }

    /// Returns whether the newest point of a tag is as old as `absent` demands.
    pub(crate) fn absent(&self, operand: u32) -> bool {
        let Some(OperandCode::Absent { wait_ms, .. }) = self.code.operands.get(operand as usize) else {
            never!("operand {operand} of {} is no `absent`", self.code.operands.len());
            return false;
        };
        self.silent_since_ms(operand)
            .is_some_and(|since_ms| self.trigger.is_over(*wait_ms, since_ms, self.t_ms))
    }

    /// Returns the time, ms, since which the tag of an `absent` is silent; `None` before the key's first instant.
    pub(crate) fn silent_since_ms(&self, operand: u32) -> Option<i64> {
        let first_instant_ms = self.first_instant_ms?;
        let tag = self.tag_state(operand)?;
        Some(match &tag.newest {
            Some(newest) => newest.effective_ms,
            None => first_instant_ms.max(tag.named_since_ms),
        })
    }
}

fn boolean<'a>(truth: Truth) -> EvalValue<'a> {
    match truth {
        Truth::True => EvalValue::Bool(true),
        Truth::False => EvalValue::Bool(false),
        Truth::Unknown => EvalValue::Unknown,
    }
}

/// Returns a value as a number for aggregates: booleans are 0 and 1, texts are no numbers.
pub(crate) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Text(_) => None,
    }
}

fn compare(op: CompareOp, left: EvalValue<'_>, right: EvalValue<'_>) -> Truth {
    match (left, right) {
        (EvalValue::Number(left), EvalValue::Number(right)) => compare_numbers(op, left, right),
        (EvalValue::Text(left), EvalValue::Text(right)) => compare_texts(op, left, right),
        (EvalValue::Bool(left), EvalValue::Bool(right)) => match op {
            CompareOp::Equal => (left == right).into(),
            CompareOp::NotEqual => (left != right).into(),
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

#[inline]
#[allow(clippy::float_cmp, reason = "the language compares numbers exactly, as CEL does")]
fn compare_numbers(op: CompareOp, left: f64, right: f64) -> Truth {
    match op {
        CompareOp::Less => left < right,
        CompareOp::LessOrEqual => left <= right,
        CompareOp::Greater => left > right,
        CompareOp::GreaterOrEqual => left >= right,
        CompareOp::Equal => left == right,
        CompareOp::NotEqual => left != right,
    }
    .into()
}

/// Compares texts by code point, which for UTF-8 is the order of the bytes.
#[inline]
fn compare_texts(op: CompareOp, left: &str, right: &str) -> Truth {
    match op {
        CompareOp::Equal => left == right,
        CompareOp::NotEqual => left != right,
        CompareOp::Less => left.cmp(right) == Ordering::Less,
        CompareOp::LessOrEqual => left.cmp(right) != Ordering::Greater,
        CompareOp::Greater => left.cmp(right) == Ordering::Greater,
        CompareOp::GreaterOrEqual => left.cmp(right) != Ordering::Less,
    }
    .into()
}
