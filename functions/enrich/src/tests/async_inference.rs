//! Asynchronous endpoints.

use andon_workflows::enrich::DeliveryContent;

use super::*;

const LATER: &str = r#"{"asynchronous": true, "timeout": "20m", "on_failure": "bad"}"#;

fn asking(function: &Enrich<Memory>) -> ScoreRequestBatch {
    batch(function, serde_json::from_str(LATER).unwrap(), &[("e", 1.5)])
}

/// Hears of what was answered.
async fn notified(function: &Enrich<Memory>) -> EnrichSummary {
    let notices = function.ports().world_mut().take_notices();
    let records: Vec<Value> = notices
        .into_iter()
        .map(|notice| {
            let told = match &notice.outcome {
                Ok(place) => json!({
                    "invocationStatus": "Completed",
                    "inferenceId": notice.inference_id,
                    "responseParameters": {"outputLocation": place},
                }),
                Err(reason) => json!({
                    "invocationStatus": "Failed",
                    "inferenceId": notice.inference_id,
                    "failureReason": reason,
                }),
            };
            json!({"EventSource": "aws:sns", "Sns": {"MessageId": "n", "Message": told.to_string()}})
        })
        .collect();
    let event = json!({"Records": records}).to_string();
    function.enrich(event.as_bytes(), i64::MAX).await.unwrap().answer.summary
}

/// Lets time pass, and hands over what the queue has by then.
async fn reminded(function: &Enrich<Memory>, after_ms: i64) -> EnrichSummary {
    let received = {
        let mut world = function.ports().world_mut();
        world.now_ms += after_ms;
        let now_ms = world.now_ms;
        world.queue.receive(10, now_ms, 0, u32::MAX)
    };
    for (id, _) in &received {
        function.ports().world_mut().queue.delete(*id);
    }
    let bodies: Vec<String> = received.into_iter().map(|(_, message)| message.body).collect();
    function.enrich(&event(&bodies, 1), i64::MAX).await.unwrap().answer.summary
}

#[tokio::test]
async fn a_call_is_kept_until_its_answer_is_in_the_stream() {
    let function = function();
    model(&function, |model| model.latency_ms = 60_000);
    let summary = enrich_batches(&function, &[asking(&function)]).await.summary;
    assert_eq!((summary.async_calls, summary.scores, summary.messages_not_done), (1, 0, 0));
    assert_eq!(function.ports().world().objects.len(), 1);
    assert_eq!(notified(&function).await.messages, 0, "not yet");
    function.ports().world_mut().now_ms += 60_000;
    let summary = notified(&function).await;
    assert_eq!((summary.scores, summary.input_to_score_ms), (1, Some(60_000)));
    assert_eq!(values(&function), [json!(1.5)]);
    assert!(function.ports().world().objects.is_empty());
    // The reminder finds nothing more to do.
    let summary = reminded(&function, 1_200_000).await;
    assert_eq!((summary.messages, summary.async_polls, summary.async_results_lost), (1, 0, 0));
}

#[tokio::test]
async fn a_message_that_is_delivered_again_is_not_asked_again() {
    let function = function();
    let asking = asking(&function);
    enrich_batches(&function, std::slice::from_ref(&asking)).await;
    let again = enrich_batches(&function, &[asking]).await.summary;
    assert_eq!((again.async_calls, again.model_calls), (0, 0));
}

#[tokio::test]
async fn a_failure_means_what_the_binding_says() {
    let function = function();
    model(&function, |model| model.errors = 1000);
    enrich_batches(&function, &[asking(&function)]).await;
    let summary = {
        function.ports().world_mut().now_ms += 60_000;
        notified(&function).await
    };
    assert_eq!((summary.requests_unanswered, summary.substitutes), (1, 1));
    assert_eq!(values(&function), [Value::Null]);
}

