//! Score requests and scores.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::binding::ModelEndpoint;
use crate::transition::OperandValue;

/// The prefix of the tags of scores.
pub const TAG_PREFIX: &str = "ml.";

/// A score request: the features of one equipment at one time.
///
/// Its identity is (model, `equipment_id`, `at`). The fold decides it once with the same inputs, whatever is retried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreRequest {
    /// The binding's id.
    pub model: CompactString,
    /// The version that its document gives it.
    pub version: u64,
    /// The equipment.
    pub equipment_id: CompactString,
    /// The effective event time of the inputs, ms since the epoch.
    pub at: i64,
    /// The features in the order of the binding, all known.
    pub inputs: Vec<OperandValue>,
}

/// A batch of score requests for one call of an endpoint: the message of the queue.
///
/// It is complete: the enrich function needs no rules, and calls the endpoint as the rule set in force at the decision
/// demands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreRequestBatch {
    /// The arrival, ms, of the newest record that led to one of the requests. The age of the batch counts from here.
    pub asked_ms: i64,
    /// The endpoint, and the form of the request.
    pub endpoint: ModelEndpoint,
    /// The names of the inputs, in order.
    pub names: Vec<String>,
    /// The requests, all of one model; at most `endpoint.rows`.
    pub requests: Vec<ScoreRequest>,
    /// The number of failed attempts before this message went to the queue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The result of a score request.
#[derive(Clone, Debug, PartialEq)]
pub enum Score {
    /// The model returned a number.
    Number(f64),
    /// It failed, and the binding demands a point of quality `Bad`.
    Bad,
}
