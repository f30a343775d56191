//! Polls an SQS queue and invokes a function with its messages.
//!
//! As Lambda's event source: messages are hidden while the function has them, processed messages are deleted,
//! and the others come again when the queue shows them again.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{AFTER_ERROR, Invoke, go_on_after};
use crate::event::Listener;

/// Messages of one request, as SQS gives them, and so of one event.
const MESSAGES: i32 = 10;

/// Wait time of a receive request, s.
const WAIT_S: i32 = 1;

/// Events that are handed over at a time.
const PULLERS: usize = 2;

/// Reads a queue.
#[derive(Clone, Debug)]
pub struct QueueReader {
    client: Client,
    url: String,
    arn: String,
}

/// A message, as it stands in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// The message id that the function reports.
    pub id: String,
    /// The receipt handle, for deletion.
    pub receipt: String,
    /// JSON, an item of `Records`.
    pub json: String,
}

/// Gives messages, and takes them off.
pub trait Mailbox: Send + Sync + 'static {
    /// Messages that are there, or come within a second.
    fn receive(&self) -> impl Future<Output = Result<Vec<QueueMessage>, String>> + Send;

    /// Deletes messages.
    fn delete(&self, messages: &[&QueueMessage]) -> impl Future<Output = Result<(), String>> + Send;
}

impl QueueReader {
    /// A reader of a queue.
    pub fn new(client: Client, url: impl Into<String>, arn: impl Into<String>) -> Self {
        Self { client, url: url.into(), arn: arn.into() }
    }

    /// As Lambda writes it; `None` for a message without an id, which cannot be.
    fn message(&self, message: &Message) -> Option<QueueMessage> {
        let attributes: serde_json::Map<String, Value> = message
            .attributes
            .iter()
            .flatten()
            .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
            .collect();
        let (id, receipt) = (message.message_id.clone()?, message.receipt_handle.clone()?);
        let json = json!({
            "messageId": id,
            "receiptHandle": receipt,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
        });
        Some(QueueMessage { id, receipt, json: json.to_string() })
    }
}

impl Mailbox for QueueReader {
    async fn receive(&self) -> Result<Vec<QueueMessage>, String> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MESSAGES)
            .wait_time_seconds(WAIT_S)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = request.send().await.map_err(|error| DisplayErrorContext(&error).to_string())?;
        let messages = answer.messages.unwrap_or_default();
        Ok(messages.iter().filter_map(|message| self.message(message)).collect())
    }

    async fn delete(&self, messages: &[&QueueMessage]) -> Result<(), String> {
        let mut request = self.client.delete_message_batch().queue_url(&self.url);
        for (number, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&message.receipt)
                .build();
            request = request.entries(entry.map_err(|error| error.to_string())?);
        }
        request.send().await.map(|_| ()).map_err(|error| DisplayErrorContext(&error).to_string())
    }
}

/// Delivers messages until the source stops.
pub(super) async fn hand_over<M: Mailbox, I: Invoke>(
    mailbox: Arc<M>,
    target: Arc<I>,
    listener: Listener,
    stop: watch::Receiver<bool>,
) {
    let mut pullers = JoinSet::new();
    for _ in 0..PULLERS {
        pullers.spawn(pull(Arc::clone(&mailbox), Arc::clone(&target), listener.clone(), stop.clone()));
    }
    while pullers.join_next().await.is_some() {}
}

async fn pull<M: Mailbox, I: Invoke>(
    mailbox: Arc<M>,
    target: Arc<I>,
    listener: Listener,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let messages = match mailbox.receive().await {
            Ok(messages) => messages,
            Err(error) => {
                listener.problem(format!("cannot read the queue of score requests: {error}"));
                if !go_on_after(AFTER_ERROR, &mut stop).await {
                    return;
                }
                continue;
            }
        };
        if messages.is_empty() {
            // A queue that does not wait for messages is not asked without a pause.
            if !go_on_after(super::PAUSE, &mut stop).await {
                return;
            }
            continue;
        }
        let Ok(answer) = target.invoke(event(&messages)).await else { continue };
        let done = done(&answer, &messages);
        if !done.is_empty()
            && let Err(error) = mailbox.delete(&done).await
        {
            listener.problem(format!("messages that are done come again: {error}"));
        }
    }
}

