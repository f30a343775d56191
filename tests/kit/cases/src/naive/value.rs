//! Values of expressions and windows: three-valued, `None` is unknown.

use std::collections::BTreeMap;

use andon_domain::Value;
use andon_engine::expr::{AggregateFn, BinaryOp, CompareOp, Expr, ExprKind};

use super::set::Window;

/// A place on the time line. At the same time, instants come before timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Effective time, ms.
    pub(super) at: i64,
    /// Whether it is a timer, not an instant.
    pub(super) timer: bool,
}

impl Moment {
    /// Returns whether a wait that began at a time is over. At an instant of its end it is not: points of the same time
    /// come first.
    pub(super) fn is_over(self, began: i64, wait_ms: i64) -> bool {
        let waited = self.at - began;
        if wait_ms == 0 {
            true
        } else if self.timer {
            waited >= wait_ms
        } else {
            waited > wait_ms
        }
    }
}

/// The order of the points of a tag: own timestamp, sent timestamp, sequence number.
pub(super) type PointOrder = (i64, i64, i64);

/// A point that was applied.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) order: PointOrder,
    /// Own timestamp, ms.
    pub(super) own: i64,
    /// The effective time at which it was applied, ms.
    pub(super) effective: i64,
    pub(super) value: Value,
    /// Whether its value differs from that of the tag's point before it.
    pub(super) changed: bool,
}

/// A tag that a rule of the key names.
#[derive(Clone, Debug, Default)]
pub(super) struct Tag {
    /// The time of the rule change that first named it, ms; `None` where the key began with it.
    pub(super) named: Option<i64>,
    /// Every point of it, oldest first: applied points of a tag always get newer.
    pub(super) points: Vec<Applied>,
}

/// The points of a key, by tag.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) first_instant: Option<i64>,
    /// Every tag that a rule of the key names.
    pub(super) tags: BTreeMap<String, Tag>,
    /// Every window that a rule of the key names, with the number of points of the tag before it was named: it
    /// never saw these.
    pub(super) windows: BTreeMap<Window, usize>,
}

impl Memory {
    pub(super) fn newest(&self, tag: &str) -> Option<&Applied> {
        self.tags.get(tag).and_then(|tag| tag.points.last())
    }

    /// Returns the start of a tag's silence, ms. `None` before the first instant.
    pub(super) fn silent_since(&self, tag: &str) -> Option<i64> {
        let named = self.tags.get(tag).and_then(|tag| tag.named);
        match self.newest(tag) {
            Some(point) => Some(point.effective),
            None => self.first_instant.map(|first| named.map_or(first, |named| named.max(first))),
        }
    }

    /// Returns the points that a window has seen, oldest first, with the points that have left it since.
    pub(super) fn seen_by(&self, window: &Window) -> &[Applied] {
        let unseen = self.windows.get(window).copied().unwrap_or_default();
        self.tags.get(&window.tag).and_then(|tag| tag.points.get(unseen..)).unwrap_or_default()
    }

    /// Returns the truth of a condition; `None` where it is unknown or no boolean.
    pub(super) fn truth(&self, expr: &Expr, now: Moment) -> Option<bool> {
        bool_of(self.value(expr, now))
    }

    pub(super) fn value(&self, expr: &Expr, now: Moment) -> Option<Value> {
        match &expr.kind {
            ExprKind::Number(number) => Some(Value::Number(*number)),
            ExprKind::Text(text) => Some(Value::Text(text.as_str().into())),
            ExprKind::Bool(value) => Some(Value::Bool(*value)),
            ExprKind::Tag(tag) => self.newest(tag).map(|point| point.value.clone()),
            // Those with a value were filled in when the key took up the rule.
            ExprKind::Param(_) | ExprKind::Attribute(_) => None,
            ExprKind::Not(inner) => self.truth(inner, now).map(|value| Value::Bool(!value)),
            ExprKind::Negate(inner) => finite(-self.number(inner, now)?),
            ExprKind::Abs(inner) => finite(self.number(inner, now)?.abs()),
            ExprKind::And(sides) => self.joined(sides, now, false),
            ExprKind::Or(sides) => self.joined(sides, now, true),
            ExprKind::Binary(op, left, right) => {
                let (left, right) = (self.number(left, now)?, self.number(right, now)?);
                match op {
                    BinaryOp::Add => finite(left + right),
                    BinaryOp::Subtract => finite(left - right),
                    BinaryOp::Multiply => finite(left * right),
                    BinaryOp::Divide | BinaryOp::Remainder if right == 0.0 => None,
                    BinaryOp::Divide => finite(left / right),
                    BinaryOp::Remainder => finite(left % right),
                }
            }
            ExprKind::Compare(op, left, right) => {
                compare(*op, &self.value(left, now)?, &self.value(right, now)?).map(Value::Bool)
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                if self.truth(condition, now)? {
                    self.value(then, now)
                } else {
                    self.value(otherwise, now)
                }
            }
            ExprKind::Aggregate { function, tag, window_ms } => {
                self.aggregate(*function, tag, *window_ms, now)
            }
            ExprKind::Absent { tag, wait_ms } => {
                Some(Value::Bool(self.silent_since(tag).is_some_and(|since| now.is_over(since, *wait_ms))))
            }
        }
    }

