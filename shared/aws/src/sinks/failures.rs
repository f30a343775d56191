//! The SQS queue for reports of failures that no retry can fix.

use andon_workflows::object_keys;
use andon_workflows::ports::{Failures, Objects as _, PortError};

use crate::Aws;
use crate::error::port_error;

/// Maximum size of a message, bytes.
const MESSAGE_BYTES: usize = 256 << 10;

impl Failures for Aws {
    async fn report_failure(&self, report: &str) -> Result<(), PortError> {
        let report = sendable(report);
        let message = if report.len() <= MESSAGE_BYTES {
            report
        } else {
            // A report that can never be sent would block the records that it reports.
            let name = format!("failures/{}.json", object_keys::digest(report.as_bytes(), 16));
            self.put_object(&name, report.into_bytes()).await?;
            serde_json::json!({"what": "a report that is too large for a message", "object": name})
                .to_string()
        };
        let url = self.failures_url().await?;
        let length = message.len();
        self.sqs()
            .send_message()
            .queue_url(url)
            .message_body(message)
            .send()
            .await
            .map_err(|error| port_error("cannot report a failure", &error))?;
        self.meter.request("sqs.SendMessage", 1, length);
        Ok(())
    }
}

impl Aws {
    /// The URL of the queue, looked up once.
    async fn failures_url(&self) -> Result<&str, PortError> {
        let queue = &self.config.names.failures_queue;
        if queue.contains("://") {
            return Ok(queue);
        }
        if let Some(url) = self.queue_url.get() {
            return Ok(url);
        }
        let answer = self
            .sqs()
            .get_queue_url()
            .queue_name(queue)
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot find the queue `{queue}`"), &error))?;
        self.meter.request("sqs.GetQueueUrl", 1, 0);
        let url = answer
            .queue_url
            .ok_or_else(|| PortError::transient(format!("the queue `{queue}` has no URL")))?;
        Ok(self.queue_url.get_or_init(|| url))
    }
}

/// A JSON text without letters that SQS refuses; they can only stand inside of strings, where they can be escaped.
pub(super) fn sendable(json: &str) -> String {
    let mut sendable = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => sendable.push(letter),
            refused => sendable.push_str(&format!("\\u{:04x}", u32::from(refused))),
        }
    }
    sendable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_sqs_refuses_are_escaped() {
        let json = "{\"a\":\"\u{fc}\u{fffe}\u{ffff}\u{1f6d1}\"}\n";
        let sent = sendable(json);
        assert_eq!(sent, "{\"a\":\"\u{fc}\\ufffe\\uffff\u{1f6d1}\"}\n");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&sent), value(json));
    }
}
