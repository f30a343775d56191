//! A hash map for look-ups on the path of every point.

/// Nothing walks it: everything that has an order is in a vector that this points into.
#[allow(clippy::disallowed_types, reason = "look-up only, never walked")]
pub(crate) type LookupMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
