//! Model bindings, a part of a rule document: the features to score, the machines, the endpoint, and the times.
//!
//! `docs/models.md` gives the semantics of a binding in event time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{null_as_default, one};
use crate::{Millis, ParameterValue, Scope};

/// A model with its inputs. Its scores come back as data points of the tag `ml.<id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelBinding {
    /// Letters, digits, `.`, `_` and `-`, up to 128; unique among the bindings. Rules read the score as
    /// `score('<id>')`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,128}$"))]
    pub id: String,
    /// A number that each request carries; the engine ignores it. Default 1.
    #[serde(default = "one")]
    pub version: u64,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The machines to score. Default all.
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
    /// The endpoint of the model, and the form of its requests.
    pub endpoint: ModelEndpoint,
}

/// A feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelInput {
    /// The name under which the model knows it; unique in the binding.
    pub name: String,
    /// An expression, as in a rule's `when`, that yields a number, a boolean or a text.
    pub value: String,
}

/// An endpoint of SageMaker, and the form of its requests and responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEndpoint {
    /// The endpoint's name.
    pub name: String,
    /// A production variant; by default the endpoint divides its traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// True for an asynchronous endpoint. Default false.
    #[serde(default)]
    pub asynchronous: bool,
    /// The format of a request. Default `csv`.
    #[serde(default)]
    pub format: Format,
    /// The content type, if it is not the usual one of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// For `json`: the name under which the rows stand, such as `instances`; without it the request is the bare list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_under: Option<String>,
    /// For `json` and `jsonlines`: the shape of a row. Default `list`.
    #[serde(default)]
    pub row: RowShape,
    /// Maximum rows (machines, times) in one request. Default 1.
    #[serde(default = "one_row")]
    pub rows: u32,
    /// The place of the numbers in the response. Default: the first number of each line or row.
    #[serde(default)]
    pub answer: AnswerLayout,
    /// The timeout of an attempt. For an asynchronous endpoint: the maximum wait for the result.
    /// Default `5s`, or `15m` for an asynchronous endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// Maximum retries of a failed attempt. Default 3.
    #[serde(default = "three")]
    pub retries: u32,
    /// A request that is older than this, by its arrival, is dropped and counted. Default `10m`.
    #[serde(default = "ten_minutes")]
    pub too_old: Millis,
    /// The result of a failure after all retries. Default `nothing`.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The time for which scores of equal inputs come from a cache. Default: no cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Millis>,
}

/// The format of a request.
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

/// The shape of a row in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowShape {
    /// `[13.5, 2]`
    #[default]
    List,
    /// `{"temperature": 13.5, "pressure": 2}`
    Object,
}

/// The place of the numbers in a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerLayout {
    /// For a JSON response: the place of the list of rows, as a JSON Pointer (RFC 6901) such as `/predictions`. Without
    /// it the response itself is the list, or the only row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// For a JSON response: the place of the number in a row, as a JSON Pointer such as `/score`. Without it the row
    /// itself is the number, or a list that begins with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// For a CSV response: the column, from 0. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// The result of a failure.
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

/// The result of a failure without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureWord {
    /// No point: the score stays as it was.
    Nothing,
    /// A point of quality `Bad`: the score stays as it was, and the rejected points show the failure.
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
