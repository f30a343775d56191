//! Windows as panes: what a window over one tag remembers of its points.
//!
//! A point is never older than the newest one of its tag (older ones are rejected as superseded), so panes are
//! only appended to: all but the newest are final. Each pane keeps every field that some function needs, since a
//! later rule set may ask another question of the same window.

use std::collections::VecDeque;

use crate::compile::plan::WindowSpec;
use crate::expr::AggregateFn;

/// The points of one tag that fall into one pane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pane {
    /// `floor(own timestamp / pane width)`.
    pub index: i64,
    pub count: u32,
    /// How many of the points are texts: with one, only `count` and `changes` are known.
    pub texts: u32,
    pub changes: u32,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub squares: f64,
    pub oldest: (i64, f64),
    pub newest: (i64, f64),
}

impl Pane {
    /// A pane of one point. `value` is `None` for a text.
    pub(crate) fn one(index: i64, own_ms: i64, value: Option<f64>, changed: bool) -> Self {
        let number = value.unwrap_or(0.0);
        Self {
            index,
            count: 1,
            texts: u32::from(value.is_none()),
            changes: u32::from(changed),
            sum: number,
            min: number,
            max: number,
            mean: number,
            squares: 0.0,
            oldest: (own_ms, number),
            newest: (own_ms, number),
        }
    }

    /// Takes in a younger pane.
    ///
    /// Mean and squares are merged as by T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a
    /// pairwise algorithm for computing sample variances" (1979), which does not cancel as a difference of sums
    /// does.
    fn merge(&mut self, younger: &Self) {
        let (here, there) = (f64::from(self.count), f64::from(younger.count));
        let distance = younger.mean - self.mean;
        let both = here + there;
        self.squares += younger.squares + distance * distance * here * there / both;
        self.mean += distance * there / both;
        self.sum += younger.sum;
        self.min = self.min.min(younger.min);
        self.max = self.max.max(younger.max);
        self.count = self.count.saturating_add(younger.count);
        self.texts = self.texts.saturating_add(younger.texts);
        self.changes = self.changes.saturating_add(younger.changes);
        self.newest = younger.newest;
    }
}

/// The panes of one window, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Window {
    pub panes: VecDeque<Pane>,
}

impl Window {
    /// Takes a point that is applied at `t_ms`, and forgets what no later time covers.
    pub(crate) fn push(
        &mut self,
        spec: WindowSpec,
        t_ms: i64,
        own_ms: i64,
        value: Option<f64>,
        changed: bool,
    ) {
        let oldest_index = first_covered(spec, t_ms);
        while self.panes.front().is_some_and(|pane| pane.index < oldest_index) {
            self.panes.pop_front();
        }
        let index = own_ms.div_euclid(spec.pane_ms);
        if index < oldest_index {
            return;
        }
        let pane = Pane::one(index, own_ms, value, changed);
        match self.panes.back_mut() {
            Some(newest) if newest.index == index => newest.merge(&pane),
            _ => self.panes.push_back(pane),
        }
    }

    /// The panes that the window covers at `t_ms`.
    pub(crate) fn covered(&self, spec: WindowSpec, t_ms: i64) -> impl Iterator<Item = &Pane> {
        let oldest_index = first_covered(spec, t_ms);
        self.panes.iter().skip_while(move |pane| pane.index < oldest_index)
    }

    /// When the next pane leaves the window: the earliest such time at or after `from_ms`.
    pub(crate) fn next_expiry_ms(&self, spec: WindowSpec, from_ms: i64) -> Option<i64> {
        self.panes
            .iter()
            .map(|pane| (pane.index + spec.panes) * spec.pane_ms)
            .find(|due_ms| *due_ms >= from_ms)
    }

    /// An aggregate at `t_ms`; `None` for unknown. `standing` is the tag's newest value as a number, which `avg`,
    /// `min` and `max` of a window without a point are; `None` if it is a text.
    pub(crate) fn aggregate(
        &self,
        spec: WindowSpec,
        t_ms: i64,
        function: AggregateFn,
        standing: Option<f64>,
    ) -> Option<f64> {
        let mut panes = self.covered(spec, t_ms);
        let Some(first) = panes.next() else {
            return match function {
                AggregateFn::Avg | AggregateFn::Min | AggregateFn::Max => standing,
                _ => Some(0.0),
            };
        };
        match function {
            AggregateFn::Count => {
                return Some(panes.fold(f64::from(first.count), |n, pane| n + f64::from(pane.count)));
            }
            AggregateFn::Changes => {
                return Some(panes.fold(f64::from(first.changes), |n, pane| n + f64::from(pane.changes)));
            }
            _ => {}
        }
        if first.texts > 0 {
            return None;
        }
        // Each function looks only at the fields that it needs: this loop is most of the cost of a window.
        let value = match function {
            AggregateFn::Avg => {
                let (mut sum, mut count) = (first.sum, f64::from(first.count));
                for pane in panes {
                    if pane.texts > 0 {
                        return None;
                    }
                    sum += pane.sum;
                    count += f64::from(pane.count);
                }
                sum / count
            }
            AggregateFn::Sum => fold(panes, first.sum, |sum, pane| sum + pane.sum)?,
            AggregateFn::Min => fold(panes, first.min, |min, pane| min.min(pane.min))?,
            AggregateFn::Max => fold(panes, first.max, |max, pane| max.max(pane.max))?,
            AggregateFn::Stddev => {
                let mut whole = first.clone();
                for pane in panes {
                    whole.merge(pane);
                }
                if whole.texts > 0 {
                    return None;
                }
                (whole.squares / f64::from(whole.count)).sqrt()
            }
            AggregateFn::Delta | AggregateFn::Rate => {
                let newest = fold(panes, first.newest, |_, pane| pane.newest)?;
                let delta = newest.1 - first.oldest.1;
                if function == AggregateFn::Delta { delta } else { rate(delta, newest.0 - first.oldest.0) }
            }
            AggregateFn::Count | AggregateFn::Changes => return None,
        };
        value.is_finite().then_some(value)
    }
}

/// Folds the fields of panes without texts; `None` as soon as there is one.
fn fold<'a, T>(mut panes: impl Iterator<Item = &'a Pane>, first: T, f: impl Fn(T, &Pane) -> T) -> Option<T> {
    panes.try_fold(first, |value, pane| (pane.texts == 0).then(|| f(value, pane)))
}

fn rate(delta: f64, elapsed_ms: i64) -> f64 {
    if elapsed_ms == 0 { 0.0 } else { delta / (millis_as_number(elapsed_ms) / 1000.0) }
}

/// A difference of bounded times as a float: exact, since they stay below 2^54.
#[allow(
    clippy::cast_precision_loss,
    reason = "times are within limits::TIMESTAMP_MS, which floats hold exactly"
)]
fn millis_as_number(ms: i64) -> f64 {
    ms as f64
}

/// The index of the oldest pane that the window covers at a time.
fn first_covered(spec: WindowSpec, t_ms: i64) -> i64 {
    t_ms.div_euclid(spec.pane_ms) - spec.panes + 1
}
