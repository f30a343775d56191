//! The limits of the workflows, with their reasons.

/// Buckets of the index of due times. A query of one bucket is answered in order; buckets are queried side by side.
pub const DUE_BUCKETS: u32 = 16;

/// Maximum size of a state in the item, in bytes. An item of DynamoDB has at most 400 KB.
pub const ITEM_BODY_BYTES: usize = 320 << 10;

/// Maximum size of the transitions in one outbox item, in bytes. An item of DynamoDB has at most 400 KB.
pub const OUTBOX_ITEM_BYTES: usize = 320 << 10;

/// Maximum size of an unpacked object, in bytes: parked messages of a key, or the transitions of one commit. It is half
/// of the memory of a function.
pub const UNPACKED_OBJECT_BYTES: usize = 256 << 20;

/// Transitions in one commit of a key after which its fold stops at the next record. Bounds the item and the memory.
pub const TRANSITIONS_PER_COMMIT: usize = 500;

/// Maximum number of ticks under way: their memory fits into one item.
pub const TICKS_UNDER_WAY: usize = 2000;

/// Keys that are folded and committed together. Bounds the memory of a batch.
pub const KEYS_PER_GROUP: usize = 1000;

/// Concurrent requests of one invocation.
pub const CONCURRENT_REQUESTS: usize = 32;

/// Invocations in a row that fail to fold a key before it is parked.
pub const FAILURES_BEFORE_PARKING: u32 = 3;

/// Maximum number of sources in a checkpoint; beyond it the source that was silent longest is dropped.
pub const CHECKPOINT_SOURCES: usize = 1000;

/// Silence after which a source no longer holds back the watermark of a checkpoint, ms. The watermark is only shown.
pub const SOURCE_IDLE_MS: i64 = 60_000;

/// Maximum number of rule sets that a pointer lists.
pub const SETS: usize = 1000;

/// Maximum number of rules in a set that is put at run time.
pub const RULES_PER_SET: usize = 20_000;

/// Minimum time from writing a set to its start, ms: no invocation that does not know the set may still be reading
/// records that arrived after its start.
pub const SET_NOTICE_MS: i64 = 10_000;

/// Maximum size of a rejected message that is kept, in bytes.
pub const REJECTED_BYTES: usize = 64 << 10;

/// Maximum size of a message in the queue of score requests, in bytes. SQS accepts 1 MiB since 2025, but not everywhere.
pub const SCORE_REQUEST_MESSAGE_BYTES: usize = 200 << 10;

/// Maximum delay of a message in an SQS queue, s.
pub const QUEUE_DELAY_S: u32 = 900;

/// Maximum size of a model's answer, in bytes: thousands of rows, with other members beside their numbers.
pub const MODEL_ANSWER_BYTES: usize = 6 << 20;

/// Scores in the cache of one process of `enrich`.
pub const CACHED_SCORES: usize = 50_000;

/// Endpoints whose consecutive failures one process of `enrich` counts. A rule set has a hundred models.
pub const FAILING_ENDPOINTS: usize = 1_000;

/// Score points written to the stream in one request.
pub const SCORES_PER_WRITE: usize = 500;

/// Concurrent requests to the stream with scores, while model calls are in flight.
pub const CONCURRENT_SCORE_WRITES: usize = 4;
