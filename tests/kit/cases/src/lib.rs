//! For tests only: a naive reference of the fold, random cases for it, and a shrinker for the cases that fail.
//!
//! The reference is written from the semantics alone. It shares only syntax with the engine: the tree of expressions, the
//! walk over it, and the reader of messages. It is slow and simple on purpose.

mod case;
mod choices;
pub mod generate;
pub mod naive;
pub mod shrink;
pub mod w1;

pub use case::Case;
pub use choices::Choices;
