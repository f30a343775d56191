//! Checks a rule document beyond its types: names, bounds, duplicates.

use std::collections::BTreeMap;

use andon_domain::{Finding, Group, PathSegment, Rule, RuleDocument, Settings, StateEntry, limits};

use super::checker::{Checker, shown};
use super::models;

/// Returns everything that is wrong with a document, except for its expressions.
pub(super) fn document(document: &RuleDocument) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(times) = &document.settings {
        settings(times, &mut findings);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, rule) in document.rules.iter().enumerate() {
        let path: Vec<PathSegment> = vec!["rules".into(), index.into()];
        let mut checker = Checker { path, findings: &mut findings };
        if let Some(first) = seen.insert(&rule.id, index) {
            checker.error(
                &["id".into()],
                "duplicate-id",
                format!("rule `{}` is already rule {} of the set", rule.id, first + 1),
            );
        }
        checker.rule(rule);
    }
    models::equipment(document, &mut findings);
    models::models(document, &mut findings);
    findings
}

fn settings(settings: &Settings, findings: &mut Vec<Finding>) {
    let mut checker = Checker { path: vec!["settings".into()], findings };
    for (field, value) in [
        ("max_out_of_orderness", settings.max_out_of_orderness),
        ("allowed_lateness", settings.allowed_lateness),
        ("idle_timeout", settings.idle_timeout),
        ("max_source_drift", settings.max_source_drift),
    ] {
        checker.wait(field, value);
    }
}

impl Checker<'_> {
    fn rule(&mut self, rule: &Rule) {
        self.id(&rule.id, "rule id");
        self.description(rule.description.as_deref());
        self.label(&["default".into()], &rule.default, "state");
        self.scope(&rule.scope);
        self.values(&["parameters".into()], &rule.parameters, "params", limits::PARAMETERS);
        if rule.groups.is_empty() {
            self.error(&["groups".into()], "empty", "the rule has no groups; expected at least one");
        }
        let entries: usize = rule.groups.iter().map(|group| group.states.len()).sum();
        if rule.groups.len() > limits::RULE_ENTRIES || entries > limits::RULE_ENTRIES {
            let (groups, limit) = (rule.groups.len(), limits::RULE_ENTRIES);
            let message =
                format!("the rule has {groups} groups and {entries} states; the limit of each is {limit}");
            self.error(&["groups".into()], "too-many", message);
        }
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, group) in rule.groups.iter().enumerate() {
            let depth = self.path.len();
            self.path.extend(["groups".into(), index.into()]);
            if let Some(first) = seen.insert(&group.id, index) {
                let message =
                    format!("group `{}` is already group {} of the rule", shown(&group.id), first + 1);
                self.error(&["id".into()], "duplicate-id", message);
            }
            self.group(group);
            self.path.truncate(depth);
        }
    }

    fn group(&mut self, group: &Group) {
        self.label(&["id".into()], &group.id, "group id");
        self.weight(group.weight);
        if let Some(otherwise) = &group.otherwise {
            self.label(&["otherwise".into()], otherwise, "state");
        }
        if group.states.is_empty() {
            self.error(&["states".into()], "empty", "the group has no states; expected at least one");
        }
        for (index, entry) in group.states.iter().enumerate() {
            let depth = self.path.len();
            self.path.extend(["states".into(), index.into()]);
            self.entry(entry);
            self.path.truncate(depth);
        }
    }

    fn entry(&mut self, entry: &StateEntry) {
        self.label(&["state".into()], &entry.state, "state");
        if let Some(weight) = entry.weight {
            self.weight(weight);
        }
        self.wait("for", entry.hold.unwrap_or_default());
        self.wait("keep_for", entry.keep_for.unwrap_or_default());
        match entry.times {
            Some(0) => {
                self.error(
                    &["times".into()],
                    "bad-value",
                    "`times` is 0; expected at least 1, or leave it out",
                );
            }
            Some(times) if times > limits::TIMES => {
                self.error(
                    &["times".into()],
                    "bad-value",
                    format!("`times` is {times}; the limit is {}", limits::TIMES),
                );
            }
            _ => {}
        }
    }

    fn weight(&mut self, weight: f64) {
        // This is also false for numbers that are not finite.
        let within = weight.abs() <= WEIGHT_LIMIT;
        if !within {
            let message = format!(
                "the weight is {weight}; expected a number between -{WEIGHT_LIMIT} and {WEIGHT_LIMIT}"
            );
            self.error(&["weight".into()], "bad-value", message);
        }
    }
}

/// Greatest absolute weight.
const WEIGHT_LIMIT: f64 = limits::WEIGHT;
