//! The JSON Schema of rule documents, for editors.

use andon_domain::limits;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The JSON Schema (draft 2020-12) of a rule document, as text with a line break at its end.
///
/// It is made of the types that read rule documents, with the limits of `andon_domain::limits`.
#[must_use]
pub fn schema() -> String {
    let schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<andon_domain::RuleDocument>();
    let mut schema = schema.to_value();
    add_limits(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds the limits that the types do not express.
fn add_limits(schema: &mut Value) {
    let label = json!({"minLength": 1, "maxLength": limits::LABEL_BYTES});
    let expression = json!({
        "minLength": 1,
        "maxLength": limits::EXPRESSION_BYTES,
        "examples": [
            "temperature > 80",
            "machine_state == 'running' && avg(pressure, '1m') > params.max_pressure",
            "absent(heartbeat, '30s')"
        ]
    });
    let weight = json!({"minimum": -limits::WEIGHT, "maximum": limits::WEIGHT});
    let entries = json!({"minItems": 1, "maxItems": limits::RULE_ENTRIES});
    for (path, more) in [
        ("/$defs/Rule/properties/description", json!({"maxLength": limits::DESCRIPTION_BYTES})),
        ("/$defs/Rule/properties/default", label.clone()),
        ("/$defs/Rule/properties/parameters", json!({"maxProperties": limits::PARAMETERS})),
        ("/$defs/Rule/properties/groups", entries.clone()),
        ("/$defs/Group/properties/id", label.clone()),
        ("/$defs/Group/properties/weight", weight.clone()),
        ("/$defs/Group/properties/otherwise", label.clone()),
        ("/$defs/Group/properties/states", entries),
        ("/$defs/StateEntry/properties/state", label.clone()),
        ("/$defs/StateEntry/properties/when", expression.clone()),
        ("/$defs/StateEntry/properties/until", expression.clone()),
        ("/$defs/StateEntry/properties/weight", weight),
        ("/$defs/StateEntry/properties/times", json!({"minimum": 1, "maximum": limits::TIMES})),
        ("/properties/equipment", json!({"maxProperties": limits::ATTRIBUTED})),
        ("/properties/equipment/additionalProperties", json!({"maxProperties": limits::ATTRIBUTES})),
        ("/properties/models", json!({"maxItems": limits::MODELS})),
        ("/$defs/ModelBinding/properties/description", json!({"maxLength": limits::DESCRIPTION_BYTES})),
        ("/$defs/ModelBinding/properties/parameters", json!({"maxProperties": limits::PARAMETERS})),
        ("/$defs/ModelBinding/properties/inputs", json!({"minItems": 1, "maxItems": limits::INPUTS})),
        ("/$defs/ModelInput/properties/name", label),
        ("/$defs/ModelInput/properties/value", expression),
        ("/$defs/ModelEndpoint/properties/rows", json!({"minimum": 1, "maximum": limits::ROWS})),
        ("/$defs/ModelEndpoint/properties/retries", json!({"maximum": limits::RETRIES})),
    ] {
        if let (Some(Value::Object(at)), Value::Object(more)) = (schema.pointer_mut(path), more) {
            at.extend(more);
        }
    }
    // A bare `true` or `false` is the expression of that name.
    for name in ["when", "until"] {
        if let Some(Value::Object(at)) = schema.pointer_mut(&format!("/$defs/StateEntry/properties/{name}")) {
            allow_boolean(at);
        }
    }
}

fn allow_boolean(at: &mut Map<String, Value>) {
    match at.get_mut("type") {
        Some(Value::Array(types)) => types.push("boolean".into()),
        Some(Value::String(one)) => {
            let types = json!([one.as_str(), "boolean"]);
            at.insert("type".to_owned(), types);
        }
        _ => {}
    }
}
