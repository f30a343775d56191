//! Writes to the SQS queue of score requests.

use andon_domain::never;
use andon_workflows::ports::{Accepted, PortError, QueueEntry, ScoreRequestQueue};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::stream::{self, StreamExt as _};

use super::failures::sendable;
use super::requests;
use crate::Aws;
use crate::error::{entry_error, port_error, unbuilt};

/// Maximum of messages in one request.
const MESSAGES: usize = 10;

/// Maximum size of all messages of a request, and so of one, in bytes. AWS accepts more since 2025, but not every
/// implementation of SQS.
const BYTES: usize = 256 << 10;

/// Maximum of concurrent requests.
const CONCURRENT: usize = 16;

const WHAT: &str = "cannot send score requests";

/// Returns why no queue accepts a message.
fn refused(body: &str) -> Option<PortError> {
    let bytes = body.len();
    (bytes > BYTES).then(|| {
        PortError::permanent(format!("{WHAT}: a message has {bytes} bytes; the queue takes {BYTES}"))
    })
}

impl ScoreRequestQueue for Aws {
    fn has_queue(&self) -> bool {
        self.config.score_requests_queue.is_some()
    }

    async fn enqueue(&self, entries: &[QueueEntry]) -> Result<Vec<Accepted>, PortError> {
        let Some(url) = &self.config.score_requests_queue else {
            return Err(PortError::transient(format!("{WHAT}: `ANDON_SCORE_REQUESTS_QUEUE_URL` is not set")));
        };
        let bodies: Vec<String> = entries.iter().map(|entry| sendable(&entry.body)).collect();
        let mut answers: Vec<Accepted> = bodies
            .iter()
            // Replaced by the answer of the queue.
            .map(|body| refused(body).map_or(Accepted::Yes, Accepted::No))
            .collect();
        let sizes = bodies.iter().map(|body| Some(body.len()).filter(|bytes| *bytes <= BYTES));
        let (bodies, entries) = (&bodies, &entries);
        let said: Vec<Vec<(usize, Accepted)>> = stream::iter(requests(sizes, MESSAGES, BYTES))
            .map(|request| async move {
                let sent: Vec<(usize, &str, u32)> = request
                    .into_iter()
                    .filter_map(|number| {
                        Some((number, bodies.get(number)?.as_str(), entries.get(number)?.delay_s))
                    })
                    .collect();
                self.send_some(url, &sent).await
            })
            .buffer_unordered(CONCURRENT)
            .collect()
            .await;
        for (number, said) in said.into_iter().flatten() {
            match answers.get_mut(number) {
                Some(answer) => *answer = said,
                None => never!("an answer for message {number} of {}", entries.len()),
            }
        }
        Ok(answers)
    }
}

impl Aws {
    /// Sends one request. Its error is that of each of its messages, so that the results of other requests are kept.
    async fn send_some(&self, url: &str, sent: &[(usize, &str, u32)]) -> Vec<(usize, Accepted)> {
        let answer = match self.send_request(url, sent).await {
            Ok(answer) => answer,
            Err(error) => {
                return sent.iter().map(|(number, ..)| (*number, Accepted::No(error.clone()))).collect();
            }
        };
        let bytes = sent.iter().map(|(_, body, _)| body.len()).sum();
        self.meter.request("sqs.SendMessageBatch", sent.len(), bytes);
        let unanswered = || Accepted::No(PortError::transient(format!("{WHAT}: no answer for a message")));
        sent.iter()
            .map(|(number, ..)| {
                let id = number.to_string();
                if answer.successful.iter().any(|said| said.id == id) {
                    return (*number, Accepted::Yes);
                }
                let failed = answer.failed.iter().find(|said| said.id == id);
                let said = failed.map_or_else(unanswered, |failed| {
                    let error = entry_error(WHAT, &failed.code, failed.message.as_deref());
                    // A failure that is not the fault of the message can end with the same message.
                    let transient = error.is_transient() || !failed.sender_fault;
                    Accepted::No(if transient { PortError::transient(error.message) } else { error })
                });
                (*number, said)
            })
            .collect()
    }

    async fn send_request(
        &self,
        url: &str,
        sent: &[(usize, &str, u32)],
    ) -> Result<aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput, PortError> {
        let mut request = self.sqs().send_message_batch().queue_url(url);
        for (number, body, delay_s) in sent {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(*body)
                .delay_seconds(i32::try_from(*delay_s).unwrap_or(i32::MAX))
                .build();
            request = request.entries(entry.map_err(unbuilt)?);
        }
        request.send().await.map_err(|error| port_error(WHAT, &error))
    }
}
