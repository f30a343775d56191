//! Builds a plan from the rules and bindings of one machine.

use andon_domain::fnv::Fnv64;
use andon_domain::{limits, never};

use super::{BoundTag, Plan, PlanBinding, PlanError, PlanRule, PlanTag, ReevaluateOn, WindowSpec};
use crate::compile::{
    ApplicableRules, Code, CompiledBinding, CompiledRule, Node, OperandCode, RuleSet, TagId,
};
use crate::position::{at, at_mut, position};

fn rules_in<'a>(
    set: &'a RuleSet,
    applicable: &'a ApplicableRules,
) -> impl Iterator<Item = (u32, &'a CompiledRule)> {
    applicable.rules.iter().filter_map(|rule| Some((*rule, at(&set.rules, *rule, "rule")?)))
}

fn bindings_in<'a>(
    set: &'a RuleSet,
    applicable: &'a ApplicableRules,
) -> impl Iterator<Item = (u32, &'a CompiledBinding)> {
    applicable.bindings.iter().filter_map(|binding| Some((*binding, at(&set.bindings, *binding, "binding")?)))
}

/// Returns the code of all rules and bindings.
fn all_code<'a>(set: &'a RuleSet, applicable: &'a ApplicableRules) -> impl Iterator<Item = &'a Code> {
    let rules = rules_in(set, applicable).map(|(_, rule)| &rule.code);
    rules.chain(bindings_in(set, applicable).map(|(_, binding)| &binding.code))
}

/// Returns the tags that some rules and bindings of a set name, sorted, or an error if they are too many.
pub(crate) fn count_tags(set: &RuleSet, applicable: &ApplicableRules) -> Result<Vec<TagId>, PlanError> {
    let mut tags: Vec<TagId> = all_code(set, applicable).flat_map(|code| code.tags.iter().copied()).collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.len() > limits::TAGS_PER_KEY { Err(PlanError::TooManyTags(tags.len())) } else { Ok(tags) }
}

/// A builder of the list of operand positions.
struct Slots<'a> {
    tag_ids: &'a [TagId],
    windows: Vec<WindowSpec>,
    slots: Vec<u32>,
}

impl<'a> Slots<'a> {
    /// Starts with all windows of some code, each once, in the order of their tags.
    fn new(tag_ids: &'a [TagId], code: impl Iterator<Item = &'a Code>) -> Self {
        let mut slots = Self { tag_ids, windows: Vec::new(), slots: Vec::new() };
        for operand in code.flat_map(|code| &code.operands) {
            if let OperandCode::Window { tag, pane_ms, panes, .. } = *operand {
                slots.windows.push(WindowSpec { tag: slots.tag(tag), pane_ms, panes });
            }
        }
        slots.windows.sort_unstable();
        slots.windows.dedup();
        slots
    }

    fn tag(&self, tag: TagId) -> u32 {
        let Ok(slot) = self.tag_ids.binary_search(&tag) else {
            never!("tag {tag} is none of the {} tags of the plan", self.tag_ids.len());
            return u32::MAX;
        };
        position(slot)
    }

    /// Adds the operands of a rule or binding, and returns the position of the first one.
    fn add(&mut self, code: &Code) -> u32 {
        let first = position(self.slots.len());
        for operand in &code.operands {
            let slot = match *operand {
                OperandCode::Tag(tag) | OperandCode::Absent { tag, .. } => self.tag(tag),
                OperandCode::Window { tag, pane_ms, panes, .. } => {
                    self.window(WindowSpec { tag: self.tag(tag), pane_ms, panes })
                }
            };
            self.slots.push(slot);
        }
        first
    }

    fn window(&self, spec: WindowSpec) -> u32 {
        let Ok(window) = self.windows.binary_search(&spec) else {
            never!("{spec:?} is none of the {} windows of the plan", self.windows.len());
            return u32::MAX;
        };
        position(window)
    }
}

impl Plan {
    pub(crate) fn new(set: &RuleSet, applicable: &ApplicableRules) -> Result<Self, PlanError> {
        let tag_ids = count_tags(set, applicable)?;
        let mut slots = Slots::new(&tag_ids, all_code(set, applicable));
        // By (tag, rule), and by (tag, binding).
        let (mut tag_rules, mut tag_bindings) = (Vec::new(), Vec::new());
        let mut rules = Vec::with_capacity(applicable.rules.len());
        let (mut entry_count, mut group_count) = (0, 0);
        for (number, rule) in rules_in(set, applicable) {
            let here = position(rules.len());
            rules.push(PlanRule {
                rule: number,
                first_slot: slots.add(&rule.code),
                first_entry: position(entry_count),
                first_group: position(group_count),
                entries: position(rule.code.entries.len()),
                timed: rule.code.timed,
            });
            entry_count += rule.code.entries.len();
            group_count += rule.code.groups.len();
            tag_rules.extend(rule.code.tags.iter().map(|tag| (slots.tag(*tag), here)));
        }
        let mut bindings = Vec::with_capacity(applicable.bindings.len());
        for (number, binding) in bindings_in(set, applicable) {
            let here = position(bindings.len());
            bindings.push(PlanBinding { binding: number, first_slot: slots.add(&binding.code) });
            tag_bindings.extend(binding.code.tags.iter().map(|tag| (slots.tag(*tag), here)));
        }
        tag_rules.sort_unstable();
        tag_bindings.sort_unstable();
        let (mut reevaluate_on, thresholds) = needs_of_rules(set, applicable, &tag_ids);
        let bound_tags = bound_tags(&tag_bindings, &mut reevaluate_on);
        let Slots { windows, slots, .. } = slots;
        let tags = (0..).zip(reevaluate_on).map(|(slot, reevaluate_on)| PlanTag {
            thresholds: range_of(&thresholds, slot, |(tag, _)| *tag),
            reevaluate_on,
            rules: range_of(&tag_rules, slot, |(tag, _)| *tag),
            windows: range_of(&windows, slot, |window| window.tag),
        });
        let mut plan = Self {
            rules: rules.into(),
            bindings: bindings.into(),
            slots: slots.into(),
            tags: tags.collect(),
            tag_ids: tag_ids.into(),
            tag_rules: tag_rules.into_iter().map(|(_, rule)| rule).collect(),
            bound_tags,
            tag_bindings: tag_bindings.into_iter().map(|(_, binding)| binding).collect(),
            thresholds: thresholds.into_iter().map(|(_, threshold)| threshold).collect(),
            windows: windows.into(),
            entry_count,
            group_count,
            fingerprint: 0,
        };
        plan.fingerprint = plan.fingerprint_with(set);
        Ok(plan)
    }

