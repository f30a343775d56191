//! Runs the whole system on one machine: an emulator, the functions as processes, and their event sources.
//!
//! This crate makes no decisions. It stands in for Lambda: it invokes the functions with events as event source mappings
//! do, and retries until they have answered for every record.

mod emulator;
mod event;
mod group;
pub mod models;
mod runtime_host;
pub mod sources;
mod system;

pub use emulator::{Emulator, EmulatorError, MINISTACK_VERSION};
pub use event::{Event, Listener};
pub use runtime_host::{Function, InvokeError, RuntimeHost};
pub use system::{Backend, ENRICH, EVALUATE, Functions, NAMES, Options, PUBLISH, System, SystemError, TICK};
