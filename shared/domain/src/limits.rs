//! All limits of input, each with its unit and its reason.

/// Maximum bytes of a record (one line, one message) after decompression: the limit of a Kinesis record, 10 MiB.
pub const RECORD_BYTES: usize = 10 << 20;

/// Maximum bytes of an equipment id or tag: the state of a key holds them.
pub const NAME_BYTES: usize = 256;

/// Maximum bytes of a source id: the state of a key holds it.
pub const SOURCE_BYTES: usize = 256;

/// Maximum bytes of a text value of a data point: the state of a key holds the newest one of every tag.
pub const TEXT_BYTES: usize = 4096;

/// Maximum absolute timestamp, in ms: a hundred million days around the epoch, as in ECMAScript.
///
/// Sums of a few such times cannot overflow an `i64`, and each is exact as a 64-bit float.
pub const TIMESTAMP_MS: i64 = 8_640_000_000_000_000;

/// Maximum bytes of a rule document: the compiler holds it in memory.
pub const DOCUMENT_BYTES: usize = 64 << 20;

/// Maximum bytes of a single rule in a document: one rule must not use up the document.
pub const RULE_BYTES: usize = 256 << 10;

/// Maximum bytes of an expression: its positions then fit 32 bits.
pub const EXPRESSION_BYTES: usize = 4 << 10;

/// Maximum depth of an expression: evaluation recurses, and must not exhaust the stack.
pub const EXPRESSION_DEPTH: usize = 64;

/// Maximum condition groups of a rule, and maximum entries in all its groups: a winner holds both in 16 bits.
pub const RULE_ENTRIES: usize = 1000;

/// Maximum bytes of a rule id: every transition carries it.
pub const RULE_ID_BYTES: usize = 128;

/// Maximum bytes of the name of a state, group or parameter: every transition carries them.
pub const LABEL_BYTES: usize = 256;

/// Maximum bytes of a description: the compiled rule holds it.
pub const DESCRIPTION_BYTES: usize = 16 << 10;

/// Maximum globs in the scope of one rule: a new machine is matched with each.
pub const SCOPE_GLOBS: usize = 1000;

/// Maximum parameters of one rule: an explanation searches all of them.
pub const PARAMETERS: usize = 1000;

/// Maximum width of a window, in ms: seven days, since its panes stay in the state of a key.
pub const WINDOW_MS: i64 = 7 * 86_400_000;

/// Maximum wait (`for`, `keep_for`, `absent`) or setting, in ms: 31 days, so that sums with timestamps cannot overflow.
pub const WAIT_MS: i64 = 31 * 86_400_000;

/// Maximum `times`: a count of 32 bits holds it with room to spare.
pub const TIMES: u32 = 1_000_000;

/// Maximum absolute weight of a group or entry: it keeps weights finite.
pub const WEIGHT: f64 = 1e9;

/// Maximum sources in the state of a key: each point searches them.
pub const SOURCES: usize = 64;

/// Maximum pending points of one key. A further point raises the watermark to the oldest pending instant.
pub const PENDING_POINTS: usize = 100_000;

/// Maximum tags that one rule set may name for one key: the state of a key holds them all.
pub const TAGS_PER_KEY: usize = 10_000;

/// Maximum machines with attributes in one rule set: the attributes are part of the document.
pub const ATTRIBUTED: usize = 20_000;

/// Maximum attributes of one machine: the attributes are part of the document.
pub const ATTRIBUTES: usize = 100;

/// Maximum model bindings in one rule set: a new machine is matched with each.
pub const MODELS: usize = 100;

/// Maximum inputs of one model: every score request carries them all.
pub const INPUTS: usize = 64;

/// Minimum period of a model binding, in ms: it bounds the score requests of a binding on a key to one per
/// second of event time.
pub const SHORTEST_PERIOD_MS: i64 = 1000;

/// Maximum rows of one request to a model: with their identities they stay below the 256 KiB of an SQS message.
pub const ROWS: u32 = 100;

/// Maximum timeout of a call of a real-time endpoint, in ms: the limit of SageMaker.
pub const REAL_TIME_MS: i64 = 60_000;

/// Maximum timeout of a call of an asynchronous endpoint, in ms: the limit of SageMaker.
pub const ASYNCHRONOUS_MS: i64 = 3_600_000;

/// Maximum retries of a call: a failing batch must leave the queue in the end.
pub const RETRIES: u32 = 10;

/// Maximum bytes of the name of an endpoint or variant: the limit of SageMaker.
pub const ENDPOINT_BYTES: usize = 63;

/// Maximum bytes of a content type: the limit of SageMaker.
pub const CONTENT_TYPE_BYTES: usize = 1024;

/// Maximum score requests of one record on one key. Older ones beyond it are dropped: a record after a long silence may
/// end many periods at once.
pub const REQUESTS_PER_RECORD: usize = 1000;
