//! Rule documents with defaults and parameters filled in, so that meanings can be compared with `==`.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::{Attributes, ModelBinding, ParameterValue, RuleDocument, Settings};
use andon_engine::expr::check::{self, AttributeTypes, Names};
use andon_engine::expr::{self, Expr, ExprKind, Span, walk};

/// A rule set with its start, ms.
#[derive(Clone, Debug)]
pub(super) struct RuleSet {
    pub(super) start: i64,
    pub(super) settings: Settings,
    rules: Vec<Rule>,
    bindings: Vec<Binding>,
    equipment: BTreeMap<String, Attributes>,
}

/// A model binding. Two bindings of the same meaning request the same scores at the same times.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) id: String,
    pub(super) version: u64,
    scope: Vec<String>,
    pub(super) inputs: Vec<Expr>,
    pub(super) pace: Pace,
    /// Every tag that it names.
    pub(super) tags: BTreeSet<String>,
    /// Every window that it names.
    pub(super) windows: BTreeSet<Window>,
}

/// The times of score requests, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// When inputs have changed, at most every first number; unchanged inputs after the second.
    AtMostEvery(i64, Option<i64>),
    Every(i64),
}

/// A rule. Two rules of the same meaning differ at most in their version.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) scope: Vec<String>,
    pub(super) default: String,
    pub(super) groups: Vec<Group>,
    /// Every tag that it names.
    pub(super) tags: BTreeSet<String>,
    /// Every window that it names.
    pub(super) windows: BTreeSet<Window>,
    /// Every `absent` in it: the tag and the wait, ms.
    pub(super) absents: BTreeSet<(String, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) weight: f64,
    pub(super) otherwise: Option<String>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) state: String,
    pub(super) weight: f64,
    pub(super) condition: Condition,
    /// The tags of `when`.
    pub(super) when_tags: BTreeSet<String>,
}

/// The condition of an entry. Two entries of the same state and condition are the same entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) when: Expr,
    pub(super) until: Option<Expr>,
    pub(super) hold_ms: i64,
    pub(super) keep_for_ms: i64,
    pub(super) times: Option<u32>,
}

/// The panes of a window over a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    pub(super) tag: String,
    /// Width of a pane, ms.
    pub(super) pane: i64,
    /// Number of panes.
    pub(super) panes: i64,
}

impl Window {
    pub(super) fn new(tag: &str, width_ms: i64) -> Self {
        let pane = (width_ms / 60).max(1);
        let panes = (width_ms + pane - 1) / pane;
        Self { tag: tag.to_owned(), pane, panes }
    }

    /// Returns whether it covers a point of this own timestamp at a time.
    pub(super) fn covers(&self, own: i64, at: i64) -> bool {
        (at.div_euclid(self.pane) - self.panes + 1) * self.pane <= own && own <= at
    }

    /// Returns the time at which a point of this own timestamp leaves it, ms.
    pub(super) fn leaves_at(&self, own: i64) -> i64 {
        (own.div_euclid(self.pane) + self.panes) * self.pane
    }
}

impl RuleSet {
    pub(super) fn compile(document: &RuleDocument, start: i64) -> Result<Self, String> {
        let types = check::attribute_types(&document.equipment);
        let rules = document.rules.iter().map(|rule| Rule::compile(rule, &types));
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        if ids.len() < rules.len() {
            return Err("two rules have the same id".to_owned());
        }
        let bindings = document.models.iter().map(|model| Binding::compile(model, &types));
        let bindings = bindings.collect::<Result<Vec<_>, _>>()?;
        let ids: BTreeSet<&str> = bindings.iter().map(|binding| binding.id.as_str()).collect();
        if ids.len() < bindings.len() {
            return Err("two models have the same id".to_owned());
        }
        let settings = document.settings.unwrap_or_default();
        Ok(Self { start, settings, rules, bindings, equipment: document.equipment.clone() })
    }

    /// Returns the rules that watch a machine, with its attributes filled in.
    pub(super) fn rules_of(&self, equipment: &str) -> Vec<Rule> {
        let watching = self.rules.iter().filter(|rule| watches(&rule.scope, equipment));
        let mut rules: Vec<Rule> = watching.cloned().collect();
        let none = BTreeMap::new();
        let attributes = self.equipment.get(equipment).unwrap_or(&none);
        for entry in rules.iter_mut().flat_map(|rule| &mut rule.groups).flat_map(|group| &mut group.entries) {
            let condition = &mut entry.condition;
            condition.when = fill(&condition.when, &none, attributes);
            condition.until = condition.until.as_ref().map(|until| fill(until, &none, attributes));
        }
        rules
    }