#[tokio::test]
async fn an_answer_whose_notification_was_lost_is_found_by_a_poll() {
    let function = function();
    enrich_batches(&function, &[asking(&function)]).await;
    // The longest that a queue waits.
    let summary = reminded(&function, 900_000).await;
    assert_eq!((summary.async_polls, summary.scores, summary.async_results_lost), (1, 1, 0));
    let summary = notified(&function).await;
    assert_eq!((summary.unknown_notifications, summary.scores), (1, 0), "it is answered already");
}

#[tokio::test]
async fn a_call_without_an_answer_is_given_up_when_its_time_is_over() {
    let function = function();
    model(&function, |model| model.dead = true);
    enrich_batches(&function, &[asking(&function)]).await;
    let summary = reminded(&function, 900_000).await;
    assert_eq!((summary.async_polls, summary.async_results_lost), (1, 0), "there are five minutes left");
    let summary = reminded(&function, 299_000).await;
    assert_eq!(summary.messages, 0);
    let summary = reminded(&function, 2_000).await;
    assert_eq!((summary.async_results_lost, summary.requests_unanswered, summary.substitutes), (1, 1, 1));
    assert!(function.ports().world().queue.is_empty(), "nothing waits any more");
}

#[tokio::test]
async fn a_call_that_no_invocation_had_time_to_make_is_made_when_its_message_comes_again() {
    let function = function();
    let mut asking = asking(&function);
    asking.endpoint.too_old = andon_domain::Millis(3_600_000);
    let body = EnrichMessage::ScoreRequests(Box::new(asking.clone())).to_json();
    let deadline_ms = function.ports().world().now_ms + 1;
    let cut = function.enrich(&event(&[body], 1), deadline_ms).await.unwrap().answer.summary;
    assert_eq!((cut.out_of_time, cut.messages_not_done, cut.model_calls), (1, 1, 0));
    assert_eq!(function.ports().world().objects.len(), 1, "it was about to be made");
    let reminded = reminded(&function, 1_300_000).await;
    assert_eq!((reminded.async_polls, reminded.async_results_lost, reminded.substitutes), (1, 0, 0));
    assert_eq!(enrich_batches(&function, &[asking]).await.summary.async_calls, 1);
}

#[tokio::test]
async fn an_answer_after_all_is_late_and_is_written_nevertheless() {
    let function = function();
    model(&function, |model| model.latency_ms = 1_300_000);
    enrich_batches(&function, &[asking(&function)]).await;
    reminded(&function, 900_000).await;
    assert_eq!(reminded(&function, 301_000).await.async_results_lost, 1);
    function.ports().world_mut().now_ms += 200_000;
    let summary = notified(&function).await;
    assert_eq!((summary.async_results_late, summary.scores), (1, 1));
    assert_eq!(values(&function), [Value::Null, json!(1.5)]);
    assert!(function.ports().world().objects.is_empty());
}

#[tokio::test]
async fn an_endpoint_that_refuses_the_call_is_not_waited_for() {
    let function = function();
    let mut asking = asking(&function);
    asking.endpoint.name = "nowhere".to_owned();
    let summary = enrich_batches(&function, &[asking]).await.summary;
    assert_eq!((summary.model_calls_rejected, summary.requests_unanswered, summary.async_calls), (1, 1, 0));
    assert!(function.ports().world().objects.is_empty());
    assert_eq!(reminded(&function, 1_200_000).await.async_polls, 0);
}

#[tokio::test]
async fn a_notification_may_come_by_the_queue() {
    let function = function();
    enrich_batches(&function, &[asking(&function)]).await;
    function.ports().world_mut().now_ms += 1000;
    let notice = function.ports().world_mut().take_notices().remove(0);
    let told = json!({"invocationStatus": "Completed", "inferenceId": notice.inference_id}).to_string();
    let all = deliveries(&event(&[told], 1)).unwrap();
    assert!(matches!(all.deliveries[0].content, Ok(DeliveryContent::Notification(_))));
    let answer = function.enricher.enrich(&all.deliveries, i64::MAX).await;
    assert_eq!(answer.summary.scores, 1, "where the answer is, the call knows itself");
}
