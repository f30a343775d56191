//! Where a condition is true, or false: as alternatives, each of which says what values the things it looks at have.
//!
//! Truth has three values, so "not true" is not "false": a condition is true in the region that [`Region::of`]
//! gives for `true`, false in that for `false`, and unknown elsewhere. All that is concluded here holds with that.

use std::collections::BTreeMap;
use std::mem;

use andon_engine::expr::{AggregateFn, CompareOp, Expr, ExprKind};

use super::domain::{Domain, Values, whole};

/// Most alternatives of a region, and most things one alternative looks at; beyond, nothing is concluded.
const ALTERNATIVES: usize = 64;
const THINGS: usize = 64;

/// Values by what has them: a tag, an aggregate, or what else has a value, in its canonical text.
pub(super) type Alternative = BTreeMap<String, Domain>;

#[derive(Clone, Debug)]
pub(super) struct Region {
    /// None of them is empty; without any, the region is empty.
    pub(super) alternatives: Vec<Alternative>,
    /// What made an alternative impossible.
    pub(super) conflict: Option<Conflict>,
}

/// Two demands on one thing that exclude each other.
#[derive(Clone, Debug)]
pub(super) struct Conflict {
    pub(super) thing: String,
    /// The types that it must have at once, if that is the reason.
    pub(super) types: Option<(&'static str, &'static str)>,
}

impl Region {
    /// Where the expression is `truth`; nothing if that is too complex. Parameters must be filled in.
    pub(super) fn of(expr: &Expr, truth: bool) -> Option<Self> {
        match &expr.kind {
            ExprKind::Bool(value) => Some(Self::constant(*value == truth)),
            ExprKind::Not(inner) => Self::of(inner, !truth),
            ExprKind::And(sides) if truth => Self::all(sides, truth),
            ExprKind::Or(sides) if !truth => Self::all(sides, truth),
            ExprKind::And(sides) | ExprKind::Or(sides) => Self::any(sides, truth),
            ExprKind::Conditional(condition, then, otherwise) => {
                let then = Self::of(condition, true)?.and(Self::of(then, truth)?)?;
                let otherwise = Self::of(condition, false)?.and(Self::of(otherwise, truth)?)?;
                then.or(otherwise)
            }
            ExprKind::Compare(op, left, right) => {
                let op = if truth { *op } else { negated(*op) };
                compare(op, left, right)
            }
            ExprKind::Tag(_) | ExprKind::Absent { .. } => {
                Some(Self::one(expr.to_string(), Domain::Bool(truth)))
            }
            // A number or a text is no condition; `check` has refused it.
            _ => None,
        }
    }

    /// Everywhere or nowhere.
    fn constant(everywhere: bool) -> Self {
        let alternatives = if everywhere { vec![Alternative::new()] } else { Vec::new() };
        Self { alternatives, conflict: None }
    }

    fn one(thing: String, domain: Domain) -> Self {
        if domain.is_empty() {
            return Self::impossible(thing);
        }
        Self { alternatives: vec![Alternative::from([(thing, domain)])], conflict: None }
    }

    /// Nowhere, since this thing has no such value.
    fn impossible(thing: String) -> Self {
        Self { alternatives: Vec::new(), conflict: Some(Conflict { thing, types: None }) }
    }

    fn all(sides: &[Expr], truth: bool) -> Option<Self> {
        sides.iter().try_fold(Self::constant(true), |region, side| region.and(Self::of(side, truth)?))
    }

    fn any(sides: &[Expr], truth: bool) -> Option<Self> {
        sides.iter().try_fold(Self::constant(false), |region, side| region.or(Self::of(side, truth)?))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    fn or(mut self, other: Self) -> Option<Self> {
        self.alternatives.extend(other.alternatives);
        self.conflict = self.conflict.or(other.conflict);
        (self.alternatives.len() <= ALTERNATIVES).then_some(self)
    }

    pub(super) fn and(mut self, mut other: Self) -> Option<Self> {
        let mut conflict = self.conflict.take().or(other.conflict.take());
        let mut alternatives = Vec::new();
        // The usual case, a plain conjunction, without a copy.
        if let ([left], [right]) = (self.alternatives.as_mut_slice(), other.alternatives.as_mut_slice()) {
            alternatives.extend(both(mem::take(left), mem::take(right), &mut conflict)?);
        } else {
            if self.alternatives.len().saturating_mul(other.alternatives.len()) > ALTERNATIVES * 4 {
                return None;
            }
            for left in &self.alternatives {
                for right in &other.alternatives {
                    alternatives.extend(both(left.clone(), right.clone(), &mut conflict)?);
                }
            }
        }
        (alternatives.len() <= ALTERNATIVES).then_some(Self { alternatives, conflict })
    }

    /// Whether it lies within the other for sure: each of its alternatives within one of the other's.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.alternatives.iter().all(|inner| {
            other.alternatives.iter().any(|outer| {
                outer
                    .iter()
                    .all(|(thing, values)| inner.get(thing).is_some_and(|inner| inner.is_within(values)))
            })
        })
    }

    /// The one thing that it looks at, with its values, if it is that simple.
    pub(super) fn single(&self) -> Option<(&str, &Domain)> {
        match self.alternatives.as_slice() {
            [alternative] if alternative.len() == 1 => {
                alternative.iter().next().map(|(thing, domain)| (thing.as_str(), domain))
            }
            _ => None,
        }
    }
}

