//! The fold: the state of one machine, and the effect of one record on it.
//!
//! [`KeyState::apply`] takes every decision. The exact semantics of `docs/rules.md` give the order of work within a
//! record: due rule sets, clock, points, watermark, then instants and timers in event time.

mod apply;
mod binding;
mod change;
mod entry;
mod explain;
mod invariants;
mod lifetime;
mod pending;
mod rule;
mod timers;
mod watermark;
mod winner;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::{DataPoint, Reason, Transition, Value};
use compact_str::CompactString;

pub(crate) use binding::BindingState;
pub use binding::BoundScoreRequest;
pub(crate) use entry::{EntryState, NONE_MS};
pub(crate) use pending::{Pending, PendingPointRef, PendingTag, PendingTagRef};
pub(crate) use timers::{NEVER_MS, Timers};
pub(crate) use watermark::{Source, Sources};
pub(crate) use winner::{RuleState, Winner};

use crate::compile::{AttributeValues, Code, CompiledRules, Plan, PlanError, RuleContext, RuleSet};
use crate::eval::{EvalContext, Trigger};
use crate::position::at;
use crate::state::{Segments, TagState};
use crate::window::Window;

/// A record of one equipment.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The arrival, ms.
    pub arrival_ms: i64,
    /// The content.
    pub body: RecordBody<'a>,
}

/// The content of a record.
#[derive(Clone, Copy, Debug)]
pub enum RecordBody<'a> {
    /// Data points of the equipment, at least one.
    Points(&'a [DataPoint<'a>]),
    /// A tick: only the clock moves on.
    Tick,
}

/// The decisions of a fold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The state changes, in the order of decision.
    pub transitions: Vec<Transition>,
    /// The points that the fold did not use, in the order of decision.
    pub rejections: Vec<RejectedPoint>,
    /// The score requests, in the order of decision.
    pub requests: Vec<BoundScoreRequest>,
    /// The number of score requests dropped because a record led to too many.
    pub requests_dropped: u64,
    /// The number of points with a timestamp after their arrival.
    pub points_from_future: u64,
    /// The number of times that too many pending points raised the watermark.
    pub watermark_forced: u64,
}

/// A point that the fold did not use: of this record, or of an earlier one that left it pending.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectedPoint {
    /// The reason.
    pub reason: Reason,
    /// Its tag.
    pub tag: CompactString,
    /// Its timestamp as sent, ms.
    pub sent_ms: i64,
    /// Its `sequenceNumber`, or 0.
    pub sequence_number: i64,
    /// Its value, if it had one.
    pub value: Option<Value>,
}

/// The reason why a record could not be folded. The state is as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The state was folded with a rule set that is not among the given ones.
    #[error("the state was folded with the rule set that starts at {start_ms}, which is not known here")]
    UnknownRuleSet {
        /// The start of that set, ms.
        start_ms: i64,
    },
    /// A rule set cannot serve this equipment.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A rule set with its plan for one equipment.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub set: Arc<RuleSet>,
    pub plan: Arc<Plan>,
    /// The numbers of the plan's tags without a gap: (first number, count). A copy of it here saves each point the
    /// memory accesses of a search in the plan.
    run: (u32, u32),
    pub attributes: AttributeValues,
}

impl Rules {
    pub(crate) fn new(set: &Arc<RuleSet>, equipment: &str) -> Result<Self, PlanError> {
        let plan = set.plan_for(equipment)?;
        let (run, attributes) = (plan.run_of_tags(), set.attributes.of(equipment));
        Ok(Self { run, set: Arc::clone(set), plan, attributes })
    }

    /// Returns the position of a tag that some rule of the equipment names.
    #[inline]
    pub(crate) fn slot(&self, tag: &str) -> Option<u32> {
        let id = self.set.tag_id(tag)?;
        let (first, count) = self.run;
        // Usually the rules of an equipment name their tags together.
        match id.wrapping_sub(first) {
            slot if slot < count => Some(slot),
            _ => self.plan.slot_of(id),
        }
    }

    /// Returns the name of the tag at a position.
    pub(crate) fn tag_name(&self, slot: u32) -> &str {
        let name = self.plan.tag_id(slot).and_then(|id| at(&self.set.tags, id, "tag of the set"));
        // Without a name, which `at` has reported, the point goes on under the empty name.
        name.map(CompactString::as_str).unwrap_or_default()
    }

