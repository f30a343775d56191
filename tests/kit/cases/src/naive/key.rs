//! One machine: event time, instants and timers.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::{DataPoint, Reason, Settings, Value};

use super::binding::BindingState;
use super::rule::RuleState;
use super::set::RuleSet;
use super::value::{Applied, Memory, Moment, PointOrder, Tag};
use super::{Bounds, ReplayResult};

/// The state of one machine.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) equipment: String,
    pub(super) rules_start: i64,
    pub(super) settings: Settings,
    pub(super) rules: Vec<RuleState>,
    pub(super) bindings: Vec<BindingState>,
    /// The time of the last request to each model, by id, ms.
    requested: BTreeMap<String, i64>,
    /// The sequences of rules that were removed, by id.
    pub(super) removed: BTreeMap<String, u64>,
    pub(super) memory: Memory,
    /// The instant or timer that was processed last.
    pub(super) position: Option<Moment>,
    /// The watermark; `None` is minus infinity.
    pub(super) watermark: Option<i64>,
    /// The greatest arrival.
    clock: i64,
    /// The sources in the order in which they came.
    sources: Vec<Source>,
    /// The pending points in stream order.
    pending: Vec<Pending>,
    bounds: Bounds,
}

#[derive(Clone, Debug)]
struct Source {
    id: String,
    /// The greatest own timestamp.
    mark: i64,
    /// The arrival of the record that raised it.
    last: i64,
}

#[derive(Clone, Debug)]
struct Pending {
    tag: String,
    value: Value,
    order: PointOrder,
    own: i64,
    effective: i64,
}

impl Key {
    /// A key at its first record.
    pub(super) fn new(equipment: &str, arrival: i64, set: &RuleSet, bounds: Bounds) -> Self {
        let rules: Vec<RuleState> =
            set.rules_of(equipment).iter().map(|rule| RuleState::new(rule, 0)).collect();
        let bindings: Vec<BindingState> = set.bindings_of(equipment).iter().map(BindingState::new).collect();
        let mut memory = Memory::default();
        for state in &rules {
            memory.tags.extend(state.rule.tags.iter().map(|tag| (tag.clone(), Tag::default())));
            memory.windows.extend(state.rule.windows.iter().map(|window| (window.clone(), 0)));
        }
        for state in &bindings {
            memory.tags.extend(state.binding.tags.iter().map(|tag| (tag.clone(), Tag::default())));
            memory.windows.extend(state.binding.windows.iter().map(|window| (window.clone(), 0)));
        }
        Self {
            equipment: equipment.to_owned(),
            rules_start: set.start,
            settings: set.settings,
            rules,
            bindings,
            requested: BTreeMap::new(),
            removed: BTreeMap::new(),
            memory,
            position: None,
            watermark: None,
            clock: arrival,
            sources: Vec::new(),
            pending: Vec::new(),
            bounds,
        }
    }

    pub(super) fn clock(&self) -> i64 {
        self.clock
    }

    pub(super) fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    pub(super) fn rules_start(&self) -> i64 {
        self.rules_start
    }

