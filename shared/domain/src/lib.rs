//! The domain: data points, messages, rule documents and transitions, as they cross a wire or are stored.
//!
//! This crate uses JSON and serde, but no I/O, no clock and no AWS. It bounds all input (see [`limits`]), and either
//! reads it or rejects it with a reason, see [`Rejection`].
//!
//! All times are milliseconds since the Unix epoch, as `i64`, named `*_ms` where a bare number is passed.

pub mod binding;
pub mod duration;
pub mod finding;
pub mod fnv;
pub mod limits;
pub mod lookup;
pub mod never;
pub mod parts;
pub mod point;
pub mod reject;
pub mod rules;
pub mod score;
pub mod suggest;
pub mod text;
pub mod transition;
pub mod wire;

pub use binding::{
    AnswerLayout, FailureWord, Format, ModelBinding, ModelEndpoint, ModelInput, OnFailure, RowShape,
};
pub use duration::{DurationError, Millis};
pub use finding::{Finding, PathSegment, Severity};
pub use lookup::LookupMap;
pub use parts::{Attributes, ParameterValue, Scope};
pub use point::{DataPoint, Value};
pub use reject::{Reason, Rejection};
pub use rules::{Group, Rule, RuleDocument, Settings, StateEntry};
pub use score::{Score, ScoreRequest, ScoreRequestBatch};
pub use transition::{Explanation, Operand, OperandValue, Transition};
