//! Events of Lambda: records, messages, and the seal of internal messages.
//!
//! An event of a Kinesis stream becomes messages for the fold in two phases. [`Decoded::new`] reads the outer JSON
//! and decodes the data of its records into an [`Arena`]: base64, and where it is found gzip, zstd and the aggregation of
//! the Kinesis Producer Library. [`DecodedRecord::for_each`] then reads the messages of one record, which borrow from the arena.
//!
//! ```text
//! event ── event::read ──> StreamRecord ── Decoded::new ──> Record ── for_each ──> Item | Refused
//! ```
//!
//! Everything here is pure: no clock, no I/O. Everything is bounded by [`limits`], and one bad record, user record, line
//! or item never spoils the good ones beside it: it is [`RefusedItem`] with a reason and its bytes. Messages have an index in
//! their record that depends on its bytes alone, so that it is the same when the record is delivered again.
//!
//! The stream is not trusted: any sender with write access could send ticks and scores. Those count only where this system
//! itself [sealed](Authenticator::seal) them.
//!
//! [`read_queue_event`] reads events of SQS and SNS, [`read_table_event`] events of the stream of a DynamoDB table.

mod decoded;
pub mod encode;
mod event;
pub mod gzip;
mod kpl;
pub mod limits;
mod messages;
mod payload;
mod queue;
mod records;
mod refusal;
mod sequence;
mod shard;
mod table_stream;
mod trust;

#[cfg(test)]
mod tests;

pub use decoded::{Arena, Decoded, DecodedRecord};
pub use event::{EventError, StreamRecord, read as read_event};
pub use messages::{Item, ItemBody, ItemOutcome, read_message};
pub use queue::{QueueRecord, notification_in, read_queue_event};
pub use refusal::{RefusalReason, RefusedItem};
pub use sequence::{SequenceError, SequenceNumber};
pub use shard::{ShardError, ShardId};
pub use table_stream::{Attribute, Image, TableChange, read_table_event};
pub use trust::{Authenticator, KeyError, OpenError};
