//! For tests only: a naive model of the fold, random cases for it, and a shrinker for those that fail; the ports of
//! the service in memory, and what is owed of any implementation of them.
//!
//! The model is written from the semantics alone and shares no code with the engine's fold: only the syntax
//! tree of expressions and the reader of messages are the engine's. It is slow and simple on purpose.

mod case;
#[allow(clippy::indexing_slicing, reason = "a suite of checks: what is not there must fail loudly")]
pub mod contract;
pub mod generate;
pub mod memory;
pub mod naive;
pub mod shrink;
pub mod storm;
pub mod w1;

pub use case::Case;
