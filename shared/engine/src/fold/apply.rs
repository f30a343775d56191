//! One record: its points, the watermark, and the instants and timers that the watermark passes.

use andon_domain::{DataPoint, Reason, limits, never};
use compact_str::CompactString;

use super::pending::PackedPoint;
use super::{FoldError, KeyState, Outcome, Record, RecordBody, RejectedPoint, Scratch, binding};
use crate::compile::CompiledRules;
use crate::compile::plan::ReevaluateOn;
use crate::eval::{Trigger, as_number};
use crate::position::{at, at_mut, position};
use crate::state::{Newest, PointOrder};

impl KeyState {
    /// Folds one record into the state, and returns the decisions.
    ///
    /// # Errors
    /// When the given rule sets do not fit the state. The state is then as before.
    pub fn apply(&mut self, rules: &CompiledRules, record: &Record<'_>) -> Result<Outcome, FoldError> {
        let mut outcome = Outcome::default();
        self.apply_to(rules, record, &mut outcome)?;
        Ok(outcome)
    }

    /// Folds one record into the state, and adds the decisions to an outcome. Most records decide nothing: a caller
    /// that keeps its outcome saves moving an empty one.
    ///
    /// # Errors
    /// As [`KeyState::apply`].
    pub fn apply_to(
        &mut self,
        rules: &CompiledRules,
        record: &Record<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), FoldError> {
        let requests = outcome.requests.len();
        self.change_rules(rules, record.arrival_ms, outcome)?;
        self.clock_ms = self.clock_ms.max(record.arrival_ms);
        if let RecordBody::Points(points) = record.body {
            let w0_ms = self.watermark_ms;
            for point in points {
                self.admit_point(point, record.arrival_ms, w0_ms, outcome);
            }
        }
        let watermark_ms = self.sources.watermark_ms(&self.rules.set.times, self.clock_ms);
        self.watermark_ms = self.watermark_ms.max(watermark_ms);
        self.advance(self.watermark_ms, self.watermark_ms, outcome);
        if outcome.requests.len() > requests {
            binding::drop_older(outcome, requests);
        }
        Ok(())
    }

    /// Ends a replay: processes instants and timers up to and including `end_ms`. The watermark stays, so the state is
    /// no longer one between records.
    pub fn close(&mut self, end_ms: i64) -> Outcome {
        let mut outcome = Outcome::default();
        self.advance(end_ms, end_ms.saturating_add(1), &mut outcome);
        outcome
    }

    /// Admits one point: its source is marked, and the point is rejected or becomes pending.
    #[inline]
    fn admit_point(&mut self, point: &DataPoint<'_>, arrival_ms: i64, w0_ms: i64, outcome: &mut Outcome) {
        let own_ms = point.timestamp_ms.min(arrival_ms);
        if own_ms < point.timestamp_ms {
            outcome.points_from_future += 1;
        }
        if !point.derived {
            self.sources.observe(&point.source, own_ms, arrival_ms);
        }
        let too_old = own_ms < w0_ms.saturating_sub(self.rules.set.times.allowed_lateness_ms);
        let reason = match &point.value {
            _ if !point.quality_ok => Reason::BadQuality,
            None => Reason::NoValue,
            Some(_) if !point.derived && too_old => Reason::Late,
            Some(value) => {
                let order = PointOrder {
                    own_ms,
                    sent_ms: point.timestamp_ms,
                    sequence_number: point.sequence_number,
                };
                let effective_ms = own_ms.max(w0_ms);
                match self.rules.slot(&point.tag) {
                    Some(slot) => self.pending.push_named(effective_ms, order, slot, value),
                    None => self.pending.push_unnamed(effective_ms, order, &point.tag, value),
                }
                if self.pending.len() > limits::PENDING_POINTS {
                    self.force_watermark(outcome);
                }
                return;
            }
        };
        outcome.rejections.push(RejectedPoint {
            reason,
            tag: CompactString::new(&point.tag),
            sent_ms: point.timestamp_ms,
            sequence_number: point.sequence_number,
            value: point.value.clone(),
        });
    }

    /// Raises the watermark to the oldest pending instant, since too many points are pending.
    #[cold]
    fn force_watermark(&mut self, outcome: &mut Outcome) {
        outcome.watermark_forced += 1;
        match self.pending.first_ms() {
            Some(first_ms) => self.watermark_ms = self.watermark_ms.max(first_ms),
            None => never!("{} points are pending, and none is the first", self.pending.len()),
        }
    }

