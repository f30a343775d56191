//! The mistakes that serde found, in words for the author of the document.

use std::ops::Range;

use andon_domain::suggest::nearest;
use andon_domain::{Millis, PathSegment};

use crate::de::{Error, ErrorKind};
use crate::event::{Mistake, Style};
use crate::scalar::{Resolved, resolve};
use crate::tree::{Kind, Node};

/// Field names of other systems, with the names here.
const FOREIGN: [(&str, &str); 67] = [
    ("idle", "idle_timeout"),
    ("timeout", "idle_timeout"),
    ("lateness", "allowed_lateness"),
    ("drift", "max_source_drift"),
    ("source_drift", "max_source_drift"),
    ("out_of_orderness", "max_out_of_orderness"),
    ("setting", "settings"),
    ("alert", "id"),
    ("id", "state"),
    ("name", "id"),
    ("name", "state"),
    ("rule", "id"),
    ("rule_id", "id"),
    ("key", "id"),
    ("params", "parameters"),
    ("variables", "parameters"),
    ("constants", "parameters"),
    ("conditions", "states"),
    ("entries", "states"),
    ("rules", "states"),
    ("condition_groups", "groups"),
    ("priority", "weight"),
    ("severity", "weight"),
    ("else", "otherwise"),
    ("default", "otherwise"),
    ("fallback", "otherwise"),
    ("default_state", "default"),
    ("otherwise", "default"),
    ("condition", "when"),
    ("if", "when"),
    ("expr", "when"),
    ("expression", "when"),
    ("trigger", "when"),
    ("duration", "for"),
    ("hold", "for"),
    ("delay", "for"),
    ("reset", "until"),
    ("clear", "until"),
    ("exit", "until"),
    ("keep_firing_for", "keep_for"),
    ("hold_off", "keep_for"),
    ("count", "times"),
    ("attributes", "equipment"),
    ("machines", "equipment"),
    ("assets", "equipment"),
    ("bindings", "models"),
    ("features", "inputs"),
    ("columns", "inputs"),
    ("feature", "name"),
    ("tag", "value"),
    ("expression", "value"),
    ("expr", "value"),
    ("interval", "at_most_every"),
    ("debounce", "at_most_every"),
    ("heartbeat", "at_least_every"),
    ("refresh", "at_least_every"),
    ("period", "every"),
    ("schedule", "every"),
    ("grid", "every"),
    ("endpoint_name", "name"),
    ("async", "asynchronous"),
    ("batch", "rows"),
    ("batch_size", "rows"),
    ("fallback", "on_failure"),
    ("max_age", "too_old"),
    ("ttl", "cache"),
    ("pointer", "number"),
];

/// The level of each field that is often written on another one.
const LEVELS: [(&str, &[&str]); 9] = [
    ("`settings`", &["max_out_of_orderness", "allowed_lateness", "idle_timeout", "max_source_drift"]),
    ("a rule", &["id", "version", "description", "scope", "default", "parameters", "groups"]),
    ("`scope`", &["equipment"]),
    ("a group", &["weight", "otherwise", "states"]),
    ("an entry of `states`", &["state", "when", "for", "until", "keep_for", "times"]),
    ("a model", &["inputs", "at_most_every", "at_least_every", "every", "endpoint"]),
    ("an input", &["value"]),
    (
        "`endpoint`",
        &[
            "name",
            "variant",
            "asynchronous",
            "format",
            "content_type",
            "rows_under",
            "row",
            "answer",
            "timeout",
            "retries",
            "too_old",
            "on_failure",
            "cache",
        ],
    ),
    ("`answer`", &["number", "column"]),
];

