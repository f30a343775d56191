//! Checks attributes and model bindings beyond their types.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use andon_domain::{
    Finding, Format, Millis, ModelBinding, ModelEndpoint, OnFailure, RowShape, RuleDocument, limits,
};

use super::checker::{Checker, shown};
use crate::expr::{parse, walk_scores};
use crate::position::{at, at_mut};

/// Checks the attributes of machines.
pub(super) fn equipment(document: &RuleDocument, findings: &mut Vec<Finding>) {
    let mut checker = Checker { path: vec!["equipment".into()], findings };
    let count = document.equipment.len();
    if count > limits::ATTRIBUTED {
        let message = format!("{count} machines have attributes; the limit is {}", limits::ATTRIBUTED);
        checker.error(&[], "too-many", message);
    }
    for (id, attributes) in &document.equipment {
        let depth = checker.path.len();
        checker.path.push(id.as_str().into());
        if id.is_empty() || id.len() > limits::NAME_BYTES || id.chars().any(char::is_control) {
            let message = format!(
                "`{}` is no equipment id; expected 1 to {} bytes without control characters",
                shown(id),
                limits::NAME_BYTES
            );
            checker.error(&[], "bad-name", message);
        }
        checker.values(&[], attributes, "equipment", limits::ATTRIBUTES);
        checker.path.truncate(depth);
    }
}

/// Checks the model bindings.
pub(super) fn models(document: &RuleDocument, findings: &mut Vec<Finding>) {
    let mut checker = Checker { path: vec!["models".into()], findings };
    let count = document.models.len();
    if count > limits::MODELS {
        checker.error(&[], "too-many", format!("there are {count} models; the limit is {}", limits::MODELS));
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, binding) in document.models.iter().enumerate() {
        checker.path.truncate(1);
        checker.path.push(index.into());
        checker.id(&binding.id, "model id");
        if let Some(first) = seen.insert(&binding.id, index) {
            let message = format!("model `{}` is already model {} of the set", shown(&binding.id), first + 1);
            checker.error(&["id".into()], "duplicate-id", message);
        }
        model(&mut checker, binding);
    }
    circles(&document.models, findings);
}

fn model(checker: &mut Checker<'_>, binding: &ModelBinding) {
    checker.description(binding.description.as_deref());
    checker.scope(&binding.scope);
    checker.values(&["parameters".into()], &binding.parameters, "params", limits::PARAMETERS);
    inputs(checker, binding);
    match (binding.at_most_every, binding.every) {
        (Some(period), None) => checker.period("at_most_every", period),
        (None, Some(period)) => checker.period("every", period),
        (Some(_), Some(_)) => {
            let message = "`every` and `at_most_every` exclude each other; expected one of them";
            checker.error(&["every".into()], "contradiction", message);
        }
        (None, None) => {
            let message = "the model does not say when it is asked; expected `at_most_every` or `every`";
            let help =
                "`at_most_every: 10s` asks when an input has changed, `every: 1m` on a grid of event time";
            checker.error(&[], "missing-field", message).help = Some(help.to_owned());
        }
    }
    if let Some(again) = binding.at_least_every {
        at_least_every(checker, again, binding);
    }
    let depth = checker.path.len();
    checker.path.push("endpoint".into());
    endpoint(checker, &binding.endpoint);
    checker.path.truncate(depth);
}

fn at_least_every(checker: &mut Checker<'_>, again: Millis, binding: &ModelBinding) {
    let field = "at_least_every";
    match binding.at_most_every {
        Some(period) if again < period => {
            let message = format!("`{again}` is shorter than `at_most_every`, which is `{period}`");
            let help = format!("expected `{period}` or longer, such as ten times as long");
            checker.error(&[field.into()], "contradiction", message).help = Some(help);
        }
        Some(_) => checker.wait(field, again),
        None if binding.every.is_some() => {
            let message = "`at_least_every` goes with `at_most_every`, not with `every`";
            let help =
                "`every` asks at each of its times, whether or not an input has changed; leave this out";
            checker.error(&[field.into()], "contradiction", message).help = Some(help.to_owned());
        }
        // Another finding already reports the missing `at_most_every`.
        None => checker.wait(field, again),
    }
}