    /// Processes instants up to and including `instants_ms` and timers before `timers_ms`, in event time. At the same
    /// time the instant goes first.
    #[inline]
    pub(super) fn advance(&mut self, instants_ms: i64, timers_ms: i64, outcome: &mut Outcome) {
        loop {
            let next_instant = self.pending.first_ms().filter(|at_ms| *at_ms <= instants_ms);
            let before_ms = next_instant.unwrap_or(timers_ms).min(timers_ms);
            if let Some((due_ms, rule)) = self.timers.pop_before(before_ms) {
                self.last_ms = self.last_ms.max(due_ms);
                self.evaluate(rule, due_ms, Trigger::Timer, outcome);
            } else if next_instant.is_some() {
                self.instant(outcome);
            } else {
                return;
            }
        }
    }

    /// Applies the oldest pending instant and evaluates the rules of its tags.
    fn instant(&mut self, outcome: &mut Outcome) {
        let Some((at_ms, mut points)) = self.pending.pop() else {
            return never!("{} points are pending, and no instant is the oldest", self.pending.len());
        };
        self.scratch.begin();
        // By point order; stream order decides between equals. The order matters only between points of one tag, so
        // instants with each tag once need no sorting.
        if points.iter().any(|packed| self.mark_tag(packed)) {
            self.pending.sort(at_ms, &mut points);
        }
        self.scratch.begin();
        let mut applied = false;
        for packed in &points {
            applied |= self.apply_point(packed, at_ms, outcome);
        }
        self.pending.recycle(points);
        if !applied {
            return;
        }
        self.last_ms = self.last_ms.max(at_ms);
        let mut rules = std::mem::take(&mut self.scratch.rules);
        rules.sort_unstable();
        if self.first_instant_ms.is_none() {
            self.first_instant_ms = Some(at_ms);
            for rule in 0..position(self.rule_states.len() + self.bindings.len()) {
                self.evaluate(rule, at_ms, Trigger::Instant, outcome);
            }
        } else {
            for rule in &rules {
                self.evaluate(*rule, at_ms, Trigger::Instant, outcome);
            }
        }
        self.scratch.rules = rules;
    }

    /// Applies one point at an instant, unless an applied point of its tag is as new.
    #[inline]
    fn apply_point(&mut self, packed: &PackedPoint, at_ms: i64, outcome: &mut Outcome) -> bool {
        // A point of a tag that no rule names leaves no value, but it makes an instant.
        let Some((slot, order, value)) = self.pending.take(at_ms, packed) else { return true };
        let plan = &self.rules.plan;
        let Some(tag) = at_mut(&mut self.tags, slot, "tag of a point") else { return true };
        let Some(plan_tag) = at(&plan.tags, slot, "planned tag of a point") else { return true };
        let mut changed = false;
        if let Some(newest) = &tag.newest {
            if order <= newest.order {
                let reason = if order == newest.order { Reason::Duplicate } else { Reason::Superseded };
                outcome.rejections.push(RejectedPoint {
                    reason,
                    tag: CompactString::new(self.rules.tag_name(slot)),
                    sent_ms: order.sent_ms,
                    sequence_number: order.sequence_number,
                    value: Some(value),
                });
                return false;
            }
            changed = newest.value != value;
        }
        for window in plan.windows_of(plan_tag) {
            if let Some(spec) = at(&plan.windows, window, "planned window of a tag")
                && let Some(window) = at_mut(&mut self.windows, window, "window of a tag")
            {
                window.push(*spec, at_ms, order.own_ms, as_number(&value), changed);
            }
        }
        let first = tag.newest.is_none();
        let decides = match plan_tag.reevaluate_on {
            ReevaluateOn::BindingInput => {
                let of_rules = binding::list(plan, slot, &mut self.bindings, &mut self.scratch);
                tag.decides(of_rules, plan, plan_tag, &value, first || changed)
            }
            reevaluate_on => tag.decides(reevaluate_on, plan, plan_tag, &value, first || changed),
        };
        tag.newest = Some(Newest { order, effective_ms: at_ms, value });
        tag.touched = self.scratch.instant;
        if decides {
            for rule in plan.rules_of(plan_tag) {
                let Some(state) = at_mut(&mut self.rule_states, *rule, "rule of a tag") else { continue };
                if std::mem::replace(&mut state.listed, self.scratch.instant) != self.scratch.instant {
                    self.scratch.rules.push(*rule);
                }
            }
        }
        true
    }

    /// Marks the tag of a point. Returns whether this instant had marked it before.
    #[inline]
    fn mark_tag(&mut self, packed: &PackedPoint) -> bool {
        // Points of tags that no rule names have no order.
        let Some(slot) = self.pending.tag_of(packed) else { return false };
        let Some(tag) = at_mut(&mut self.tags, slot, "tag of a point") else { return false };
        std::mem::replace(&mut tag.touched, self.scratch.instant) == self.scratch.instant
    }
}

impl Scratch {
    /// Begins an instant.
    pub(super) fn begin(&mut self) {
        self.instant += 1;
        self.rules.clear();
    }
}
