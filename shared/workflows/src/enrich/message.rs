//! Messages of the queue of score requests, and notifications of asynchronous endpoints.

use andon_domain::limits::ROWS;
use andon_domain::{ScoreRequestBatch, never};
use serde::{Deserialize, Serialize};

use crate::object_keys;

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnrichMessage {
    /// Score requests: one model call.
    #[serde(rename = "ask")]
    ScoreRequests(Box<ScoreRequestBatch>),
    /// A poll of an asynchronous call.
    #[serde(rename = "check")]
    Poll(Poll),
}

/// A poll of an asynchronous call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Poll {
    /// The id of the call.
    pub inference_id: String,
}

impl EnrichMessage {
    /// Returns the message as it stands in the queue.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| {
            never!("a message of the queue is no JSON: {error}");
            String::new()
        })
    }

    /// Reads a message of the queue.
    ///
    /// # Errors
    /// When it is not one: the finding and the expectation.
    pub fn read(json: &str) -> Result<Self, String> {
        let message: Self =
            serde_json::from_str(json).map_err(|error| format!("not a score request: {error}"))?;
        if let Self::ScoreRequests(batch) = &message {
            check(batch)?;
        }
        Ok(message)
    }
}

fn check(batch: &ScoreRequestBatch) -> Result<(), String> {
    let rows = batch.requests.len();
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    if rows == 0 || rows > most {
        return Err(format!("score requests with {rows} rows; expected 1 to {most}"));
    }
    let names = batch.names.len();
    for request in &batch.requests {
        if request.inputs.len() != names {
            return Err(format!(
                "the score request about `{}` at {} has {} inputs; expected {names}, one for each name",
                request.equipment_id,
                request.at,
                request.inputs.len()
            ));
        }
    }
    Ok(())
}

/// A notification by SNS that an asynchronous call has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncNotification {
    /// The id of the call.
    pub inference_id: String,
    /// The URL of the answer, if the notification has it; or why there is no answer.
    pub outcome: Result<Option<String>, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationBody {
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
    /// Reads the message of a notification.
    ///
    /// # Errors
    /// When it is not one: the finding and the expectation.
    pub fn read(json: &str) -> Result<Self, String> {
        let body: NotificationBody = serde_json::from_str(json)
            .map_err(|error| format!("not a notification of an asynchronous endpoint: {error}"))?;
        let outcome = match body.invocation_status.as_str() {
            "Completed" => Ok(body.response_parameters.and_then(|response| response.output_location)),
            status => Err(body.failure_reason.unwrap_or_else(|| format!("its status is `{status}`"))),
        };
        Ok(Self { inference_id: body.inference_id, outcome })
    }
}

/// An asynchronous call, stored as an object until it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AsyncCall {
    /// The score requests.
    pub batch: ScoreRequestBatch,
    /// When the call is given up, ms.
    pub due_ms: i64,
    /// True if the endpoint has accepted the call.
    #[serde(rename = "asked")]
    pub accepted: bool,
    /// The URL of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The URL of the reason why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// True if the call counts as failed: a later answer is late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

impl AsyncCall {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        json_bytes(self)
    }
}

/// Returns the id of a call. The same score requests always have the same id, so that a redelivery is recognized.
pub(super) fn inference_id(batch: &ScoreRequestBatch) -> String {
    format!("andon-{}", object_keys::digest(&json_bytes(batch), 16))
}

fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        never!("an asynchronous call is no JSON: {error}");
        Vec::new()
    })
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
        let messages = [
            EnrichMessage::ScoreRequests(Box::new(batch())),
            EnrichMessage::Poll(Poll { inference_id: "andon-1".to_owned() }),
        ];
        for message in messages {
            assert_eq!(EnrichMessage::read(&message.to_json()), Ok(message));
        }
    }

    #[test]
    fn a_message_that_is_no_score_request_says_what_was_expected() {
        let mut empty = batch();
        empty.requests.clear();
        let mut short = batch();
        short.requests[0].inputs.clear();
        for (json, said) in [
            ("what?".to_owned(), "not a score request"),
            ("{}".to_owned(), "not a score request"),
            (EnrichMessage::ScoreRequests(Box::new(empty)).to_json(), "expected 1 to 100"),
            (EnrichMessage::ScoreRequests(Box::new(short)).to_json(), "0 inputs; expected 1"),
        ] {
            let error = EnrichMessage::read(&json).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_notification_says_where_the_answer_is_or_why_there_is_none() {
        let completed = r#"{"awsRegion":"eu-central-1","invocationStatus":"Completed","inferenceId":"a",
            "responseParameters":{"contentType":"text/csv","outputLocation":"s3://b/out"},"eventSource":"aws:sagemaker"}"#;
        let notification = AsyncNotification::read(completed).unwrap();
        assert_eq!(
            (notification.inference_id.as_str(), notification.outcome),
            ("a", Ok(Some("s3://b/out".to_owned())))
        );
        let failed = r#"{"invocationStatus":"Failed","failureReason":"ClientError: no","inferenceId":"a"}"#;
        assert_eq!(AsyncNotification::read(failed).unwrap().outcome, Err("ClientError: no".to_owned()));
        let expired = r#"{"invocationStatus":"Expired","inferenceId":"a"}"#;
        assert_eq!(
            AsyncNotification::read(expired).unwrap().outcome,
            Err("its status is `Expired`".to_owned())
        );
        assert!(AsyncNotification::read(r#"{"Records":[]}"#).unwrap_err().contains("not a notification"));
    }

    #[test]
    fn the_same_score_requests_are_the_same_call() {
        assert_eq!(inference_id(&batch()), inference_id(&batch()));
        let mut other = batch();
        other.requests[0].at += 1;
        assert_ne!(inference_id(&batch()), inference_id(&other));
        assert!(inference_id(&other).len() <= 64);
    }
}
