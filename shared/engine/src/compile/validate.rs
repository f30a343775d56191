//! The shape of a rule document beyond what its types say: names, bounds, duplicates.

use std::collections::BTreeMap;

use andon_domain::{
    Finding, Group, Millis, ParameterValue, PathSegment, Rule, RuleDocument, Scope, Settings, StateEntry,
    limits,
};

use super::models;
use crate::scope::Glob;

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

pub(super) struct Checker<'a> {
    pub path: Vec<PathSegment>,
    pub findings: &'a mut Vec<Finding>,
}

impl Checker<'_> {
    pub(super) fn error(
        &mut self,
        rest: &[PathSegment],
        code: &'static str,
        message: impl Into<String>,
    ) -> &mut Finding {
        let path = self.path.iter().chain(rest).cloned().collect();
        self.findings.push(Finding::error(code, path, message));
        let last = self.findings.len() - 1;
        #[allow(clippy::indexing_slicing, reason = "it was just pushed")]
        &mut self.findings[last]
    }

    pub(super) fn wait(&mut self, field: &str, value: Millis) {
        if value.0 > limits::WAIT_MS {
            let message = format!("`{value}` is too long; the limit is `{}`", Millis(limits::WAIT_MS));
            self.error(&[field.into()], "too-long", message);
        }
    }

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

    pub(super) fn id(&mut self, id: &str, what: &str) {
        let valid = !id.is_empty()
            && id.len() <= limits::RULE_ID_BYTES
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !valid {
            let message = format!(
                "`{}` is no {what}; expected 1 to 128 letters a to z, digits, `.`, `_` and `-`",
                shown(id)
            );
            self.error(&["id".into()], "bad-id", message);
        }
    }

    pub(super) fn description(&mut self, description: Option<&str>) {
        if description.is_some_and(|text| text.len() > limits::DESCRIPTION_BYTES) {
            let message = format!("the description is longer than {} bytes", limits::DESCRIPTION_BYTES);
            self.error(&["description".into()], "too-long", message);
        }
    }

    pub(super) fn scope(&mut self, scope: &Scope) {
        let globs = &scope.equipment;
        let place = |rest: Option<usize>| -> Vec<PathSegment> {
            let mut path: Vec<PathSegment> = vec!["scope".into(), "equipment".into()];
            path.extend(rest.filter(|_| globs.len() > 1).map(PathSegment::from));
            path
        };
        if globs.is_empty() {
            self.error(
                &place(None),
                "empty",
                "the scope names no equipment; expected a glob such as `filler-*`, or leave it out for all",
            );
        }
        if globs.len() > limits::SCOPE_GLOBS {
            let message =
                format!("the scope has {} globs; the limit is {}", globs.len(), limits::SCOPE_GLOBS);
            self.error(&place(None), "too-many", message);
        }
        for (index, glob) in globs.iter().enumerate() {
            if glob.is_empty() || glob.len() > limits::NAME_BYTES {
                let message = format!("a glob is 1 to {} bytes long", limits::NAME_BYTES);
                self.error(&place(Some(index)), "bad-glob", message);
            } else if let Err(error) = Glob::new(glob) {
                self.error(&place(Some(index)), "bad-glob", format!("`{}` is no glob: {error}", shown(glob)));
            }
        }
    }

    /// Checks values that expressions name as `kind.NAME`.
    pub(super) fn values(
        &mut self,
        at: &[PathSegment],
        values: &BTreeMap<String, ParameterValue>,
        kind: &str,
        limit: usize,
    ) {
        if values.len() > limit {
            let message = format!("there are {} values here; the limit is {limit}", values.len());
            self.error(at, "too-many", message);
        }
        for (name, value) in values {
            let place: Vec<PathSegment> = at.iter().cloned().chain([name.as_str().into()]).collect();
            let identifier = name.len() <= limits::LABEL_BYTES
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !identifier {
                let message = format!(
                    "`{}` cannot be named as `{kind}.…`; expected letters a to z, digits and `_`",
                    shown(name)
                );
                self.error(&place, "bad-name", message);
            }
            match value {
                ParameterValue::Number(number) if !number.is_finite() => {
                    self.error(&place, "bad-value", "the number is not finite");
                }
                ParameterValue::Text(text) if text.len() > limits::TEXT_BYTES => {
                    self.error(
                        &place,
                        "too-long",
                        format!("the text is longer than {} bytes", limits::TEXT_BYTES),
                    );
                }
                _ => {}
            }
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
        // Also refuses what is not finite.
        let within = weight.abs() <= WEIGHT_LIMIT;
        if !within {
            let message = format!(
                "the weight is {weight}; expected a number between -{WEIGHT_LIMIT} and {WEIGHT_LIMIT}"
            );
            self.error(&["weight".into()], "bad-value", message);
        }
    }

    pub(super) fn label(&mut self, place: &[PathSegment], label: &str, what: &str) {
        if label.is_empty() || label.len() > limits::LABEL_BYTES || label.chars().any(char::is_control) {
            let message = format!(
                "`{}` is no {what}; expected 1 to {} bytes without control characters",
                shown(label),
                limits::LABEL_BYTES
            );
            self.error(place, "bad-name", message);
        }
    }
}

const WEIGHT_LIMIT: f64 = limits::WEIGHT;

pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}
