//! What a rule set means for one equipment: its rules, the tags and windows they share, and who names whom.

use std::fmt;

use andon_domain::fnv::Fnv64;
use andon_domain::limits;

use super::{ApplicableRules, Code, CompiledBinding, CompiledRule, Node, Operand, RuleSet, TagId};

/// The rules of one equipment with every name replaced by a position in the key's state.
#[derive(Debug)]
pub struct Plan {
    pub(crate) rules: Box<[PlanRule]>,
    pub(crate) bindings: Box<[PlanBinding]>,
    /// Positions in the key's tags or windows of the operands of all rules and bindings, one after the other.
    slots: Box<[u32]>,
    pub(crate) tags: Box<[PlanTag]>,
    /// The numbers of the tags in the rule set, ascending; positions are those in `tags`.
    tag_ids: Box<[TagId]>,
    /// For each tag, the rules that name it: positions in `rules`.
    tag_rules: Box<[u32]>,
    /// The tags that some binding names, by position.
    asked: Box<[Asked]>,
    /// For each of these, the bindings that name it: positions in `bindings`.
    tag_bindings: Box<[u32]>,
    /// For each tag, the numbers that it is compared with, ascending.
    thresholds: Box<[f64]>,
    /// Sorted by tag.
    pub(crate) windows: Box<[WindowSpec]>,
    pub(crate) entry_count: usize,
    pub(crate) group_count: usize,
    /// Of everything that gives positions their meaning: a packed state carries it.
    pub(crate) fingerprint: u64,
}

/// One rule in a plan.
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
    /// Whether a condition looks at time itself: a window or `absent`.
    pub timed: bool,
}

/// One model binding in a plan.
#[derive(Debug)]
pub(crate) struct PlanBinding {
    /// Position in the rule set.
    pub binding: u32,
    first_slot: u32,
}

/// A tag that some binding names. Kept apart from the other tags, so that these cost nothing more.
#[derive(Debug)]
struct Asked {
    tag: u32,
    /// The attention that the rules need.
    attention: ReevaluateOn,
    /// Positions in `tag_bindings`.
    bindings: (u32, u32),
}

/// One tag in a plan.
#[derive(Debug)]
pub(crate) struct PlanTag {
    /// Positions in `thresholds`.
    thresholds: (u32, u32),
    pub attention: ReevaluateOn,
    rules: (u32, u32),
    windows: (u32, u32),
}

/// Which points of a tag can change what its rules decide.
///
/// An evaluation at an instant changes nothing if every comparison of the rule comes out as at the evaluation before:
/// waits end by timers of their own, before any later instant, and at the same time only after it. So a point that
/// leaves all comparisons as they are need not be evaluated, and of a value that wanders between two limits few points
/// cross one. `tests/properties` compares with a reference that evaluates at every instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReevaluateOn {
    /// Numbers that cross a threshold, and other values that change: all comparisons are with constants.
    Thresholds,
    /// Values that change.
    Changes,
    /// Every point: some rule looks at time itself, or counts for `times`.
    Points,
    /// Every point, by some binding; what the rules need stands apart, see [`Plan::asked`].
    Asked,
}

/// A window over a tag: panes of `pane_ms`, `panes` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WindowSpec {
    pub tag: u32,
    pub pane_ms: i64,
    pub panes: i64,
}

/// Why an equipment has no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Its rules name more than [`limits::TAGS_PER_KEY`] tags.
    TooManyTags(usize),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooManyTags(count) = self;
        write!(f, "the rules name {count} tags; the limit is {} for one equipment", limits::TAGS_PER_KEY)
    }
}

impl std::error::Error for PlanError {}

/// A position as it is stored; a set holds far fewer than 2^32 of anything.
fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn selected<'a>(
    set: &'a RuleSet,
    share: &'a ApplicableRules,
) -> impl Iterator<Item = (u32, &'a CompiledRule)> {
    share.rules.iter().filter_map(|rule| Some((*rule, set.rules.get(*rule as usize)?)))
}

