//! Model bindings, and scores that no binding gives.

use std::collections::BTreeSet;

use andon_domain::{Finding, Millis, ModelBinding, PathSegment, RuleDocument};

use super::names::{Globs, UnusedParameters};
use andon_domain::suggest::nearest;
use andon_engine::expr::{self, Expr, walk_scores};

pub(super) fn lint(document: &RuleDocument, findings: &mut Vec<Finding>) {
    if document.models.is_empty() {
        // Scores may come from elsewhere.
        return;
    }
    let ids: BTreeSet<&str> = document.models.iter().map(|model| model.id.as_str()).collect();
    for (index, rule) in document.rules.iter().enumerate() {
        for (group_index, group) in rule.groups.iter().enumerate() {
            for (entry_index, entry) in group.states.iter().enumerate() {
                let fields = [("when", Some(&entry.when)), ("until", entry.until.as_ref())];
                for (field, text) in fields {
                    let Some(expr) = text.and_then(|text| expr::parse(text).ok()) else { continue };
                    let place: [PathSegment; 7] = [
                        "rules".into(),
                        index.into(),
                        "groups".into(),
                        group_index.into(),
                        "states".into(),
                        entry_index.into(),
                        field.into(),
                    ];
                    unbound_scores(&expr, &ids, &place, findings);
                }
            }
        }
    }
    for (index, model) in document.models.iter().enumerate() {
        let place = ["models".into(), index.into()];
        let inputs: Vec<Expr> =
            model.inputs.iter().filter_map(|input| expr::parse(&input.value).ok()).collect();
        if inputs.len() == model.inputs.len() {
            UnusedParameters { parameters: &model.parameters, of: "input of the model" }
                .find(&inputs, &place, findings);
        }
        Globs(&model.scope.equipment).find(&place, findings);
        for (position, expr) in inputs.iter().enumerate() {
            let place: [PathSegment; 5] =
                ["models".into(), index.into(), "inputs".into(), position.into(), "value".into()];
            unbound_scores(expr, &ids, &place, findings);
        }
        constant_inputs(model, &inputs, &place, findings);
        too_old(model, &place, findings);
    }
}

fn unbound_scores(expr: &Expr, ids: &BTreeSet<&str>, place: &[PathSegment], findings: &mut Vec<Finding>) {
    walk_scores(expr, &mut |id, expr| {
        if ids.contains(id) {
            return;
        }
        let message = format!("no model of the set is called `{id}`, so there may never be such a score");
        let mut finding =
            Finding::warning("unbound-score", place.to_vec(), message).within(expr.span.start..expr.span.end);
        finding.help =
            nearest(id, ids.iter().copied()).map(|near| format!("did you mean `score('{near}')`?"));
        findings.push(finding);
    });
}

/// A model none of whose inputs names a tag is asked once, if ever.
fn constant_inputs(
    model: &ModelBinding,
    inputs: &[Expr],
    place: &[PathSegment],
    findings: &mut Vec<Finding>,
) {
    let mut names_tag = inputs.len() < model.inputs.len();
    for input in inputs {
        expr::walk(input, &mut |node| names_tag |= node.tag().is_some());
    }
    if !names_tag && !inputs.is_empty() {
        let path = place.iter().cloned().chain(["inputs".into()]).collect();
        let message = "no input names a tag, so that only the first point of a machine causes a request";
        findings.push(Finding::warning("inputs-without-tag", path, message));
    }
}

fn too_old(model: &ModelBinding, place: &[PathSegment], findings: &mut Vec<Finding>) {
    let endpoint = &model.endpoint;
    let default_ms = if endpoint.asynchronous { 900_000 } else { 5_000 };
    let timeout = endpoint.timeout.unwrap_or(Millis(default_ms));
    if endpoint.too_old < timeout && !endpoint.asynchronous {
        let path = place.iter().cloned().chain(["endpoint".into(), "too_old".into()]).collect();
        let message = format!(
            "a request is too old after `{}`, before its first attempt is given up after `{timeout}`",
            endpoint.too_old
        );
        findings.push(Finding::warning("too-old-early", path, message));
    }
}