    /// Returns a digest of everything that gives the positions of the plan their meaning.
    pub(super) fn fingerprint_with(&self, set: &RuleSet) -> u64 {
        let mut fingerprint = Fingerprint::default();
        for rule in self.rules.iter().filter_map(|planned| at(&set.rules, planned.rule, "rule")) {
            fingerprint.text(&rule.rule.id);
            for group in &rule.rule.groups {
                fingerprint.number(position(group.states.len()).into());
            }
        }
        for binding in
            self.bindings.iter().filter_map(|planned| at(&set.bindings, planned.binding, "binding"))
        {
            fingerprint.text(&binding.binding.id);
        }
        for tag in self.tag_ids.iter().filter_map(|tag| at(&set.tags, *tag, "tag")) {
            fingerprint.text(tag);
        }
        for window in &self.windows {
            fingerprint.number(window.tag.into());
            fingerprint.number(window.pane_ms.unsigned_abs());
            fingerprint.number(window.panes.unsigned_abs());
        }
        fingerprint.0.finish()
    }
}

/// Returns the positions of the items of a tag in a list that is sorted by tag.
fn range_of<T>(sorted: &[T], slot: u32, tag: impl Fn(&T) -> u32) -> (u32, u32) {
    let from = sorted.partition_point(|item| tag(item) < slot);
    let to = sorted.partition_point(|item| tag(item) <= slot);
    (position(from), position(to))
}

/// Returns the tags that some binding names, each with the need of its rules, which gives way to
/// [`ReevaluateOn::BindingInput`].
fn bound_tags(tag_bindings: &[(u32, u32)], reevaluate_on: &mut [ReevaluateOn]) -> Box<[BoundTag]> {
    let mut bound = Vec::new();
    let mut first = 0;
    for of_tag in tag_bindings.chunk_by(|(left, _), (right, _)| left == right) {
        let after = first + of_tag.len();
        // A chunk has at least one item.
        if let Some((tag, _)) = of_tag.first()
            && let Some(need) = at_mut(reevaluate_on, *tag, "tag of a binding")
        {
            bound.push(BoundTag {
                tag: *tag,
                rules_reevaluate_on: std::mem::replace(need, ReevaluateOn::BindingInput),
                bindings: (position(first), position(after)),
            });
        }
        first = after;
    }
    bound.into()
}

/// Returns the need of the rules for each tag, and the thresholds by (position of the tag, number).
fn needs_of_rules(
    set: &RuleSet,
    applicable: &ApplicableRules,
    tag_ids: &[TagId],
) -> (Vec<ReevaluateOn>, Vec<(u32, f64)>) {
    let mut needs = vec![ReevaluateOn::ThresholdCrossed; tag_ids.len()];
    let mut thresholds = Vec::new();
    let slot_of = |tag: TagId| match tag_ids.binary_search(&tag) {
        Ok(slot) => Some(position(slot)),
        Err(_) => {
            never!("tag {tag} is none of the {} tags of the plan", tag_ids.len());
            None
        }
    };
    let mut raise = |tag: TagId, to: ReevaluateOn| {
        if let Some(need) = slot_of(tag).and_then(|slot| at_mut(&mut needs, slot, "tag")) {
            *need = to.max(*need);
        }
    };
    for (_, rule) in rules_in(set, applicable) {
        let code = &rule.code;
        // A rule that depends on time itself may decide otherwise at any instant. What leaves a window at this very
        // time is gone at the instant, while an absence is not yet over.
        let of_time = if code.timed { &*code.tags } else { &[] };
        let counted = code.entries.iter().flat_map(|entry| &entry.when_tags);
        for tag in of_time.iter().chain(counted) {
            raise(*tag, ReevaluateOn::EveryPoint);
        }
        let tag_of = |operand: u32| at(&code.operands, operand, "operand").map(|operand| operand.tag());
        for node in &code.nodes {
            match *node {
                Node::TagWithNumber(_, operand, number) => {
                    thresholds.extend(tag_of(operand).and_then(slot_of).map(|slot| (slot, number)));
                }
                Node::Tag(operand) => {
                    if let Some(tag) = tag_of(operand) {
                        raise(tag, ReevaluateOn::ValueChanged);
                    }
                }
                _ => {}
            }
        }
    }
    thresholds.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    thresholds.dedup();
    (needs, thresholds)
}

/// A digest of a plan. Texts end with a byte that no UTF-8 text holds.
#[derive(Default)]
struct Fingerprint(Fnv64);

impl Fingerprint {
    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.write(text.as_bytes());
        self.0.write(&[0xff]);
    }
}
