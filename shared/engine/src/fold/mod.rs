//! The fold: the state of one equipment, and what one record does to it.
//!
//! Everything that is decided is decided here, by [`KeyState::apply`]. The order of work within a record is that
//! of the law: rule sets that are due, clock, points, watermark, then instants and timers in event time.

mod binding;
mod change;
mod entry;
mod explain;
mod lifetime;
mod pending;
mod rule;
mod timers;
mod watermark;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use andon_domain::{DataPoint, Reason, Transition, Value, limits};
use compact_str::CompactString;

pub(crate) use binding::BindingState;
pub use binding::BoundScoreRequest;
pub(crate) use entry::{EntryState, NONE_MS};
use pending::PackedPoint;
pub(crate) use pending::{Pending, PendingPointRef, PendingTag, PendingTagRef, PointOrder};
pub(crate) use rule::{RuleState, Winner};
pub(crate) use timers::{NEVER_MS, Timers};
pub(crate) use watermark::{Source, Sources};

use crate::compile::plan::{PlanTag, ReevaluateOn};
use crate::compile::{Attributes, CompiledRules, Plan, PlanError, RuleContext, RuleSet};
use crate::eval::{Trigger, as_number};
use crate::pack::Segments;
use crate::window::Window;

/// One record of one equipment.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When it arrived, ms.
    pub arrival_ms: i64,
    /// What it says.
    pub body: RecordBody<'a>,
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub enum RecordBody<'a> {
    /// Data points of the equipment, at least one.
    Points(&'a [DataPoint<'a>]),
    /// The clock has moved on.
    Tick,
}

/// What a record did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The state changes that were decided, in order.
    pub transitions: Vec<Transition>,
    /// The points that were not used, in the order in which that was found.
    pub rejections: Vec<RejectedPoint>,
    /// What is asked of models, in the order in which it was decided.
    pub requests: Vec<BoundScoreRequest>,
    /// Requests that were not kept since the record led to too many.
    pub requests_dropped: u64,
    /// Points whose timestamp lay after their arrival.
    pub ahead: u64,
    /// Times that too many points were pending, so that the watermark was raised.
    pub forced: u64,
}

/// A point that the fold did not use: from this record, or from an earlier one in which it was pending.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectedPoint {
    /// Why.
    pub reason: Reason,
    /// Its tag.
    pub tag: CompactString,
    /// Its timestamp as it was sent, ms.
    pub sent_ms: i64,
    /// Its `sequenceNumber`, or 0.
    pub sequence_number: i64,
    /// Its value, if it had one.
    pub value: Option<Value>,
}

/// Why a record could not be folded. The state is as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldError {
    /// The state was folded with a rule set that is not among those given.
    UnknownRuleSet {
        /// The start of that set, ms.
        start_ms: i64,
    },
    /// A rule set cannot serve this equipment.
    Plan(PlanError),
}

impl fmt::Display for FoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRuleSet { start_ms } => {
                write!(
                    f,
                    "the state was folded with the rule set that starts at {start_ms}, which is not known here"
                )
            }
            Self::Plan(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FoldError {}

impl From<PlanError> for FoldError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

/// What is known of a tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TagState {
    pub newest: Option<Newest>,
    /// The effective time at which a change of rules first named the tag; [`i64::MIN`] if they always did.
    pub named_since_ms: i64,
    /// The last instant that had a point of the tag; means nothing between records.
    pub touched: u64,
    /// Between these numbers, exclusive, no comparison of the tag comes out otherwise than when its rules were last
    /// evaluated. Nothing is between these where that is not known.
    pub unchanged_band: (f64, f64),
}

/// Between these is no number.
pub(crate) const NO_UNCHANGED_BAND: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl TagState {
    /// A tag of which nothing has come.
    pub(crate) const fn unseen(named_since_ms: i64) -> Self {
        Self { newest: None, named_since_ms, touched: 0, unchanged_band: NO_UNCHANGED_BAND }
    }

    /// Whether a point can change what the tag's rules decide.
    #[inline(always)]
    fn decides(
        &mut self,
        attention: ReevaluateOn,
        plan: &Plan,
        plan_tag: &PlanTag,
        value: &Value,
        changed: bool,
    ) -> bool {
        match (attention, value) {
            (ReevaluateOn::Points | ReevaluateOn::Asked, _) => true,
            (ReevaluateOn::Thresholds, Value::Number(number)) => {
                let (lower, upper) = self.unchanged_band;
                let between = lower < *number && *number < upper;
                if !between {
                    self.unchanged_band = plan.unchanged_band_around(plan_tag, *number);
                }
                !between
            }
            (ReevaluateOn::Thresholds | ReevaluateOn::Changes, _) => {
                self.unchanged_band = NO_UNCHANGED_BAND;
                changed
            }
        }
    }
}