    /// Takes a record: its points, or none for a tick. The greatest mark that it made, ms.
    pub(super) fn record(
        &mut self,
        arrival: i64,
        points: &[DataPoint<'_>],
        result: &mut ReplayResult,
    ) -> Option<i64> {
        // 1.
        self.clock = self.clock.max(arrival);
        // 2.
        let w0 = self.watermark;
        let mut greatest_mark = None;
        for point in points {
            let own = point.timestamp_ms.min(arrival);
            if point.timestamp_ms > arrival {
                result.counts.points_from_future += 1;
            }
            if !point.derived {
                self.mark(&point.source, own, arrival);
                greatest_mark = greatest_mark.max(Some(own));
            }
            let late = w0.is_some_and(|w0| own < w0 - self.settings.allowed_lateness.0);
            let refused = if !point.quality_ok {
                Some(Reason::BadQuality)
            } else if point.value.is_none() {
                Some(Reason::NoValue)
            } else if !point.derived && late {
                Some(Reason::Late)
            } else {
                None
            };
            if let Some(reason) = refused {
                result.counts.reject(&self.equipment, reason, 1);
            } else if let Some(value) = &point.value {
                self.pending.push(Pending {
                    tag: point.tag.to_string(),
                    value: value.clone(),
                    order: (own, point.timestamp_ms, point.sequence_number),
                    own,
                    effective: w0.map_or(own, |w0| own.max(w0)),
                });
            }
            if self.pending.len() > self.bounds.pending {
                let oldest = self.pending.iter().map(|point| point.effective).min();
                self.watermark = self.watermark.max(oldest);
                result.counts.watermark_forced += 1;
            }
        }
        // 3.
        self.watermark = self.watermark.max(self.watermark_by_sources());
        // 4.
        if let Some(watermark) = self.watermark {
            self.process(watermark, watermark - 1, result);
        }
        greatest_mark
    }

    /// Ends the input: processes everything at or before `mark`, nothing later.
    pub(super) fn close(&mut self, mark: i64, result: &mut ReplayResult) {
        self.watermark = self.watermark.max(Some(mark));
        self.process(mark, mark, result);
    }

    fn mark(&mut self, id: &str, own: i64, arrival: i64) {
        match self.sources.iter_mut().find(|source| source.id == id) {
            Some(source) if own > source.mark => {
                source.mark = own;
                source.last = arrival;
            }
            Some(_) => {}
            None => self.sources.push(Source { id: id.to_owned(), mark: own, last: arrival }),
        }
        if self.sources.len() > self.bounds.sources {
            // Of several least ones, `min_by_key` takes the first.
            let oldest = self.sources.iter().enumerate().min_by_key(|(_, source)| source.last);
            if let Some((index, _)) = oldest {
                self.sources.remove(index);
            }
        }
    }

    /// Returns the watermark by the sources and the clock, ms.
    fn watermark_by_sources(&self) -> Option<i64> {
        let ooo = self.settings.max_out_of_orderness.0;
        let idle = self.settings.idle_timeout.0;
        let drift = self.settings.max_source_drift.0;
        let active: Vec<i64> = self
            .sources
            .iter()
            .filter(|source| self.clock - source.last <= idle)
            .map(|source| source.mark)
            .collect();
        let by_sources = match (active.iter().min(), active.iter().max()) {
            (Some(least), Some(greatest)) => Some((*least).max(greatest - drift) - ooo),
            _ => None,
        };
        let in_their_time = self.sources.iter().map(|source| source.mark + self.clock - source.last).max();
        let by_clock = in_their_time.unwrap_or(self.clock) - idle - ooo;
        by_sources.max(Some(by_clock))
    }

    /// Processes instants at or before one time and timers at or before another, in order.
    fn process(&mut self, instants_to: i64, timers_to: i64, result: &mut ReplayResult) {
        loop {
            let instant =
                self.pending.iter().map(|point| point.effective).min().filter(|at| *at <= instants_to);
            let timer = self.next_timer().filter(|due| *due <= timers_to);
            match (instant, timer) {
                (Some(at), Some(due)) if due < at => self.timer(due, result),
                (Some(at), _) => self.instant(at, result),
                (None, Some(due)) => self.timer(due, result),
                (None, None) => return,
            }
        }
    }

    /// Returns the next timer of any rule that was not processed yet, ms.
    fn next_timer(&self) -> Option<i64> {
        // Nothing is evaluated before the first instant.
        let position = self.position?;
        self.memory.first_instant?;
        let timers = self.rules.iter().flat_map(|rule| rule.timers(&self.memory, position.at));
        let timers = timers.chain(self.bindings.iter().filter_map(|binding| binding.timer));
        timers.filter(|due| Moment { at: *due, timer: true } > position).min()
    }

    fn timer(&mut self, due: i64, result: &mut ReplayResult) {
        let now = Moment { at: due, timer: true };
        self.position = Some(now);
        for rule in &mut self.rules {
            if rule.timers(&self.memory, due).contains(&due) {
                let transition = rule.evaluate(&self.equipment, &self.memory, now, &BTreeSet::new());
                result.transitions.extend(transition);
            }
        }
        self.evaluate_bindings(now, result, |binding| binding.timer == Some(due));
    }

    /// Evaluates some of the bindings, in the order of the document.
    pub(super) fn evaluate_bindings(
        &mut self,
        now: Moment,
        result: &mut ReplayResult,
        which: impl Fn(&BindingState) -> bool,
    ) {
        for state in self.bindings.iter_mut().filter(|state| which(state)) {
            let last = self.requested.get(&state.binding.id).copied();
            if let Some(request) = state.evaluate(&self.equipment, &self.memory, now, last) {
                self.requested.insert(state.binding.id.clone(), now.at);
                result.requests.push(request);
            }
        }
    }

    fn instant(&mut self, at: i64, result: &mut ReplayResult) {
        let (mut points, rest) = self.pending.drain(..).partition::<Vec<_>, _>(|point| point.effective == at);
        self.pending = rest;
        // The sort is stable: equal points stay in stream order.
        points.sort_by_key(|point| point.order);
        let mut touched = BTreeSet::new();
        let mut is_instant = false;
        for point in points {
            let Some(tag) = self.memory.tags.get_mut(&point.tag) else {
                // No rule names it: nothing is kept of it, but it makes an instant.
                is_instant = true;
                continue;
            };
            let newest = tag.points.last();
            match newest.map(|newest| point.order.cmp(&newest.order)) {
                Some(std::cmp::Ordering::Equal) => {
                    result.counts.reject(&self.equipment, Reason::Duplicate, 1);
                    continue;
                }
                Some(std::cmp::Ordering::Less) => {
                    result.counts.reject(&self.equipment, Reason::Superseded, 1);
                    continue;
                }
                Some(std::cmp::Ordering::Greater) | None => {}
            }
            let changed = newest.is_some_and(|newest| newest.value != point.value);
            tag.points.push(Applied {
                order: point.order,
                own: point.own,
                effective: at,
                value: point.value,
                changed,
            });
            is_instant = true;
            touched.insert(point.tag);
        }
        if !is_instant {
            return;
        }
        let now = Moment { at, timer: false };
        self.position = Some(now);
        let first = self.memory.first_instant.is_none();
        self.memory.first_instant.get_or_insert(at);
        for rule in &mut self.rules {
            if first || !rule.rule.tags.is_disjoint(&touched) {
                let transition = rule.evaluate(&self.equipment, &self.memory, now, &touched);
                result.transitions.extend(transition);
            }
        }
        self.evaluate_bindings(now, result, |state| first || !state.binding.tags.is_disjoint(&touched));
    }
}
