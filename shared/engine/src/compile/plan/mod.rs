//! Plans: a rule set for one machine, with every name replaced by a position in the key's state.

mod build;
mod invariants;

pub(super) use build::count_tags;
pub(crate) use invariants::ensure;

use andon_domain::{limits, never};

use super::{Code, CompiledBinding, CompiledRule, TagId};
use crate::position::{at, indexes, position, range};

/// A plan: the rules and bindings of one equipment, and the tags and windows that they share.
#[derive(Debug)]
pub struct Plan {
    pub(crate) rules: Box<[PlanRule]>,
    pub(crate) bindings: Box<[PlanBinding]>,
    /// The positions in the key's tags or windows of the operands of all rules and bindings, one after the other.
    slots: Box<[u32]>,
    pub(crate) tags: Box<[PlanTag]>,
    /// The numbers of the tags in the rule set, ascending; positions are those in `tags`.
    tag_ids: Box<[TagId]>,
    /// For each tag, the rules that name it: positions in `rules`.
    tag_rules: Box<[u32]>,
    /// The tags that some binding names, by position.
    bound_tags: Box<[BoundTag]>,
    /// For each bound tag, the bindings that name it: positions in `bindings`.
    tag_bindings: Box<[u32]>,
    /// For each tag, the numbers that rules compare it with, ascending.
    thresholds: Box<[f64]>,
    /// Sorted by tag.
    pub(crate) windows: Box<[WindowSpec]>,
    pub(crate) entry_count: usize,
    pub(crate) group_count: usize,
    /// A digest of everything that gives positions their meaning. A packed state carries it.
    pub(crate) fingerprint: u64,
}

/// A rule in a plan.
#[derive(Debug)]
pub(crate) struct PlanRule {
    /// Position in the rule set.
    pub rule: u32,
    first_slot: u32,
    /// Position of its first entry in the key's entries.
    pub first_entry: u32,
    /// Position of its first group in the key's groups.
    pub first_group: u32,
    pub entries: u32,
    /// True if a condition depends on time itself: a window or `absent`.
    pub timed: bool,
}

/// A model binding in a plan.
#[derive(Debug)]
pub(crate) struct PlanBinding {
    /// Position in the rule set.
    pub binding: u32,
    first_slot: u32,
}

/// A tag that some binding names. It stands apart from [`PlanTag`], so that tags without bindings stay small.
#[derive(Debug)]
struct BoundTag {
    tag: u32,
    /// The need of the tag's rules.
    rules_reevaluate_on: ReevaluateOn,
    /// Positions in `tag_bindings`.
    bindings: (u32, u32),
}

/// A tag in a plan.
#[derive(Debug)]
pub(crate) struct PlanTag {
    /// Positions in `thresholds`.
    thresholds: (u32, u32),
    pub reevaluate_on: ReevaluateOn,
    rules: (u32, u32),
    windows: (u32, u32),
}

/// The points of a tag that can change what its rules decide.
///
/// An evaluation at an instant changes nothing if every comparison of the rule comes out as at the evaluation before.
/// Waits end by timers of their own, before any later instant. At the same time, a wait ends only after the instant. So
/// a point that changes no comparison needs no evaluation, and few points cross one of the limits of a slowly moving
/// value. `tests/properties` compares with a reference that evaluates at every instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReevaluateOn {
    /// Numbers that cross a threshold, and other values that change: all comparisons are with constants.
    ThresholdCrossed,
    /// Values that change.
    ValueChanged,
    /// Every point: some rule depends on time itself, or counts points for `times`.
    EveryPoint,
    /// Every point, because the tag is an input of a binding. [`Plan::bindings_of`] returns the need of the rules.
    BindingInput,
}

/// A window over a tag: panes of `pane_ms`, `panes` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WindowSpec {
    pub tag: u32,
    pub pane_ms: i64,
    pub panes: i64,
}

/// The reason why an equipment has no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Its rules name more than [`limits::TAGS_PER_KEY`] tags.
    #[error("the rules name {0} tags; the limit is {limit} for one equipment", limit = limits::TAGS_PER_KEY)]
    TooManyTags(usize),
}

impl Plan {
    /// Returns the position of a tag that some rule or binding names, by the tag's number in the rule set.
    pub(crate) fn slot_of(&self, tag: TagId) -> Option<u32> {
        self.tag_ids.binary_search(&tag).ok().map(position)
    }

    /// Returns the first number of its tags, and the number of tags that follow from there without a gap.
    pub(crate) fn run_of_tags(&self) -> (TagId, u32) {
        // A plan without rules has no tags: no number is in its run.
        let first = self.tag_ids.first().copied().unwrap_or_default();
        let run = (first..).zip(&self.tag_ids).take_while(|(expected, tag)| expected == *tag);
        (first, position(run.count()))
    }

    /// Returns the number in the rule set of the tag at a position.
    pub(crate) fn tag_id(&self, slot: u32) -> Option<TagId> {
        at(&self.tag_ids, slot, "tag").copied()
    }

    /// Returns the number of rules of the equipment.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Returns the rules that name a tag.
    pub(crate) fn rules_of(&self, tag: &PlanTag) -> &[u32] {
        range(&self.tag_rules, indexes(tag.rules), "rules of a tag")
    }

    /// Returns the bindings of a tag that some binding names, and the need of the tag's rules.
    pub(crate) fn bindings_of(&self, slot: u32) -> (ReevaluateOn, &[u32]) {
        let found = self.bound_tags.binary_search_by_key(&slot, |bound| bound.tag).ok();
        let Some(bound) = found.and_then(|index| self.bound_tags.get(index)) else {
            never!("tag {slot} is the input of a binding, and none of {} bound tags", self.bound_tags.len());
            return (ReevaluateOn::EveryPoint, &[]);
        };
        let bindings = range(&self.tag_bindings, indexes(bound.bindings), "bindings of a tag");
        (bound.rules_reevaluate_on, bindings)
    }

    /// Returns the bounds around a value, both exclusive, between which no comparison of its tag changes.
    pub(crate) fn unchanged_band_around(&self, tag: &PlanTag, value: f64) -> (f64, f64) {
        let thresholds = range(&self.thresholds, indexes(tag.thresholds), "thresholds of a tag");
        let above = thresholds.partition_point(|threshold| *threshold <= value);
        let below = thresholds.partition_point(|threshold| *threshold < value);
        if above != below {
            // On a threshold, any other value may change a comparison: the band is empty.
            return (value, value);
        }
        // Below the first threshold and above the last one there is no bound.
        let lower = below.checked_sub(1).and_then(|below| thresholds.get(below));
        (lower.copied().unwrap_or(f64::NEG_INFINITY), thresholds.get(above).copied().unwrap_or(f64::INFINITY))
    }

    /// Returns the windows over a tag, as positions.
    pub(crate) fn windows_of(&self, tag: &PlanTag) -> std::ops::Range<u32> {
        tag.windows.0..tag.windows.1
    }

    /// Returns the positions of a rule's operands.
    pub(crate) fn slots_of(&self, plan_rule: &PlanRule, rule: &CompiledRule) -> &[u32] {
        self.slots_from(plan_rule.first_slot, &rule.code)
    }

    /// Returns the positions of a binding's operands.
    pub(crate) fn slots_of_binding(&self, plan_binding: &PlanBinding, binding: &CompiledBinding) -> &[u32] {
        self.slots_from(plan_binding.first_slot, &binding.code)
    }

    fn slots_from(&self, first: u32, code: &Code) -> &[u32] {
        let first = first as usize;
        range(&self.slots, first..first + code.operands.len(), "operands of a rule or binding")
    }
}