    fn number(&self, expr: &Expr, now: Moment) -> Option<f64> {
        match self.value(expr, now)? {
            Value::Number(number) => Some(number),
            Value::Bool(_) | Value::Text(_) => None,
        }
    }

    /// `&&` is decided by one false side, `||` by one true side; else unknown if one side is no boolean.
    fn joined(&self, sides: &[Expr], now: Moment, decisive: bool) -> Option<Value> {
        let sides: Vec<Option<bool>> = sides.iter().map(|side| self.truth(side, now)).collect();
        if sides.contains(&Some(decisive)) {
            Some(Value::Bool(decisive))
        } else if sides.contains(&None) {
            None
        } else {
            Some(Value::Bool(!decisive))
        }
    }

    fn aggregate(&self, function: AggregateFn, tag: &str, width_ms: i64, now: Moment) -> Option<Value> {
        use AggregateFn::{Avg, Changes, Count, Delta, Max, Min, Rate, Stddev, Sum};
        let window = Window::new(tag, width_ms);
        let points: Vec<&Applied> =
            self.seen_by(&window).iter().filter(|point| window.covers(point.own, now.at)).collect();
        // Both take texts, and are 0 for a tag never seen.
        match function {
            Count => return finite(float(points.len())),
            Changes => return finite(float(points.iter().filter(|point| point.changed).count())),
            _ => {}
        }
        let newest = self.newest(tag)?;
        let numbers: Vec<f64> = points.iter().map(|point| as_number(&point.value)).collect::<Option<_>>()?;
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return match function {
                Avg | Min | Max => finite(as_number(&newest.value)?),
                _ => Some(Value::Number(0.0)),
            };
        };
        let sum: f64 = numbers.iter().sum();
        let mean = sum / float(numbers.len());
        let delta = as_number(&last.value)? - as_number(&first.value)?;
        finite(match function {
            Avg => mean,
            Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Sum => sum,
            Stddev => {
                let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
                (squares / float(numbers.len())).sqrt()
            }
            Rate if last.own == first.own => 0.0,
            Rate => delta / (float(last.own - first.own) / 1000.0),
            Delta | Count | Changes => delta,
        })
    }
}

fn bool_of(value: Option<Value>) -> Option<bool> {
    match value {
        Some(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Text(_) => None,
    }
}

fn finite(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Number(number))
}

/// Returns a count or a duration as a float.
fn float<T: TryInto<u32>>(number: T) -> f64 {
    number.try_into().map_or(f64::INFINITY, f64::from)
}

fn compare(op: CompareOp, left: &Value, right: &Value) -> Option<bool> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right)?,
        (Value::Text(left), Value::Text(right)) => left.chars().cmp(right.chars()),
        (Value::Bool(left), Value::Bool(right)) => {
            return match op {
                CompareOp::Equal => Some(left == right),
                CompareOp::NotEqual => Some(left != right),
                _ => None,
            };
        }
        _ => return None,
    };
    Some(match op {
        CompareOp::Less => order.is_lt(),
        CompareOp::LessOrEqual => order.is_le(),
        CompareOp::Greater => order.is_gt(),
        CompareOp::GreaterOrEqual => order.is_ge(),
        CompareOp::Equal => order.is_eq(),
        CompareOp::NotEqual => order.is_ne(),
    })
}
