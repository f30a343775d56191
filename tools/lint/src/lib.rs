//! Warnings for rules that are legal but surely wrong.
//!
//! Every warning must be right: where a condition is too complex to be sure of, nothing is said. What is looked for:
//!
//! | code | what |
//! | --- | --- |
//! | `never-true` | a condition, or a side of its `\|\|`, that no values make true |
//! | `never-false` | a condition that no values make false (`true` alone is taken as meant) |
//! | `never-left` | `until` is true only while `when` is, so the state is never left |
//! | `until-without-effect` | `until` is true whenever `when` is false: no hysteresis |
//! | `until-reversed` | `until` looks the same way as `when`, so the state stays where it should end |
//! | `hidden-state` | whenever the entry is active, another of the group is, and outvotes it |
//! | `duplicate-entry` | an entry that stands twice in a group |
//! | `hidden-group` | another group outvotes it nearly always: by `otherwise`, or by an entry that is always active |
//! | `default-state` | an entry for the rule's `default` that outvotes nothing |
//! | `state-case`, `text-case` | names of states, or texts compared with one tag, that differ only in case |
//! | `unused-parameter` | a parameter that no expression names |
//! | `repeated-glob` | an item of a scope that another one makes superfluous |
//! | `times-without-effect`, `times-without-tag` | `times` that is always or never reached |
//! | `unbound-score` | a score that no model of the document gives, where it has models |
//! | `inputs-without-tag` | a model that nothing leads to a request |
//! | `too-old-early` | requests that are dropped before their first attempt is over |
//! | `short-wait` | `for` is shorter than a sixtieth of a window, the step in which windows move on |

mod conditions;
mod domain;
mod entries;
mod groups;
mod models;
mod names;
mod region;
mod simplify;
mod waits;

#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;

use andon_domain::{Finding, PathSegment, Rule, RuleDocument, StateEntry};

use andon_engine::expr::check::{AttributeTypes, Names, attribute_types};
use andon_engine::expr::{self, Expr};
use region::Region;

/// What is doubtful in a document whose rules all compile. An expression that does not compile is passed over.
#[must_use]
pub fn lint(document: &RuleDocument) -> Vec<Finding> {
    let mut findings = Vec::new();
    let types = attribute_types(&document.equipment);
    for (index, rule) in document.rules.iter().enumerate() {
        let path = vec!["rules".into(), index.into()];
        let mut linter = Linter { rule, path, findings: &mut findings };
        let read = ReadRule::new(rule, &types);
        names::lint(&mut linter, &read);
        for (group_index, group) in read.groups.iter().enumerate() {
            let depth = linter.path.len();
            linter.path.extend(["groups".into(), group_index.into()]);
            for entry in group {
                let depth = linter.path.len();
                linter.path.extend(["states".into(), entry.index.into()]);
                conditions::lint(&mut linter, entry);
                waits::lint(&mut linter, entry);
                linter.path.truncate(depth);
            }
            entries::lint(&mut linter, group);
            linter.path.truncate(depth);
        }
        groups::lint(&mut linter, &read);
    }
    models::lint(document, &mut findings);
    findings
}

struct Linter<'a> {
    rule: &'a Rule,
    /// The way to what is looked at.
    path: Vec<PathSegment>,
    findings: &'a mut Vec<Finding>,
}

impl Linter<'_> {
    fn warn(&mut self, rest: &[PathSegment], code: &'static str, message: impl Into<String>) -> &mut Finding {
        let path = self.path.iter().chain(rest).cloned().collect();
        self.findings.push(Finding::warning(code, path, message));
        let last = self.findings.len() - 1;
        #[allow(clippy::indexing_slicing, reason = "it was just pushed")]
        &mut self.findings[last]
    }
}

/// A rule with its expressions read.
struct ReadRule<'a> {
    groups: Vec<Vec<ReadEntry<'a>>>,
    /// Whether every expression could be read.
    complete: bool,
}

/// An entry whose expressions compile.
struct ReadEntry<'a> {
    /// Its position in the group.
    index: usize,
    entry: &'a StateEntry,
    weight: f64,
    /// As written.
    when: Expr,
    until: Option<Expr>,
    /// With parameters filled in.
    simple_when: Expr,
    simple_until: Option<Expr>,
    /// Where `when` is true, and where it is false; nothing where that is too complex.
    when_true: Option<Region>,
    when_false: Option<Region>,
}

impl<'a> ReadRule<'a> {
    fn new(rule: &'a Rule, types: &AttributeTypes) -> Self {
        let mut complete = true;
        let mut groups = Vec::with_capacity(rule.groups.len());
        for group in &rule.groups {
            let mut entries = Vec::with_capacity(group.states.len());
            for (index, entry) in group.states.iter().enumerate() {
                match ReadEntry::new(rule, types, index, entry, entry.weight.unwrap_or(group.weight)) {
                    Some(entry) => entries.push(entry),
                    None => complete = false,
                }
            }
            groups.push(entries);
        }
        Self { groups, complete }
    }
}

impl<'a> ReadEntry<'a> {
    fn new(
        rule: &Rule,
        types: &AttributeTypes,
        index: usize,
        entry: &'a StateEntry,
        weight: f64,
    ) -> Option<Self> {
        let names = Names { parameters: &rule.parameters, attributes: types };
        let read = |text: &str| {
            let expr = expr::parse(text).ok()?;
            expr::check::condition(&expr, names).ok()?;
            Some(expr)
        };
        let when = read(&entry.when)?;
        let until = match &entry.until {
            Some(until) => Some(read(until)?),
            None => None,
        };
        let simple_when = simplify::simplify(&when, &rule.parameters);
        let simple_until = until.as_ref().map(|until| simplify::simplify(until, &rule.parameters));
        let when_true = Region::of(&simple_when, true);
        let when_false = Region::of(&simple_when, false);
        Some(Self { index, entry, weight, when, until, simple_when, simple_until, when_true, when_false })
    }

    fn for_ms(&self) -> i64 {
        self.entry.hold.unwrap_or_default().0
    }

    fn keep_for_ms(&self) -> i64 {
        self.entry.keep_for.unwrap_or_default().0
    }
}
