//! Model bindings: when a model is asked, and what.

use std::sync::Arc;

use andon_model::{ModelBinding, ScoreRequest};

/// A question to a model, decided by the fold.
///
/// Its identity is (model, equipment, time); the same identity always carries the same content.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The binding by which it is asked, as it stands in the rule set that was in force.
    pub binding: Arc<ModelBinding>,
    /// What is asked.
    pub question: ScoreRequest,
}