/// The newest applied point of a tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Newest {
    pub rank: PointOrder,
    pub effective_ms: i64,
    pub value: Value,
}

/// A rule set and what it means for this equipment.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub set: Arc<RuleSet>,
    pub plan: Arc<Plan>,
    /// The numbers of the plan's tags, as far as they are without a gap: (the first, how many). Here since looking into the
    /// plan for every point costs memory accesses that this spares.
    run: (u32, u32),
    pub attributes: Attributes,
}

impl Rules {
    pub(crate) fn new(set: &Arc<RuleSet>, equipment: &str) -> Result<Self, PlanError> {
        let plan = set.plan_for(equipment)?;
        let (run, attributes) = (plan.run_of_tags(), set.attributes.of(equipment));
        Ok(Self { run, set: Arc::clone(set), plan, attributes })
    }

    /// The position of a tag that some rule of the equipment names.
    #[inline]
    pub(crate) fn slot(&self, tag: &str) -> Option<u32> {
        let id = self.set.tag_id(tag)?;
        let (first, count) = self.run;
        // Mostly the rules of an equipment bring their tags together.
        match id.wrapping_sub(first) {
            slot if slot < count => Some(slot),
            _ => self.plan.slot_of(id),
        }
    }

    /// The name of the tag at a position.
    pub(crate) fn tag_name(&self, slot: u32) -> &str {
        let name = self.plan.tag_id(slot).and_then(|id| self.set.tags.get(id as usize));
        name.map(CompactString::as_str).unwrap_or_default()
    }
}

/// The state of one equipment. It begins with the equipment's first record.
#[derive(Clone, Debug)]
pub struct KeyState {
    pub(crate) equipment: CompactString,
    pub(crate) rules: Rules,
    /// The greatest arrival so far.
    pub(crate) clock_ms: i64,
    /// The watermark; [`i64::MIN`] before the first record was folded.
    pub(crate) watermark_ms: i64,
    pub(crate) first_instant_ms: Option<i64>,
    /// The time of the last instant or timer.
    pub(crate) last_ms: i64,
    pub(crate) sources: Sources,
    pub(crate) pending: Pending,
    pub(crate) tags: Vec<TagState>,
    pub(crate) windows: Vec<Window>,
    pub(crate) entries: Vec<EntryState>,
    /// Per group: whether it is calm.
    pub(crate) all_conditions_false: Vec<bool>,
    pub(crate) rule_states: Vec<RuleState>,
    pub(crate) bindings: Vec<BindingState>,
    pub(crate) timers: Timers,
    /// Sequences of rules that are gone, by id: they go on if the rule comes back.
    pub(crate) retired: std::collections::BTreeMap<CompactString, u64>,
    /// When models whose bindings are gone were asked last, by id.
    pub(crate) asked: std::collections::BTreeMap<CompactString, i64>,
    /// Which panes are in segments already; decides nothing.
    pub(crate) segments: Segments,
    scratch: Scratch,
}

/// Working memory of one instant; means nothing between records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// Numbers the instants, so that marks in tags and rules need no clearing. They stand there, and not in lists of
    /// their own, since the tag and the rule are looked at anyway.
    instant: u64,
    /// The rules to be evaluated.
    rules: Vec<u32>,
}

impl KeyState {
    /// The state of an equipment before its first record, which arrived at `arrival_ms`: it begins with the newest
    /// rule set that is due.
    ///
    /// # Errors
    /// When that set cannot serve this equipment.
    pub fn new(equipment: &str, rules: &CompiledRules, arrival_ms: i64) -> Result<Self, FoldError> {
        let set = rules
            .newest_due(arrival_ms)
            .ok_or(FoldError::UnknownRuleSet { start_ms: CompiledRules::ALWAYS_MS })?;
        Ok(Self::with_rules(equipment, Rules::new(set, equipment)?))
    }

