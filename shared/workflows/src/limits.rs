//! The bounds of the service, in one place, with their reasons.

/// Buckets of the index of due times: queries of one bucket are answered in order, several side by side.
pub const DUE_BUCKETS: u32 = 16;

/// Largest body of a head that is stored in the item, in bytes. An item of DynamoDB takes 400 KB all told.
pub const ITEM_BODY_BYTES: usize = 320 << 10;

/// Most bytes of transitions in one outbox item.
pub const OUTBOX_ITEM_BYTES: usize = 320 << 10;

/// Largest object that is unpacked, in bytes: parked messages of a key, or the transitions of one commit. It is half of
/// the memory of a function.
pub const UNPACKED_OBJECT_BYTES: usize = 256 << 20;

/// After so many transitions of a key its fold stops at the next record, and is committed first.
pub const TRANSITIONS_PER_COMMIT: usize = 500;

/// Ticks that were sent and have not been seen to work, at most: what is remembered of them fits into one item.
pub const TICKS_UNDER_WAY: usize = 2000;

/// Keys that are folded and committed together: bounds the memory of a batch.
pub const KEYS_PER_GROUP: usize = 1000;

/// Requests that are under way at a time.
pub const CONCURRENT_REQUESTS: usize = 32;

/// Invocations in a row that fail for a key before it is parked.
pub const FAILURES_BEFORE_PARKING: u32 = 3;

/// Most sources in a checkpoint; beyond, the one that was silent longest is forgotten.
pub const CHECKPOINT_SOURCES: usize = 1000;

/// A source that was silent for so long on a shard does not hold back what is shown as its watermark, ms.
pub const SOURCE_IDLE_MS: i64 = 60_000;

/// Rule sets that a pointer lists.
pub const SETS: usize = 1000;

/// Rules in a set that is put at run time.
pub const RULES_PER_SET: usize = 20_000;

/// A set starts at least so long after it was written, ms: no invocation that does not know it may still be reading
/// records that arrived after its start.
pub const SET_NOTICE_MS: i64 = 10_000;

/// Bytes of a rejected message that are kept.
pub const REJECTED_BYTES: usize = 64 << 10;

/// Bytes of a message in the queue of questions. SQS takes more by now, but not everywhere.
pub const QUESTION_BYTES: usize = 200 << 10;

/// Longest delay of a message in a queue, s, as SQS has it.
pub const QUEUE_DELAY_S: u32 = 900;

/// Largest answer of a model, in bytes: thousands of rows with whatever stands beside their numbers.
pub const MODEL_ANSWER_BYTES: usize = 6 << 20;

/// Scores that one process of `enrich` remembers.
pub const CACHED_SCORES: usize = 50_000;

/// Endpoints of which one process of `enrich` remembers that their last calls have failed. A rule set has a hundred models.
pub const ENDPOINTS_IN_TROUBLE: usize = 1_000;

/// Score points that are written to the stream in one request.
pub const SCORES_PER_REQUEST: usize = 500;

/// Requests to the stream that are under way at a time, while models are being asked.
pub const SCORE_REQUESTS: usize = 4;
