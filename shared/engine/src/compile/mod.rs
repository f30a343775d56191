//! Compiles rule documents: every name is looked up here once, so that the fold only follows numbers.
//!
//! [`RuleSet`] is one compiled document. [`CompiledRules`] holds the sets by their start. [`plan::Plan`] is a set for
//! one machine.

mod attributes;
mod binding;
mod checker;
mod code;
mod describe;
mod interner;
mod meaning;
pub(crate) mod models;
pub mod plan;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use andon_domain::{Finding, LookupMap, ModelBinding, Rule, RuleDocument, Settings, never};
use compact_str::CompactString;

pub(crate) use attributes::AttributeValues;
pub(crate) use binding::{CompiledBinding, Pace};
pub(crate) use code::{Code, EntryCode, Node, NodeId, OperandCode};
pub use describe::Threshold;
pub(crate) use meaning::{RuleContext, binding_meaning, entry_meaning, rule_meaning};
pub use plan::{Plan, PlanError};

use crate::expr::check::attribute_types;
use crate::position::{at, position};
use crate::scope::Glob;
use attributes::AttributeTable;

/// The rule sets that a fold may need, by their starts.
///
/// [`CompiledRules::new`] begins with a set from the beginning of time.
#[derive(Clone, Debug)]
pub struct CompiledRules {
    sets: Vec<Arc<RuleSet>>,
}

/// The reason why a set was rejected.
#[derive(Debug, thiserror::Error)]
pub enum AddSetError {
    /// It starts no later than a known set.
    #[error(
        "the rule set starts at {start_ms}; expected a start after that of the newest known set, {known_ms}"
    )]
    StartsTooEarly {
        /// Its start, ms.
        start_ms: i64,
        /// The newest known start, ms.
        known_ms: i64,
    },
    /// It does not compile.
    #[error("{}", summary(.0))]
    Invalid(Vec<Finding>),
}

/// Returns the first finding, and the number of further ones.
fn summary(findings: &[Finding]) -> String {
    match findings.split_first() {
        Some((first, [])) => first.to_string(),
        Some((first, rest)) => format!("{first} (and {} more)", rest.len()),
        None => "the rule set is invalid".to_owned(),
    }
}

impl CompiledRules {
    /// The start, ms, of a set from the beginning of time.
    pub const ALWAYS_MS: i64 = i64::MIN;

    /// Returns one set, from the beginning of time.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        Self { sets: vec![Arc::new(RuleSet { start_ms: Self::ALWAYS_MS, ..set })] }
    }

    /// Returns part of a longer history of sets.
    ///
    /// It serves states that were folded with the first of these sets or a later one, and new keys whose first record
    /// arrives at or after the first start.
    ///
    /// # Errors
    /// When the starts do not increase.
    pub fn of(sets: Vec<Arc<RuleSet>>) -> Result<Self, AddSetError> {
        for (earlier, later) in sets.iter().zip(sets.iter().skip(1)) {
            if later.start_ms <= earlier.start_ms {
                return Err(AddSetError::StartsTooEarly {
                    start_ms: later.start_ms,
                    known_ms: earlier.start_ms,
                });
            }
        }
        Ok(Self { sets })
    }

    /// Adds a set that takes effect at its start.
    ///
    /// # Errors
    /// When it starts no later than a known one.
    pub fn push(&mut self, start_ms: i64, set: RuleSet) -> Result<(), AddSetError> {
        match self.sets.last() {
            Some(newest) if start_ms <= newest.start_ms => {
                Err(AddSetError::StartsTooEarly { start_ms, known_ms: newest.start_ms })
            }
            _ => {
                self.sets.push(Arc::new(RuleSet { start_ms, ..set }));
                Ok(())
            }
        }
    }

    /// Returns the set with exactly this start.
    #[must_use]
    pub fn starting_at(&self, start_ms: i64) -> Option<&Arc<RuleSet>> {
        self.sets
            .binary_search_by_key(&start_ms, |set| set.start_ms)
            .ok()
            .and_then(|index| self.sets.get(index))
    }

    /// Returns the newest set that is due at an arrival.
    #[must_use]
    pub fn newest_due(&self, arrival_ms: i64) -> Option<&Arc<RuleSet>> {
        self.sets.iter().rev().find(|set| set.start_ms <= arrival_ms)
    }

    /// Returns the sets due at an arrival that start after `after_ms`, oldest first.
    #[inline]
    pub(crate) fn due(&self, after_ms: i64, arrival_ms: i64) -> &[Arc<RuleSet>] {
        if self.sets.last().is_none_or(|newest| newest.start_ms <= after_ms) {
            return &[];
        }
        let from = self.sets.partition_point(|set| set.start_ms <= after_ms);
        let to = self.sets.partition_point(|set| set.start_ms <= arrival_ms);
        // An arrival before `after_ms` makes no set due: `from` is then after `to`.
        self.sets.get(from..to).unwrap_or_default()
    }

    /// Returns the newest set.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<RuleSet>> {
        self.sets.last()
    }
}

