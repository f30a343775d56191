//! Names: parameters, states, globs, texts.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::{Finding, PathSegment};

use super::{Linter, ReadRule};
use andon_engine::expr::check::Parameters;
use andon_engine::expr::{Expr, ExprKind, walk};

pub(super) fn lint(linter: &mut Linter<'_>, read: &ReadRule<'_>) {
    if read.complete {
        unused_parameters(linter, read);
    }
    Globs(&linter.rule.scope.equipment).find(&linter.path, linter.findings);
    state_case(linter);
    default_states(linter);
    text_case(linter, read);
}

fn expressions<'r>(read: &'r ReadRule<'_>) -> impl Iterator<Item = (usize, usize, &'static str, &'r Expr)> {
    read.groups.iter().enumerate().flat_map(|(group, entries)| {
        entries.iter().flat_map(move |entry| {
            let until = entry.until.as_ref().map(|until| (group, entry.index, "until", until));
            std::iter::once((group, entry.index, "when", &entry.when)).chain(until)
        })
    })
}

fn unused_parameters(linter: &mut Linter<'_>, read: &ReadRule<'_>) {
    let unused = UnusedParameters { parameters: &linter.rule.parameters, of: "expression of the rule" };
    unused.find(expressions(read).map(|(_, _, _, expr)| expr), &linter.path, linter.findings);
}

/// Parameters that no expression names.
pub(super) struct UnusedParameters<'a> {
    pub parameters: &'a Parameters,
    /// What names them.
    pub of: &'static str,
}

impl UnusedParameters<'_> {
    pub(super) fn find<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expr>,
        place: &[PathSegment],
        findings: &mut Vec<Finding>,
    ) {
        let mut used = BTreeSet::new();
        for expr in expressions {
            walk(expr, &mut |node| {
                if let ExprKind::Param(name) = &node.kind {
                    used.insert(name.as_str());
                }
            });
        }
        for name in self.parameters.keys().filter(|name| !used.contains(name.as_str())) {
            let message = format!("no {} names `params.{name}`", self.of);
            let path = place.iter().cloned().chain(["parameters".into(), name.as_str().into()]).collect();
            findings.push(Finding::warning("unused-parameter", path, message));
        }
    }
}

/// The globs of a scope.
pub(super) struct Globs<'a>(pub &'a [String]);

impl Globs<'_> {
    pub(super) fn find(&self, place: &[PathSegment], findings: &mut Vec<Finding>) {
        let all = self.0.iter().position(|glob| glob == "*");
        let mut seen = BTreeSet::new();
        for (index, glob) in self.0.iter().enumerate() {
            let message = if !seen.insert(glob) {
                format!("`{glob}` stands in the scope twice")
            } else if all.is_some_and(|all| all != index) {
                format!("`{glob}` changes nothing: the scope has `*`, which is every machine")
            } else {
                continue;
            };
            let here = ["scope".into(), "equipment".into(), index.into()];
            let path = place.iter().cloned().chain(here).collect();
            findings.push(Finding::warning("repeated-glob", path, message));
        }
    }
}

/// Every state that the rule names, with its place.
fn states<'r>(linter: &Linter<'r>) -> Vec<(&'r str, Vec<PathSegment>, f64)> {
    let mut states = Vec::new();
    for (group_index, group) in linter.rule.groups.iter().enumerate() {
        let place = |rest: &[PathSegment]| -> Vec<PathSegment> {
            ["groups".into(), group_index.into()].iter().chain(rest).cloned().collect()
        };
        for (index, entry) in group.states.iter().enumerate() {
            let weight = entry.weight.unwrap_or(group.weight);
            states.push((
                entry.state.as_str(),
                place(&["states".into(), index.into(), "state".into()]),
                weight,
            ));
        }
        if let Some(otherwise) = &group.otherwise {
            states.push((otherwise.as_str(), place(&["otherwise".into()]), group.weight));
        }
    }
    states
}

fn state_case(linter: &mut Linter<'_>) {
    let default = linter.rule.default.as_str();
    let mut spelled: BTreeMap<String, &str> = BTreeMap::from([(default.to_lowercase(), default)]);
    let mut warned = BTreeSet::new();
    for (state, place, _) in states(linter) {
        let first = *spelled.entry(state.to_lowercase()).or_insert(state);
        if first != state && warned.insert(state) {
            let message =
                format!("the states `{first}` and `{state}` differ only in case, and are not the same state");
            linter.warn(&place, "state-case", message);
        }
    }
}

/// A vote for the default matters only where it outvotes another state.
fn default_states(linter: &mut Linter<'_>) {
    let default = linter.rule.default.as_str();
    let states = states(linter);
    let lightest_other =
        states.iter().filter(|(state, _, _)| *state != default).map(|(_, _, weight)| *weight);
    let lightest_other = lightest_other.fold(f64::INFINITY, f64::min);
    for (_, place, weight) in states.iter().filter(|(state, _, _)| *state == default) {
        if *weight < lightest_other {
            let message = format!(
                "this vote for `{default}` changes nothing: it is the rule's `default`, and no other state is outvoted"
            );
            let finding = linter.warn(place, "default-state", message);
            finding.help = Some("name another state, or leave it out".to_owned());
        }
    }
}

/// Texts that one tag is compared with in different expressions: `'Running'` here, `'running'` there.
fn text_case(linter: &mut Linter<'_>, read: &ReadRule<'_>) {
    let mut spelled: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for (group, entry, field, expr) in expressions(read) {
        let mut here: Vec<(&str, &str, &Expr)> = Vec::new();
        walk(expr, &mut |node| {
            let ExprKind::Compare(_, left, right) = &node.kind else { return };
            if let (ExprKind::Tag(tag), ExprKind::Text(text)) | (ExprKind::Text(text), ExprKind::Tag(tag)) =
                (&left.kind, &right.kind)
            {
                here.push((tag, text, node));
            }
        });
        for (tag, text, node) in &here {
            let key = (*tag, text.to_lowercase());
            // Both spellings in one expression are meant.
            let both = here.iter().any(|(other_tag, other, _)| {
                other_tag == tag && other != text && other.to_lowercase() == key.1
            });
            let first = *spelled.entry(key).or_insert(text);
            if first != *text && !both {
                let place: [PathSegment; 5] =
                    ["groups".into(), group.into(), "states".into(), entry.into(), field.into()];
                let message = format!(
                    "`{tag}` is compared with '{first}' elsewhere in the rule; '{text}' differs only in case"
                );
                let finding = linter.warn(&place, "text-case", message);
                finding.within = Some(node.span.start..node.span.end);
                finding.help = Some("texts are compared exactly".to_owned());
            }
        }
    }
}
