//! Model bindings: which features of which equipments are scored by which endpoint, and when. Part of a rule document.
//!
//! What a binding means in event time is said in `docs/models.md`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{null_as_default, one};
use crate::{Millis, ParameterValue, Scope};

/// A model and what it is asked. Its scores come back as data points of the tag `ml.<id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelBinding {
    /// Letters, digits, `.`, `_` and `-`, up to 128; unique among the bindings. Rules read the score as `score('<id>')`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,128}$"))]
    pub id: String,
    /// Carried in each request; means nothing to the engine. Default 1.
    #[serde(default = "one")]
    pub version: u64,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which equipments are scored. Default all.
    #[serde(default)]
    pub scope: Scope,
    /// Values that the inputs name as `params.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// The features, in the order in which the model takes them.
    pub inputs: Vec<ModelInput>,
    /// Scores when an input has changed, at most once in this time. Give either this or `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_every: Option<Millis>,
    /// With `at_most_every`: scores inputs that have not changed again after this time. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least_every: Option<Millis>,
    /// Scores on a grid of event time of this width. Give either this or `at_most_every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Millis>,
    /// Where the model is and how it is spoken to.
    pub endpoint: ModelEndpoint,
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelInput {
    /// The name under which the model knows it; unique in the binding.
    pub name: String,
    /// An expression, as in a rule's `when`, that yields a number, a boolean or a text.
    pub value: String,
}

/// An endpoint of SageMaker, and what is said to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEndpoint {
    /// The endpoint's name.
    pub name: String,
    /// Which of its production variants; default as the endpoint divides its traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whether it is an asynchronous endpoint. Default no.
    #[serde(default)]
    pub asynchronous: bool,
    /// How a request is written. Default `csv`.
    #[serde(default)]
    pub format: Format,
    /// The content type, where it is not the usual one of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// For `json`: the name under which the rows stand, such as `instances`; without it the request is the bare list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_under: Option<String>,
    /// For `json` and `jsonlines`: how a row is written. Default `list`.
    #[serde(default)]
    pub row: RowShape,
    /// Most rows (equipments, times) in one request. Default 1.
    #[serde(default = "one_row")]
    pub rows: u32,
    /// Where the numbers stand in the answer. Default: the first number of each line or row.
    #[serde(default)]
    pub answer: AnswerLayout,
    /// An attempt that took longer has failed. For an asynchronous endpoint: until when the answer is awaited.
    /// Default `5s`, or `15m` for an asynchronous endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// How often a failed attempt is made again. Default 3.
    #[serde(default = "three")]
    pub retries: u32,
    /// A request that is older than this, by its arrival, is dropped and counted. Default `10m`.
    #[serde(default = "ten_minutes")]
    pub too_old: Millis,
    /// What a failure means, after the retries. Default `nothing`.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Scores of equal inputs are taken from memory for this long. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Millis>,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line a row, values between commas: `text/csv`.
    #[default]
    Csv,
    /// One JSON document with all rows: `application/json`.
    Json,
    /// One JSON document a row: `application/jsonlines`.
    Jsonlines,
}

/// How a row is written in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowShape {
    /// `[13.5, 2]`
    #[default]
    List,
    /// `{"temperature": 13.5, "pressure": 2}`
    Object,
}

/// Where the numbers stand in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerLayout {
    /// For a JSON answer: where the list of rows stands, as a JSON Pointer (RFC 6901) such as `/predictions`. Without
    /// it the answer itself is the list, or the only row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// For a JSON answer: where in a row the number stands, as a JSON Pointer such as `/score`. Without it the row
    /// itself is the number, or a list that begins with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// For a CSV answer: which column, from 0. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`on_failure` is `nothing`, `bad` or a number")]
pub enum OnFailure {
    /// `nothing` or `bad`.
    Word(FailureWord),
    /// A point with this value.
    Value(f64),
}

impl Default for OnFailure {
    fn default() -> Self {
        Self::Word(FailureWord::Nothing)
    }
}

/// What a failure means, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureWord {
    /// No point: the score stays as it was.
    Nothing,
    /// A point of quality `Bad`: the score stays as it was, and the failure is kept among the rejected points.
    Bad,
}

fn one_row() -> u32 {
    1
}

fn three() -> u32 {
    3
}

fn ten_minutes() -> Millis {
    Millis(600_000)
}