    /// Returns the bindings of a machine, with its attributes filled in.
    pub(super) fn bindings_of(&self, equipment: &str) -> Vec<Binding> {
        let bound = self.bindings.iter().filter(|binding| watches(&binding.scope, equipment));
        let mut bindings: Vec<Binding> = bound.cloned().collect();
        let none = BTreeMap::new();
        let attributes = self.equipment.get(equipment).unwrap_or(&none);
        for input in bindings.iter_mut().flat_map(|binding| &mut binding.inputs) {
            *input = fill(input, &none, attributes);
        }
        bindings
    }
}

fn watches(scope: &[String], equipment: &str) -> bool {
    let equipment: Vec<char> = equipment.chars().collect();
    scope.iter().any(|glob| matches(&glob.chars().collect::<Vec<_>>(), &equipment))
}

impl Binding {
    fn compile(model: &ModelBinding, types: &AttributeTypes) -> Result<Self, String> {
        let names = Names { parameters: &model.parameters, attributes: types };
        let mut binding = Self {
            id: model.id.clone(),
            version: model.version,
            scope: model.scope.equipment.clone(),
            inputs: Vec::new(),
            pace: match (model.at_most_every, model.every) {
                (Some(d), None) => Pace::AtMostEvery(d.0, model.at_least_every.map(|e| e.0)),
                (None, Some(d)) => Pace::Every(d.0),
                _ => return Err(format!("the model `{}` has neither `at_most_every` nor `every`", model.id)),
            },
            tags: BTreeSet::new(),
            windows: BTreeSet::new(),
        };
        for input in &model.inputs {
            let text = &input.value;
            let parsed = expr::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
            check::value(&parsed, names).map_err(|errors| format!("`{text}`: {errors:?}"))?;
            let expr = fill(&parsed, &model.parameters, &BTreeMap::new());
            binding.tags.extend(tags(&expr));
            binding.windows.extend(windows(&expr));
            binding.inputs.push(expr);
        }
        if binding.tags.contains(&format!("ml.{}", model.id)) {
            return Err(format!("the model `{}` names its own score", model.id));
        }
        Ok(binding)
    }

    /// Returns whether its requests have other inputs or other times.
    pub(super) fn differs(&self, other: &Self) -> bool {
        (&self.inputs, self.pace) != (&other.inputs, other.pace)
    }
}

/// Returns the windows that an expression names.
fn windows(expr: &Expr) -> BTreeSet<Window> {
    let mut windows = BTreeSet::new();
    walk(expr, &mut |expr| {
        if let ExprKind::Aggregate { tag, window_ms, .. } = &expr.kind {
            windows.insert(Window::new(tag, *window_ms));
        }
    });
    windows
}

impl Rule {
    fn compile(rule: &andon_domain::Rule, types: &AttributeTypes) -> Result<Self, String> {
        let names = Names { parameters: &rule.parameters, attributes: types };
        let expression = |text: &str| {
            let parsed = expr::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
            check::condition(&parsed, names).map_err(|errors| {
                format!("`{text}`: {}", errors.first().map_or_else(String::new, ToString::to_string))
            })?;
            Ok::<Expr, String>(fill(&parsed, &rule.parameters, &BTreeMap::new()))
        };
        let mut groups = Vec::new();
        for group in &rule.groups {
            let mut entries = Vec::new();
            for entry in &group.states {
                let when = expression(&entry.when)?;
                entries.push(Entry {
                    state: entry.state.clone(),
                    weight: entry.weight.unwrap_or(group.weight),
                    when_tags: tags(&when),
                    condition: Condition {
                        when,
                        until: entry.until.as_deref().map(expression).transpose()?,
                        hold_ms: entry.hold.unwrap_or_default().0,
                        keep_for_ms: entry.keep_for.unwrap_or_default().0,
                        times: entry.times,
                    },
                });
            }
            groups.push(Group {
                id: group.id.clone(),
                weight: group.weight,
                otherwise: group.otherwise.clone(),
                entries,
            });
        }
        let mut compiled = Self {
            id: rule.id.clone(),
            version: rule.version,
            scope: rule.scope.equipment.clone(),
            default: rule.default.clone(),
            groups,
            tags: BTreeSet::new(),
            windows: BTreeSet::new(),
            absents: BTreeSet::new(),
        };
        for expr in compiled.expressions() {
            compiled.tags.extend(tags(&expr));
            compiled.windows.extend(windows(&expr));
            walk(&expr, &mut |expr| {
                if let ExprKind::Absent { tag, wait_ms } = &expr.kind {
                    compiled.absents.insert((tag.clone(), *wait_ms));
                }
            });
        }
        Ok(compiled)
    }