    pub(crate) fn with_rules(equipment: &str, rules: Rules) -> Self {
        let plan = &rules.plan;
        let rule_count = plan.rules.len();
        Self {
            equipment: equipment.into(),
            clock_ms: i64::MIN,
            watermark_ms: i64::MIN,
            first_instant_ms: None,
            last_ms: i64::MIN,
            sources: Sources::default(),
            pending: Pending::default(),
            tags: vec![TagState::unseen(i64::MIN); plan.tags.len()],
            windows: vec![Window::default(); plan.windows.len()],
            entries: vec![EntryState::default(); plan.entry_count],
            all_conditions_false: vec![false; plan.group_count],
            rule_states: vec![RuleState::default(); rule_count],
            bindings: vec![BindingState::default(); plan.bindings.len()],
            timers: Timers::new(rule_count + plan.bindings.len()),
            retired: std::collections::BTreeMap::new(),
            asked: std::collections::BTreeMap::new(),
            segments: Segments::default(),
            scratch: Scratch::default(),
            rules,
        }
    }

    /// Folds one record in: the one place where anything is decided.
    ///
    /// # Errors
    /// When the rule sets given do not fit the state; the state is then as before.
    pub fn apply(&mut self, rules: &CompiledRules, record: &Record<'_>) -> Result<Outcome, FoldError> {
        let mut outcome = Outcome::default();
        self.apply_to(rules, record, &mut outcome)?;
        Ok(outcome)
    }

    /// As [`KeyState::apply`], adding to an outcome that is at hand: most records decide nothing, and what is not
    /// made need not be moved.
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
                self.take(point, record.arrival_ms, w0_ms, outcome);
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

    /// Ends a replay: instants and timers up to and with `end_ms` are processed, nothing later.
    pub fn close(&mut self, end_ms: i64) -> Outcome {
        let mut outcome = Outcome::default();
        self.advance(end_ms, end_ms.saturating_add(1), &mut outcome);
        outcome
    }

    /// The equipment.
    #[must_use]
    pub fn equipment(&self) -> &str {
        &self.equipment
    }

    /// The greatest arrival so far, ms: the only processing time there is.
    #[must_use]
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// The watermark, ms; `None` before the first record.
    #[must_use]
    pub fn watermark_ms(&self) -> Option<i64> {
        (self.watermark_ms != i64::MIN).then_some(self.watermark_ms)
    }

    /// How many points wait for the watermark.
    #[must_use]
    pub fn pending_points(&self) -> usize {
        self.pending.len()
    }

    /// The start of the rule set that the state was folded with, ms.
    #[must_use]
    pub fn rule_set_start_ms(&self) -> i64 {
        self.rules.set.start_ms()
    }

