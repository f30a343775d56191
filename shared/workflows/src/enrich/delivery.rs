//! Deliveries: messages of the queue and notifications, with their content read.

use andon_ingest::{EventError, QueueRecord, notification_in, read_queue_event};

use super::message::{AsyncNotification, EnrichMessage};

/// Characters that are kept of a message that cannot be read.
const SHOWN: usize = 1000;

/// A message of the queue, or a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueDelivery {
    /// The id that the event source gave it.
    pub id: String,
    /// Number of deliveries, this one included.
    pub receive_count: u32,
    /// The content; or why it cannot be read, with the text.
    pub content: Result<DeliveryContent, String>,
}

/// The content of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryContent {
    /// A message of the queue.
    Message(EnrichMessage),
    /// A notification of an asynchronous endpoint.
    Notification(AsyncNotification),
}

/// The deliveries of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliveries {
    /// The deliveries in the order of the event.
    pub deliveries: Vec<QueueDelivery>,
    /// True if single messages can be delivered again. A topic delivers the whole event again if the function fails.
    pub one_by_one: bool,
}

/// Reads the deliveries of an event. One that cannot be read says why, with its text, and does not affect the others.
///
/// # Errors
/// When it is neither an event of a queue nor one of a topic.
pub fn deliveries(event: &[u8]) -> Result<Deliveries, EventError> {
    let records = read_queue_event(event)?;
    let one_by_one = !records.iter().any(|record| matches!(record, QueueRecord::Notification { .. }));
    let deliveries = records.into_iter().map(|record| match record {
        QueueRecord::Message { id, receive_count, body } => {
            QueueDelivery { id, receive_count, content: content(&body) }
        }
        QueueRecord::Notification { id, message } => {
            QueueDelivery { id, receive_count: 1, content: notification(&message) }
        }
    });
    Ok(Deliveries { deliveries: deliveries.collect(), one_by_one })
}

/// Reads the body of a message: score requests, a poll, or a notification that a topic put into the queue.
fn content(body: &str) -> Result<DeliveryContent, String> {
    let reason = match EnrichMessage::read(body) {
        Ok(message) => return Ok(DeliveryContent::Message(message)),
        Err(reason) => reason,
    };
    if let Some(message) = notification_in(body) {
        return notification(&message);
    }
    notification(body).map_err(|_| format!("{reason}; in {}", shown(body)))
}

fn notification(message: &str) -> Result<DeliveryContent, String> {
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

    const NOTIFICATION: &str = r#"{"invocationStatus":"Failed","failureReason":"no","inferenceId":"a"}"#;

    fn message(body: &str) -> serde_json::Value {
        json!({"messageId": "1", "body": body, "attributes": {"ApproximateReceiveCount": "3"}})
    }

    #[test]
    fn a_message_of_the_queue_may_be_a_score_request_or_a_notification() {
        let notified = json!({"Type": "Notification", "MessageId": "m", "Message": NOTIFICATION}).to_string();
        let event = json!({"Records": [
            message(r#"{"check":{"inferenceId":"a"}}"#),
            message(&notified),
            message(NOTIFICATION),
            message("what?"),
        ]});
        let all = deliveries(event.to_string().as_bytes()).unwrap();
        assert!(all.one_by_one && all.deliveries.iter().all(|delivery| delivery.receive_count == 3));
        let said: Vec<_> = all.deliveries.into_iter().map(|delivery| delivery.content).collect();
        assert!(matches!(said[0], Ok(DeliveryContent::Message(EnrichMessage::Poll(_)))));
        assert!(matches!(said[1], Ok(DeliveryContent::Notification(_))) && said[1] == said[2]);
        let reason = said[3].as_ref().unwrap_err();
        assert!(reason.contains("not a score request") && reason.ends_with("in what?"), "{reason}");
    }

    #[test]
    fn a_topic_delivers_the_whole_event_again() {
        let record = json!({"EventSource": "aws:sns", "Sns": {"MessageId": "m", "Message": NOTIFICATION}});
        let event = json!({"Records": [record]}).to_string();
        let all = deliveries(event.as_bytes()).unwrap();
        assert!(!all.one_by_one && matches!(all.deliveries[0].content, Ok(DeliveryContent::Notification(_))));
    }
}