    /// Returns whether anything but the version and the description differs.
    pub(super) fn differs(&self, other: &Self) -> bool {
        (&self.id, &self.scope, &self.default, &self.groups)
            != (&other.id, &other.scope, &other.default, &other.groups)
    }

    /// Returns every `when` and `until` of it.
    fn expressions(&self) -> Vec<Expr> {
        let entries = self.groups.iter().flat_map(|group| &group.entries);
        entries
            .flat_map(|entry| std::iter::once(&entry.condition.when).chain(&entry.condition.until))
            .cloned()
            .collect()
    }
}

/// Returns the tags that an expression names.
fn tags(expr: &Expr) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    walk(expr, &mut |expr| {
        tags.extend(expr.tag().map(str::to_owned));
    });
    tags
}

/// Returns the expression with the known parameters and attributes filled in. It has no places, so that only meanings
/// are compared.
fn fill(expr: &Expr, parameters: &Attributes, attributes: &Attributes) -> Expr {
    let fill_box = |inner: &Expr| Box::new(fill(inner, parameters, attributes));
    let fill_all =
        |sides: &[Expr]| sides.iter().map(|side| fill(side, parameters, attributes)).collect::<Vec<_>>();
    let value_of = |value: Option<&ParameterValue>| match value {
        Some(ParameterValue::Bool(value)) => ExprKind::Bool(*value),
        Some(ParameterValue::Number(value)) => ExprKind::Number(*value),
        Some(ParameterValue::Text(value)) => ExprKind::Text(value.clone()),
        None => expr.kind.clone(),
    };
    let kind = match &expr.kind {
        ExprKind::Param(name) => value_of(parameters.get(name)),
        ExprKind::Attribute(name) => value_of(attributes.get(name)),
        ExprKind::Not(inner) => ExprKind::Not(fill_box(inner)),
        ExprKind::Negate(inner) => ExprKind::Negate(fill_box(inner)),
        ExprKind::Abs(inner) => ExprKind::Abs(fill_box(inner)),
        ExprKind::And(sides) => ExprKind::And(fill_all(sides)),
        ExprKind::Or(sides) => ExprKind::Or(fill_all(sides)),
        ExprKind::Binary(op, left, right) => ExprKind::Binary(*op, fill_box(left), fill_box(right)),
        ExprKind::Compare(op, left, right) => ExprKind::Compare(*op, fill_box(left), fill_box(right)),
        ExprKind::Conditional(condition, then, otherwise) => {
            ExprKind::Conditional(fill_box(condition), fill_box(then), fill_box(otherwise))
        }
        kind => kind.clone(),
    };
    Expr { kind, span: Span::default() }
}

/// Returns whether a glob matches: `*` any text, `?` one character, `[ab0-9]` one of the listed, `[!ab]` any but these.
fn matches(glob: &[char], text: &[char]) -> bool {
    match (glob, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], text) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, tail)| matches(glob, tail))
        }
        (_, []) => false,
        (['?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
        (['[', class @ ..], [c, tail @ ..]) => match class.iter().position(|end| *end == ']') {
            Some(end) => {
                let (class, rest) = class.split_at(end);
                let (negated, class) = match class {
                    ['!', class @ ..] => (true, class),
                    class => (false, class),
                };
                is_in(class, *c) != negated && rest.split_first().is_some_and(|(_, rest)| matches(rest, tail))
            }
            None => *c == '[' && matches(class, tail),
        },
        ([g, rest @ ..], [c, tail @ ..]) => g == c && matches(rest, tail),
    }
}

fn is_in(class: &[char], c: char) -> bool {
    match class {
        [] => false,
        [from, '-', to, rest @ ..] => (*from <= c && c <= *to) || is_in(rest, c),
        [one, rest @ ..] => *one == c || is_in(rest, c),
    }
}