/// Returns the mistake, for a tree whose root is at `base` in the document.
pub(crate) fn explain(root: &Node<'_>, base: &[PathSegment], error: &Error) -> Mistake {
    let path: Vec<PathSegment> = error.reversed_path.iter().rev().cloned().collect();
    let node = root.find(&path);
    let whole: Vec<PathSegment> = base.iter().chain(&path).cloned().collect();
    let bytes = node.map_or_else(|| root.bytes.clone(), |node| node.bytes.clone());
    let mut mistake = match &error.kind {
        ErrorKind::UnknownField { field, expected } => {
            let key = node.and_then(|node| node.entry(field)).map(|entry| entry.key_bytes.clone());
            let mut mistake = unknown_field(field, expected, &whole, key.unwrap_or(bytes));
            mistake.finding.path = whole.clone();
            mistake.finding.path.push(PathSegment::Key(field.clone()));
            return mistake;
        }
        ErrorKind::MissingField(field) => {
            let message = format!("{} lacks `{field}`", thing(&whole));
            Mistake::new("missing-field", bytes, message).help(about(field))
        }
        ErrorKind::UnknownWord { word, expected } => {
            let field = path.last().map_or(String::new(), |step| match step {
                PathSegment::Key(key) => format!("`{key}` must be one of "),
                PathSegment::Item(_) => "expected one of ".to_owned(),
            });
            let message = format!("{field}{}; found `{}`", list(expected), shorten(word));
            let mistake = Mistake::new("wrong-type", bytes, message);
            match nearest(word, expected.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake,
            }
        }
        ErrorKind::Expected(expected) => wrong_value(node, expected, &whole, bytes),
        ErrorKind::Custom(message) => Mistake::new("invalid-value", bytes, message.clone()),
    };
    // An empty value has no place for a caret: the caret goes under its name.
    if let (Some(Node { kind: Kind::Scalar(text, Style::Plain), .. }), Some((PathSegment::Key(key), parent))) =
        (node, path.split_last())
        && text.is_empty()
        && let Some(entry) = root.find(parent).and_then(|parent| parent.entry(key))
    {
        mistake.bytes = entry.key_bytes.clone();
    }
    mistake.finding.path = whole;
    mistake
}

/// Returns the known field that an unknown one probably stands for.
pub(crate) fn meant<'a>(field: &str, expected: &[&'a str]) -> Option<&'a str> {
    foreign(field, expected).or_else(|| nearest(field, expected.iter().copied()))
}

fn foreign<'a>(field: &str, expected: &[&'a str]) -> Option<&'a str> {
    let lower = field.to_lowercase();
    let ours = FOREIGN.iter().filter(|(foreign, _)| *foreign == lower);
    ours.into_iter().find_map(|(_, ours)| expected.iter().find(|name| *name == ours)).copied()
}

fn unknown_field(field: &str, expected: &[&str], path: &[PathSegment], bytes: Range<usize>) -> Mistake {
    let thing = thing(path);
    let mistake = Mistake::new("unknown-field", bytes, format!("{thing} has no field `{}`", shorten(field)));
    if path.is_empty() {
        let of_level =
            |level: &str| LEVELS.iter().any(|(name, fields)| *name == level && fields.contains(&field));
        if LEVELS.iter().skip(1).take(4).any(|(_, fields)| fields.contains(&field)) {
            return mistake.help("rules stand in a list under `rules:`");
        }
        if of_level("a model") {
            return mistake.help("models stand in a list under `models:`");
        }
    }
    let home = LEVELS.iter().find(|(level, fields)| *level != thing && fields.contains(&field));
    match (foreign(field, expected), home) {
        (None, Some((level, _))) => mistake.help(format!("`{field}` is a field of {level}")),
        _ => match meant(field, expected) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help(format!("the fields of {thing} are {}", list(expected))),
        },
    }
}

fn wrong_value(
    node: Option<&Node<'_>>,
    expected: &str,
    path: &[PathSegment],
    bytes: Range<usize>,
) -> Mistake {
    let wanted = wanted(expected);
    let (found, advice) = match node.map(|node| &node.kind) {
        Some(Kind::Scalar(text, style)) => scalar(text, *style, expected, path),
        Some(Kind::List(_)) => ("a list".to_owned(), None),
        Some(Kind::Map(_)) if expected == "a sequence" => ("a map".to_owned(), Some(how_lists_begin(path))),
        Some(Kind::Map(_)) => ("a map".to_owned(), None),
        Some(Kind::Hole) | None => ("nothing".to_owned(), None),
    };
    let message = match path.last() {
        Some(PathSegment::Key(key)) => format!("`{}` must be {wanted}; found {found}", shorten(key)),
        _ => format!("expected {wanted}; found {found}"),
    };
    let mistake = Mistake::new("wrong-type", bytes, message);
    match advice {
        Some(advice) => mistake.help(advice),
        None => mistake,
    }
}

