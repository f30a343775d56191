//! Every bound on what the stream delivers, in one place, with its reason. Those on messages and points themselves are in
//! [`andon_domain::limits`].

/// Longest event, in bytes. Lambda sends up to 6 MB; anything much longer is not from there.
///
/// Beyond it the event is an [`EventError`](crate::EventError).
pub const EVENT_BYTES: usize = 16 << 20;

/// Most bytes that all compressed data of one Kinesis record may unpack to.
///
/// Beyond it the compressed message is refused as [`TooLarge`](crate::RefusalReason::TooLarge); unpacking stops there.
pub const UNPACKED_BYTES: usize = 10 << 20;

/// Maximum bytes to unpack for one event, wasted ones included. Records behind this limit are
/// [deferred](crate::Decoded::deferred) to a later invocation.
///
/// 6 MB of honest compressed data unpack to some 60 MB, 6 MB of hostile data to 80 GB.
pub const UNPACKED_BYTES_PER_EVENT: usize = 64 << 20;

/// Most messages of one Kinesis record: more than [`UNPACKED_BYTES`] can hold of the shortest data points.
///
/// Messages behind this limit are refused as [`TooLarge`](crate::RefusalReason::TooLarge).
pub const MESSAGES_PER_RECORD: u32 = 250_000;

/// Most user records in an aggregated record; each is a message at least.
///
/// Beyond it the record is refused as [`TooLarge`](crate::RefusalReason::TooLarge).
pub const USER_RECORDS: usize = MESSAGES_PER_RECORD as usize;

/// Most refusals of one Kinesis record that are listed with their bytes; the others are counted by reason, beside the
/// bytes of the whole record.
pub const LISTED_REFUSALS: usize = 100;

/// Most bad items of one list that are described; the others are counted.
pub const DESCRIBED_ITEMS: usize = 10;

/// Most bytes that a refusal shows: those of any Kinesis record and message that is not itself too large.
pub const REFUSED_BYTES: usize = andon_domain::limits::RECORD_BYTES;

/// Longest sequence number, in decimal digits. Those of Kinesis have 56.
pub const SEQUENCE_DIGITS: usize = 57;

/// Longest shard id, in bytes, as in the API of Kinesis.
pub const SHARD_ID_BYTES: usize = 128;

/// Largest window of a zstd frame, in bytes: what the decoder keeps. A frame never needs more than it unpacks to.
pub const ZSTD_WINDOW_BYTES: u64 = UNPACKED_BYTES as u64;

/// Shortest key that authenticates internal records, in bytes: as long as the digest.
pub const KEY_BYTES: usize = 32;

/// Memory that an [`Arena`](crate::Arena) keeps from one event to the next, in bytes.
pub const KEPT_BYTES: usize = 32 << 20;
