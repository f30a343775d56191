//! Draws a chart of numbers as SVG. It stretches to any width, because all text stands beside the drawing.

use crate::escape::{Html, clip};
use crate::format::Measured;
use crate::input::Threshold;
use crate::limits;
use crate::numbers::{float, nearest};
use crate::range::Range;
use crate::scale::{ValueScale, time_ticks};
use crate::series::{Bucket, NumberSeries};
use crate::states::look;

/// The drawing's own units; integers of these are exact to a tenth of a pixel.
const WIDTH: f64 = 100_000.0;
const HEIGHT: f64 = 1_000.0;
/// Height of a threshold's label as a share of the chart's height.
const LABEL_HEIGHT: f64 = 0.135;
/// Up to here a series is drawn as steps: each value holds until the next one.
const STEPS: usize = 150;

/// A chart of numbers, with the lines across it.
pub(crate) struct NumberChart<'a> {
    pub(crate) series: &'a NumberSeries,
    pub(crate) thresholds: &'a [&'a Threshold],
    /// Times of transitions with the class of the state they led to.
    pub(crate) marks: &'a [(i64, &'static str)],
    /// Maximum buckets drawn.
    pub(crate) most: usize,
}

impl NumberChart<'_> {
    /// Writes the chart into a positioned element.
    pub(crate) fn write(&self, html: &mut Html, range: &Range) {
        let mut series = self.series.clone();
        series.shrink_to(self.most);
        let shown: Vec<Bucket> = series
            .buckets()
            .iter()
            .filter(|b| b.last_ms >= range.start_ms && b.first_ms <= range.end_ms)
            .copied()
            .collect();
        let Some(scale) = self.scale() else { return };

        html.raw("<div class=clip><svg viewBox=\"0 0 100000 1000\" preserveAspectRatio=none aria-hidden=true data-p=\"");
        write_data(html, &shown, range);
        html.raw("\"><path class=tg d=\"");
        for tick in time_ticks(range) {
            html.text(format_args!("M{} 0v1000", x(range, tick.at_ms)));
        }
        html.raw("\"/><path class=g d=\"");
        for tick in &scale.ticks {
            html.text(format_args!("M0 {}h100000", y(&scale, *tick)));
        }
        html.raw("\"/>");
        write_envelope(html, &shown, range, &scale);
        for class in ["alarm", "warn", ""] {
            self.write_marks(html, range, class);
        }
        for threshold in self.thresholds.iter().filter(|t| scale.contains(t.value)) {
            let class = look(&threshold.state).class;
            html.raw("<path class=\"th ").raw(class).raw("\" d=\"");
            html.text(format_args!("M0 {}h100000", y(&scale, threshold.value))).raw("\"/>");
        }
        write_line(html, &shown, range, &scale);
        html.raw("</svg></div>");
        for tick in &scale.ticks {
            html.raw("<span class=y style=\"top:").text(percent(scale.fraction(*tick))).raw("\">");
            html.text(Measured(*tick)).raw("</span>");
        }
        self.write_labels(html, &scale);
    }

    /// Holds all values and, where that does not flatten them, the thresholds.
    fn scale(&self) -> Option<ValueScale> {
        let (min, max) = self.series.extremes()?;
        let near = |value: f64| {
            let (low, high) = (min.min(value), max.max(value));
            let extent = (max / 2.0 - min / 2.0).max(min.abs().max(max.abs()) * 0.02);
            extent == 0.0 || (high / 2.0 - low / 2.0) <= extent * 8.0
        };
        let with = self.thresholds.iter().map(|t| t.value).filter(|v| v.is_finite() && near(*v));
        let (low, high) = with.fold((min, max), |(low, high), v| (low.min(v), high.max(v)));
        Some(ValueScale::new(low, high))
    }

    fn write_marks(&self, html: &mut Html, range: &Range, class: &'static str) {
        let of_class = |mark: &'static str| match mark {
            "alarm" | "warn" => mark,
            _ => "",
        };
        let mut marks =
            self.marks.iter().filter(|(at, mark)| of_class(mark) == class && range.contains(*at)).peekable();
        if marks.peek().is_none() {
            return;
        }
        html.raw("<path class=\"tm ").raw(class).raw("\" d=\"");
        marks.for_each(|(at, _)| {
            html.text(format_args!("M{} 0v1000", x(range, *at)));
        });
        html.raw("\"/>");
    }

    fn write_labels(&self, html: &mut Html, scale: &ValueScale) {
        let mut labels: Vec<(f64, &Threshold)> =
            self.thresholds.iter().map(|t| (scale.fraction(t.value), *t)).collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Down from the top, then up from the bottom, so that none covers another or leaves the chart.
        let mut floor = LABEL_HEIGHT / 2.0;
        for (at, _) in &mut labels {
            *at = at.max(floor);
            floor = *at + LABEL_HEIGHT;
        }
        let mut ceiling = 1.0 - LABEL_HEIGHT / 2.0;
        for (at, _) in labels.iter_mut().rev() {
            *at = at.min(ceiling);
            ceiling = *at - LABEL_HEIGHT;
        }
        for (at, threshold) in labels {
            html.raw("<span class=\"thl ").raw(look(&threshold.state).class).raw("\" style=\"top:");
            html.text(percent(at)).raw("\" title=\"");
            let label = label_of(threshold);
            html.text(&label);
            if !threshold.state.is_empty() {
                html.text(format_args!(" → {}", clip(&threshold.state, limits::NAME_CHARS)));
            }
            html.raw("\">");
            if !scale.contains(threshold.value) {
                html.raw(if scale.fraction(threshold.value) < 0.5 { "↑ " } else { "↓ " });
            }
            html.text(&label);
            if !threshold.state.is_empty() {
                html.raw(" <b>").text(clip(&threshold.state, limits::NAME_CHARS)).raw("</b>");
            }
            html.raw("</span>");
        }
    }
}

