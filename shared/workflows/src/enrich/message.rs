//! What stands in the queue of questions, and what endpoints that answer later send.

use andon_domain::ScoreRequestBatch;
use andon_domain::limits::ROWS;
use serde::{Deserialize, Serialize};

use crate::object_keys;

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnrichMessage {
    /// A model is to be asked.
    #[serde(rename = "ask")]
    ScoreRequests(Box<ScoreRequestBatch>),
    /// It is to be looked whether an endpoint that answers later has answered.
    #[serde(rename = "check")]
    Poll(Poll),
}

/// A look at a call of an endpoint that answers later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Poll {
    /// The call.
    pub inference_id: String,
}

impl EnrichMessage {
    /// As it stands in the queue.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message of the queue.
    ///
    /// # Errors
    /// When it is none: what was found and what was expected.
    pub fn read(json: &str) -> Result<Self, String> {
        let question: Self =
            serde_json::from_str(json).map_err(|error| format!("not a question to a model: {error}"))?;
        if let Self::ScoreRequests(batch) = &question {
            check(batch)?;
        }
        Ok(question)
    }
}

fn check(batch: &ScoreRequestBatch) -> Result<(), String> {
    let rows = batch.requests.len();
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    if rows == 0 || rows > most {
        return Err(format!("a question of {rows} rows; expected 1 to {most}"));
    }
    let names = batch.names.len();
    for request in &batch.requests {
        if request.inputs.len() != names {
            return Err(format!(
                "the question about `{}` at {} has {} inputs; expected {names}, one for each name",
                request.equipment_id,
                request.at,
                request.inputs.len()
            ));
        }
    }
    Ok(())
}

/// What an endpoint that answers later says of a call, by SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncNotification {
    /// The call.
    pub inference_id: String,
    /// Where its answer is, if that is said; or why there is none.
    pub outcome: Result<Option<String>, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    invocation_status: String,
    inference_id: String,
    failure_reason: Option<String>,
    response_parameters: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    output_location: Option<String>,
}

impl AsyncNotification {
    /// Reads the message of a notice.
    ///
    /// # Errors
    /// When it is none: what was found and what was expected.
    pub fn read(json: &str) -> Result<Self, String> {
        let told: Told = serde_json::from_str(json)
            .map_err(|error| format!("not a notice of an asynchronous endpoint: {error}"))?;
        let outcome = match told.invocation_status.as_str() {
            "Completed" => Ok(told.response_parameters.and_then(|response| response.output_location)),
            status => Err(told.failure_reason.unwrap_or_else(|| format!("its status is `{status}`"))),
        };
        Ok(Self { inference_id: told.inference_id, outcome })
    }
}

/// A call of an endpoint that answers later, kept as an object until it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Context {
    /// What is asked.
    pub batch: ScoreRequestBatch,
    /// Until when an answer is waited for, ms.
    pub due_ms: i64,
    /// The endpoint has taken the call.
    pub asked: bool,
    /// Where its answer will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Where it will say why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// It counts as failed: an answer that still comes is late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

impl Context {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The id of a call: the same question always has the same one, so that a redelivery is known for what it is.
pub(super) fn inference_id(batch: &ScoreRequestBatch) -> String {
    format!("andon-{}", object_keys::digest(&serde_json::to_vec(batch).unwrap_or_default(), 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> ScoreRequestBatch {
        serde_json::from_value(serde_json::json!({
            "askedMs": 1_000,
            "endpoint": {"name": "m"},
            "names": ["t"],
            "requests": [{"model": "m", "version": 1, "equipmentId": "e", "at": 900, "inputs": [1.5]}],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let questions = [
            EnrichMessage::ScoreRequests(Box::new(batch())),
            EnrichMessage::Poll(Poll { inference_id: "andon-1".to_owned() }),
        ];
        for question in questions {
            assert_eq!(EnrichMessage::read(&question.to_json()), Ok(question));
        }
    }

    #[test]
    fn a_message_that_is_no_question_says_what_was_expected() {
        let mut empty = batch();
        empty.requests.clear();
        let mut short = batch();
        short.requests[0].inputs.clear();
        for (json, said) in [
            ("what?".to_owned(), "not a question"),
            ("{}".to_owned(), "not a question"),
            (EnrichMessage::ScoreRequests(Box::new(empty)).to_json(), "expected 1 to 100"),
            (EnrichMessage::ScoreRequests(Box::new(short)).to_json(), "0 inputs; expected 1"),
        ] {
            let error = EnrichMessage::read(&json).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_notice_says_where_the_answer_is_or_why_there_is_none() {
        let completed = r#"{"awsRegion":"eu-central-1","invocationStatus":"Completed","inferenceId":"a",
            "responseParameters":{"contentType":"text/csv","outputLocation":"s3://b/out"},"eventSource":"aws:sagemaker"}"#;
        let notice = AsyncNotification::read(completed).unwrap();
        assert_eq!((notice.inference_id.as_str(), notice.outcome), ("a", Ok(Some("s3://b/out".to_owned()))));
        let failed = r#"{"invocationStatus":"Failed","failureReason":"ClientError: no","inferenceId":"a"}"#;
        assert_eq!(AsyncNotification::read(failed).unwrap().outcome, Err("ClientError: no".to_owned()));
        let expired = r#"{"invocationStatus":"Expired","inferenceId":"a"}"#;
        assert_eq!(
            AsyncNotification::read(expired).unwrap().outcome,
            Err("its status is `Expired`".to_owned())
        );
        assert!(AsyncNotification::read(r#"{"Records":[]}"#).unwrap_err().contains("not a notice"));
    }

    #[test]
    fn the_same_question_is_the_same_call() {
        assert_eq!(inference_id(&batch()), inference_id(&batch()));
        let mut other = batch();
        other.requests[0].at += 1;
        assert_ne!(inference_id(&batch()), inference_id(&other));
        assert!(inference_id(&other).len() <= 64);
    }
}
