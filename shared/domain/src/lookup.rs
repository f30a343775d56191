//! A hash map for look-ups, never for iteration.

/// A hash map with a fixed seed for look-ups by name.
///
/// Its order is arbitrary, so no output may depend on iteration. Therefore the type has its own name, and a lint bans
/// `std::collections::HashMap` everywhere else.
#[allow(clippy::disallowed_types, reason = "the one place that names it; users may look up, never walk")]
pub type LookupMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
