//! Rule documents, as people write them. The same types read YAML and JSON, write JSON and make the JSON Schema.
//!
//! They are strict: an unknown field is an error. `docs/rules.md` explains the fields. The compiler of rules checks
//! expressions, bounds and duplicates.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::parts::{null_as_default, one};
use crate::{Attributes, Millis, ModelBinding, ParameterValue, Scope};

/// A whole rule set: the rules, and the settings of the deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "andon rule document")]
pub struct RuleDocument {
    /// The settings of event time; one document holds the settings of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// Attributes by equipment id, for expressions to name as `equipment.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub equipment: BTreeMap<String, Attributes>,
    /// The models that score features of machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub models: Vec<ModelBinding>,
    /// The rules.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rules: Vec<Rule>,
}

/// The settings of event time, for all machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The watermark stays this far behind, so that points can come out of order. Default `0s`.
    pub max_out_of_orderness: Millis,
    /// A late point is still applied, at the watermark, if it is late by at most this. Default `10m`.
    pub allowed_lateness: Millis,
    /// A source that was silent for longer is idle: it no longer holds the watermark back. Default `10s`.
    pub idle_timeout: Millis,
    /// The slowest source holds the others back by at most this. Default `10s`.
    pub max_source_drift: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_out_of_orderness: Millis(0),
            allowed_lateness: Millis(600_000),
            idle_timeout: Millis(10_000),
            max_source_drift: Millis(10_000),
        }
    }
}

/// A rule: its condition groups vote for a state, and the heaviest vote wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Letters, digits, `.`, `_` and `-`, up to 128; unique in the set.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,128}$"))]
    pub id: String,
    /// A number that each state change carries; the engine ignores it. Default 1.
    #[serde(default = "one")]
    pub version: u64,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The machines that the rule watches. Default all.
    #[serde(default)]
    pub scope: Scope,
    /// The winning state when no group votes. Default `UNKNOWN`.
    #[serde(default = "unknown_state")]
    pub default: String,
    /// Values that expressions name as `params.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// The condition groups; on a tie of weights the earlier group wins.
    pub groups: Vec<Group>,
}

/// A condition group: each of its entries stands for a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Unique in the rule.
    pub id: String,
    /// The weight of its vote. Default 1.
    #[serde(default = "one_weight")]
    pub weight: Weight,
    /// The state it votes for when all its conditions are false. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
    /// The entries; on a tie of weights the earlier entry wins.
    pub states: Vec<StateEntry>,
}

/// A state of a group, with the conditions that enter and leave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateEntry {
    /// The state's name.
    pub state: String,
    /// The condition that enters the state.
    #[serde(deserialize_with = "expression")]
    pub when: String,
    /// The condition must hold this long before the state is entered. Default `0s`.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Millis>,
    /// Once entered, the state stays until this is true (hysteresis). Default: until `when` is false.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_expression")]
    pub until: Option<String>,
    /// The state is left only after being releasable this long. Default `0s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_for: Option<Millis>,
    /// The condition must also be true at this many instants of its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Overrides the group's weight for this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
}

/// The weight of a vote.
pub type Weight = f64;

fn one_weight() -> Weight {
    1.0
}

fn unknown_state() -> String {
    "UNKNOWN".to_owned()
}

/// Reads an expression. A bare `true` or `false` of YAML is the expression of that name.
fn expression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an expression in quotes, such as `\"temperature > 80\"`")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<String, E> {
            Ok(value.to_string())
        }
    }
    deserializer.deserialize_any(Visitor)
}

fn some_expression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Wrapper(String);
    impl<'de> Deserialize<'de> for Wrapper {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            expression(d).map(Wrapper)
        }
    }
    Ok(Option::<Wrapper>::deserialize(deserializer)?.map(|wrapper| wrapper.0))
}

impl RuleDocument {
    /// Reads a document from JSON.
    ///
    /// # Errors
    /// A description of the mistake with its place, if the text is no rule document or longer than
    /// [`crate::limits::DOCUMENT_BYTES`].
    pub fn from_json(text: &str) -> Result<Self, String> {
        if text.len() > crate::limits::DOCUMENT_BYTES {
            let (length, limit) = (text.len(), crate::limits::DOCUMENT_BYTES);
            return Err(format!("the rule document is {length} bytes long; the limit is {limit}"));
        }
        serde_json::from_str(text).map_err(|error| format!("not a rule document: {error}"))
    }
}
