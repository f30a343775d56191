//! The ports of the service over DynamoDB, Kinesis, EventBridge, S3, SQS and SageMaker.
//!
//! [`Aws`] implements every port of [`andon_workflows::ports`] whose client is enabled by a feature of this crate,
//! [`Config`] holds the settings, `setup` creates the resources for development, and `outbox_event` reads events of the
//! outbox's stream.
//!
//! Throttling, partial answers and timeouts are handled where they happen, within a bounded time. The SDK tries a call a
//! few times, and entries that a batch leaves open are sent again with growing pauses. An error then says whether a retry
//! can help.

#![cfg_attr(
    not(feature = "all"),
    allow(dead_code, reason = "without some of the clients, some helpers of several clients are not used")
)]

#[cfg(feature = "dynamodb")]
mod checkpoints;
mod clock;
mod config;
mod connect;
mod error;
#[cfg(feature = "sqs")]
mod inbox;
#[cfg(feature = "secretsmanager")]
mod internal_key;
#[cfg(feature = "dynamodb")]
mod item;
mod meter;
#[cfg(feature = "sagemaker")]
mod models;
#[cfg(feature = "s3")]
mod objects;
#[cfg(feature = "dynamodb")]
mod outbox;
#[cfg(feature = "dynamodb")]
mod packed;
#[cfg(feature = "dynamodb")]
mod rules;
#[cfg(feature = "all")]
pub mod setup;
mod sinks;
#[cfg(feature = "dynamodb")]
mod state;
#[cfg(feature = "dynamodb")]
mod table;
#[cfg(test)]
#[cfg(feature = "all")]
mod tests;

pub use config::{Config, ConfigError, Credentials, ResourceNames, Secret};
pub use connect::Aws;
#[cfg(feature = "sqs")]
pub use inbox::{Inbox, Received};
pub use meter::{Count, Metered};
#[cfg(feature = "dynamodb")]
pub use outbox::event as outbox_event;
#[cfg(feature = "dynamodb")]
pub use state::head::head_bytes;
