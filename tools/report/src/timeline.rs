//! Draws a strip of named values over time as HTML boxes, without a script.

use crate::escape::{Html, name};
use crate::format::{ClockOrDate, Count, DateTime, Span};
use crate::numbers::float;
use crate::range::Range;
use crate::strip::Strip;

/// A stretch of time in which one value held, or many came and went.
#[derive(Debug, Clone, PartialEq)]
struct Segment {
    start_ms: i64,
    end_ms: i64,
    value: Option<u8>,
    changes: u64,
    seen: u64,
}

/// A view of a strip: its changes, its value before them, and its styles.
pub(crate) struct StripView<'a> {
    pub(crate) strip: &'a Strip,
    /// Value before the first change, its class, and since when.
    pub(crate) before: Option<(&'a str, &'static str, i64)>,
    /// Classes of the strip's values, in their order.
    pub(crate) classes: Vec<&'static str>,
    /// Maximum boxes, within a small factor.
    pub(crate) most: usize,
}

impl StripView<'_> {
    /// Writes the boxes, to be placed in a positioned element.
    pub(crate) fn write(&self, html: &mut Html, range: &Range) {
        if let Some((value, class, since_ms)) = self.before {
            let end_ms = self.strip.changes().first().map_or(range.end_ms, |c| c.at_ms);
            write_box(html, range, (since_ms, end_ms), class, &name(value), None);
        }
        for segment in merged(self.segments(range), range, self.most) {
            let times = (segment.start_ms, segment.end_ms);
            if let Some(value) = segment.value {
                write_box(html, range, times, self.class(value), &name(self.strip.value(value)), None);
            } else {
                let values: Vec<String> = self.strip.values_in(segment.seen).take(4).map(name).collect();
                let more = segment.seen.count_ones() > 4;
                let what = format!("{}{}", values.join(", "), if more { ", …" } else { "" });
                let class = if (0..64).any(|id| segment.seen >> id & 1 == 1 && self.class(id) == "alarm") {
                    "many bad"
                } else {
                    "many"
                };
                let label = format!("{} changes", Count(segment.changes));
                write_box(html, range, times, class, &label, Some(&what));
            }
        }
    }

    fn class(&self, value: u8) -> &'static str {
        self.classes.get(usize::from(value)).copied().unwrap_or("many")
    }

    fn segments(&self, range: &Range) -> Vec<Segment> {
        let changes = self.strip.changes();
        let nexts = changes.iter().skip(1).map(|c| c.at_ms).chain([range.end_ms]);
        let mut segments = Vec::new();
        for (change, next_ms) in changes.iter().zip(nexts) {
            let settled = if change.changes > 1 { change.end_ms.min(next_ms) } else { change.at_ms };
            if change.changes > 1 {
                segments.push(Segment {
                    start_ms: change.at_ms,
                    end_ms: settled,
                    value: None,
                    changes: u64::from(change.changes),
                    seen: change.seen,
                });
            }
            segments.push(Segment {
                start_ms: settled,
                end_ms: next_ms,
                value: Some(change.value),
                // Where several merged, the box before this one counts them all.
                changes: u64::from(change.changes == 1),
                seen: 1 << (change.value & 63),
            });
        }
        segments.retain(|s| s.end_ms >= range.start_ms && s.start_ms <= range.end_ms);
        segments
    }
}

/// Runs of boxes too narrow to be told apart become one that says how many there were. What counts as narrow grows
/// until there are no more than `most`, which it stays below once only boxes wider than a share of `most` are left.
fn merged(segments: Vec<Segment>, range: &Range, most: usize) -> Vec<Segment> {
    let most = most.max(1);
    let widest_ms = float(range.width_ms()) / float(i64::try_from(most).unwrap_or(i64::MAX)) * 4.0;
    let mut narrow_ms = float(range.width_ms()) / 1_000.0;
    let mut kept = segments;
    while kept.len() > most && narrow_ms < widest_ms {
        kept = without_narrow(&kept, narrow_ms);
        narrow_ms *= 1.5;
    }
    kept
}

fn without_narrow(segments: &[Segment], narrow_ms: f64) -> Vec<Segment> {
    let is_narrow = |s: &Segment| s.value.is_none() || float(s.end_ms.saturating_sub(s.start_ms)) < narrow_ms;
    segments
        .chunk_by(|a, b| is_narrow(a) && is_narrow(b))
        .flat_map(|run| match run {
            [first, .., last] if run.len() > 2 => vec![Segment {
                start_ms: first.start_ms,
                end_ms: last.end_ms,
                value: None,
                changes: run.iter().map(|s| s.changes).sum(),
                seen: run.iter().fold(0, |seen, s| seen | s.seen),
            }],
            few => few.to_vec(),
        })
        .collect()
}

fn write_box(
    html: &mut Html,
    range: &Range,
    (start_ms, end_ms): (i64, i64),
    class: &'static str,
    label: &str,
    what: Option<&str>,
) {
    if end_ms < range.start_ms || start_ms > range.end_ms || end_ms < start_ms {
        return;
    }
    let left = range.fraction(start_ms) * 100.0;
    let width = range.fraction(end_ms) * 100.0 - left;
    html.raw("<i class=\"").raw(class).raw("\" style=\"left:").text(format_args!("{left:.3}"));
    html.raw("%;width:").text(format_args!("{width:.3}")).raw("%\" title=\"").text(label);
    if let Some(what) = what {
        html.text(format_args!(" between {what}"));
    }
    let until = ClockOrDate { at_ms: end_ms, near_ms: start_ms };
    let span = Span(end_ms.saturating_sub(start_ms));
    html.text(format_args!(" · {} – {until} ({span})", DateTime(start_ms))).raw("\"><b>");
    html.text(label).raw("</b></i>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start_ms: i64, end_ms: i64, value: u8) -> Segment {
        Segment { start_ms, end_ms, value: Some(value), changes: 1, seen: 1 << value }
    }

    #[test]
    fn wide_boxes_stay_when_narrow_ones_beside_them_merge() {
        let mut segments = vec![segment(0, 400, 0)];
        segments.extend((400..600).zip([1, 0].into_iter().cycle()).map(|(t, v)| segment(t, t + 1, v)));
        segments.push(segment(600, 1_000, 2));
        let kept = merged(segments, &Range::new(0, 1_000), 20);
        assert_eq!(kept.len(), 3);
        assert_eq!((kept[1].value, kept[1].changes, kept[1].seen), (None, 200, 0b11));
        assert_eq!(kept[2], segment(600, 1_000, 2));
    }

    #[test]
    fn few_boxes_stay_however_narrow() {
        let segments: Vec<Segment> = (0..10).map(|t| segment(t, t + 1, 0)).collect();
        assert_eq!(merged(segments.clone(), &Range::new(0, 1_000_000), 20), segments);
    }

    #[test]
    fn the_number_of_boxes_is_bounded_whatever_their_widths() {
        for pattern in [vec![1_i64], vec![1, 50], vec![1, 1, 50], vec![3, 9, 27, 81]] {
            let mut at = 0;
            let segments: Vec<Segment> = (0..5_000_u32)
                .zip(pattern.iter().cycle())
                .map(|(i, width)| {
                    at += width;
                    segment(at - width, at, u8::from(i % 2 == 0))
                })
                .collect();
            let kept = merged(segments, &Range::new(0, at), 20);
            assert!(kept.len() <= 60, "{} boxes for {pattern:?}", kept.len());
            assert_eq!(kept.iter().map(|s| s.changes).sum::<u64>(), 5_000);
        }
    }
}
