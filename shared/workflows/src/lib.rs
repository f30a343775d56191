//! The workflows of the functions, over ports: load, fold, commit, publish.
//!
//! [`andon_engine`] decides what a rule means; the [`ports`] talk to AWS. The workflows order the reads and writes. This
//! order is the reason why a state change is decided once and delivered under one identity, whatever fails in between.

#![allow(
    async_fn_in_trait,
    reason = "the ports are used from one thread, and their futures need not be sent to another"
)]

pub mod base64;
pub mod catalog;
pub mod enrich;
pub mod envelope;
pub mod evaluate;
pub mod limits;
pub mod measures;
pub mod object_keys;
mod outbox;
pub mod ports;
pub mod progress;
pub mod publish;
pub mod readiness;
pub mod retry;
pub mod rulebook;
pub mod status;
pub mod tick;
mod utc;
