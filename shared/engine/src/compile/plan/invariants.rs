//! The invariants of a plan.

use super::{Plan, ReevaluateOn};
use crate::compile::{Code, OperandCode, RuleSet};
use crate::position::indexes;

impl Plan {
    /// Checks the invariants of a plan.
    ///
    /// - Every position of the plan is in range: in its own lists, and in those of the set.
    /// - Positions of entries, groups and operands follow each other without a gap, in the order of the rules.
    /// - Lists that are searched are sorted.
    /// - The fingerprint is that of the set's names and of the plan's windows.
    pub(crate) fn check(&self, set: &RuleSet) -> Result<(), String> {
        self.check_rules(set)?;
        self.check_tags(set)?;
        self.check_bound_tags()?;
        for (position, window) in self.windows.iter().enumerate() {
            ensure(index(window.tag) < self.tags.len() && window.pane_ms > 0 && window.panes > 0, || {
                format!("window {position} is {window:?}; the plan has {} tags", self.tags.len())
            })?;
        }
        ensure(self.windows.is_sorted_by(|left, right| left < right), || {
            "windows are not sorted".to_owned()
        })?;
        let fingerprint = self.fingerprint_with(set);
        ensure(self.fingerprint == fingerprint, || {
            format!("the fingerprint is {:x}; that of the set is {fingerprint:x}", self.fingerprint)
        })
    }

    fn check_rules(&self, set: &RuleSet) -> Result<(), String> {
        let (mut entries, mut groups, mut slots) = (0, 0, 0);
        for (position, planned) in self.rules.iter().enumerate() {
            let Some(rule) = set.rules.get(index(planned.rule)) else {
                return Err(format!("the plan names rule {} of {}", planned.rule, set.rules.len()));
            };
            let first = (index(planned.first_entry), index(planned.first_group), index(planned.first_slot));
            let fits = first == (entries, groups, slots)
                && index(planned.entries) == rule.code.entries.len()
                && planned.timed == rule.code.timed;
            ensure(fits, || {
                format!("rule {position} is {planned:?}; expected it at {entries}, {groups} and {slots}")
            })?;
            entries += rule.code.entries.len();
            groups += rule.code.groups.len();
            self.check_operands(&rule.code, slots)?;
            slots += rule.code.operands.len();
        }
        for planned in &self.bindings {
            let Some(binding) = set.bindings.get(index(planned.binding)) else {
                return Err(format!("the plan names binding {} of {}", planned.binding, set.bindings.len()));
            };
            ensure(index(planned.first_slot) == slots, || format!("{planned:?}; expected slot {slots}"))?;
            self.check_operands(&binding.code, slots)?;
            slots += binding.code.operands.len();
        }
        let counts = (self.entry_count, self.group_count, self.slots.len());
        ensure(counts == (entries, groups, slots), || {
            format!("(entries, groups, operands) are {counts:?}; expected {:?}", (entries, groups, slots))
        })
    }

    /// Every operand stands for the tag, or for the window over the tag, that the code names.
    fn check_operands(&self, code: &Code, first: usize) -> Result<(), String> {
        for (operand, position) in code.operands.iter().zip(first..) {
            let slot = self.slots.get(position).copied();
            let tag = match *operand {
                OperandCode::Tag(_) | OperandCode::Absent { .. } => slot,
                OperandCode::Window { pane_ms, panes, .. } => slot
                    .and_then(|slot| self.windows.get(index(slot)))
                    .filter(|window| (window.pane_ms, window.panes) == (pane_ms, panes))
                    .map(|window| window.tag),
            };
            let named = tag.and_then(|tag| self.tag_ids.get(index(tag)));
            ensure(named == Some(&operand.tag()), || format!("{operand:?} is at position {slot:?}"))?;
        }
        Ok(())
    }

    fn check_tags(&self, set: &RuleSet) -> Result<(), String> {
        ensure(self.tags.len() == self.tag_ids.len(), || {
            format!("{} tags have {} numbers", self.tags.len(), self.tag_ids.len())
        })?;
        ensure(self.tag_ids.is_sorted_by(|left, right| left < right), || "tags are not sorted".to_owned())?;
        if let Some(unknown) = self.tag_ids.iter().find(|tag| index(**tag) >= set.tags.len()) {
            return Err(format!("the plan names tag {unknown} of {}", set.tags.len()));
        }
        for (slot, tag) in self.tags.iter().enumerate() {
            let rules = self.tag_rules.get(indexes(tag.rules));
            let known = rules.is_some_and(|rules| rules.iter().all(|rule| index(*rule) < self.rules.len()));
            ensure(known, || format!("rules {rules:?} of tag {slot}; the plan has {}", self.rules.len()))?;
            let thresholds = self.thresholds.get(indexes(tag.thresholds));
            ensure(thresholds.is_some_and(<[f64]>::is_sorted), || {
                format!("thresholds {thresholds:?} of tag {slot}")
            })?;
            let windows = self.windows.get(indexes(tag.windows));
            let own = windows.is_some_and(|windows| windows.iter().all(|window| index(window.tag) == slot));
            ensure(own, || format!("windows {windows:?} of tag {slot}"))?;
        }
        Ok(())
    }

    fn check_bound_tags(&self) -> Result<(), String> {
        ensure(self.bound_tags.is_sorted_by(|left, right| left.tag < right.tag), || {
            "tags of bindings are not sorted".to_owned()
        })?;
        let bound = self.tags.iter().filter(|tag| tag.reevaluate_on == ReevaluateOn::BindingInput).count();
        ensure(bound == self.bound_tags.len(), || {
            format!("{bound} tags are inputs of bindings; {} are listed", self.bound_tags.len())
        })?;
        for tag in &self.bound_tags {
            let bindings = self.tag_bindings.get(indexes(tag.bindings));
            let known = bindings
                .is_some_and(|bindings| bindings.iter().all(|binding| index(*binding) < self.bindings.len()));
            let planned = self.tags.get(index(tag.tag)).map(|tag| tag.reevaluate_on);
            ensure(known && planned == Some(ReevaluateOn::BindingInput), || {
                format!("{tag:?} with bindings {bindings:?} of {}", self.bindings.len())
            })?;
        }
        Ok(())
    }
}

fn index(position: u32) -> usize {
    position as usize
}

/// Returns an error with a message if a condition is false.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
