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

/// Most equipments with attributes in one rule set: the attributes are part of the document.
pub const ATTRIBUTED: usize = 20_000;

/// Most attributes of one equipment.
pub const ATTRIBUTES: usize = 100;

/// Most model bindings in one rule set: each is tried on every equipment that comes up.
pub const MODELS: usize = 100;

/// Most inputs of one model.
pub const INPUTS: usize = 64;

/// Shortest period of a model binding, in ms: so few requests an instant or timer leads to, whatever comes.
pub const SHORTEST_PERIOD_MS: i64 = 1000;

/// Most rows of one request to a model: with their identities they stay well below the 256 KiB of a message.
pub const ROWS: u32 = 100;

/// Longest attempt to ask a real-time endpoint, in ms: SageMaker ends it then.
pub const REAL_TIME_MS: i64 = 60_000;

/// Longest wait for the answer of an asynchronous endpoint, in ms: SageMaker ends it then.
pub const ASYNCHRONOUS_MS: i64 = 3_600_000;

/// Most attempts after the first one.
pub const RETRIES: u32 = 10;

/// Longest name of an endpoint or variant, in bytes: that of SageMaker.
pub const ENDPOINT_BYTES: usize = 63;

/// Longest content type, in bytes: that of SageMaker.
pub const CONTENT_TYPE_BYTES: usize = 1024;

/// Most requests to models that one record leads to on one key; of more, the older ones are dropped. A record that ends
/// a long wait may close many periods at once.
pub const REQUESTS_PER_RECORD: usize = 1000;
