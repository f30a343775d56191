//! Rules as YAML that people can go on editing: the fields in the order in which they are explained, defaults left out.

mod models;

use andon_domain::text::is_control_char;
use andon_domain::{Attributes, Group, ParameterValue, Rule, RuleDocument, Scope, StateEntry};

/// Writes a document as YAML. Reading it again gives the same document.
#[must_use]
pub fn to_yaml(document: &RuleDocument) -> String {
    let mut out = String::new();
    if let Some(settings) = &document.settings {
        out.push_str(&format!(
            "settings:\n  max_out_of_orderness: {}\n  allowed_lateness: {}\n  idle_timeout: {}\n  max_source_drift: {}\n",
            settings.max_out_of_orderness,
            settings.allowed_lateness,
            settings.idle_timeout,
            settings.max_source_drift
        ));
    }
    if !document.equipment.is_empty() {
        out.push_str("equipment:\n");
        for (id, attributes) in &document.equipment {
            out.push_str(&format!("  {}: {}\n", plain_or_quoted(id), flow(attributes)));
        }
    }
    if !document.models.is_empty() {
        out.push_str("models:\n");
        document.models.iter().for_each(|model| models::write(model, &mut out));
    }
    if document.rules.is_empty() {
        out.push_str("rules: []\n");
        return out;
    }
    out.push_str("rules:\n");
    for rule in &document.rules {
        write_rule(rule, &mut out);
    }
    out
}

fn write_rule(rule: &Rule, out: &mut String) {
    out.push_str(&format!("  - id: {}\n", plain_or_quoted(&rule.id)));
    if rule.version != 1 {
        out.push_str(&format!("    version: {}\n", rule.version));
    }
    if let Some(description) = &rule.description {
        out.push_str(&format!("    description: {}\n", quoted(description)));
    }
    write_scope(&rule.scope, out);
    if rule.default != "UNKNOWN" {
        out.push_str(&format!("    default: {}\n", plain_or_quoted(&rule.default)));
    }
    write_parameters(&rule.parameters, out);
    if rule.groups.is_empty() {
        out.push_str("    groups: []\n");
        return;
    }
    out.push_str("    groups:\n");
    for group in &rule.groups {
        write_group(group, out);
    }
}

fn write_scope(scope: &Scope, out: &mut String) {
    if *scope == Scope::default() {
        return;
    }
    let globs = match scope.equipment.as_slice() {
        [glob] => quoted(glob),
        globs => format!("[{}]", globs.iter().map(|glob| quoted(glob)).collect::<Vec<_>>().join(", ")),
    };
    out.push_str(&format!("    scope: {{equipment: {globs}}}\n"));
}

fn write_parameters(parameters: &Attributes, out: &mut String) {
    if parameters.is_empty() {
        return;
    }
    out.push_str("    parameters:\n");
    for (name, value) in parameters {
        out.push_str(&format!("      {}: {}\n", plain_or_quoted(name), value_text(value)));
    }
}

fn value_text(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Bool(value) => value.to_string(),
        ParameterValue::Number(number) => number.to_string(),
        ParameterValue::Text(text) => quoted(text),
    }
}

/// Values by name in one line.
fn flow(values: &Attributes) -> String {
    let values =
        values.iter().map(|(name, value)| format!("{}: {}", plain_or_quoted(name), value_text(value)));
    format!("{{{}}}", values.collect::<Vec<_>>().join(", "))
}

#[allow(clippy::float_cmp, reason = "only exactly the default may be left out")]
fn write_group(group: &Group, out: &mut String) {
    out.push_str(&format!("      - id: {}\n", plain_or_quoted(&group.id)));
    if group.weight != 1.0 {
        out.push_str(&format!("        weight: {}\n", group.weight));
    }
    if let Some(otherwise) = &group.otherwise {
        out.push_str(&format!("        otherwise: {}\n", plain_or_quoted(otherwise)));
    }
    if group.states.is_empty() {
        out.push_str("        states: []\n");
        return;
    }
    out.push_str("        states:\n");
    for entry in &group.states {
        write_entry(entry, out);
    }
}