fn inputs(checker: &mut Checker<'_>, binding: &ModelBinding) {
    let count = binding.inputs.len();
    if count == 0 {
        checker.error(&["inputs".into()], "empty", "the model has no inputs; expected at least one");
    }
    if count > limits::INPUTS {
        let message = format!("the model has {count} inputs; the limit is {}", limits::INPUTS);
        checker.error(&["inputs".into()], "too-many", message);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, input) in binding.inputs.iter().enumerate() {
        let place = ["inputs".into(), index.into(), "name".into()];
        checker.label(&place, &input.name, "name of an input");
        if let Some(first) = seen.insert(&input.name, index) {
            let message =
                format!("input `{}` is already input {} of the model", shown(&input.name), first + 1);
            checker.error(&place, "duplicate-id", message);
        }
    }
}

fn endpoint(checker: &mut Checker<'_>, endpoint: &ModelEndpoint) {
    checker.endpoint_name("name", &endpoint.name, "endpoint");
    if let Some(variant) = &endpoint.variant {
        checker.endpoint_name("variant", variant, "variant");
    }
    if let Some(content_type) = &endpoint.content_type {
        let printable = content_type.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if content_type.is_empty() || content_type.len() > limits::CONTENT_TYPE_BYTES || !printable {
            let message =
                format!("`{}` is no content type; expected one such as `text/csv`", shown(content_type));
            checker.error(&["content_type".into()], "bad-value", message);
        }
    }
    if let Some(under) = &endpoint.rows_under {
        checker.label(&["rows_under".into()], under, "name");
        if endpoint.format != Format::Json {
            let message = "`rows_under` is for `format: json`; other formats have no name for their rows";
            checker.error(&["rows_under".into()], "contradiction", message);
        }
    }
    if endpoint.row == RowShape::Object && endpoint.format == Format::Csv {
        let message = "`row: object` is for `format: json` and `jsonlines`; in `csv` a row is its values";
        checker.error(&["row".into()], "contradiction", message);
    }
    if endpoint.rows == 0 || endpoint.rows > limits::ROWS {
        let message = format!("`rows` is {}; expected 1 to {}", endpoint.rows, limits::ROWS);
        checker.error(&["rows".into()], "bad-value", message);
    }
    answer(checker, endpoint);
    let (longest, kind) = if endpoint.asynchronous {
        (limits::ASYNCHRONOUS_MS, "an asynchronous endpoint")
    } else {
        (limits::REAL_TIME_MS, "a real-time endpoint")
    };
    if let Some(timeout) = endpoint.timeout {
        checker.positive("timeout", timeout);
        if timeout.0 > longest {
            let message = format!(
                "`{timeout}` is too long; the limit of SageMaker for {kind} is `{}`",
                Millis(longest)
            );
            let finding = checker.error(&["timeout".into()], "too-long", message);
            if !endpoint.asynchronous && timeout.0 <= limits::ASYNCHRONOUS_MS {
                finding.help = Some("a model that takes longer is one for `asynchronous: true`".to_owned());
            }
        }
    }
    if endpoint.retries > limits::RETRIES {
        let message = format!("`retries` is {}; the limit is {}", endpoint.retries, limits::RETRIES);
        checker.error(&["retries".into()], "bad-value", message);
    }
    checker.positive("too_old", endpoint.too_old);
    checker.wait("too_old", endpoint.too_old);
    if let Some(cache) = endpoint.cache {
        checker.positive("cache", cache);
        checker.wait("cache", cache);
    }
    if let OnFailure::Value(value) = endpoint.on_failure
        && !value.is_finite()
    {
        checker.error(&["on_failure".into()], "bad-value", "the number is not finite");
    }
}

fn answer(checker: &mut Checker<'_>, endpoint: &ModelEndpoint) {
    let answer = &endpoint.answer;
    for (field, pointer) in [("rows", &answer.rows), ("number", &answer.number)] {
        let Some(pointer) = pointer else { continue };
        let place = ["answer".into(), field.into()];
        if let Some(wrong) = wrong_pointer(pointer) {
            let message = format!("`{}` is no JSON Pointer: {wrong}", shown(pointer));
            let finding = checker.error(&place, "bad-pointer", message);
            if !pointer.starts_with('/') {
                let pointer = pointer.trim_start_matches(['$', '.']).replace('.', "/");
                finding.help = Some(format!("write `/{}`", shown(&pointer)));
            }
        }
        if answer.column.is_some() {
            let message = format!(
                "`{field}` is for an answer in JSON and `column` for one in CSV; expected one of them"
            );
            checker.error(&place, "contradiction", message);
        }
    }
    if answer.column.is_some() && endpoint.format != Format::Csv {
        let message = "`column` is for an answer in CSV, which goes with `format: csv`";
        checker.error(&["answer".into(), "column".into()], "contradiction", message).help =
            Some("in JSON, `rows` and `number` say where the numbers stand".to_owned());
    }
}

