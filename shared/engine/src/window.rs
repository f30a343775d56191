//! Windows: aggregates over the points of one tag, summed up in panes.
//!
//! A point is never older than the newest one of its tag, because the fold rejects older ones as superseded. So panes
//! are only appended, and all but the newest are final. Each pane keeps the fields of every function, because a later
//! rule set may use another function on the same window.

use std::collections::VecDeque;

use andon_domain::never;

use crate::compile::plan::{WindowSpec, ensure};
use crate::expr::AggregateFn;

/// A summary of the points of one tag in one pane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pane {
    /// `floor(own timestamp / pane width)`.
    pub index: i64,
    pub count: u32,
    /// The number of points that are texts. With a text, only `count` and `changes` are known.
    pub texts: u32,
    pub changes: u32,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// The sum of squared distances from the mean.
    pub squares: f64,
    /// The oldest point: (own timestamp in ms, value).
    pub oldest: (i64, f64),
    /// The newest point: (own timestamp in ms, value).
    pub newest: (i64, f64),
}

impl Pane {
    /// Returns a pane of one point. `value` is `None` for a text.
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

    /// Merges a younger pane into this one.
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
    /// Adds a point that is applied at `t_ms`, and forgets panes that no later time covers.
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
            // A late point may be older than the window.
            return;
        }
        let pane = Pane::one(index, own_ms, value, changed);
        match self.panes.back_mut() {
            Some(newest) if newest.index == index => newest.merge(&pane),
            _ => self.panes.push_back(pane),
        }
    }

    /// Checks the invariants of the panes of a window at a watermark.
    ///
    /// Panes are ordered, start no later than the watermark, and are at most `most` in number. The points of a pane lie
    /// in it, and its counts fit each other.
    pub(crate) fn check(&self, spec: WindowSpec, watermark_ms: i64, most: i64) -> Result<(), String> {
        let count = i64::try_from(self.panes.len()).unwrap_or(i64::MAX);
        ensure(count <= most, || format!("{count} panes; the limit is {most}"))?;
        ensure(self.panes.iter().is_sorted_by(|older, younger| older.index < younger.index), || {
            "panes are out of order".to_owned()
        })?;
        for pane in &self.panes {
            let within = |at_ms: i64| at_ms.div_euclid(spec.pane_ms) == pane.index;
            let fits = within(pane.oldest.0)
                && within(pane.newest.0)
                && pane.oldest.0 <= pane.newest.0
                && pane.newest.0 <= watermark_ms
                && pane.count >= 1
                && pane.texts <= pane.count
                && pane.changes <= pane.count
                && (pane.texts > 0 || pane.min <= pane.max);
            ensure(fits, || format!("{pane:?} of {spec:?} at the watermark {watermark_ms}"))?;
        }
        Ok(())
    }

    /// Returns the panes that the window covers at `t_ms`.
    pub(crate) fn covered(&self, spec: WindowSpec, t_ms: i64) -> impl Iterator<Item = &Pane> {
        let oldest_index = first_covered(spec, t_ms);
        self.panes.iter().skip_while(move |pane| pane.index < oldest_index)
    }

    /// Returns the earliest time at or after `from_ms` at which a pane leaves the window.
    pub(crate) fn next_expiry_ms(&self, spec: WindowSpec, from_ms: i64) -> Option<i64> {
        self.panes
            .iter()
            .map(|pane| (pane.index + spec.panes) * spec.pane_ms)
            .find(|due_ms| *due_ms >= from_ms)
    }

    /// Returns an aggregate at `t_ms`; `None` for unknown. `standing` is the tag's newest value as a number, `None` if
    /// it is a text. It is the `avg`, `min` and `max` of a window without points.
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
        // Each function reads only the fields that it needs: this loop is most of the cost of a window.
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
            AggregateFn::Count | AggregateFn::Changes => {
                never!("`{}` was returned above", function.name());
                return None;
            }
        };
        value.is_finite().then_some(value)
    }
}

/// Folds a field of panes; `None` as soon as a pane has a text.
fn fold<'a, T>(mut panes: impl Iterator<Item = &'a Pane>, first: T, f: impl Fn(T, &Pane) -> T) -> Option<T> {
    panes.try_fold(first, |value, pane| (pane.texts == 0).then(|| f(value, pane)))
}

fn rate(delta: f64, elapsed_ms: i64) -> f64 {
    if elapsed_ms == 0 { 0.0 } else { delta / (millis_as_number(elapsed_ms) / 1000.0) }
}

/// Returns a distance between points of one window as a float.
#[allow(
    clippy::cast_precision_loss,
    reason = "times are within limits::TIMESTAMP_MS, which floats hold exactly"
)]
fn millis_as_number(ms: i64) -> f64 {
    ms as f64
}

/// Returns the index of the oldest pane that the window covers at a time.
fn first_covered(spec: WindowSpec, t_ms: i64) -> i64 {
    t_ms.div_euclid(spec.pane_ms) - spec.panes + 1
}
