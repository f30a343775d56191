//! Numbers for names.

use andon_domain::LookupMap;
use compact_str::CompactString;

use crate::position::position;

/// A table of the names of one kind that the expressions of a rule set use, numbered in the order of their first use.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    pub names: Vec<CompactString>,
    pub ids: LookupMap<CompactString, u32>,
}

impl Interner {
    /// Returns the number of a name. A new name gets the next number.
    pub(super) fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = position(self.names.len());
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }
}
