//! The differences between two forms of a rule, in a few words.

use serde::Serialize;
use serde_json::Value;

/// Returns each difference with its path and both values, as in `thermal.WARNING.for: 5m -> 3m`.
pub(super) fn between(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let mut found = Vec::new();
    compare("", &json(serde_json::to_value(before)), &json(serde_json::to_value(after)), &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let below = |name: &str| match (path, name) {
        // Their items are known by name.
        ("", "groups") | (_, "states") => path.to_owned(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}.{name}"),
    };
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                compare(&below(name), value, after.get(name).unwrap_or(&Value::Null), found);
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                compare(&below(name), &Value::Null, value, found);
            }
        }
        (Value::Array(before), Value::Array(after))
            if before.iter().chain(after).all(|item| name(item).is_some()) =>
        {
            let number = found.len();
            for item in before {
                let other = after.iter().find(|other| name(other) == name(item));
                match other {
                    Some(other) => compare(&below(name(item).unwrap_or_default()), item, other, found),
                    None => found.push(format!("{}: removed", below(name(item).unwrap_or_default()))),
                }
            }
            for item in after.iter().filter(|item| before.iter().all(|other| name(other) != name(item))) {
                found.push(format!("{}: added", below(name(item).unwrap_or_default())));
            }
            // Two of one name, or another order.
            if found.len() == number {
                let path = if path.is_empty() { "groups" } else { path };
                found.push(format!("{path}: in another order"));
            }
        }
        (Value::Null, after) => found.push(format!("{path}: {} (was not given)", shown(after))),
        (before, Value::Null) => found.push(format!("{path}: no longer given (was {})", shown(before))),
        (before, after) => found.push(format!("{path}: {} -> {}", shown(before), shown(after))),
    }
}

/// Groups have an id, their entries a state, the inputs of models a name.
fn name(item: &Value) -> Option<&str> {
    ["id", "state", "name"].iter().find_map(|field| item.get(field)).and_then(Value::as_str)
}

/// Characters of a value that are shown.
const SHOWN: usize = 80;

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        other => other.to_string(),
    };
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use andon_domain::{Rule, RuleDocument};

    use super::*;

    fn rule(json: &str) -> Rule {
        let document = RuleDocument::from_json(&format!(r#"{{"rules":[{{"id":"r",{json}}}]}}"#)).unwrap();
        document.rules.into_iter().next().unwrap()
    }

    #[test]
    fn differences_are_named_by_the_way_to_them() {
        let before = rule(
            r#""parameters":{"max":80},"groups":[{"id":"hot","states":[{"state":"W","when":"a > 1","for":"5m"},{"state":"X","when":"b"}]}]"#,
        );
        let after = rule(
            r#""parameters":{"max":82.5},"description":"d","groups":[{"id":"hot","weight":2,"states":[{"state":"W","when":"a > 1"},
            {"state":"Y","when":"b"}]},{"id":"new","states":[]}]"#,
        );
        assert_eq!(
            between(&before, &after),
            [
                "hot.W.for: no longer given (was 5m)",
                "hot.X: removed",
                "hot.Y: added",
                "hot.weight: 1 -> 2",
                "new: added",
                "parameters.max: 80 -> 82.5",
                "description: d (was not given)",
            ]
        );
        assert!(between(&before, &before).is_empty());
    }

    #[test]
    fn another_order_is_a_difference() {
        let before = rule(r#""groups":[{"id":"a","states":[]},{"id":"b","states":[]}]"#);
        let after = rule(r#""groups":[{"id":"b","states":[]},{"id":"a","states":[]}]"#);
        assert_eq!(between(&before, &after), ["groups: in another order"]);
    }
}
