//! What crosses a wire or is stored: data points, records, rule documents, transitions.
//!
//! This crate knows JSON and serde, and nothing else: no I/O, no clock, no AWS. Everything that comes from
//! outside is bounded here (see [`limits`]) and either read or rejected with a [`Rejection`] that says why.
//!
//! All times are milliseconds since the Unix epoch, as `i64`, named `*_ms` where a bare number is passed.

pub mod binding;
pub mod duration;
pub mod finding;
pub mod fnv;
pub mod limits;
pub mod lookup;
pub mod never;
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
pub use point::{DataPoint, Value};
pub use reject::{Reason, Rejection};
pub use rules::{Attributes, Group, ParameterValue, Rule, RuleDocument, Scope, Settings, StateEntry};
pub use score::{Score, ScoreRequest, ScoreRequestBatch};
pub use transition::{Explanation, Operand, OperandValue, Transition};
