//! Read, fold, commit, report: the workflows of the functions, over ports.
//!
//! Nothing here decides what a rule means; that is [`andon_engine`]. Nothing here talks to AWS; that is behind the
//! [`ports`]. What is here is the order in which things are read and written, which is what makes a state change
//! decided once and delivered under one identity whatever fails in between.

#![allow(
    async_fn_in_trait,
    reason = "the ports are used from one thread, and their futures need not be sent to another"
)]

pub mod catalog;
pub mod enrich;
pub mod envelope;
pub mod evaluate;
pub mod limits;
pub mod object_keys;
pub mod ports;
pub mod progress;
pub mod publish;
pub mod readiness;
pub mod retry;
pub mod rulebook;
pub mod status;
pub mod tick;
