//! Creates the queue of score requests, with its dead-letter queue.

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::{SystemError, TIMEOUT};

/// Deliveries of a message before it goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 5;

/// A queue of SQS.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) url: String,
    pub(super) arn: String,
}

/// Creates both queues, if they do not exist.
pub(super) async fn create(sdk: &SdkConfig, prefix: &str) -> Result<Queue, SystemError> {
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let dead = create_queue(&sqs, &format!("{prefix}-score-requests-dead"), None).await?;
    let redrive = json!({"deadLetterTargetArn": dead.arn, "maxReceiveCount": MAX_RECEIVES}).to_string();
    create_queue(&sqs, &format!("{prefix}-score-requests"), Some(redrive)).await
}

async fn create_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    redrive: Option<String>,
) -> Result<Queue, SystemError> {
    let what = format!("the queue `{name}`");
    // One and a half times the function's timeout, so that no message is received twice at a time.
    let visibility_s = (TIMEOUT.as_secs() + TIMEOUT.as_secs() / 2).to_string();
    let mut request =
        sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, visibility_s);
    if let Some(redrive) = redrive {
        request = request.attributes(QueueAttributeName::RedrivePolicy, redrive);
    }
    let answer = request.send().await.map_err(|error| SystemError::request(&what, &error))?;
    let url = answer.queue_url.ok_or_else(|| SystemError::answer(&what))?;
    let arn = super::changes::arn(sqs, &url, &what).await?;
    Ok(Queue { url, arn })
}