/// Both alternatives at once: `None` if too complex, `Some(None)` if impossible.
fn both(
    mut left: Alternative,
    right: Alternative,
    conflict: &mut Option<Conflict>,
) -> Option<Option<Alternative>> {
    for (thing, domain) in right {
        let joined = match left.get(&thing) {
            None => domain,
            Some(known) => match known.and(&domain) {
                Some(joined) => joined,
                None => {
                    let types = (known.type_name(), domain.type_name());
                    let types = (types.0 != types.1).then_some(types);
                    conflict.get_or_insert(Conflict { thing, types });
                    return Some(None);
                }
            },
        };
        left.insert(thing, joined);
        if left.len() > THINGS {
            return None;
        }
    }
    Some(Some(left))
}

fn negated(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::GreaterOrEqual,
        CompareOp::LessOrEqual => CompareOp::Greater,
        CompareOp::Greater => CompareOp::LessOrEqual,
        CompareOp::GreaterOrEqual => CompareOp::Less,
        CompareOp::Equal => CompareOp::NotEqual,
        CompareOp::NotEqual => CompareOp::Equal,
    }
}

/// Where `left op right` holds. The comparison being false is the negated one holding: both need the same types.
fn compare(op: CompareOp, left: &Expr, right: &Expr) -> Option<Region> {
    let constant =
        |expr: &Expr| matches!(expr.kind, ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_));
    match (&left.kind, &right.kind) {
        (ExprKind::Number(left), ExprKind::Number(right)) => Some(Region::constant(
            Domain::Number(Values::that_are(op, *right)).and(&equal_to(*left)).is_some(),
        )),
        (ExprKind::Text(left), ExprKind::Text(right)) => {
            let left = Domain::Text(Values::that_are(CompareOp::Equal, left.clone()));
            Some(Region::constant(left.and(&Domain::Text(Values::that_are(op, right.clone()))).is_some()))
        }
        _ if constant(left) && !constant(right) => compare(op.flipped(), right, left),
        (_, ExprKind::Number(number)) => Some(with_number(op, left, *number)),
        (_, ExprKind::Text(text)) => {
            Some(Region::one(left.to_string(), Domain::Text(Values::that_are(op, text.clone()))))
        }
        (_, ExprKind::Bool(value)) => Region::of(left, *value == (op == CompareOp::Equal)),
        _ => Some(pair(op, left, right)),
    }
}

fn equal_to(number: f64) -> Domain {
    Domain::Number(Values::that_are(CompareOp::Equal, number))
}

fn with_number(op: CompareOp, left: &Expr, number: f64) -> Region {
    let values = Values::that_are(op, number);
    let not_negative = || Domain::Number(Values::that_are(CompareOp::GreaterOrEqual, 0.0));
    let domain = match &left.kind {
        ExprKind::Aggregate { function: AggregateFn::Count | AggregateFn::Changes, .. } => {
            Domain::Number(whole(values)).and(&not_negative())
        }
        ExprKind::Aggregate { function: AggregateFn::Stddev, .. } | ExprKind::Abs(_) => {
            Domain::Number(values).and(&not_negative())
        }
        _ => Some(Domain::Number(values)),
    };
    match domain {
        Some(domain) => Region::one(left.to_string(), domain),
        None => Region::impossible(left.to_string()),
    }
}

/// Two things compared with each other: the sign of their order stands for a number compared with 0.
fn pair(op: CompareOp, left: &Expr, right: &Expr) -> Region {
    let (left, right) = (left.to_string(), right.to_string());
    let (first, second, op) = if left <= right { (left, right, op) } else { (right, left, op.flipped()) };
    let mut values = Domain::Number(Values::that_are(op, 0.0));
    if first == second {
        values = match values.and(&equal_to(0.0)) {
            Some(values) => values,
            None => return Region::impossible(first),
        };
    }
    let pair = format!("{first} ? {second}");
    let mut region = Region::one(pair.clone(), values);
    // Booleans are equal or not, but have no order: that there is one is known only from an ordering comparison.
    if !matches!(op, CompareOp::Equal | CompareOp::NotEqual) {
        for alternative in &mut region.alternatives {
            alternative.insert(format!("{pair} ordered"), Domain::Bool(true));
        }
    }
    region
}
