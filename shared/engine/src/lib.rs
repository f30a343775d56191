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
mod pack;
pub mod replay;
pub mod scope;
mod window;

pub use compile::{AddSetError, CompiledRules, Plan, PlanError, RuleSet};
pub use fold::{BoundScoreRequest, FoldError, KeyState, Outcome, Record, RecordBody, RejectedPoint};
pub use pack::{Packed, Segment, SegmentId, UnpackError, bytes, rule_set_of, segments_of};
