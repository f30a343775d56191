//! The queue of questions, and notices by SNS, as a Lambda function gets them.

use andon_workflows::enrich::{AsyncNotification, DeliveryContent, EnrichMessage, QueueDelivery};
use serde::Deserialize;

use crate::records::{self, EventError};

/// Letters that are kept of a message that cannot be read.
const SHOWN: usize = 1000;

/// What is expected.
const EXPECTED: &str = "an event of an SQS queue or an SNS topic";

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

/// What SNS sends, also into a queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    message_id: String,
    message: String,
}

/// Messages that came together.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliveries {
    /// In the order of the event.
    pub deliveries: Vec<QueueDelivery>,
    /// Whether single messages can come again. A topic sends all of it again, where the function fails.
    pub one_by_one: bool,
}

/// The messages of an event. One that cannot be read says why, with what came, and does not spoil the others.
///
/// # Errors
/// When it is neither an event of a queue nor one of a topic.
pub fn deliveries(event: &[u8]) -> Result<Deliveries, EventError> {
    let records = records::read(event, EXPECTED)?;
    let mut all = Deliveries { deliveries: Vec::with_capacity(records.len()), one_by_one: true };
    for record in records {
        match serde_json::from_str(record.get()).map_err(EventError::of(EXPECTED))? {
            Record::Queue(message) => {
                let received = message.attributes.approximate_receive_count;
                all.deliveries.push(QueueDelivery {
                    id: message.message_id,
                    receive_count: received.and_then(|count| count.parse().ok()).unwrap_or(1),
                    content: body(&message.body),
                });
            }
            Record::Topic(topic) => {
                all.one_by_one = false;
                all.deliveries.push(QueueDelivery {
                    id: topic.sns.message_id,
                    receive_count: 1,
                    content: notice(&topic.sns.message),
                });
            }
        }
    }
    Ok(all)
}

/// A message of the queue: a question, or a notice that a topic has sent there.
fn body(body: &str) -> Result<DeliveryContent, String> {
    let reason = match EnrichMessage::read(body) {
        Ok(question) => return Ok(DeliveryContent::Message(question)),
        Err(reason) => reason,
    };
    if let Ok(notification) = serde_json::from_str::<Notification>(body) {
        return notice(&notification.message);
    }
    notice(body).map_err(|_| format!("{reason}; in {}", shown(body)))
}

fn notice(message: &str) -> Result<DeliveryContent, String> {
    AsyncNotification::read(message)
        .map(DeliveryContent::Notification)
        .map_err(|reason| format!("{reason}; in {}", shown(message)))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOTICE: &str = r#"{"invocationStatus":"Failed","failureReason":"no","inferenceId":"a"}"#;

    fn contents(records: &serde_json::Value) -> Vec<Result<DeliveryContent, String>> {
        let event = json!({"Records": records}).to_string();
        deliveries(event.as_bytes())
            .unwrap()
            .deliveries
            .into_iter()
            .map(|delivery| delivery.content)
            .collect()
    }

    fn message(body: &str) -> serde_json::Value {
        json!({"messageId": "1", "body": body, "attributes": {"ApproximateReceiveCount": "3"}})
    }

    #[test]
    fn a_message_of_the_queue_may_be_a_question_or_a_notice() {
        let notified = json!({"Type": "Notification", "MessageId": "m", "Message": NOTICE}).to_string();
        let said = contents(&json!([
            message(r#"{"check":{"inferenceId":"a"}}"#),
            message(&notified),
            message(NOTICE),
            message("what?"),
        ]));
        assert!(matches!(said[0], Ok(DeliveryContent::Message(EnrichMessage::Poll(_)))));
        assert!(matches!(said[1], Ok(DeliveryContent::Notification(_))) && said[1] == said[2]);
        let reason = said[3].as_ref().unwrap_err();
        assert!(reason.contains("not a question") && reason.ends_with("in what?"), "{reason}");
    }

    #[test]
    fn how_often_a_message_was_received_is_known() {
        let event = json!({"Records": [message("{}")]}).to_string();
        let all = deliveries(event.as_bytes()).unwrap();
        assert_eq!((all.deliveries[0].receive_count, all.one_by_one), (3, true));
    }

    #[test]
    fn a_topic_sends_all_of_it_again() {
        let record = json!({"EventSource": "aws:sns", "Sns": {"MessageId": "m", "Message": NOTICE}});
        let event = json!({"Records": [record]}).to_string();
        let all = deliveries(event.as_bytes()).unwrap();
        assert!(!all.one_by_one && matches!(all.deliveries[0].content, Ok(DeliveryContent::Notification(_))));
    }

    #[test]
    fn another_event_is_an_error_that_says_what_was_expected() {
        for event in ["42", r#"{"Records": [{"kinesis": {}}]}"#] {
            let error = deliveries(event.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("SQS queue or an SNS topic"), "{error}");
        }
    }
}