fn label_of(threshold: &Threshold) -> String {
    if threshold.label.is_empty() {
        format!("{} {}", clip(&threshold.op, 8), Measured(threshold.value))
    } else {
        clip(&threshold.label, limits::NAME_CHARS)
    }
}

fn x(range: &Range, at_ms: i64) -> i64 {
    nearest(range.fraction(at_ms) * WIDTH)
}

fn middle(range: &Range, bucket: &Bucket) -> i64 {
    (x(range, bucket.first_ms) + x(range, bucket.last_ms)) / 2
}

fn y(scale: &ValueScale, value: f64) -> i64 {
    nearest(scale.fraction(value) * HEIGHT)
}

fn percent(fraction: f64) -> String {
    format!("{:.2}%", fraction * 100.0)
}

/// Writes the data of the crosshair: per bucket the time since the bucket before, and the value. Merged points add the time
/// of the last point, the extremes, the last value and the count. Times are relative to the start of the range.
fn write_data(html: &mut Html, buckets: &[Bucket], range: &Range) {
    let mut before_ms = range.start_ms;
    for (i, b) in buckets.iter().enumerate() {
        if i > 0 {
            html.raw(" ");
        }
        html.text(format_args!("{},{}", b.first_ms.saturating_sub(before_ms), Measured(b.first)));
        if b.points > 1 {
            let length_ms = b.last_ms.saturating_sub(b.first_ms);
            let (min, max, last) = (Measured(b.min), Measured(b.max), Measured(b.last));
            html.text(format_args!(",{length_ms},{min},{max},{last},{}", b.points));
        }
        before_ms = b.first_ms;
    }
}

fn write_envelope(html: &mut Html, buckets: &[Bucket], range: &Range, scale: &ValueScale) {
    let gap_ms = gap_ms(buckets, range);
    let runs = buckets
        .chunk_by(|a, b| b.first_ms.saturating_sub(a.last_ms) <= gap_ms)
        .filter(|run| run.iter().any(|b| b.min < b.max));
    let mut path = Path::default();
    for run in runs {
        let mut start = true;
        for b in run {
            path.to(middle(range, b), y(scale, b.max), start);
            start = false;
        }
        run.iter().rev().for_each(|b| path.to(middle(range, b), y(scale, b.min), false));
    }
    if !path.d.is_empty() {
        html.raw("<path class=env d=\"").text(&path.d).raw("\"/>");
    }
}

fn write_line(html: &mut Html, buckets: &[Bucket], range: &Range, scale: &ValueScale) {
    let steps = buckets.len() <= STEPS && buckets.iter().all(|b| b.points == 1);
    let gap_ms = if steps { i64::MAX } else { gap_ms(buckets, range) };
    let (mut line, mut held) = (Path::default(), Path::default());
    let mut before: Option<&Bucket> = None;
    for b in buckets {
        let (start, at) = (y(scale, b.mean()), middle(range, b));
        match before {
            None => line.to(at, start, true),
            Some(before) if b.first_ms.saturating_sub(before.last_ms) > gap_ms => {
                held.to(x(range, before.last_ms), y(scale, before.last), true);
                held.to(at, y(scale, before.last), false);
                line.to(at, start, true);
            }
            Some(before) => {
                if steps {
                    line.to(at, y(scale, before.last), false);
                }
                line.to(at, start, false);
            }
        }
        before = Some(b);
    }
    if let Some(last) = before {
        held.to(x(range, last.last_ms), y(scale, last.last), true);
        held.to(x(range, range.end_ms), y(scale, last.last), false);
    }
    html.raw("<path class=held d=\"").text(&held.d).raw("\"/>");
    html.raw("<path class=l d=\"").text(&line.d).raw("\"/>");
}