/// The settings of event time in plain milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub max_out_of_orderness_ms: i64,
    pub allowed_lateness_ms: i64,
    pub idle_timeout_ms: i64,
    pub max_source_drift_ms: i64,
}

impl From<Settings> for Times {
    fn from(settings: Settings) -> Self {
        Self {
            max_out_of_orderness_ms: settings.max_out_of_orderness.0,
            allowed_lateness_ms: settings.allowed_lateness.0,
            idle_timeout_ms: settings.idle_timeout.0,
            max_source_drift_ms: settings.max_source_drift.0,
        }
    }
}

/// A compiled rule document.
#[derive(Debug)]
pub struct RuleSet {
    start_ms: i64,
    pub(crate) times: Times,
    pub(crate) rules: Vec<CompiledRule>,
    /// All tags of the set; a position here is a [`TagId`].
    pub(crate) tags: Vec<CompactString>,
    tag_ids: LookupMap<CompactString, TagId>,
    /// Rules by the equipment that their scope names without a wildcard.
    by_equipment: LookupMap<CompactString, Vec<u32>>,
    /// Rules by their globs, each glob once, in the order of its text.
    by_glob: Vec<(Glob, Vec<u32>)>,
    /// The model bindings, in the order of the document.
    pub(crate) bindings: Vec<CompiledBinding>,
    pub(crate) attributes: AttributeTable,
    /// Plans by the rules and bindings that they hold. Machines with the same rules and bindings share one plan.
    plans: Mutex<LookupMap<ApplicableRules, Arc<Plan>>>,
}

/// The rules and bindings of a set that apply to an equipment, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ApplicableRules {
    pub rules: Vec<u32>,
    pub bindings: Vec<u32>,
}

/// A tag's position in [`RuleSet::tags`].
pub(crate) type TagId = u32;

/// A rule with its code.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub code: Code,
    /// The rule as it was written: names, texts.
    pub rule: Box<Rule>,
}

impl RuleSet {
    /// Compiles a document.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn compile(document: RuleDocument) -> Result<Self, Vec<Finding>> {
        // Compiles expressions even if validation has findings, so that all mistakes are reported at once.
        let mut findings = validate::document(&document);
        let mut shared = code::Shared {
            tags: interner::Interner::default(),
            attributes: interner::Interner::default(),
            types: attribute_types(&document.equipment),
        };
        let mut by_equipment: LookupMap<CompactString, Vec<u32>> = LookupMap::default();
        let mut by_glob: std::collections::BTreeMap<String, Vec<u32>> = std::collections::BTreeMap::new();
        let mut rules = Vec::with_capacity(document.rules.len());
        for (index, mut rule) in document.rules.into_iter().enumerate() {
            shrink(&mut rule);
            let number = position(index);
            for glob in &rule.scope.equipment {
                if Glob::is_literal(glob) {
                    by_equipment.entry(glob.as_str().into()).or_default().push(number);
                } else {
                    by_glob.entry(glob.clone()).or_default().push(number);
                }
            }
            match code::compile(&rule, index, &mut shared) {
                Ok(code) => rules.push(CompiledRule { code, rule: Box::new(rule) }),
                Err(errors) => findings.extend(errors),
            }
        }
        // After the rules: the tags of rules keep their numbers when bindings change.
        let mut bindings = Vec::with_capacity(document.models.len());
        for (index, binding) in document.models.into_iter().enumerate() {
            match code::compile_inputs(&binding, index, &mut shared) {
                Ok(code) => bindings.extend(CompiledBinding::new(binding, code)),
                Err(errors) => findings.extend(errors),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let set = Self {
            start_ms: CompiledRules::ALWAYS_MS,
            times: document.settings.unwrap_or_default().into(),
            rules,
            tags: shared.tags.names,
            tag_ids: shared.tags.ids,
            by_equipment,
            by_glob: by_glob
                .into_iter()
                .filter_map(|(glob, rules)| Some((valid_glob(&glob)?, rules)))
                .collect(),
            bindings,
            attributes: AttributeTable::new(shared.attributes, document.equipment),
            plans: Mutex::default(),
        };
        set.check_tag_limit()?;
        Ok(set)
    }

    /// Returns the set with a start, ms.
    #[must_use]
    pub fn starting(self, start_ms: i64) -> Self {
        Self { start_ms, ..self }
    }

    /// Returns the time at which it takes effect, ms.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// Returns the number of its rules.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Returns the rules as they were written.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|rule| &*rule.rule)
    }

