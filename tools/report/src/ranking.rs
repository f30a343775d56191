//! Ranks machines and rules for the operator: the most severe state first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::collect::{Pair, REMOVED, ReportBuilder};
use crate::numbers::index;
use crate::range::Range;
use crate::states::{TROUBLE, look};

/// A row of the page: a pair of machine and rule with its figures.
pub(crate) struct Row<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) now: String,
    pub(crate) since_ms: i64,
    pub(crate) severity: u8,
    /// Time in states of trouble.
    pub(crate) trouble_ms: i64,
    /// Time in each state, longest first.
    pub(crate) time_in: Vec<(String, i64)>,
}

/// The rows of one equipment.
pub(crate) struct Group<'a> {
    pub(crate) equipment: &'a str,
    pub(crate) rejected: u64,
    pub(crate) rows: Vec<Row<'a>>,
}

impl Group<'_> {
    /// Trouble now, then the time in trouble, of its worst row first.
    fn weight(&self) -> (u8, i64, u64) {
        let now = self.rows.iter().map(|r| r.trouble_now()).max().unwrap_or(0);
        let trouble = self.rows.iter().fold(0_i64, |sum, r| sum.saturating_add(r.trouble_ms));
        let transitions = self.rows.iter().map(|r| r.pair.transitions).sum();
        (now, trouble, transitions)
    }
}

impl Row<'_> {
    fn trouble_now(&self) -> u8 {
        if self.severity >= TROUBLE { self.severity } else { 0 }
    }

    fn weight(&self) -> (u8, i64, u64) {
        (self.trouble_now(), self.trouble_ms, self.pair.transitions)
    }
}

/// All pairs by equipment: what is in trouble at the end first, then what was in trouble longest, then what changed
/// most, then by name.
pub(crate) fn groups<'a>(report: &'a ReportBuilder, range: &Range) -> Vec<Group<'a>> {
    let mut by_equipment: Vec<Vec<Row<'a>>> = report.machines.iter().map(|_| Vec::new()).collect();
    for pair in &report.pairs {
        if let Some(rows) = by_equipment.get_mut(index(pair.equipment)) {
            rows.push(row(report, pair, range));
        }
    }
    let mut groups: Vec<Group<'a>> = report
        .machines
        .iter()
        .zip(by_equipment)
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(equipment, mut rows)| {
            rows.sort_by(|a, b| {
                Reverse(a.weight())
                    .cmp(&Reverse(b.weight()))
                    .then_with(|| rule_id(report, a.pair).cmp(rule_id(report, b.pair)))
            });
            Group { equipment: &equipment.name, rejected: equipment.rejected.values().sum(), rows }
        })
        .collect();
    groups.sort_by(|a, b| {
        Reverse(a.weight()).cmp(&Reverse(b.weight())).then_with(|| a.equipment.cmp(b.equipment))
    });
    groups
}

pub(crate) fn rule_id<'a>(report: &'a ReportBuilder, pair: &Pair) -> &'a str {
    report.rules.get(index(pair.rule)).map_or("", |rule| rule.rule_id.as_str())
}

/// Winning state before the first transition, and since when: nothing is known of an equipment before its first
/// point.
pub(crate) fn initial<'a>(report: &'a ReportBuilder, pair: &'a Pair, range: &Range) -> (&'a str, i64) {
    let default = || report.rules.get(index(pair.rule)).map_or("", |rule| rule.default_state.as_str());
    let state = pair.initial.as_deref().unwrap_or_else(default);
    let first_ms = report.machines.get(index(pair.equipment)).and_then(|e| e.first_ms);
    let first_change = pair.winners.changes().first().map(|c| c.at_ms);
    (state, first_ms.or(first_change).unwrap_or(range.end_ms))
}

/// Time in each state within the range, for a pair that is older than the range: read off the strip, where changes
/// that lie close together count as the last of them.
fn time_within(pair: &Pair, initial: &str, range: &Range) -> BTreeMap<String, i64> {
    let changes = pair.winners.changes();
    let starts = [(initial, range.start_ms)].into_iter();
    let starts = starts.chain(changes.iter().map(|c| (pair.winners.value(c.value), c.at_ms)));
    let ends = changes.iter().map(|c| c.at_ms).chain([range.end_ms]);
    let mut time_in = BTreeMap::new();
    for ((state, start_ms), end_ms) in starts.zip(ends) {
        let (start_ms, end_ms) = (start_ms.max(range.start_ms), end_ms.min(range.end_ms));
        if end_ms > start_ms {
            *time_in.entry(state.to_owned()).or_default() += end_ms - start_ms;
        }
    }
    time_in
}

fn row<'a>(report: &'a ReportBuilder, pair: &'a Pair, range: &Range) -> Row<'a> {
    let (initial_state, first_ms) = initial(report, pair, range);
    let (now, since_ms) = match &pair.now {
        None => (initial_state.to_owned(), first_ms),
        Some(None) => (REMOVED.to_owned(), pair.since_ms),
        Some(Some(state)) => (state.clone(), pair.since_ms),
    };
    let time_in = if first_ms < range.start_ms {
        time_within(pair, initial_state, range)
    } else {
        let mut time_in = pair.time_in.clone();
        let last = time_in.entry(now.clone()).or_default();
        *last = last.saturating_add(range.end_ms.saturating_sub(since_ms).max(0));
        time_in
    };
    let mut time_in: Vec<(String, i64)> = time_in.into_iter().collect();
    time_in.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let trouble = time_in.iter().filter(|(state, _)| look(state).severity >= TROUBLE);
    let trouble_ms = trouble.fold(0_i64, |sum, (_, ms)| sum.saturating_add(*ms));
    Row { pair, severity: look(&now).severity, now, since_ms, trouble_ms, time_in }
}
