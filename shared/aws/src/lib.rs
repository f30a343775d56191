//! The ports of the service over DynamoDB, Kinesis, EventBridge, S3, SQS and SageMaker.
//!
//! [`Aws`] implements every port of [`andon_workflows::ports`], [`Config`] says what it is to use, [`setup`] makes that for
//! development, [`outbox_event`] reads what the stream of the outbox delivers, and [`questions_event`] what the queue of
//! questions to models does.
//!
//! Throttling, partial answers and timeouts are handled where they happen, within a bounded time: the SDK tries a call a
//! few times, what a batch leaves open is asked for again with growing pauses, and what then still fails is answered
//! with whether trying again can help.

mod checkpoints;
mod clock;
mod config;
mod connect;
pub mod enrich_event;
mod error;
mod inbox;
mod internal_key;
mod item;
mod meter;
mod models;
mod objects;
mod outbox;
mod packed;
mod records;
mod rules;
pub mod setup;
mod sinks;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Credentials, LogLevel, ResourceNames, Secret};
pub use connect::Aws;
pub use inbox::{Inbox, Received};
pub use meter::{Count, Metered};
pub use outbox::event as outbox_event;
pub use records::EventError;
pub use state::head::head_bytes;
