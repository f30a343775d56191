//! Transitions: changes of a rule's winning state, with an explanation.

use std::collections::BTreeMap;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change of the winning state of one rule on one equipment.
///
/// Its identity is (`rule_id`, `equipment_id`, `sequence`). The same identity always carries the same content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transition {
    /// The rule.
    #[schemars(with = "String")]
    pub rule_id: CompactString,
    /// The version that its document gives it.
    pub rule_version: u64,
    /// The equipment.
    #[schemars(with = "String")]
    pub equipment_id: CompactString,
    /// 1, 2, 3, .. for this rule and equipment.
    pub sequence: u64,
    /// The winning state before.
    #[schemars(with = "String")]
    pub from: CompactString,
    /// The winning state now; null when the rule was removed.
    #[schemars(with = "Option<String>")]
    pub to: Option<CompactString>,
    /// Effective event time, ms since the epoch.
    pub at: i64,
    /// The group that won, or null where the default did.
    #[schemars(with = "Option<String>")]
    pub group: Option<CompactString>,
    /// The explanation, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// An explanation of a change of a rule's winning state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Explanation {
    /// The condition of the entry that won, as written; null if no entry won.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The effective time, ms, since which the winning entry's condition has held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// The condition or `until`, as written, that ended the state before, if it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The operands of the conditions, each once, in the order of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operands: Vec<Operand>,
    /// Parameters in the conditions, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, OperandValue>,
}

/// An operand of a condition: a tag or an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operand {
    /// As in the expression: `water_temperature`, `avg(pressure, '1m')`.
    pub operand: String,
    /// Its value at the transition; null for unknown.
    pub value: Option<OperandValue>,
    /// The time, ms, at which the tag's newest point was measured; null if it never came.
    pub at: Option<i64>,
}

/// The value of an operand or parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OperandValue {
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}
