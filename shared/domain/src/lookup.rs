//! A hash map for look-ups that are never walked.

/// A hash map with a fixed seed for look-ups by name.
///
/// Its order means nothing, so nothing that is seen may come from walking it; that is why the type is named
/// apart and why `std::collections::HashMap` is banned by lint everywhere else.
#[allow(clippy::disallowed_types, reason = "the one place that names it; users may look up, never walk")]
pub type LookupMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
