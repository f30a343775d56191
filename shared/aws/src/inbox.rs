//! Messages of an SQS queue, for `andon watch`.

use andon_workflows::ports::PortError;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;

use crate::Aws;
use crate::error::{port_error, unbuilt};

/// Messages of one request, as SQS gives them.
const MESSAGES: i32 = 10;

/// Longest wait for messages in one request, s: an attempt is given up soon after.
const WAIT_S: u32 = 3;

/// A message that is still in its queue, and hidden from others for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The text of the message.
    pub body: String,
    /// The receipt handle, which deletes the message from the queue.
    pub receipt: String,
}

/// A queue to read.
#[derive(Debug)]
pub struct Inbox {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Aws {
    /// A queue to read, by its name or URL.
    ///
    /// # Errors
    /// When there is no queue of this name, or the service does not answer.
    pub async fn inbox(&self, queue: &str) -> Result<Inbox, PortError> {
        let sqs = self.sqs().clone();
        if queue.contains("://") {
            return Ok(Inbox { sqs, url: queue.to_owned() });
        }
        let what = || format!("cannot find the queue `{queue}`");
        let answer = sqs.get_queue_url().queue_name(queue).send().await;
        let answer = answer.map_err(|error| port_error(what(), &error))?;
        let url = answer.queue_url;
        let url = url.ok_or_else(|| PortError::transient(format!("{}: it has no URL", what())))?;
        Ok(Inbox { sqs, url })
    }
}

impl Inbox {
    /// Returns the messages that are there, or that arrive within `seconds`, up to three.
    ///
    /// # Errors
    /// When the queue is not there, or does not answer.
    pub async fn receive(&self, wait_s: u32) -> Result<Vec<Received>, PortError> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MESSAGES)
            .wait_time_seconds(i32::try_from(wait_s.min(WAIT_S)).unwrap_or_default())
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot read the queue `{}`", self.url), &error))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .filter_map(|message| Some(Received { body: message.body?, receipt: message.receipt_handle? }))
            .collect())
    }

    /// Takes messages off the queue. Those for which this fails come again.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn forget(&self, received: &[Received]) -> Result<(), PortError> {
        for chunk in received.chunks(usize::try_from(MESSAGES).unwrap_or(1)) {
            let mut request = self.sqs.delete_message_batch().queue_url(&self.url);
            for (number, message) in chunk.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&message.receipt)
                    .build();
                request = request.entries(entry.map_err(unbuilt)?);
            }
            let what = format_args!("cannot take messages off the queue `{}`", self.url);
            request.send().await.map_err(|error| port_error(what, &error))?;
        }
        Ok(())
    }
}
