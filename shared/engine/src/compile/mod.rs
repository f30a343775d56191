//! Rule documents to compiled rules: every name is looked up here once, so that the fold only follows numbers.
//!
//! [`RuleSet`] is one document, compiled; [`CompiledRules`] the sets by their start; [`plan::Plan`] what a set
//! means for one equipment.

mod attributes;
mod binding;
mod code;
mod describe;
mod meaning;
pub(crate) mod models;
pub mod plan;
mod validate;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use andon_domain::{Finding, LookupMap, ModelBinding, Rule, RuleDocument, Settings};
use compact_str::CompactString;

pub(crate) use attributes::Attributes;
pub(crate) use binding::{CompiledBinding, Pace};
pub(crate) use code::{Code, EntryCode, Node, NodeId, Operand};
pub use describe::Threshold;
pub(crate) use meaning::{RuleContext, binding_meaning, entry_meaning, rule_meaning};
pub use plan::{Plan, PlanError};

use crate::expr::check::attribute_types;
use crate::scope::Glob;
use attributes::AllAttributes;

/// The rule sets that a fold may need, by their starts.
///
/// There is always one to begin with, from the beginning of time.
#[derive(Clone, Debug)]
pub struct CompiledRules {
    sets: Vec<Arc<RuleSet>>,
}

/// Why a set was not taken.
#[derive(Debug)]
pub enum AddSetError {
    /// It starts no later than one that is known.
    StartsTooEarly {
        /// Its start, ms.
        start_ms: i64,
        /// The newest known start, ms.
        known_ms: i64,
    },
    /// It does not compile.
    Invalid(Vec<Finding>),
}

impl fmt::Display for AddSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartsTooEarly { start_ms, known_ms } => write!(
                f,
                "the rule set starts at {start_ms}; expected a start after that of the newest known set, {known_ms}"
            ),
            Self::Invalid(findings) => match findings.split_first() {
                Some((first, [])) => write!(f, "{first}"),
                Some((first, rest)) => write!(f, "{first} (and {} more)", rest.len()),
                None => f.write_str("the rule set is invalid"),
            },
        }
    }
}

impl std::error::Error for AddSetError {}

impl CompiledRules {
    /// The start of a set that has always been there.
    pub const ALWAYS_MS: i64 = i64::MIN;

    /// One set, from the beginning of time.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        Self { sets: vec![Arc::new(RuleSet { start_ms: Self::ALWAYS_MS, ..set })] }
    }

    /// Part of a longer history of sets: enough for states that were folded with the first of these or a later one,
    /// and for new keys whose first record arrives at or after the first start.
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

    /// The set of exactly that start.
    #[must_use]
    pub fn starting_at(&self, start_ms: i64) -> Option<&Arc<RuleSet>> {
        self.sets
            .binary_search_by_key(&start_ms, |set| set.start_ms)
            .ok()
            .and_then(|index| self.sets.get(index))
    }

    /// The newest set that is due at an arrival.
    #[must_use]
    pub fn newest_due(&self, arrival_ms: i64) -> Option<&Arc<RuleSet>> {
        self.sets.iter().rev().find(|set| set.start_ms <= arrival_ms)
    }

    /// The sets due at an arrival that start after `after_ms`, oldest first.
    #[inline]
    pub(crate) fn due(&self, after_ms: i64, arrival_ms: i64) -> &[Arc<RuleSet>] {
        if self.sets.last().is_none_or(|newest| newest.start_ms <= after_ms) {
            return &[];
        }
        let from = self.sets.partition_point(|set| set.start_ms <= after_ms);
        let to = self.sets.partition_point(|set| set.start_ms <= arrival_ms);
        self.sets.get(from..to).unwrap_or_default()
    }

    /// The newest set.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<RuleSet>> {
        self.sets.last()
    }
}

/// Settings in plain milliseconds.
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

/// One rule document, compiled.
#[derive(Debug)]
pub struct RuleSet {
    start_ms: i64,
    pub(crate) times: Times,
    pub(crate) rules: Vec<CompiledRule>,
    /// All tags that the set names; a position here is a [`TagId`].
    pub(crate) tags: Vec<CompactString>,
    tag_ids: LookupMap<CompactString, TagId>,
    /// Rules by the equipment that they name without a wildcard.
    by_equipment: LookupMap<CompactString, Vec<u32>>,
    /// Rules by their globs, each glob once, in the order of its text.
    by_glob: Vec<(Glob, Vec<u32>)>,
    /// The model bindings, in the order of the document.
    pub(crate) bindings: Vec<CompiledBinding>,
    pub(crate) attributes: AllAttributes,
    /// Plans by the rules and bindings that they hold: equipments with the same ones share one.
    plans: Mutex<LookupMap<ApplicableRules, Arc<Plan>>>,
}

/// What of a rule set concerns an equipment: the positions of rules and of bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ApplicableRules {
    pub rules: Vec<u32>,
    pub bindings: Vec<u32>,
}

/// A tag's position in [`RuleSet::tags`].
pub(crate) type TagId = u32;

/// A rule and its code.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub code: Code,
    /// As it was written: names, texts.
    pub rule: Box<Rule>,
}

