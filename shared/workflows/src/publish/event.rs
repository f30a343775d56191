//! The event that consumers receive.

use andon_domain::{Explanation, Transition, never};
use serde::{Deserialize, Serialize};

use crate::ports::BusEntry;

/// The source of the events.
pub const SOURCE: &str = "andon";

/// The detail type of the events.
pub const DETAIL_TYPE: &str = "Rule State Changed";

/// Maximum size of a detail in bytes: an entry of EventBridge has at most 256 KiB, with all its fields.
const DETAIL_BYTES: usize = 240 << 10;

/// The detail of an event of source `andon`.
///
/// Delivered at least once, and in no order: of the events of one rule and equipment, the one with the greatest `sequence`
/// holds, and one that was seen before is to be ignored. Ignore fields that are not named here: later versions add some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "Rule State Changed"))]
#[serde(rename_all = "camelCase")]
pub struct StateChange {
    /// `RULE/EQUIPMENT/SEQUENCE`, percent-encoded: the same identity always has the same content.
    pub id: String,
    /// The transition and its explanation.
    #[serde(flatten)]
    pub transition: Transition,
    /// The explanation was too long and was left out or cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub explanation_cut: bool,
}

/// JSON Schema of an event's detail, generated from [`StateChange`].
pub const EVENT_SCHEMA: &str = include_str!("../../state-change.schema.json");

/// Returns the event of a transition, and whether its explanation was truncated.
pub(super) fn entry(transition: Transition) -> (BusEntry, bool) {
    let id = format!(
        "{}/{}/{}",
        crate::object_keys::safe(&transition.rule_id),
        crate::object_keys::safe(&transition.equipment_id),
        transition.sequence
    );
    let (at_ms, resource) = (transition.at, transition.equipment_id.to_string());
    let mut change = StateChange { id, transition, explanation_cut: false };
    let mut detail = to_json(&change);
    if detail.len() > DETAIL_BYTES {
        change.explanation_cut = true;
        // Operands make it long; conditions are bounded.
        if let Some(explanation) = &mut change.transition.explanation {
            truncate(explanation);
        }
        detail = to_json(&change);
        if detail.len() > DETAIL_BYTES {
            change.transition.explanation = None;
            detail = to_json(&change);
        }
    }
    (BusEntry { detail_type: DETAIL_TYPE.to_owned(), detail, at_ms, resource }, change.explanation_cut)
}

/// Operands kept in an explanation that is too long.
const OPERANDS: usize = 20;

fn truncate(explanation: &mut Explanation) {
    explanation.operands.truncate(OPERANDS);
    explanation.parameters.clear();
}

fn to_json(change: &StateChange) -> String {
    serde_json::to_string(change).unwrap_or_else(|error| {
        // The bus refuses an entry without a detail: it goes to the failure destination.
        never!("a state change is not written as JSON: {error}");
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use andon_domain::{Operand, OperandValue};

    use super::*;

    fn transition(explanation: Option<Explanation>) -> Transition {
        Transition {
            rule_id: "overheat".into(),
            rule_version: 1,
            equipment_id: "line/1".into(),
            sequence: 7,
            from: "OK".into(),
            to: Some("WARNING".into()),
            at: 1_700_000_000_000,
            group: Some("thermal".into()),
            explanation,
        }
    }

    #[test]
    fn the_committed_schema_is_fresh() {
        // For writing, not for reading: a field that is always written is required. Later versions may add fields.
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let mut schema = settings.into_generator().into_root_schema_for::<StateChange>().to_value();
        open(&mut schema);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/state-change.schema.json");
        andon_kit_golden::assert_golden(path, &format!("{schema:#}\n"));
    }

    /// Removes the keywords that forbid further fields: consumers must not refuse those of later versions.
    fn open(schema: &mut serde_json::Value) {
        if let Some(members) = schema.as_object_mut() {
            members.remove("unevaluatedProperties");
            if members.get("additionalProperties") == Some(&serde_json::Value::Bool(false)) {
                members.remove("additionalProperties");
            }
            members.values_mut().for_each(open);
        }
    }

    #[test]
    fn every_field_of_an_event_is_described() {
        fn undescribed(schema: &serde_json::Value, at: &str, found: &mut Vec<String>) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if property.get("description").is_none() {
                    found.push(format!("{at}{name}"));
                }
            }
            for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
                undescribed(definition, &format!("{name}."), found);
            }
        }
        let mut found = Vec::new();
        undescribed(&serde_json::from_str(EVENT_SCHEMA).unwrap(), "", &mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn an_event_holds_identity_rule_machine_and_sequence() {
        let (entry, cut) = entry(transition(None));
        assert!(!cut);
        let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(detail["id"], "overheat/line%2F1/7");
        assert_eq!(detail["sequence"], 7);
        assert_eq!(detail["to"], "WARNING");
    }

    #[test]
    fn an_explanation_that_does_not_fit_is_truncated_and_the_event_says_so() {
        let operand = Operand {
            operand: "x".repeat(4000),
            value: Some(OperandValue::Text("y".repeat(4000))),
            at: None,
        };
        let explanation = Explanation { operands: vec![operand; 60], ..Explanation::default() };
        let (entry, cut) = entry(transition(Some(explanation)));
        assert!(cut && entry.detail.len() <= DETAIL_BYTES);
        let change: StateChange = serde_json::from_str(&entry.detail).unwrap();
        assert!(change.explanation_cut);
        assert_eq!(change.transition.explanation.unwrap().operands.len(), OPERANDS);
    }
}
