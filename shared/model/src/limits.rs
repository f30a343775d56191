//! Every bound on what comes from outside, in one place, with its reason.

/// Longest record (one line, one message) after decompression, in bytes.
///
/// Kinesis takes records of up to 10 MiB.
pub const RECORD_BYTES: usize = 10 << 20;

/// Longest equipment id or tag, in bytes.
pub const NAME_BYTES: usize = 256;

/// Longest source id, in bytes: it is kept in the state of a key, as names are.
pub const SOURCE_BYTES: usize = 256;

/// Longest text value of a data point, in bytes: the newest one of every tag is kept in the state of a key.
pub const TEXT_BYTES: usize = 4096;

/// Greatest absolute timestamp, in ms: a hundred million days around the epoch, as in ECMAScript.
///
/// Sums of a few such times cannot overflow an `i64`, and each is exact as a 64-bit float.
pub const TIMESTAMP_MS: i64 = 8_640_000_000_000_000;

/// Longest rule document, in bytes.
pub const DOCUMENT_BYTES: usize = 64 << 20;

/// Longest single rule in a document, in bytes.
pub const RULE_BYTES: usize = 256 << 10;

/// Longest expression, in bytes.
pub const EXPRESSION_BYTES: usize = 4 << 10;

/// Deepest nesting of an expression.
pub const EXPRESSION_DEPTH: usize = 64;

/// Most condition groups in a rule, and most entries in all groups of a rule.
pub const RULE_ENTRIES: usize = 1000;

/// Longest rule id, in bytes.
pub const RULE_ID_BYTES: usize = 128;

/// Longest name of a state, group or parameter, in bytes.
pub const LABEL_BYTES: usize = 256;

/// Longest description of a rule, in bytes.
pub const DESCRIPTION_BYTES: usize = 16 << 10;

/// Most globs in the scope of one rule.
pub const SCOPE_GLOBS: usize = 1000;

/// Most parameters of one rule.
pub const PARAMETERS: usize = 1000;

/// Widest window of an aggregate, in ms: seven days.
pub const WINDOW_MS: i64 = 7 * 86_400_000;

/// Longest wait (`for`, `keep_for`, `absent`) or setting, in ms: 31 days.
pub const WAIT_MS: i64 = 31 * 86_400_000;

/// Greatest `times`.
pub const TIMES: u32 = 1_000_000;

/// Greatest absolute weight of a group or entry.
pub const WEIGHT: f64 = 1e9;

/// Most sources remembered for one key.
pub const SOURCES: usize = 64;

/// Most pending points of one key.
pub const PENDING_POINTS: usize = 100_000;

/// Most tags that one rule set may name for one key.
pub const TAGS_PER_KEY: usize = 10_000;