    /// Returns everything that the code of a rule or binding can read at a time.
    #[inline(always)]
    fn context<'a>(
        &'a self,
        code: &'a Code,
        slots: &'a [u32],
        (tags, windows): (&'a [TagState], &'a [Window]),
        first_instant_ms: Option<i64>,
        (t_ms, trigger): (i64, Trigger),
    ) -> EvalContext<'a> {
        EvalContext {
            code,
            slots,
            tags,
            windows,
            specs: &self.plan.windows,
            attributes: &self.attributes,
            t_ms,
            trigger,
            first_instant_ms,
        }
    }
}

/// The state of one equipment. It begins with the equipment's first record.
///
/// [`KeyState::check_invariants`] states its invariants between records.
#[derive(Clone, Debug)]
pub struct KeyState {
    pub(crate) equipment: CompactString,
    pub(crate) rules: Rules,
    /// The greatest arrival so far, ms.
    pub(crate) clock_ms: i64,
    /// The watermark, ms; [`i64::MIN`] before the first record.
    pub(crate) watermark_ms: i64,
    pub(crate) first_instant_ms: Option<i64>,
    /// The time of the last instant or timer, ms.
    pub(crate) last_ms: i64,
    pub(crate) sources: Sources,
    pub(crate) pending: Pending,
    pub(crate) tags: Vec<TagState>,
    pub(crate) windows: Vec<Window>,
    pub(crate) entries: Vec<EntryState>,
    /// For each group, whether all its conditions were false and no entry became active since.
    pub(crate) all_conditions_false: Vec<bool>,
    pub(crate) rule_states: Vec<RuleState>,
    pub(crate) bindings: Vec<BindingState>,
    pub(crate) timers: Timers,
    /// The sequence numbers of removed rules, by id. A rule that comes back continues its numbers.
    pub(crate) retired_sequences: BTreeMap<CompactString, u64>,
    /// The times, ms, of the last score requests of removed bindings, by id.
    pub(crate) retired_requests_ms: BTreeMap<CompactString, i64>,
    /// The panes that segments hold already. It decides nothing.
    pub(crate) segments: Segments,
    scratch: Scratch,
}

/// The working memory of one instant. It has no meaning between records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// The number of the instant. Tags and rules are marked with it, so that marks need no clearing. Marks stand in the
    /// tags and rules because the fold reads these in any case.
    instant: u64,
    /// The rules to evaluate.
    rules: Vec<u32>,
}

impl KeyState {
    /// Returns the state of an equipment before its first record, which arrived at `arrival_ms`. It begins with the
    /// newest due rule set.
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
            retired_sequences: BTreeMap::new(),
            retired_requests_ms: BTreeMap::new(),
            segments: Segments::default(),
            scratch: Scratch::default(),
            rules,
        }
    }

    /// Returns the equipment.
    #[must_use]
    pub fn equipment(&self) -> &str {
        &self.equipment
    }

    /// Returns the greatest arrival so far, ms: the only processing time of the fold.
    #[must_use]
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Returns the watermark, ms; `None` before the first record.
    #[must_use]
    pub fn watermark_ms(&self) -> Option<i64> {
        (self.watermark_ms != i64::MIN).then_some(self.watermark_ms)
    }

    /// Returns the number of points that wait for the watermark.
    #[must_use]
    pub fn pending_points(&self) -> usize {
        self.pending.len()
    }

    /// Returns the start, ms, of the rule set that the state was folded with.
    #[must_use]
    pub fn rule_set_start_ms(&self) -> i64 {
        self.rules.set.start_ms()
    }

    /// Returns the ids of the equipment's rules.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        let rules = self.rules.plan.rules.iter();
        rules
            .filter_map(|rule| at(&self.rules.set.rules, rule.rule, "rule of the plan"))
            .map(|rule| rule.rule.id.as_str())
    }

    /// Returns the values of names in its rules.
    fn rule_context(&self) -> RuleContext<'_> {
        RuleContext { set: &self.rules.set, attributes: &self.rules.attributes }
    }

    /// Returns the greatest mark of its sources, ms.
    #[must_use]
    pub fn greatest_mark_ms(&self) -> Option<i64> {
        self.sources.0.iter().map(|source| source.mark_ms).max()
    }

    /// Returns the earliest clock, ms, at which a tick would decide something if no further record comes; `None` if no
    /// tick would ever.
    #[must_use]
    pub fn next_due_clock_ms(&self) -> Option<i64> {
        // The watermark applies points at its own time, and timers before it.
        let points = self.pending.first_ms();
        let timers = self.timers.first_due_ms().map(|due_ms| due_ms.saturating_add(1));
        let target_ms = points.into_iter().chain(timers).min()?;
        Some(self.sources.clock_for_watermark_ms(&self.rules.set.times, self.clock_ms, target_ms))
    }
}
