//! The values that one thing may have while a condition holds.

use std::ops::Bound;

use andon_engine::expr::CompareOp;

/// Values of one type: a comparison that is true or false has fixed the type of what it compares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Domain {
    Number(Values<f64>),
    Text(Values<String>),
    Bool(bool),
}

/// An interval without some of its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Values<T> {
    pub(super) low: Bound<T>,
    pub(super) high: Bound<T>,
    holes: Vec<T>,
}

impl<T: PartialOrd + Clone> Values<T> {
    /// The values for which `value op to` is true.
    pub(super) fn that_are(op: CompareOp, to: T) -> Self {
        let (low, high) = match op {
            CompareOp::Less => (Bound::Unbounded, Bound::Excluded(to)),
            CompareOp::LessOrEqual => (Bound::Unbounded, Bound::Included(to)),
            CompareOp::Greater => (Bound::Excluded(to), Bound::Unbounded),
            CompareOp::GreaterOrEqual => (Bound::Included(to), Bound::Unbounded),
            CompareOp::Equal => (Bound::Included(to.clone()), Bound::Included(to)),
            CompareOp::NotEqual => {
                return Self { low: Bound::Unbounded, high: Bound::Unbounded, holes: vec![to] };
            }
        };
        Self { low, high, holes: Vec::new() }
    }

    fn and(&self, other: &Self) -> Self {
        let low = if starts_later(&self.low, &other.low) { &self.low } else { &other.low };
        let high = if ends_earlier(&self.high, &other.high) { &self.high } else { &other.high };
        let mut holes = self.holes.clone();
        holes.extend(other.holes.iter().filter(|hole| !self.holes.contains(hole)).cloned());
        Self { low: low.clone(), high: high.clone(), holes }
    }

    fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) => {
                low > high || (low == high && self.holes.contains(low))
            }
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
                low >= high
            }
            _ => false,
        }
    }

    fn has(&self, value: &T) -> bool {
        let above = match &self.low {
            Bound::Included(low) => value >= low,
            Bound::Excluded(low) => value > low,
            Bound::Unbounded => true,
        };
        let below = match &self.high {
            Bound::Included(high) => value <= high,
            Bound::Excluded(high) => value < high,
            Bound::Unbounded => true,
        };
        above && below && !self.holes.contains(value)
    }

    fn is_within(&self, other: &Self) -> bool {
        !starts_later(&other.low, &self.low)
            && !ends_earlier(&other.high, &self.high)
            && other.holes.iter().all(|hole| !self.has(hole))
    }
}

/// Whether the first lower bound allows less than the second.
fn starts_later<T: PartialOrd>(first: &Bound<T>, second: &Bound<T>) -> bool {
    match (first, second) {
        (Bound::Unbounded, _) => false,
        (_, Bound::Unbounded) => true,
        (Bound::Excluded(first), Bound::Included(second)) => first >= second,
        (
            Bound::Included(first) | Bound::Excluded(first),
            Bound::Included(second) | Bound::Excluded(second),
        ) => first > second,
    }
}

/// Whether the first upper bound allows less than the second.
fn ends_earlier<T: PartialOrd>(first: &Bound<T>, second: &Bound<T>) -> bool {
    match (first, second) {
        (Bound::Unbounded, _) => false,
        (_, Bound::Unbounded) => true,
        (Bound::Excluded(first), Bound::Included(second)) => first <= second,
        (
            Bound::Included(first) | Bound::Excluded(first),
            Bound::Included(second) | Bound::Excluded(second),
        ) => first < second,
    }
}

impl Domain {
    /// What is in both; nothing where they have no value in common.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let both = match (self, other) {
            (Self::Number(left), Self::Number(right)) => Self::Number(left.and(right)),
            (Self::Text(left), Self::Text(right)) => Self::Text(left.and(right)),
            (Self::Bool(left), Self::Bool(right)) if left == right => Self::Bool(*left),
            _ => return None,
        };
        (!both.is_empty()).then_some(both)
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Number(values) => values.is_empty(),
            Self::Text(values) => values.is_empty(),
            Self::Bool(_) => false,
        }
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(inner), Self::Number(outer)) => inner.is_within(outer),
            (Self::Text(inner), Self::Text(outer)) => inner.is_within(outer),
            (Self::Bool(inner), Self::Bool(outer)) => inner == outer,
            _ => false,
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bool(_) => "a boolean",
        }
    }
}

/// The same for a thing that is a whole number: its bounds moved to whole numbers.
pub(super) fn whole(values: Values<f64>) -> Values<f64> {
    let low = match values.low {
        Bound::Excluded(low) => Bound::Included(low.floor() + 1.0),
        Bound::Included(low) => Bound::Included(low.ceil()),
        Bound::Unbounded => Bound::Unbounded,
    };
    let high = match values.high {
        Bound::Excluded(high) => Bound::Included(high.ceil() - 1.0),
        Bound::Included(high) => Bound::Included(high.floor()),
        Bound::Unbounded => Bound::Unbounded,
    };
    Values { low, high, holes: values.holes }
}
