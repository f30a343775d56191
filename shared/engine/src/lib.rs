//! Rules to compiled rules, and the fold that decides: one pure, deterministic function.
//!
//! No I/O, no async, no clock, no randomness, no hash-map order. Time comes from the records alone.
//!
//! [`RuleSet::compile`] makes a document executable, [`KeyState::apply`] folds a record of one equipment into its
//! state and answers what was decided.

pub mod compile;
mod eval;
pub mod expr;
mod fold;
pub mod lint;
mod pack;
pub mod replay;
pub mod scope;
mod window;

pub use compile::{CompiledRules, Plan, PlanError, Refused, RuleSet};
pub use fold::{Body, FoldError, KeyState, Outcome, Record, RejectedPoint, Request};
pub use pack::{Packed, Segment, SegmentId, UnpackError, bytes, rule_set_of, segments_of};