    /// Returns the model bindings as they were written.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<ModelBinding>> {
        self.bindings.iter().map(|binding| &binding.binding)
    }

    /// Returns the number of a tag that some rule or binding names.
    #[inline]
    pub(crate) fn tag_id(&self, name: &str) -> Option<TagId> {
        self.tag_ids.get(name).copied()
    }

    /// Returns the tags that a rule names, in the order of its text; none for a rule that does not exist.
    #[must_use]
    pub fn tags_of(&self, rule: usize) -> Vec<&str> {
        let Some(rule) = self.rules.get(rule) else { return Vec::new() };
        let tags = rule.code.tags.iter();
        tags.filter_map(|tag| at(&self.tags, *tag, "tag")).map(CompactString::as_str).collect()
    }

    /// Returns the positions of the rules of an equipment, in the order of the document.
    #[must_use]
    pub fn rules_for(&self, equipment: &str) -> Vec<u32> {
        // A scope need not name the equipment literally.
        let mut rules = self.by_equipment.get(equipment).cloned().unwrap_or_default();
        for (glob, of_glob) in &self.by_glob {
            if glob.matches(equipment) {
                rules.extend(of_glob);
            }
        }
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// Returns the rules and bindings of an equipment, both in the order of the document.
    pub(crate) fn applicable_to(&self, equipment: &str) -> ApplicableRules {
        let bindings = (0..).zip(&self.bindings).filter(|(_, binding)| binding.scores(equipment));
        ApplicableRules {
            rules: self.rules_for(equipment),
            bindings: bindings.map(|(position, _)| position).collect(),
        }
    }

    /// Returns everything that decides for an equipment, as a text: its rules and bindings without versions and
    /// descriptions, and the settings. A change between two sets with equal texts decides nothing.
    #[must_use]
    pub fn meaning_for(&self, equipment: &str) -> String {
        let applicable = self.applicable_to(equipment);
        let attributes = self.attributes.of(equipment);
        let context = RuleContext { set: self, attributes: &attributes };
        let rules = applicable.rules.iter().filter_map(|rule| at(&self.rules, *rule, "rule"));
        let mut meanings: Vec<String> = rules.map(|rule| rule_meaning(context, &rule.rule)).collect();
        meanings.sort_unstable();
        let bindings = applicable.bindings.iter();
        for binding in bindings.filter_map(|binding| at(&self.bindings, *binding, "binding")) {
            meanings.push(binding_meaning(context, &binding.binding));
        }
        format!("{:?} {}", self.times, meanings.join("\n"))
    }

    /// Returns the plan of an equipment.
    ///
    /// # Errors
    /// When its rules name too many tags for this equipment.
    pub fn plan_for(&self, equipment: &str) -> Result<Arc<Plan>, PlanError> {
        let applicable = self.applicable_to(equipment);
        // A panic of another thread leaves the map complete.
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&applicable) {
            return Ok(Arc::clone(plan));
        }
        let broken = never::broken_count();
        let plan = Arc::new(Plan::new(self, &applicable)?);
        // A plan that rests on a broken invariant is not kept: every key that needs it fails, not only the first.
        if never::broken_count() == broken {
            plans.insert(applicable, Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// Checks the limit of tags for every equipment that a scope names. For other machines the check comes with the
    /// plan.
    fn check_tag_limit(&self) -> Result<(), Vec<Finding>> {
        if self.tags.len() <= andon_domain::limits::TAGS_PER_KEY {
            return Ok(());
        }
        // Only for machines whose own tags, with those of all globs, may be too many: matching every glob with every
        // machine would take a time that grows with the square of the rules.
        let tags = |rules: &[u32]| -> usize {
            let rules = rules.iter().filter_map(|rule| at(&self.rules, *rule, "rule"));
            rules.map(|rule| rule.code.tags.len()).sum()
        };
        let by_globs: usize = self.by_glob.iter().map(|(_, rules)| tags(rules)).sum();
        let by_bindings: usize = self.bindings.iter().map(|binding| binding.code.tags.len()).sum();
        let by_globs = by_globs.saturating_add(by_bindings);
        let limit = andon_domain::limits::TAGS_PER_KEY;
        let own = self.by_equipment.iter().filter(|(_, rules)| tags(rules).saturating_add(by_globs) > limit);
        let mut machines: Vec<&CompactString> = own.map(|(equipment, _)| equipment).collect();
        machines.sort_unstable();
        for equipment in machines {
            if let Err(error) = plan::count_tags(self, &self.applicable_to(equipment)) {
                let message = format!("for the equipment `{equipment}`, {error}");
                return Err(vec![Finding::error("too-many-tags", vec!["rules".into()], message)]);
            }
        }
        Ok(())
    }
}

/// Returns the spare capacity of lists: a set may hold a million rules.
fn shrink(rule: &mut Rule) {
    rule.scope.equipment.shrink_to_fit();
    rule.groups.shrink_to_fit();
    for group in &mut rule.groups {
        group.states.shrink_to_fit();
    }
}

/// Compiles a glob that passed validation.
fn valid_glob(glob: &str) -> Option<Glob> {
    match Glob::new(glob) {
        Ok(glob) => Some(glob),
        Err(error) => {
            never!("the valid glob `{glob}` does not compile: {error}");
            None
        }
    }
}