fn write_entry(entry: &StateEntry, out: &mut String) {
    out.push_str(&format!("          - state: {}\n", plain_or_quoted(&entry.state)));
    let mut field = |name: &str, value: String| out.push_str(&format!("            {name}: {value}\n"));
    field("when", quoted(&entry.when));
    if let Some(hold) = entry.hold {
        field("for", hold.to_string());
    }
    if let Some(until) = &entry.until {
        field("until", quoted(until));
    }
    if let Some(keep_for) = entry.keep_for {
        field("keep_for", keep_for.to_string());
    }
    if let Some(times) = entry.times {
        field("times", times.to_string());
    }
    if let Some(weight) = entry.weight {
        field("weight", weight.to_string());
    }
}

/// A name as it stands where YAML cannot take it for anything else.
fn plain_or_quoted(text: &str) -> String {
    let starts_as_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let of_words = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let lower = text.to_ascii_lowercase();
    let means_something =
        matches!(lower.as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if starts_as_word && of_words && !means_something { text.to_owned() } else { quoted(text) }
}

/// Returns the text in double quotes, with every control character as an escape of YAML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_control_char(c) && u32::from(c) > 0xffff => {
                out.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c if is_control_char(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(document: &RuleDocument) -> RuleDocument {
        let yaml = to_yaml(document);
        let loaded = crate::read("written.yaml", &yaml);
        loaded
            .unwrap_or_else(|found| panic!("{yaml}\n{:?}", found.first().map(|first| &first.finding)))
            .document
    }

    #[test]
    fn the_samples_are_read_again_as_they_were_written() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/rules");
        let mut samples = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let document = crate::read("sample.yaml", &text).unwrap().document;
            assert_eq!(round(&document), document, "{}", path.display());
            samples += 1;
        }
        assert!(samples >= 3, "only {samples} samples were found");
    }

    #[test]
    fn texts_that_mean_something_in_yaml_stay_texts() {
        let text = r#"{"settings":{"idle_timeout":"1h30m"},"rules":[{"id":"1.5","version":7,"description":"a: b # c\n\"d\"\u2028\u00ad\udb40\udc41",
            "scope":{"equipment":["*","ä?"]},"default":"no","parameters":{"true":"yes","x":-0.5,"y":1e300,"z":false},
            "groups":[{"id":"null","weight":0.1,"otherwise":"-","states":[{"state":"ON","when":"a == 'x\\\\y'","for":"5m",
            "until":"!b","keep_for":"500ms","times":3,"weight":2}]},{"id":"empty","states":[]}]}],
            "equipment":{"no":{"on":"off","x":0.5},"a: b":{},"c":{"y":true}},"models":[{"id":"m","inputs":[{"name":"1",
            "value":"a == 'x'"}],"every":"1m","endpoint":{"name":"e"}},{"id":"1e3","version":3,"description":"hash",
            "scope":{"equipment":["x","y*"]},"parameters":{"p":2},"inputs":[{"name":"a","value":"b"},{"name":"c","value":"d"}],
            "at_most_every":"90s","at_least_every":"15m","endpoint":{"name":"f","variant":"v","asynchronous":true,"format":"json",
            "content_type":"application/json","rows_under":"instances","row":"object","rows":7,"answer":{"rows":"/p",
            "number":"/0"},"timeout":"10m","retries":1,"too_old":"1h","on_failure":"bad","cache":"5m"}},{"id":"n",
            "inputs":[{"name":"a","value":"b"}],"every":"2s","endpoint":{"name":"g","answer":{"column":1},"on_failure":-1.5,
            "format":"jsonlines"}}]}"#;
        let document = RuleDocument::from_json(text).unwrap();
        assert_eq!(round(&document), document);
        assert_eq!(round(&RuleDocument::default()), RuleDocument::default());
    }
}