fn bound<'a>(
    set: &'a RuleSet,
    share: &'a ApplicableRules,
) -> impl Iterator<Item = (u32, &'a CompiledBinding)> {
    share.bindings.iter().filter_map(|binding| Some((*binding, set.bindings.get(*binding as usize)?)))
}

/// The code of all rules and bindings.
fn all_code<'a>(set: &'a RuleSet, share: &'a ApplicableRules) -> impl Iterator<Item = &'a Code> {
    let rules = selected(set, share).map(|(_, rule)| &rule.code);
    rules.chain(bound(set, share).map(|(_, binding)| &binding.code))
}

/// The tags that some rules and bindings of a set name, sorted; refused when they are too many.
pub(super) fn count_tags(set: &RuleSet, share: &ApplicableRules) -> Result<Vec<TagId>, PlanError> {
    let mut tags: Vec<TagId> = all_code(set, share).flat_map(|code| code.tags.iter().copied()).collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.len() > limits::TAGS_PER_KEY { Err(PlanError::TooManyTags(tags.len())) } else { Ok(tags) }
}

/// Finds the positions of the operands of rules and bindings.
struct Slots<'a> {
    tag_ids: &'a [TagId],
    windows: Vec<WindowSpec>,
    slots: Vec<u32>,
}

impl Slots<'_> {
    fn tag(&self, tag: TagId) -> u32 {
        position(self.tag_ids.binary_search(&tag).unwrap_or(usize::MAX))
    }

    fn add_windows(&mut self, code: &Code) {
        for operand in &code.operands {
            if let Operand::Window { tag, pane_ms, panes, .. } = *operand {
                self.windows.push(WindowSpec { tag: self.tag(tag), pane_ms, panes });
            }
        }
    }

    /// Adds the operands of a rule or binding; answers where the first of them stands. All windows are known by now.
    fn add(&mut self, code: &Code) -> u32 {
        let first = position(self.slots.len());
        for operand in &code.operands {
            let slot = match *operand {
                Operand::Tag(tag) | Operand::Absent { tag, .. } => self.tag(tag),
                Operand::Window { tag, pane_ms, panes, .. } => {
                    let spec = WindowSpec { tag: self.tag(tag), pane_ms, panes };
                    position(self.windows.binary_search(&spec).unwrap_or(usize::MAX))
                }
            };
            self.slots.push(slot);
        }
        first
    }
}

