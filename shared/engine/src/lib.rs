//! The engine: compiles rules, and folds records into the state of a machine.
//!
//! The fold is one pure, deterministic function: no I/O, no async, no clock, no randomness, no hash-map order. Time
//! comes from the records alone.
//!
//! [`RuleSet::compile`] compiles a document. [`KeyState::apply`] folds a record of one equipment into its state, and
//! returns the decisions. [`KeyState::check_invariants`] states the invariants of a state between records.

pub mod compile;
mod eval;
pub mod expr;
mod fold;
mod pack;
mod position;
pub mod replay;
pub mod scope;
mod state;
mod window;

pub use compile::{AddSetError, CompiledRules, Plan, PlanError, RuleSet};
pub use fold::{BoundScoreRequest, FoldError, KeyState, Outcome, Record, RecordBody, RejectedPoint};
pub use pack::{PackedState, Segment, SegmentId, UnpackError, bytes, rule_set_of, segments_of};
