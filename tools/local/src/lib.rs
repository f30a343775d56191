//! The whole system on one machine: an emulator, the functions as processes, and their event sources.
//!
//! Nothing here decides anything. It stands in for what AWS does around the functions: it invokes them with events
//! as Lambda's event sources do, again and again until they have answered for every record.

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
