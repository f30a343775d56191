//! Attributes: reference data of a rule set for each machine, constant while the set is in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::{LookupMap, ParameterValue, Value};
use compact_str::CompactString;

use super::interner::Interner;

/// The number of an attribute among those that the expressions of a set name.
pub(crate) type AttributeId = u32;

/// The attributes of one equipment that some expression of the set names, by number, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AttributeValues(Option<Arc<[(AttributeId, Value)]>>);

impl AttributeValues {
    /// Returns the value of an attribute, or `None` if the equipment lacks it.
    pub(crate) fn get(&self, id: AttributeId) -> Option<&Value> {
        let all = self.0.as_deref()?;
        let at = all.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        all.get(at).map(|(_, value)| value)
    }
}

/// A table of the attributes of all machines, reduced to attributes that some expression names.
#[derive(Debug, Default)]
pub(crate) struct AttributeTable {
    pub names: Interner,
    of: LookupMap<CompactString, AttributeValues>,
}

impl AttributeTable {
    pub(super) fn new(names: Interner, equipment: BTreeMap<String, andon_domain::Attributes>) -> Self {
        let mut of = LookupMap::default();
        if names.names.is_empty() {
            return Self { names, of };
        }
        for (id, attributes) in equipment {
            // No expression need name an attribute.
            let named = attributes
                .into_iter()
                .filter_map(|(name, value)| Some((*names.ids.get(name.as_str())?, value_of(value))));
            let mut named: Vec<(AttributeId, Value)> = named.collect();
            if !named.is_empty() {
                named.sort_unstable_by_key(|(id, _)| *id);
                of.insert(id.into(), AttributeValues(Some(named.into())));
            }
        }
        Self { names, of }
    }

    pub(crate) fn of(&self, equipment: &str) -> AttributeValues {
        // An equipment may have no attributes.
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