/// Returns the distance from which the chart does not join two points, but holds the earlier value.
fn gap_ms(buckets: &[Bucket], range: &Range) -> i64 {
    let mut gaps: Vec<i64> = buckets
        .iter()
        .zip(buckets.iter().skip(1))
        .map(|(a, b)| b.first_ms.saturating_sub(a.last_ms))
        .collect();
    gaps.sort_unstable();
    let median = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    median.saturating_mul(8).max(nearest(float(range.width_ms()) / 150.0))
}

/// A path in relative integers, which are short.
#[derive(Default)]
struct Path {
    d: String,
    at: (i64, i64),
}

impl Path {
    fn to(&mut self, x: i64, y: i64, jump: bool) {
        use std::fmt::Write;
        let (dx, dy) = (x - self.at.0, y - self.at.1);
        // Writing to a string does not fail.
        let _ = if jump || self.d.is_empty() {
            write!(self.d, "M{x} {y}")
        } else if (dx, dy) == (0, 0) {
            Ok(())
        } else if dx == 0 {
            write!(self.d, "v{dy}")
        } else if dy == 0 {
            write!(self.d, "h{dx}")
        } else {
            write!(self.d, "l{dx} {dy}")
        };
        self.at = (x, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(series: &NumberSeries, thresholds: &[&Threshold]) -> String {
        let mut html = Html::default();
        let chart = NumberChart { series, thresholds, marks: &[(50, "alarm"), (5_000, "warn")], most: 100 };
        chart.write(&mut html, &Range::new(0, 1_000));
        html.into_string()
    }

    #[test]
    fn few_values_are_drawn_as_steps_and_the_last_one_is_held() {
        let mut s = NumberSeries::default();
        [(0, 0.0), (500, 10.0)].iter().for_each(|(at, v)| s.push(*at, *v, 100));
        let svg = drawn(&s, &[]);
        // Room of 6 % above and below: 10 is at 0.6 / 11.2 of the height.
        assert!(svg.contains("<path class=l d=\"M0 946h50000v-892\"/>"), "{svg}");
        assert!(svg.contains("<path class=held d=\"M50000 54h50000\"/>"), "{svg}");
        assert!(svg.contains("data-p=\"0,0 500,10\""), "{svg}");
    }

    #[test]
    fn merged_points_have_an_envelope() {
        let mut s = NumberSeries::default();
        (0..1_000_i32).for_each(|i| s.push(i.into(), if i == 400 { 50.0 } else { f64::from(i % 3) }, 100));
        let svg = drawn(&s, &[]);
        assert!(svg.contains("class=env"));
        assert!(svg.contains(",50,"), "the extreme is in the data");
    }

    #[test]
    fn thresholds_that_would_cover_each_other_move_apart() {
        let mut s = NumberSeries::default();
        (0..10_i32).for_each(|i| s.push((i * 10).into(), 10.0 * f64::from(i), 100));
        let line = |value| Threshold { tag: "t".into(), op: ">".into(), value, ..Threshold::default() };
        let (a, b, far) = (line(80.0), line(81.0), line(5_000.0));
        let svg = drawn(&s, &[&a, &b, &far]);
        assert!(svg.contains("↑ &gt; 5000"), "{svg}");
        let tops: Vec<f64> = svg
            .split("class=\"thl")
            .skip(1)
            .map(|l| l.split("top:").nth(1).unwrap().split('%').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(tops.len(), 3);
        assert!(tops.windows(2).all(|w| w[1] - w[0] >= 13.4), "{tops:?}");
    }

    #[test]
    fn marks_outside_of_the_range_are_not_drawn() {
        let mut s = NumberSeries::default();
        s.push(0, 1.0, 100);
        let svg = drawn(&s, &[]);
        assert!(svg.contains("tm alarm\" d=\"M5000 0v1000\""), "{svg}");
        assert!(!svg.contains("tm warn"), "{svg}");
    }
}