/// Describes a scalar, with advice if another type is expected.
fn scalar(text: &str, style: Style, expected: &str, path: &[PathSegment]) -> (String, Option<String>) {
    let shown = shorten(text);
    let resolved = resolve(text, style);
    let found = match resolved {
        Resolved::Null if text.is_empty() => "nothing".to_owned(),
        Resolved::Null => format!("`{shown}`, which is nothing"),
        Resolved::Bool(_) => format!("the boolean `{shown}`"),
        Resolved::Unsigned(_) | Resolved::Signed(_) | Resolved::Float(_) => format!("the number `{shown}`"),
        Resolved::Text => format!("the text `{shown}`"),
    };
    let is_number = matches!(resolved, Resolved::Unsigned(_) | Resolved::Signed(_) | Resolved::Float(_));
    let text_wanted =
        expected == "a string" || expected.starts_with("a glob") || expected.starts_with("an expression");
    let advice = if expected.starts_with("an expression") && is_number {
        Some("compare it with something, as in `speed == 1`".to_owned())
    } else if text_wanted && resolved != Resolved::Null {
        Some(format!("if it is meant as text, put it in quotes: `\"{shown}\"`"))
    } else if expected.starts_with("a duration") && is_number {
        Some(format!("a duration has a unit, as in `{shown}s`, `{shown}m` or `{shown}h`"))
    } else if matches!(expected, "f64" | "u64" | "u32") && resolved == Resolved::Text {
        let number =
            !matches!(resolve(text, Style::Plain), Resolved::Text | Resolved::Null | Resolved::Bool(_));
        if number {
            Some(format!("write the number without quotes: `{shown}`"))
        } else if Millis::parse(text).is_ok() {
            Some("this is a duration; durations stand in `for` and `keep_for`".to_owned())
        } else if text.replacen(',', ".", 1).parse::<f64>().is_ok_and(f64::is_finite) {
            Some(format!("decimals have a point: `{}`", text.replacen(',', ".", 1)))
        } else {
            None
        }
    } else if expected == "struct Scope" && resolved == Resolved::Text {
        Some(format!("write `scope: {{equipment: \"{shown}\"}}`"))
    } else if expected == "a sequence" {
        Some(how_lists_begin(path))
    } else {
        None
    };
    (found, advice)
}

fn how_lists_begin(path: &[PathSegment]) -> String {
    let first = match path.last() {
        Some(PathSegment::Key(key)) if key == "states" => "- state:",
        Some(PathSegment::Key(key)) if key == "groups" => "- id:",
        Some(PathSegment::Key(key)) if key == "inputs" => "- name:",
        _ => "- ",
    };
    format!("each item of the list begins with `{first}`")
}

/// Translates the types that serde expects into the words of the documentation.
fn wanted(expected: &str) -> &str {
    match expected {
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a map of names to values",
        "f64" => "a number",
        "u64" | "u32" => "a whole number, not negative",
        "struct RuleDocument" => "a map with `rules`",
        "struct Rule" => "a rule: a map with `id` and `groups`",
        "struct Scope" => "a map with `equipment`",
        "struct Group" => "a group: a map with `id` and `states`",
        "struct StateEntry" => "an entry: a map with `state` and `when`",
        "struct ModelBinding" => "a model: a map with `id`, `inputs` and `endpoint`",
        "struct ModelInput" => "an input: a map with `name` and `value`",
        "struct ModelEndpoint" => "a map with `name`",
        "struct AnswerLayout" => "a map, such as `{rows: /predictions, number: /score}`",
        "struct Settings" => "a map, such as `{allowed_lateness: 10m}`",
        expected => expected,
    }
}

/// Names the thing that a map at this place describes.
fn thing(path: &[PathSegment]) -> &'static str {
    let list = match path {
        [.., PathSegment::Key(list), PathSegment::Item(_)] => list.as_str(),
        [.., PathSegment::Key(key)] => key.as_str(),
        _ => "",
    };
    match list {
        "rules" => "a rule",
        "groups" => "a group",
        "states" => "an entry of `states`",
        "scope" => "`scope`",
        "settings" => "`settings`",
        "models" => "a model",
        "inputs" => "an input",
        "endpoint" => "`endpoint`",
        "answer" => "`answer`",
        _ => "a rule document",
    }
}

fn about(field: &str) -> &'static str {
    match field {
        "id" => "an `id` is a name of letters, digits, `.`, `_` and `-`, as in `id: filler-overheat`",
        "groups" => "`groups` is the list of condition groups, each with `id` and `states`",
        "states" => {
            "`states` is the list of states and their conditions, as in `- {state: HOT, when: \"t > 80\"}`"
        }
        "state" => "`state` is the name of the state, as in `state: OVERHEATED`",
        "inputs" => {
            "`inputs` is the list of features, as in `- {name: heat, value: \"avg(temperature, '1m')\"}`"
        }
        "endpoint" => "`endpoint` says where the model is, as in `endpoint: {name: bearing-anomaly}`",
        "value" => "`value` is an expression, as in `value: \"avg(temperature, '1m')\"`",
        "name" => "a `name` is a text, under which the other side knows it",
        "when" => "`when` is the condition of the state, as in `when: \"temperature > 80\"`",
        _ => "it has no default",
    }
}

pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