/// Returns the mistake in a JSON Pointer (RFC 6901), if there is one.
fn wrong_pointer(pointer: &str) -> Option<&'static str> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Some("it begins with `/`, as in `/predictions/0/score`");
    }
    let escapes = pointer.split('~').skip(1);
    if escapes.clone().any(|rest| !rest.starts_with(['0', '1'])) {
        return Some("`~` is written `~0`, and a `/` in a name `~1`");
    }
    None
}

impl Checker<'_> {
    fn period(&mut self, field: &'static str, period: Millis) {
        self.wait(field, period);
        if period.0 < limits::SHORTEST_PERIOD_MS {
            let message = format!(
                "`{period}` is too short; expected at least `{}`",
                Millis(limits::SHORTEST_PERIOD_MS)
            );
            self.error(&[field.into()], "too-short", message);
        }
    }

    fn positive(&mut self, field: &'static str, duration: Millis) {
        if duration.0 <= 0 {
            self.error(
                &[field.into()],
                "bad-value",
                format!("`{field}` is `{duration}`; expected more than nothing"),
            );
        }
    }

    fn endpoint_name(&mut self, field: &'static str, name: &str, what: &str) {
        let ends_well = |end: Option<char>| end.is_some_and(|c| c.is_ascii_alphanumeric());
        let valid = name.len() <= limits::ENDPOINT_BYTES
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && ends_well(name.chars().next())
            && ends_well(name.chars().last());
        if !valid {
            let message = format!(
                "`{}` is no name of an {what}; expected 1 to {} letters a to z, digits and, between them, `-`",
                shown(name),
                limits::ENDPOINT_BYTES
            );
            self.error(&[field.into()], "bad-name", message);
        }
    }
}

/// An edge from a binding to another one, whose score it names.
struct Edge {
    to: u32,
    input: usize,
    span: Range<usize>,
}

/// Rejects bindings that depend on each other in a circle: each score would lead to the next request, forever.
fn circles(models: &[ModelBinding], findings: &mut Vec<Finding>) {
    let by_id: BTreeMap<&str, u32> =
        (0..).zip(models).map(|(index, model)| (model.id.as_str(), index)).collect();
    let edges: Vec<Vec<Edge>> = models.iter().map(|model| edges(model, &by_id)).collect();
    let mut in_a_circle = BTreeSet::new();
    for (start, model) in (0..).zip(models) {
        if in_a_circle.contains(&start) {
            continue;
        }
        // Most bindings are in no circle.
        let path = circle(start, &edges);
        let Some((_, first)) = path.first() else { continue };
        in_a_circle.extend(path.iter().map(|(from, _)| *from));
        let name = |model: &ModelBinding| format!("`{}`", shown(&model.id));
        let names = path.iter().filter_map(|(from, _)| at(models, *from, "model"));
        let text: Vec<String> = names.chain([model]).map(name).collect();
        let place = vec![
            "models".into(),
            (start as usize).into(),
            "inputs".into(),
            first.input.into(),
            "value".into(),
        ];
        let message = match path.len() {
            1 => format!("the model {} has its own score as an input", name(model)),
            _ => format!("the models ask each other in a circle: {}", text.join(" -> ")),
        };
        findings.push(Finding::error("circle", place, message).within(first.span.clone()));
    }
}

/// Returns the shortest path from a binding back to itself, empty if there is none.
fn circle(start: u32, edges: &[Vec<Edge>]) -> Vec<(u32, &Edge)> {
    // For each binding, the edge that first reached it.
    let mut reached: Vec<Option<(u32, &Edge)>> = vec![None; edges.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        for edge in at(edges, from, "model").into_iter().flatten() {
            if let Some(reached @ None) = at_mut(&mut reached, edge.to, "model") {
                *reached = Some((from, edge));
                queue.push_back(edge.to);
            }
        }
    }
    let mut path = Vec::new();
    let mut here = start;
    while let Some((from, edge)) = at(&reached, here, "model").copied().flatten() {
        path.push((from, edge));
        here = from;
        if here == start {
            path.reverse();
            return path;
        }
    }
    Vec::new()
}

fn edges(model: &ModelBinding, by_id: &BTreeMap<&str, u32>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (input, of_input) in model.inputs.iter().enumerate() {
        // The compiler reports inputs that do not parse.
        let Ok(expr) = parse(&of_input.value) else { continue };
        walk_scores(&expr, &mut |id, expr| {
            if let Some(to) = by_id.get(id) {
                edges.push(Edge { to: *to, input, span: expr.span.start..expr.span.end });
            }
        });
    }
    edges
}
