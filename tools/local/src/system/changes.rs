//! Routes every state change to an SQS queue.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use serde_json::json;

use super::SystemError;

/// Creates a queue and a rule of the bus that delivers to it. Returns its URL. Existing resources stay unchanged.
pub(super) async fn create(sdk: &SdkConfig, bus: &str, name: &str) -> Result<String, SystemError> {
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let what = format!("the queue `{name}`");
    let answer = sqs.create_queue().queue_name(name).send().await;
    let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
    let url = answer.queue_url.ok_or_else(|| SystemError::answer(&what))?;
    let arn = arn(&sqs, &url, &what).await?;
    let events = aws_sdk_eventbridge::Client::new(sdk);
    let what = format!("the rule `{name}` of the bus `{bus}`");
    let pattern = json!({"source": [andon_workflows::publish::SOURCE]}).to_string();
    let rule = events.put_rule().event_bus_name(bus).name(name).event_pattern(pattern).send().await;
    let rule = rule.map_err(|error| SystemError::request(&what, &error))?;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
    }]});
    sqs.set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::Policy, policy.to_string())
        .send()
        .await
        .map_err(|error| SystemError::request(&what, &error))?;
    let target = Target::builder().id("queue").arn(arn).build();
    let target = target.map_err(|error| SystemError::request(&what, &error))?;
    let answer = events.put_targets().event_bus_name(bus).rule(name).targets(target).send().await;
    let answer = answer.map_err(|error| SystemError::request(&what, &error))?;
    match answer.failed_entries().first() {
        None => Ok(url),
        Some(failed) => {
            Err(SystemError::Endpoint(format!("{what}: {}", failed.error_message().unwrap_or("refused"))))
        }
    }
}

/// The ARN of a queue.
pub(super) async fn arn(sqs: &aws_sdk_sqs::Client, url: &str, what: &str) -> Result<String, SystemError> {
    let answer = sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .map_err(|error| SystemError::request(what, &error))?;
    let arn = answer.attributes.and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn));
    arn.ok_or_else(|| SystemError::answer(what))
}

/// Receives up to ten messages of a queue and deletes them.
pub(super) async fn receive(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
    wait_s: i32,
) -> Result<Vec<String>, SystemError> {
    let what = format!("the queue `{url}`");
    let request = sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(wait_s);
    let answer = request.send().await.map_err(|error| SystemError::request(&what, &error))?;
    let messages = answer.messages.unwrap_or_default();
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut request = sqs.delete_message_batch().queue_url(url);
    for (number, message) in messages.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(number.to_string())
            .receipt_handle(message.receipt_handle().unwrap_or_default())
            .build();
        request = request.entries(entry.map_err(|error| SystemError::request(&what, &error))?);
    }
    // What stays in the queue comes again, and is known by its identity.
    request.send().await.map_err(|error| SystemError::request(&what, &error))?;
    Ok(messages.into_iter().filter_map(|message| message.body).collect())
}
