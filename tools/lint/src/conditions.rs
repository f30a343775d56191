//! Conditions that are never true or never false, and `until` against `when`.

use std::ops::Bound;

use super::domain::{Domain, Values};
use super::region::{Conflict, Region};
use super::{Linter, ReadEntry};
use andon_engine::expr::{Expr, ExprKind};

pub(super) fn lint(linter: &mut Linter<'_>, entry: &ReadEntry<'_>) {
    let when_lives = condition(linter, "when", &entry.simple_when);
    if let Some(until) = &entry.simple_until {
        let until_lives = condition(linter, "until", until);
        if when_lives && until_lives {
            until_against_when(linter, entry, until);
        }
    }
}

/// Warns of a condition that decides nothing; says whether all is well.
fn condition(linter: &mut Linter<'_>, field: &str, expr: &Expr) -> bool {
    let before = linter.findings.len();
    never_true(linter, field, expr);
    if linter.findings.len() > before {
        return false;
    }
    let bare = matches!(expr.kind, ExprKind::Bool(_));
    if bare || !Region::of(expr, false).is_some_and(|region| region.is_empty()) {
        return true;
    }
    let message = format!("`{field}` is never false: as soon as its tags are known, it is true");
    let finding = linter.warn(&[field.into()], "never-false", message);
    finding.within = Some(expr.span.start..expr.span.end);
    finding.help =
        Some("one of its comparisons is probably the wrong way round, or `||` should be `&&`".to_owned());
    false
}

/// Warns of the greatest parts of a condition that no values make true.
fn never_true(linter: &mut Linter<'_>, field: &str, expr: &Expr) {
    if let Some(region) = Region::of(expr, true)
        && region.is_empty()
    {
        let reason = match &region.conflict {
            Some(Conflict { thing, types: Some((first, second)) }) => {
                format!(": `{}` cannot be {first} and {second} at once", readable(thing))
            }
            Some(Conflict { thing, types: None }) => {
                format!(": no value of `{}` fits all of it", readable(thing))
            }
            None => String::new(),
        };
        let finding = linter.warn(&[field.into()], "never-true", format!("this is never true{reason}"));
        finding.within = Some(expr.span.start..expr.span.end);
        if let ExprKind::And(_) = &expr.kind
            && !reason.is_empty()
        {
            finding.help = Some("if either is enough, join them by `||`".to_owned());
        }
        return;
    }
    if let ExprKind::Or(sides) | ExprKind::And(sides) = &expr.kind {
        let below_or = matches!(expr.kind, ExprKind::Or(_));
        for side in sides {
            if below_or || matches!(side.kind, ExprKind::Or(_)) {
                never_true(linter, field, side);
            }
        }
    }
}

fn readable(thing: &str) -> String {
    thing.replace(" ? ", "` against `")
}

/// A state is left where `when` is false and `until` is true.
fn until_against_when(linter: &mut Linter<'_>, entry: &ReadEntry<'_>, until: &Expr) {
    let (Some(when_true), Some(when_false)) = (&entry.when_true, &entry.when_false) else { return };
    let (Some(until_true), Some(until_false)) = (Region::of(until, true), Region::of(until, false)) else {
        return;
    };
    // `when: true` without an end is meant.
    if when_false.is_empty() {
        return;
    }
    let leaves = when_false.clone().and(until_true.clone());
    if leaves.is_some_and(|leaves| leaves.is_empty()) {
        let message = "`until` is true only while `when` is true too, so the state is never left";
        let finding = linter.warn(&["until".into()], "never-left", message);
        finding.help =
            Some("`until` names where the state ends, as in when `t > 80`, until `t < 75`".to_owned());
        return;
    }
    if when_false.is_within(&until_true) {
        let message = "`until` is true whenever `when` is false, so it changes nothing";
        let finding = linter.warn(&["until".into()], "until-without-effect", message);
        finding.help = Some(
            "for hysteresis leave a gap, as in when `t > 80`, until `t < 75`; otherwise leave `until` out"
                .to_owned(),
        );
        return;
    }
    if let (Some((thing, when)), Some((same, ends))) = (when_true.single(), until_true.single())
        && thing == same
        && !until_false.is_empty()
        && let Some(stays) = reversed(when, ends)
    {
        let message = format!(
            "`until` looks the same way as `when`: once entered, the state stays while `{thing}` is {stays}"
        );
        let finding = linter.warn(&["until".into()], "until-reversed", message);
        finding.help =
            Some("`until` names where the state ends, as in when `t > 80`, until `t < 75`".to_owned());
    }
}

/// Both are half lines in one direction, the second wider: beyond it the state is not left.
fn reversed(when: &Domain, ends: &Domain) -> Option<String> {
    let (Domain::Number(when), Domain::Number(ends)) = (when, ends) else { return None };
    if when == ends {
        return None;
    }
    let upward = |values: &Values<f64>| values.high == Bound::Unbounded && values.low != Bound::Unbounded;
    let downward = |values: &Values<f64>| values.low == Bound::Unbounded && values.high != Bound::Unbounded;
    let bound = |bound: &Bound<f64>| match bound {
        Bound::Included(at) => Some((*at, true)),
        Bound::Excluded(at) => Some((*at, false)),
        Bound::Unbounded => None,
    };
    if upward(when) && upward(ends) {
        let (at, included) = bound(&ends.low)?;
        return Some(format!("{} {at}", if included { "less than" } else { "at most" }));
    }
    if downward(when) && downward(ends) {
        let (at, included) = bound(&ends.high)?;
        return Some(format!("{} {at}", if included { "greater than" } else { "at least" }));
    }
    None
}