impl Plan {
    pub(super) fn new(set: &RuleSet, share: &ApplicableRules) -> Result<Self, PlanError> {
        let tag_ids = count_tags(set, share)?;
        let mut slots = Slots { tag_ids: &tag_ids, windows: Vec::new(), slots: Vec::new() };
        all_code(set, share).for_each(|code| slots.add_windows(code));
        slots.windows.sort_unstable();
        slots.windows.dedup();

        let mut plan_rules = Vec::with_capacity(share.rules.len());
        let mut named_by: Vec<(u32, u32)> = Vec::new();
        let (mut entry_count, mut group_count) = (0, 0);
        let mut fingerprint = Fingerprint::default();
        for (number, rule) in selected(set, share) {
            let here = position(plan_rules.len());
            plan_rules.push(PlanRule {
                rule: number,
                first_slot: slots.add(&rule.code),
                first_entry: position(entry_count),
                first_group: position(group_count),
                entries: position(rule.code.entries.len()),
                timed: rule.code.timed,
            });
            entry_count += rule.code.entries.len();
            group_count += rule.rule.groups.len();
            named_by.extend(rule.code.tags.iter().map(|tag| (slots.tag(*tag), here)));
            fingerprint.text(&rule.rule.id);
            for group in &rule.rule.groups {
                fingerprint.number(position(group.states.len()).into());
            }
        }
        named_by.sort_unstable();
        let mut plan_bindings = Vec::with_capacity(share.bindings.len());
        let mut asked_by: Vec<(u32, u32)> = Vec::new();
        for (number, binding) in bound(set, share) {
            let here = position(plan_bindings.len());
            plan_bindings.push(PlanBinding { binding: number, first_slot: slots.add(&binding.code) });
            asked_by.extend(binding.code.tags.iter().map(|tag| (slots.tag(*tag), here)));
            fingerprint.text(&binding.binding.id);
        }
        asked_by.sort_unstable();
        let (mut attention, thresholds) = looks(set, share, &tag_ids);
        let asked = asked(&asked_by, &mut attention);
        let Slots { windows, slots, .. } = slots;

        let tags: Box<[PlanTag]> = tag_ids
            .iter()
            .enumerate()
            .map(|(slot, tag)| {
                let slot = position(slot);
                let range = |from: usize, to: usize| (position(from), position(to));
                if let Some(name) = set.tags.get(*tag as usize) {
                    fingerprint.text(name);
                }
                PlanTag {
                    thresholds: range(
                        thresholds.partition_point(|(tag, _)| *tag < slot),
                        thresholds.partition_point(|(tag, _)| *tag <= slot),
                    ),
                    attention: attention.get(slot as usize).copied().unwrap_or(ReevaluateOn::Points),
                    rules: range(
                        named_by.partition_point(|(tag, _)| *tag < slot),
                        named_by.partition_point(|(tag, _)| *tag <= slot),
                    ),
                    windows: range(
                        windows.partition_point(|window| window.tag < slot),
                        windows.partition_point(|window| window.tag <= slot),
                    ),
                }
            })
            .collect();
        for window in &windows {
            fingerprint.number(window.tag.into());
            fingerprint.number(window.pane_ms.unsigned_abs());
            fingerprint.number(window.panes.unsigned_abs());
        }
        Ok(Self {
            rules: plan_rules.into(),
            bindings: plan_bindings.into(),
            slots: slots.into(),
            tags,
            tag_ids: tag_ids.into(),
            tag_rules: named_by.into_iter().map(|(_, rule)| rule).collect(),
            asked,
            tag_bindings: asked_by.into_iter().map(|(_, binding)| binding).collect(),
            thresholds: thresholds.into_iter().map(|(_, threshold)| threshold).collect(),
            windows: windows.into(),
            entry_count,
            group_count,
            fingerprint: fingerprint.0.finish(),
        })
    }

    /// The position of a tag that some rule or binding of the equipment names, by its number in the rule set.
    pub(crate) fn slot_of(&self, tag: TagId) -> Option<u32> {
        self.tag_ids.binary_search(&tag).ok().map(position)
    }

    /// The first number of its tags, and how many follow each other from there without a gap.
    pub(crate) fn run_of_tags(&self) -> (TagId, u32) {
        let first = self.tag_ids.first().copied().unwrap_or_default();
        let run = (first..).zip(&self.tag_ids).take_while(|(expected, tag)| expected == *tag);
        (first, position(run.count()))
    }

    /// The number in the rule set of the tag at a position.
    pub(crate) fn tag_id(&self, slot: u32) -> Option<TagId> {
        self.tag_ids.get(slot as usize).copied()
    }

    /// How many rules watch the equipment.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The rules that name a tag.
    pub(crate) fn rules_of(&self, tag: &PlanTag) -> &[u32] {
        self.tag_rules.get(tag.rules.0 as usize..tag.rules.1 as usize).unwrap_or_default()
    }

    /// Of a tag that some binding names: the attention that its rules need, and the bindings.
    pub(crate) fn asked(&self, slot: u32) -> Option<(ReevaluateOn, &[u32])> {
        let at = self.asked.binary_search_by_key(&slot, |asked| asked.tag).ok()?;
        let asked = self.asked.get(at)?;
        let bindings = self.tag_bindings.get(asked.bindings.0 as usize..asked.bindings.1 as usize)?;
        Some((asked.attention, bindings))
    }

