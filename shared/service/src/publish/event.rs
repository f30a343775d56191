//! The event that consumers see.

use andon_model::{Explanation, Transition};
use serde::{Deserialize, Serialize};

use crate::ports::BusEntry;

/// The source of the events.
pub const SOURCE: &str = "andon";

/// Their detail type.
pub const DETAIL_TYPE: &str = "Rule State Changed";

/// Most bytes of a detail: an event of EventBridge has at most 256 KiB all told.
const DETAIL_BYTES: usize = 240 << 10;

/// The detail of an event. Buses do not order: of two events of one rule and equipment, the one with the greater
/// `sequence` is the newer, and one that was seen before is to be ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateChange {
    /// `RULE/EQUIPMENT/SEQUENCE`, percent-encoded: the same identity always has the same content.
    pub id: String,
    /// What was decided, and why.
    #[serde(flatten)]
    pub transition: Transition,
    /// The explanation was too long and was left out or cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub explanation_cut: bool,
}

/// JSON Schema of an event's detail.
pub const EVENT_SCHEMA: &str = include_str!("../../state-change.schema.json");

/// The event of a transition; and whether its explanation was cut.
pub(super) fn entry(transition: Transition) -> (BusEntry, bool) {
    let id = format!(
        "{}/{}/{}",
        crate::names::safe(&transition.rule_id),
        crate::names::safe(&transition.equipment_id),
        transition.sequence
    );
    let (at_ms, resource) = (transition.at, transition.equipment_id.to_string());
    let mut change = StateChange { id, transition, explanation_cut: false };
    let mut detail = to_json(&change);
    if detail.len() > DETAIL_BYTES {
        change.explanation_cut = true;
        // The operands are what grows; conditions are bounded.
        if let Some(explanation) = &mut change.transition.explanation {
            cut(explanation);
        }
        detail = to_json(&change);
        if detail.len() > DETAIL_BYTES {
            change.transition.explanation = None;
            detail = to_json(&change);
        }
    }
    let cut = change.explanation_cut;
    (BusEntry { detail_type: DETAIL_TYPE.to_owned(), detail, at_ms, resource }, cut)
}

/// Operands kept of an explanation that is too long.
const OPERANDS: usize = 20;

fn cut(explanation: &mut Explanation) {
    explanation.operands.truncate(OPERANDS);
    explanation.parameters.clear();
}

fn to_json(change: &StateChange) -> String {
    serde_json::to_string(change).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use andon_model::{Operand, OperandValue};

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
    fn an_event_says_who_what_and_in_which_order() {
        let (entry, cut) = entry(transition(None));
        assert!(!cut);
        let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(detail["id"], "overheat/line%2F1/7");
        assert_eq!(detail["sequence"], 7);
        assert_eq!(detail["to"], "WARNING");
    }

    #[test]
    fn an_explanation_that_does_not_fit_is_cut_and_the_event_says_so() {
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
