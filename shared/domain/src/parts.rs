//! Parts of a rule document that rules and model bindings share: scopes, values of parameters and attributes, defaults.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// The machines that a rule watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// A glob or a list of globs over equipment ids, case-sensitive: `*`, `?`, `[..]`. Default `*`.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub equipment: Vec<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { equipment: vec!["*".to_owned()] }
    }
}

/// The attributes of one machine, by name.
pub type Attributes = BTreeMap<String, ParameterValue>;

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a parameter or attribute is a number, a boolean or a text")]
pub enum ParameterValue {
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its JSON Schema is used")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

pub(crate) fn one() -> u64 {
    1
}

pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    d: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a glob or a list of globs, such as `filler-*`")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.into()])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut globs = Vec::new();
            while let Some(glob) = seq.next_element()? {
                globs.push(glob);
            }
            Ok(globs)
        }
    }
    deserializer.deserialize_any(Visitor)
}