fn event(messages: &[QueueMessage]) -> Vec<u8> {
    let records: Vec<&str> = messages.iter().map(|message| message.json.as_str()).collect();
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

/// The messages that are done, after an answer; none where it does not say so.
/// As [Lambda reads it](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
fn done<'m>(answer: &[u8], messages: &'m [QueueMessage]) -> Vec<&'m QueueMessage> {
    let all = || messages.iter().collect();
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Vec::new() };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return all(),
        Some(failures) => failures.as_array().map(Vec::as_slice).unwrap_or_default(),
    };
    let mut failed = Vec::with_capacity(failures.len());
    for failure in failures {
        let id = failure.get("itemIdentifier").and_then(Value::as_str);
        // One that names no message of the batch fails all of it.
        match id.filter(|id| messages.iter().any(|message| message.id == *id)) {
            Some(id) => failed.push(id),
            None => return Vec::new(),
        }
    }
    messages.iter().filter(|message| !failed.contains(&message.id.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::{InvokeError, Source};
    use super::*;

    fn message(id: &str) -> QueueMessage {
        QueueMessage {
            id: id.to_owned(),
            receipt: format!("r{id}"),
            json: json!({"messageId": id}).to_string(),
        }
    }

    #[test]
    fn an_answer_is_read_as_lambda_reads_it() {
        let messages = [message("a"), message("b"), message("c")];
        let ids = |answer: &str| {
            done(answer.as_bytes(), &messages)
                .into_iter()
                .map(|message| message.id.clone())
                .collect::<Vec<_>>()
        };
        for (answer, expected) in [
            ("null", vec!["a", "b", "c"]),
            ("{}", vec!["a", "b", "c"]),
            (r#"{"batchItemFailures":[]}"#, vec!["a", "b", "c"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, vec!["a", "c"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"z"}]}"#, vec![]),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, vec![]),
            ("what?", vec![]),
        ] {
            assert_eq!(ids(answer), expected, "{answer}");
        }
    }

    /// A queue that shows at once again what was not deleted.
    #[derive(Clone, Default)]
    struct MemoryQueue(Arc<Mutex<Vec<QueueMessage>>>);

    impl Mailbox for MemoryQueue {
        async fn receive(&self) -> Result<Vec<QueueMessage>, String> {
            Ok(self.0.lock().unwrap().iter().take(2).cloned().collect())
        }

        async fn delete(&self, messages: &[&QueueMessage]) -> Result<(), String> {
            self.0.lock().unwrap().retain(|message| !messages.contains(&message));
            Ok(())
        }
    }

    /// Fails for `b` at first.
    #[derive(Clone, Default)]
    struct Target(Arc<Mutex<u32>>);

    impl Invoke for Target {
        async fn invoke(&self, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
            let mut calls = self.0.lock().unwrap();
            *calls += 1;
            let has_b = String::from_utf8_lossy(&event).contains(r#""messageId":"b""#);
            let failures = if has_b && *calls < 4 { json!([{"itemIdentifier": "b"}]) } else { json!([]) };
            Ok(json!({"batchItemFailures": failures}).to_string().into_bytes())
        }
    }

    #[tokio::test]
    async fn what_is_not_done_comes_again_until_it_is() {
        let queue = MemoryQueue::default();
        queue.0.lock().unwrap().extend(["a", "b", "c"].map(message));
        let target = Target::default();
        let source = Source::queue(queue.clone(), target.clone(), Listener::silent());
        for _ in 0..1000 {
            if queue.0.lock().unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(queue.0.lock().unwrap().is_empty());
        assert!(*target.0.lock().unwrap() >= 2);
        source.down().await;
    }
}
