//! The queue of questions to models, with one for what was delivered too often.

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::{SystemError, TIMEOUT};

/// Deliveries of a message.
const MOST_RECEIVES: u32 = 5;

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) url: String,
    pub(super) arn: String,
}

/// Makes both queues; what is there already is left as it is.
pub(super) async fn create(sdk: &SdkConfig, prefix: &str) -> Result<Queue, SystemError> {
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let dead = make(&sqs, &format!("{prefix}-questions-dead"), None).await?;
    let redrive = json!({"deadLetterTargetArn": dead.arn, "maxReceiveCount": MOST_RECEIVES}).to_string();
    make(&sqs, &format!("{prefix}-questions"), Some(redrive)).await
}

async fn make(sqs: &aws_sdk_sqs::Client, name: &str, redrive: Option<String>) -> Result<Queue, SystemError> {
    let what = format!("the queue `{name}`");
    // Hidden for as long as the function may have it, and some.
    let hidden_s = (TIMEOUT.as_secs() + TIMEOUT.as_secs() / 2).to_string();
    let mut request =
        sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, hidden_s);
    if let Some(redrive) = redrive {
        request = request.attributes(QueueAttributeName::RedrivePolicy, redrive);
    }
    let answer = request.send().await.map_err(|error| SystemError::request(&what, &error))?;
    let url = answer.queue_url.ok_or_else(|| SystemError::answer(&what))?;
    let arn = super::changes::arn(sqs, &url, &what).await?;
    Ok(Queue { url, arn })
}
