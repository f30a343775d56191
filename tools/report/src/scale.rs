//! Scales of axes: positions of ticks and of values.

use crate::format::{Day, TickTime};
use crate::numbers::{float, nearest};
use crate::range::Range;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Distances between ticks that people read easily; the script of the page gets the same list.
pub(crate) const TIME_STEPS_MS: [i64; 36] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    YEAR,
    5 * YEAR,
    10 * YEAR,
];

/// A tick of the time axis.
pub(crate) struct TimeTick {
    pub(crate) at_ms: i64,
    pub(crate) label: String,
    /// The day, at the first tick and where a day begins.
    pub(crate) day: Option<String>,
}

pub(crate) fn time_ticks(range: &Range) -> Vec<TimeTick> {
    // `HH:MM` is short; seconds and dates are not.
    let fits = |step: &i64| range.width_ms() / step < if (MINUTE..DAY).contains(step) { 12 } else { 7 };
    // Beyond the list (centuries) any round number of milliseconds is as good as another.
    let step = TIME_STEPS_MS.iter().copied().find(fits).unwrap_or_else(|| range.width_ms() / 4 + 1);
    let first = match range.start_ms.rem_euclid(step) {
        0 => range.start_ms,
        past => range.start_ms.saturating_add(step - past),
    };
    let ticks = std::iter::successors(Some(first), |at| at.checked_add(step));
    ticks
        .take_while(|at| *at <= range.end_ms)
        .enumerate()
        .map(|(i, at_ms)| TimeTick {
            at_ms,
            label: TickTime { at_ms, step_ms: step }.to_string(),
            day: (step < DAY && (i == 0 || at_ms.rem_euclid(DAY) == 0)).then(|| Day::of(at_ms).to_string()),
        })
        .collect()
}

/// A scale of values: the bottom and the top of a chart, and the ticks between.
#[derive(Debug)]
pub(crate) struct ValueScale {
    low: f64,
    high: f64,
    pub(crate) ticks: Vec<f64>,
}

impl ValueScale {
    /// A scale that shows all of `low..=high`.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let (low, high) = if high > low {
            (low, high)
        } else {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
            (low - room, high + room)
        };
        // Halved before the difference, which could otherwise overflow.
        let step = nice_step((high / 2.0 - low / 2.0) / 1.7);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        if !(step.is_finite() && step > 0.0 && last - first < 16.0) {
            return Self { low, high, ticks: vec![low, high] };
        }
        let steps = nearest(last - first);
        let ticks: Vec<f64> =
            (0..=steps).map(|i| (first + float(i)) * step).filter(|t| *t >= low && *t <= high).collect();
        let room = (high / 2.0 - low / 2.0) * 0.12;
        Self { low: low - room, high: high + room, ticks }
    }

    /// Returns the position of a value, from 0 (top) to 1 (bottom). Values outside clamp to the ends.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        let height = self.high / 2.0 - self.low / 2.0;
        let from_top = (self.high / 2.0 - value / 2.0) / height;
        if from_top.is_finite() { from_top.clamp(0.0, 1.0) } else { 0.5 }
    }

    pub(crate) fn contains(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }
}

/// The least of 1, 2, 5 times a power of ten that is no less than `rough`.
fn nice_step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 0.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_tick_every_three_hours_and_names_its_date_once() {
        let ticks = time_ticks(&Range::new(1_699_920_000_000, 1_699_920_000_000 + DAY));
        let labels: Vec<&str> = ticks.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"]);
        let days: Vec<_> = ticks.iter().map(|t| t.day.as_deref()).collect();
        assert_eq!(days, [Some("Tue 14 Nov"), None, None, None, None, None, None, None, Some("Wed 15 Nov")]);
    }

    #[test]
    fn the_number_of_ticks_is_bounded_for_any_range() {
        for width in [1, 7, 999, 61_000, DAY, 40 * DAY, 100 * YEAR, i64::MAX] {
            let n = time_ticks(&Range::new(0, width)).len();
            assert!((1..=12).contains(&n), "{n} ticks for {width} ms");
        }
        assert!(time_ticks(&Range::new(i64::MIN, i64::MAX)).len() <= 9);
    }

    #[test]
    fn values_are_between_round_ticks() {
        let scale = ValueScale::new(61.3, 88.0);
        assert_eq!(scale.ticks, [70.0, 80.0]);
        assert!(scale.contains(61.3) && scale.contains(88.0));
        assert!(scale.fraction(88.0) < scale.fraction(61.3));
    }

    #[test]
    fn flat_and_extreme_values_have_a_scale() {
        for (low, high) in
            [(5.0, 5.0), (0.0, 0.0), (f64::MIN, f64::MAX), (1e-300, 2e-300), (1e15, 1e15 + 1.0)]
        {
            let scale = ValueScale::new(low, high);
            assert!(scale.ticks.len() <= 16);
            for v in [low, high] {
                assert!((0.0..=1.0).contains(&scale.fraction(v)), "{low}..{high}");
            }
        }
    }
}