    /// The ids of the rules that watch the equipment.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        let rules = self.rules.plan.rules.iter();
        rules
            .filter_map(|rule| self.rules.set.rules.get(rule.rule as usize))
            .map(|rule| rule.rule.id.as_str())
    }

    /// What names stand for in its rules.
    fn facts(&self) -> RuleContext<'_> {
        RuleContext { set: &self.rules.set, attributes: &self.rules.attributes }
    }

    /// The greatest mark of its sources, ms.
    #[must_use]
    pub fn greatest_mark_ms(&self) -> Option<i64> {
        self.sources.0.iter().map(|source| source.mark_ms).max()
    }

    /// The earliest clock at which something would be decided if nothing more is heard, ms; `None` if nothing
    /// would ever be. A tick at that clock decides it.
    #[must_use]
    pub fn next_due_clock_ms(&self) -> Option<i64> {
        // Points go at the watermark, timers behind it.
        let points = self.pending.first_ms();
        let timers = self.timers.first_due_ms().map(|due_ms| due_ms.saturating_add(1));
        let target_ms = points.into_iter().chain(timers).min()?;
        Some(self.sources.clock_for_watermark_ms(&self.rules.set.times, self.clock_ms, target_ms))
    }

    /// One point: marks its source, and is rejected or waits.
    #[inline]
    fn take(&mut self, point: &DataPoint<'_>, arrival_ms: i64, w0_ms: i64, outcome: &mut Outcome) {
        let own_ms = point.timestamp_ms.min(arrival_ms);
        if own_ms < point.timestamp_ms {
            outcome.ahead += 1;
        }
        if !point.derived {
            self.sources.hear(&point.source, own_ms, arrival_ms);
        }
        let too_old = own_ms < w0_ms.saturating_sub(self.rules.set.times.allowed_lateness_ms);
        let reason = if !point.quality_ok {
            Reason::BadQuality
        } else if point.value.is_none() {
            Reason::NoValue
        } else if !point.derived && too_old {
            Reason::Late
        } else if let Some(value) = &point.value {
            let rank =
                PointOrder { own_ms, sent_ms: point.timestamp_ms, sequence_number: point.sequence_number };
            let effective_ms = own_ms.max(w0_ms);
            match self.rules.slot(&point.tag) {
                Some(slot) => self.pending.push_named(effective_ms, rank, slot, value),
                None => self.pending.push_unnamed(effective_ms, rank, &point.tag, value),
            }
            if self.pending.len() > limits::PENDING_POINTS {
                outcome.forced += 1;
                self.watermark_ms = self.watermark_ms.max(self.pending.first_ms().unwrap_or(i64::MIN));
            }
            return;
        } else {
            return;
        };
        outcome.rejections.push(RejectedPoint {
            reason,
            tag: CompactString::new(&point.tag),
            sent_ms: point.timestamp_ms,
            sequence_number: point.sequence_number,
            value: point.value.clone(),
        });
    }

    /// Processes instants up to and with `instants_ms` and timers before `timers_ms`, in event time; at the same
    /// time points go first.
    #[inline]
    fn advance(&mut self, instants_ms: i64, timers_ms: i64, outcome: &mut Outcome) {
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

    /// Applies the oldest pending instant and evaluates the rules that it touches.
    fn instant(&mut self, outcome: &mut Outcome) {
        let Some((at_ms, mut points)) = self.pending.pop() else { return };
        self.scratch.begin();
        // By rank; stream order decides between equals. That matters only between points of one tag, so it is spared
        // where every tag comes once.
        if points.iter().any(|kept| self.comes_again(kept)) {
            self.pending.sort(at_ms, &mut points);
        }
        self.scratch.begin();
        let mut applied = false;
        for kept in &points {
            applied |= self.apply_point(kept, at_ms, outcome);
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
            for rule in 0..self.rule_states.len() + self.bindings.len() {
                self.evaluate(u32::try_from(rule).unwrap_or(u32::MAX), at_ms, Trigger::Instant, outcome);
            }
        } else {
            for rule in &rules {
                self.evaluate(*rule, at_ms, Trigger::Instant, outcome);
            }
        }
        self.scratch.rules = rules;
    }

    /// Applies one point at an instant, unless something as new is known of its tag.
    #[inline]
    fn apply_point(&mut self, kept: &PackedPoint, at_ms: i64, outcome: &mut Outcome) -> bool {
        // A point of a tag that no rule names keeps no value, but makes an instant all the same.
        let Some((slot, rank, value)) = self.pending.take(at_ms, kept) else { return true };
        let plan = &self.rules.plan;
        let (Some(tag), Some(plan_tag)) = (self.tags.get_mut(slot as usize), plan.tags.get(slot as usize))
        else {
            return true;
        };
        let mut changed = false;
        if let Some(newest) = &tag.newest {
            if rank <= newest.rank {
                let reason = if rank == newest.rank { Reason::Duplicate } else { Reason::Superseded };
                outcome.rejections.push(RejectedPoint {
                    reason,
                    tag: CompactString::new(self.rules.tag_name(slot)),
                    sent_ms: rank.sent_ms,
                    sequence_number: rank.sequence_number,
                    value: Some(value),
                });
                return false;
            }
            changed = newest.value != value;
        }
        for window in plan.windows_of(plan_tag) {
            if let (Some(window), Some(spec)) = (self.windows.get_mut(window), plan.windows.get(window)) {
                window.push(*spec, at_ms, rank.own_ms, as_number(&value), changed);
            }
        }
        let first = tag.newest.is_none();
        let decides = match plan_tag.attention {
            ReevaluateOn::Asked => {
                let of_rules = binding::list(plan, slot, &mut self.bindings, &mut self.scratch);
                tag.decides(of_rules, plan, plan_tag, &value, first || changed)
            }
            attention => tag.decides(attention, plan, plan_tag, &value, first || changed),
        };
        tag.newest = Some(Newest { rank, effective_ms: at_ms, value });
        tag.touched = self.scratch.instant;
        if decides {
            for rule in plan.rules_of(plan_tag) {
                let Some(state) = self.rule_states.get_mut(*rule as usize) else { continue };
                if std::mem::replace(&mut state.listed, self.scratch.instant) != self.scratch.instant {
                    self.scratch.rules.push(*rule);
                }
            }
        }
        true
    }

    /// Marks a tag; answers whether it was marked since this instant began.
    #[inline]
    fn comes_again(&mut self, kept: &PackedPoint) -> bool {
        let Some(slot) = self.pending.tag_of(kept) else { return false };
        let Some(tag) = self.tags.get_mut(slot as usize) else { return false };
        std::mem::replace(&mut tag.touched, self.scratch.instant) == self.scratch.instant
    }
}

impl Scratch {
    /// Begins an instant.
    fn begin(&mut self) {
        self.instant += 1;
        self.rules.clear();
    }
}
