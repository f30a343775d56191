//! Events of an SQS queue or an SNS topic, as Lambda delivers them.

use serde::Deserialize;

use crate::EventError;
use crate::records::read_records;

/// The expectation, for errors.
const EXPECTED: &str = "an event of an SQS queue or an SNS topic";

/// A record of such an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueRecord {
    /// A message of a queue.
    Message {
        /// The id that SQS gave it.
        id: String,
        /// Number of deliveries, this one included.
        receive_count: u32,
        /// The body.
        body: String,
    },
    /// A notification of a topic.
    Notification {
        /// The id that SNS gave it.
        id: String,
        /// The message.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Queue(Message),
    Topic(Topic),
}

/// A message of SQS.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: Option<String>,
}

/// A record of SNS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    sns: Notification,
}

/// A notification of SNS, also in a queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    message_id: String,
    message: String,
}

/// Reads the records of an event, in its order.
///
/// # Errors
/// When it is an event of another kind.
pub fn read_queue_event(event: &[u8]) -> Result<Vec<QueueRecord>, EventError> {
    let read = |record: &serde_json::value::RawValue| {
        Ok(match serde_json::from_str(record.get()).map_err(EventError::of(EXPECTED))? {
            Record::Queue(message) => QueueRecord::Message {
                id: message.message_id,
                receive_count: message
                    .attributes
                    .approximate_receive_count
                    .and_then(|count| count.parse().ok())
                    .unwrap_or(1),
                body: message.body,
            },
            Record::Topic(topic) => {
                QueueRecord::Notification { id: topic.sns.message_id, message: topic.sns.message }
            }
        })
    };
    read_records(event, EXPECTED)?.into_iter().map(read).collect()
}

/// Returns the message of a notification that a topic put into a queue; `None` for any other body.
#[must_use]
pub fn notification_in(body: &str) -> Option<String> {
    serde_json::from_str::<Notification>(body).ok().map(|notification| notification.message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_receive_count_of_a_message_is_known() {
        let message = json!({"messageId": "1", "body": "b", "attributes": {"ApproximateReceiveCount": "3"}});
        let event = json!({"Records": [message]}).to_string();
        let expected = QueueRecord::Message { id: "1".to_owned(), receive_count: 3, body: "b".to_owned() };
        assert_eq!(read_queue_event(event.as_bytes()), Ok(vec![expected]));
    }

    #[test]
    fn another_event_is_an_error_that_says_what_was_expected() {
        for event in ["42", r#"{"Records": [{"kinesis": {}}]}"#] {
            let error = read_queue_event(event.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("SQS queue or an SNS topic"), "{error}");
        }
    }
}
