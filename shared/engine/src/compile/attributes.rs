//! Attributes of equipments: reference data of a rule set, constant for an equipment as long as the set holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::{LookupMap, ParameterValue, Value};
use compact_str::CompactString;

use super::code::Interner;

/// The number of an attribute among those that the expressions of a set name.
pub(crate) type AttributeId = u32;

/// What is known of one equipment, as far as some expression of the set names it: by number, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes(Option<Arc<[(AttributeId, Value)]>>);

impl Attributes {
    /// The value of an attribute, if this equipment has it.
    pub(crate) fn get(&self, id: AttributeId) -> Option<&Value> {
        let all = self.0.as_deref()?;
        let at = all.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        all.get(at).map(|(_, value)| value)
    }
}

/// The attributes of all equipments that have one which is named.
#[derive(Debug, Default)]
pub(crate) struct AllAttributes {
    pub names: Interner,
    of: LookupMap<CompactString, Attributes>,
}

impl AllAttributes {
    pub(super) fn new(names: Interner, equipment: BTreeMap<String, andon_domain::Attributes>) -> Self {
        let mut of = LookupMap::default();
        if names.names.is_empty() {
            return Self { names, of };
        }
        for (id, attributes) in equipment {
            let named = attributes
                .into_iter()
                .filter_map(|(name, value)| Some((*names.ids.get(name.as_str())?, value_of(value))));
            let mut named: Vec<(AttributeId, Value)> = named.collect();
            if !named.is_empty() {
                named.sort_unstable_by_key(|(id, _)| *id);
                of.insert(id.into(), Attributes(Some(named.into())));
            }
        }
        Self { names, of }
    }

    pub(crate) fn of(&self, equipment: &str) -> Attributes {
        self.of.get(equipment).cloned().unwrap_or_default()
    }
}

fn value_of(value: ParameterValue) -> Value {
    match value {
        ParameterValue::Bool(value) => Value::Bool(value),
        ParameterValue::Number(number) => Value::Number(number),
        ParameterValue::Text(text) => Value::Text(text.into()),
    }
}