    /// The numbers around a value between which no comparison of its tag changes, both exclusive.
    pub(crate) fn unchanged_band_around(&self, tag: &PlanTag, value: f64) -> (f64, f64) {
        let thresholds = self.thresholds.get(tag.thresholds.0 as usize..tag.thresholds.1 as usize);
        let thresholds = thresholds.unwrap_or_default();
        let above = thresholds.partition_point(|threshold| *threshold <= value);
        let below = thresholds.partition_point(|threshold| *threshold < value);
        if above != below {
            // On a threshold: only the value itself is as quiet, and that is not between.
            return (value, value);
        }
        let lower = below.checked_sub(1).and_then(|below| thresholds.get(below));
        (lower.copied().unwrap_or(f64::NEG_INFINITY), thresholds.get(above).copied().unwrap_or(f64::INFINITY))
    }

    /// The windows over a tag, as positions.
    pub(crate) fn windows_of(&self, tag: &PlanTag) -> std::ops::Range<usize> {
        tag.windows.0 as usize..tag.windows.1 as usize
    }

    /// The positions of a rule's operands.
    pub(crate) fn slots_of(&self, plan_rule: &PlanRule, rule: &CompiledRule) -> &[u32] {
        self.slots_from(plan_rule.first_slot, &rule.code)
    }

    /// The positions of a binding's operands.
    pub(crate) fn slots_of_binding(&self, plan_binding: &PlanBinding, binding: &CompiledBinding) -> &[u32] {
        self.slots_from(plan_binding.first_slot, &binding.code)
    }

    fn slots_from(&self, first: u32, code: &Code) -> &[u32] {
        let first = first as usize;
        self.slots.get(first..first + code.operands.len()).unwrap_or_default()
    }
}

/// The tags that some binding names, each with the attention of its rules, which gives way to [`ReevaluateOn::Asked`].
fn asked(asked_by: &[(u32, u32)], attention: &mut [ReevaluateOn]) -> Box<[Asked]> {
    let mut asked = Vec::new();
    let mut first = 0;
    for of_tag in asked_by.chunk_by(|(left, _), (right, _)| left == right) {
        let Some((tag, _)) = of_tag.first() else { continue };
        let after = first + of_tag.len();
        if let Some(attention) = attention.get_mut(*tag as usize) {
            let of_rules = std::mem::replace(attention, ReevaluateOn::Asked);
            asked.push(Asked {
                tag: *tag,
                attention: of_rules,
                bindings: (position(first), position(after)),
            });
        }
        first = after;
    }
    asked.into()
}

/// How the rules look at each tag: the attention that its points need, and the thresholds by (position of the tag,
/// number).
fn looks(set: &RuleSet, share: &ApplicableRules, tag_ids: &[TagId]) -> (Vec<ReevaluateOn>, Vec<(u32, f64)>) {
    let mut attention = vec![ReevaluateOn::Thresholds; tag_ids.len()];
    let mut thresholds = Vec::new();
    let mut raise = |tag: TagId, to: ReevaluateOn| {
        let slot = tag_ids.binary_search(&tag).ok();
        if let Some(attention) = slot.and_then(|slot| attention.get_mut(slot)) {
            *attention = to.max(*attention);
        }
    };
    for (_, rule) in selected(set, share) {
        let code = &rule.code;
        // A rule that looks at time itself may decide otherwise at any instant: what falls out of a window at this very
        // time is gone at the instant, while a silence is not yet over.
        let of_time = if code.timed { &*code.tags } else { &[] };
        let counted = code.entries.iter().flat_map(|entry| &entry.when_tags);
        for tag in of_time.iter().chain(counted) {
            raise(*tag, ReevaluateOn::Points);
        }
        let tag_of = |operand: u32| code.operands.get(operand as usize).map(|operand| operand.tag());
        for node in &code.nodes {
            match *node {
                Node::TagWithNumber(_, operand, number) => {
                    let slot = tag_of(operand).and_then(|tag| tag_ids.binary_search(&tag).ok());
                    thresholds.extend(slot.map(|slot| (position(slot), number)));
                }
                Node::Tag(operand) => {
                    if let Some(tag) = tag_of(operand) {
                        raise(tag, ReevaluateOn::Changes);
                    }
                }
                _ => {}
            }
        }
    }
    thresholds.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    thresholds.dedup();
    (attention, thresholds)
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
