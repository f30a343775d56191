//! The samples, read by the function's own code.

use andon_kit_ports::memory::AsyncAnswer;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../events/enrich/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A function whose world is where the samples are.
fn of_the_samples(asynchronous: bool) -> Enrich<Memory> {
    let function = function();
    {
        let mut world = function.ports().world_mut();
        world.now_ms = 1_772_432_101_000;
        world.models.insert("filler-anomaly".to_owned(), MemoryModel::default());
        if asynchronous {
            // The call of the notifications.
            let event: Value = serde_json::from_slice(&sample("score-requests")).unwrap();
            let body: Value = serde_json::from_str(event["Records"][0]["body"].as_str().unwrap()).unwrap();
            let mut batch = body["ask"].clone();
            batch["endpoint"]["asynchronous"] = json!(true);
            batch["endpoint"]["on_failure"] = json!("bad");
            let context = json!({"batch": batch, "dueMs": 1_772_433_000_000_i64, "asked": true});
            world.objects.insert("async/andon-sample.json".to_owned(), context.to_string().into_bytes());
            world.later.push(AsyncAnswer {
                inference_id: "andon-sample".to_owned(),
                at_ms: 0,
                outcome: Ok(b"0.25\n0.75".to_vec()),
                untold: false,
            });
        }
    }
    function
}

fn scores(function: &Enrich<Memory>) -> Vec<(String, String, Value)> {
    let mut scores = written(function.ports());
    scores.sort_by(|one, other| one.0.cmp(&other.0));
    scores
}

fn expected(values: [Value; 2]) -> Vec<(String, String, Value)> {
    let [one, other] = values;
    vec![
        ("filler-1".to_owned(), "ml.anomaly".to_owned(), one),
        ("filler-2".to_owned(), "ml.anomaly".to_owned(), other),
    ]
}

#[tokio::test]
async fn a_message_of_the_queue_is_answered_with_scores_in_the_stream() {
    let function = of_the_samples(false);
    let done = function.handle(&sample("score-requests"), i64::MAX).await.unwrap();
    assert_eq!(done.answer, json!({"batchItemFailures": []}));
    assert_eq!(scores(&function), expected([json!(73.75), json!(77.5)]));
    let Report::Enriched(summary) = done.report else { panic!("another report") };
    assert_eq!((summary.messages, summary.score_requests, summary.model_calls, summary.scores), (1, 2, 1, 2));
    assert_eq!(summary.input_to_score_ms, Some(1005));
}

#[tokio::test]
async fn a_notification_brings_the_scores_of_the_call_that_it_names() {
    let function = of_the_samples(true);
    let done = function.handle(&sample("answered"), i64::MAX).await.unwrap();
    assert_eq!(done.answer, json!({"batchItemFailures": []}));
    assert_eq!(scores(&function), expected([json!(0.25), json!(0.75)]));
    assert!(function.ports().world().objects.is_empty(), "the call is over");
}

#[tokio::test]
async fn a_notification_of_a_failure_brings_what_the_binding_says() {
    let function = of_the_samples(true);
    function.handle(&sample("failed"), i64::MAX).await.unwrap();
    assert_eq!(scores(&function), expected([Value::Null, Value::Null]));
}

#[tokio::test]
async fn a_notification_of_a_call_that_is_unknown_here_is_only_counted() {
    let function = of_the_samples(false);
    let done = function.handle(&sample("answered"), i64::MAX).await.unwrap();
    let Report::Enriched(summary) = done.report else { panic!("another report") };
    assert_eq!((summary.unknown_notifications, summary.messages_not_done), (1, 0));
}

#[tokio::test]
async fn a_notification_that_is_not_done_is_an_error_so_that_sns_sends_it_again() {
    let function = of_the_samples(true);
    function.ports().world_mut().later.clear();
    let error = function.handle(&sample("answered"), i64::MAX).await.unwrap_err();
    assert!(
        error.contains("1 notifications are not done") && error.contains("no answer of `andon-sample`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_event_of_something_else_is_an_error_that_says_what_was_expected() {
    for event in ["42", "", r#"{"Records": [{"dynamodb": {}}]}"#] {
        let error = function().handle(event.as_bytes(), i64::MAX).await.unwrap_err();
        assert!(error.contains("SQS queue or an SNS topic"), "{error}");
    }
}
