//! What is asked of a model, and what it said.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::binding::ModelEndpoint;
use crate::transition::OperandValue;

/// The prefix of the tags of scores.
pub const TAG_PREFIX: &str = "ml.";

/// One question: the features of one equipment at one time.
///
/// Its identity is (model, `equipment_id`, `at`); the fold asks it once, whatever is retried, with the same inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreRequest {
    /// The binding's id.
    pub model: CompactString,
    /// The version that its document gives it.
    pub version: u64,
    /// The equipment.
    pub equipment_id: CompactString,
    /// Effective event time of the inputs, ms since the epoch.
    pub at: i64,
    /// The features by the binding's order, all known.
    pub inputs: Vec<OperandValue>,
}

/// Questions that go to one endpoint in one call: what stands in the queue. It says all that is needed to ask them, so
/// that nobody has to read the rules, and a question is asked as it was meant when it was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreRequestBatch {
    /// The arrival, ms, of the newest record that led to one of the questions: from here its age is counted.
    pub asked_ms: i64,
    /// How to ask.
    pub endpoint: ModelEndpoint,
    /// The names of the inputs, in their order.
    pub names: Vec<String>,
    /// The questions, all of one model; at most `endpoint.rows`.
    pub requests: Vec<ScoreRequest>,
    /// How many attempts have failed before this message was put into the queue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Score {
    /// The model said a number.
    Number(f64),
    /// It failed, and the binding wants a point of quality `Bad`.
    Bad,
}