impl RuleSet {
    /// Compiles a document.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn compile(document: RuleDocument) -> Result<Self, Vec<Finding>> {
        // Expressions are read even where the shape is wrong, so that all mistakes show at once.
        let mut findings = validate::document(&document);
        let mut shared = code::Shared {
            tags: code::Interner::default(),
            attributes: code::Interner::default(),
            types: attribute_types(&document.equipment),
        };
        let mut by_equipment: LookupMap<CompactString, Vec<u32>> = LookupMap::default();
        let mut by_glob: std::collections::BTreeMap<String, Vec<u32>> = std::collections::BTreeMap::new();
        let mut rules = Vec::with_capacity(document.rules.len());
        for (index, mut rule) in document.rules.into_iter().enumerate() {
            shrink(&mut rule);
            let Ok(number) = u32::try_from(index) else { break };
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
        // After the rules: what they name keeps its number where bindings come and go.
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
                .filter_map(|(glob, rules)| Some((Glob::new(&glob).ok()?, rules)))
                .collect(),
            bindings,
            attributes: AllAttributes::new(shared.attributes, document.equipment),
            plans: Mutex::default(),
        };
        set.refuse_too_many_tags()?;
        Ok(set)
    }

    /// The set, to take effect at a start, ms.
    #[must_use]
    pub fn starting(self, start_ms: i64) -> Self {
        Self { start_ms, ..self }
    }

    /// When it takes effect, ms.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// How many rules it holds.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The rules as they were written.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|rule| &*rule.rule)
    }

    /// The model bindings as they were written.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<ModelBinding>> {
        self.bindings.iter().map(|binding| &binding.binding)
    }

    /// The number of a tag that some rule or binding names.
    #[inline]
    pub(crate) fn tag_id(&self, name: &str) -> Option<TagId> {
        self.tag_ids.get(name).copied()
    }

    /// The tags that a rule names, in the order of its text.
    #[must_use]
    pub fn tags_of(&self, rule: usize) -> Vec<&str> {
        let Some(rule) = self.rules.get(rule) else { return Vec::new() };
        let tags = rule.code.tags.iter();
        tags.filter_map(|tag| self.tags.get(*tag as usize)).map(CompactString::as_str).collect()
    }

    /// The positions of the rules that watch an equipment, in the order of the document.
    #[must_use]
    pub fn rules_for(&self, equipment: &str) -> Vec<u32> {
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

    /// What concerns an equipment, each in the order of the document.
    pub(crate) fn share_of(&self, equipment: &str) -> ApplicableRules {
        let bindings = (0..).zip(&self.bindings).filter(|(_, binding)| binding.scores(equipment));
        ApplicableRules {
            rules: self.rules_for(equipment),
            bindings: bindings.map(|(position, _)| position).collect(),
        }
    }

    /// Everything that decides for an equipment, as a text: its rules and bindings without versions and descriptions, and
    /// the settings. Where two sets give the same, a change from one to the other decides nothing.
    #[must_use]
    pub fn meaning_for(&self, equipment: &str) -> String {
        let share = self.share_of(equipment);
        let attributes = self.attributes.of(equipment);
        let facts = RuleContext { set: self, attributes: &attributes };
        let rules = share.rules.iter().filter_map(|rule| self.rules.get(*rule as usize));
        let mut meanings: Vec<String> = rules.map(|rule| rule_meaning(facts, &rule.rule)).collect();
        meanings.sort_unstable();
        for binding in share.bindings.iter().filter_map(|binding| self.bindings.get(*binding as usize)) {
            meanings.push(binding_meaning(facts, &binding.binding));
        }
        format!("{:?} {}", self.times, meanings.join("\n"))
    }

    /// What the set means for an equipment.
    ///
    /// # Errors
    /// When its rules name too many tags for this equipment.
    pub fn plan_for(&self, equipment: &str) -> Result<Arc<Plan>, PlanError> {
        let share = self.share_of(equipment);
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&share) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(Plan::new(self, &share)?);
        plans.insert(share, Arc::clone(&plan));
        Ok(plan)
    }

    /// Checks the bound on tags for every equipment that is named. Where globs decide, it shows when an equipment comes
    /// up.
    fn refuse_too_many_tags(&self) -> Result<(), Vec<Finding>> {
        if self.tags.len() <= andon_domain::limits::TAGS_PER_KEY {
            return Ok(());
        }
        // Only for equipments whose own tags, with those of all globs, may be too many: matching every glob with every
        // equipment would take a time that grows with the square of the rules.
        let tags = |rules: &[u32]| -> usize {
            let rules = rules.iter().filter_map(|rule| self.rules.get(*rule as usize));
            rules.map(|rule| rule.code.tags.len()).sum()
        };
        let by_globs: usize = self.by_glob.iter().map(|(_, rules)| tags(rules)).sum();
        let by_bindings: usize = self.bindings.iter().map(|binding| binding.code.tags.len()).sum();
        let by_globs = by_globs.saturating_add(by_bindings);
        let limit = andon_domain::limits::TAGS_PER_KEY;
        let own = self.by_equipment.iter().filter(|(_, rules)| tags(rules).saturating_add(by_globs) > limit);
        let mut equipments: Vec<&CompactString> = own.map(|(equipment, _)| equipment).collect();
        equipments.sort_unstable();
        for equipment in equipments {
            if let Err(error) = plan::count_tags(self, &self.share_of(equipment)) {
                let message = format!("for the equipment `{equipment}`, {error}");
                return Err(vec![Finding::error("too-many-tags", vec!["rules".into()], message)]);
            }
        }
        Ok(())
    }
}

/// Gives back the room that lists keep for growing: a set may hold a million rules.
fn shrink(rule: &mut Rule) {
    rule.scope.equipment.shrink_to_fit();
    rule.groups.shrink_to_fit();
    for group in &mut rule.groups {
        group.states.shrink_to_fit();
    }
}
