//! For tests only: a naive reference of the fold, random cases for it, and a shrinker for the cases that fail.
//!
//! The reference is written from the semantics alone and shares no code with the engine's fold: only the syntax
//! tree of expressions and the reader of messages are the engine's. It is slow and simple on purpose.

mod case;
pub mod generate;
pub mod naive;
pub mod shrink;
pub mod w1;

pub use case::Case;
