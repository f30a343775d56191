//! Models that are healthy, slow, broken and dead.

use super::*;

#[tokio::test]
async fn each_equipment_gets_its_score_under_its_own_key() {
    let function = function();
    let one = batch(&function, json!({}), &[("press-1", 1.5), ("press-2", 2.5)]);
    let other = batch(&function, json!({}), &[("press-3", 3.5)]);
    let answer = enrich_batches(&function, &[one, other]).await;
    assert_eq!((answer.not_done.len(), answer.summary.scores, answer.summary.model_calls), (0, 3, 2));
    let of = |equipment: &str, value: f64| (equipment.to_owned(), "ml.m".to_owned(), json!(value));
    assert_eq!(written(function.ports()), [of("press-1", 1.5), of("press-2", 2.5), of("press-3", 3.5)]);
}

#[tokio::test]
async fn a_call_that_fails_is_made_again_after_a_while() {
    let function = function();
    model(&function, |model| model.errors = 500);
    let batches: Vec<ScoreRequestBatch> =
        (0..40_u32).map(|n| batch(&function, json!({"retries": 20}), &[("e", f64::from(n))])).collect();
    let answer = enrich_batches(&function, &batches).await;
    let summary = answer.summary;
    assert_eq!((summary.scores, summary.requests_unanswered, summary.messages_not_done), (40, 0, 0));
    assert!(summary.retries > 20 && summary.retries == summary.model_call_errors, "{summary:?}");
}

#[tokio::test]
async fn a_failure_means_what_the_binding_says_when_the_attempts_are_used_up() {
    for (on_failure, expected) in
        [(json!("nothing"), vec![]), (json!("bad"), vec![Value::Null]), (json!(-1.0), vec![json!(-1.0)])]
    {
        let function = function();
        model(&function, |model| model.errors = 1000);
        let asking = batch(&function, json!({"retries": 2, "on_failure": on_failure}), &[("e", 1.0)]);
        let answer = enrich_batches(&function, &[asking]).await;
        let summary = answer.summary;
        assert_eq!((summary.model_calls, summary.retries, summary.requests_unanswered), (3, 2, 1));
        assert_eq!(summary.substitutes, expected.len() as u64);
        assert_eq!(values(&function), expected);
        assert!(answer.not_done.is_empty(), "it is over");
        assert!(
            function.ports().world().failures.is_empty(),
            "a model that is down needs no report a question"
        );
    }
}

#[tokio::test]
async fn deliveries_before_count_as_attempts() {
    let function = function();
    model(&function, |model| model.errors = 1000);
    let asking = batch(&function, json!({"retries": 3}), &[("e", 1.0)]);
    let answer = enrich_batches_within(&function, std::slice::from_ref(&asking), 60_000, 3).await;
    assert_eq!(answer.summary.model_calls, 2);
    let answer = enrich_batches_within(&function, &[asking], 60_000, 9).await;
    assert_eq!(answer.summary.model_calls, 1, "one at least");
}

#[tokio::test]
async fn a_dead_model_is_given_up_in_time_and_the_message_comes_again() {
    let function = function();
    model(&function, |model| model.dead = true);
    let asking = batch(&function, json!({"timeout": "5s", "retries": 9}), &[("e", 1.0)]);
    let started_ms = function.ports().now_ms();
    let answer = enrich_batches_within(&function, &[asking], 20_000, 1).await;
    let took_ms = function.ports().now_ms() - started_ms;
    assert_eq!(answer.not_done, ["0"]);
    let summary = answer.summary;
    assert_eq!((summary.model_timeouts, summary.out_of_time, summary.requests_unanswered), (3, 1, 0));
    assert!((15_000..=18_500).contains(&took_ms), "{took_ms}");
}

#[tokio::test]
async fn a_model_that_may_take_longer_than_the_function_has_is_asked_nevertheless() {
    let function = function();
    model(&function, |model| model.latency_ms = 3_000);
    let asking = batch(&function, json!({"timeout": "60s"}), &[("e", 1.0)]);
    let answer = enrich_batches_within(&function, std::slice::from_ref(&asking), 10_000, 1).await;
    assert_eq!((answer.summary.scores, answer.summary.call_ms), (1, Some(3_000)));
    model(&function, |model| model.dead = true);
    let answer = enrich_batches_within(&function, &[asking], 10_000, 1).await;
    assert_eq!(
        (answer.not_done.len(), answer.summary.model_timeouts),
        (1, 1),
        "the time was not the model's"
    );
}

#[tokio::test]
async fn what_will_always_be_refused_is_asked_once_and_reported_once() {
    let function = function();
    model(&function, |model| model.refuses = true);
    let batches: Vec<ScoreRequestBatch> =
        (0..5_u32).map(|n| batch(&function, json!({}), &[("e", f64::from(n))])).collect();
    let answer = enrich_batches(&function, &batches).await;
    let summary = answer.summary;
    assert_eq!(
        (summary.model_calls, summary.model_calls_rejected, summary.requests_unanswered, summary.retries),
        (5, 5, 5, 0)
    );
    assert!(answer.not_done.is_empty());
    let failures = function.ports().world().failures.clone();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("a model rejects a call") && failures[0].contains(r#""endpoint":"m""#));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_reported_with_what_was_answered() {
    let function = function();
    model(&function, |model| model.score = |_| f64::NAN);
    let asking = batch(&function, json!({"on_failure": "bad"}), &[("e", 1.0), ("f", 2.0)]);
    let answer = enrich_batches(&function, &[asking]).await;
    assert_eq!(
        (answer.summary.unreadable, answer.summary.requests_unanswered, answer.summary.model_calls),
        (2, 2, 1)
    );
    assert_eq!(values(&function), [Value::Null, Value::Null]);
    let failures = function.ports().world().failures.clone();
    assert!(failures.len() == 1 && failures[0].contains("`NaN` is no number"), "{failures:?}");
}

#[tokio::test]
async fn a_row_without_a_number_does_not_spoil_the_others() {
    let function = function();
    model(&function, |model| {
        model.score = |row| if row.starts_with('2') { f64::INFINITY } else { 1.0 };
    });
    let asking = batch(&function, json!({}), &[("e", 1.0), ("f", 2.0), ("g", 3.0)]);
    let answer = enrich_batches(&function, &[asking]).await;
    assert_eq!((answer.summary.scores, answer.summary.requests_unanswered), (2, 1));
}

#[tokio::test]
async fn a_question_that_is_too_old_is_dropped_and_counted() {
    let function = function();
    let asking = batch(&function, json!({"too_old": "1m"}), &[("e", 1.0), ("f", 2.0)]);
    function.ports().world_mut().now_ms += 60_000;
    let answer = enrich_batches(&function, std::slice::from_ref(&asking)).await;
    assert_eq!((answer.summary.scores, answer.summary.score_requests_too_old), (2, 0), "just young enough");
    function.ports().world_mut().now_ms += 1;
    let answer = enrich_batches(&function, &[asking]).await;
    assert_eq!(
        (answer.summary.scores, answer.summary.score_requests_too_old, answer.summary.model_calls),
        (0, 2, 0)
    );
    assert!(answer.not_done.is_empty());
}

#[tokio::test]
async fn equal_inputs_are_answered_from_memory_for_a_while() {
    let function = function();
    let cached = json!({"cache": "1m"});
    let one = batch(&function, cached.clone(), &[("e", 1.0), ("f", 2.0)]);
    let first = enrich_batches(&function, &[one]).await.summary;
    assert_eq!((first.cache_hits, first.cache_misses), (0, 2));
    let other = batch(&function, cached.clone(), &[("g", 2.0), ("h", 3.0)]);
    let second = enrich_batches(&function, &[other]).await.summary;
    assert_eq!((second.cache_hits, second.cache_misses, second.scores, second.model_calls), (1, 1, 2, 1));
    assert_eq!(values(&function), [json!(1.0), json!(2.0), json!(2.0), json!(3.0)]);
    function.ports().world_mut().now_ms += 60_000;
    let later = batch(&function, cached, &[("e", 1.0)]);
    let third = enrich_batches(&function, &[later]).await.summary;
    assert_eq!((third.cache_hits, third.cache_misses), (0, 1));
    let plain = batch(&function, json!({}), &[("e", 1.0)]);
    let fourth = enrich_batches(&function, &[plain]).await.summary;
    assert_eq!(
        (fourth.cache_hits, fourth.cache_misses, fourth.model_calls),
        (0, 0, 1),
        "unless it is wished"
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_reported_and_does_not_hold_up_the_others() {
    let function = function();
    let good = EnrichMessage::ScoreRequests(Box::new(batch(&function, json!({}), &[("e", 1.0)]))).to_json();
    let event = event(&["what?".to_owned(), good], 1);
    let answer = function.enrich(&event, i64::MAX).await.unwrap().answer;
    assert_eq!((answer.summary.malformed, answer.summary.scores), (1, 1));
    assert!(answer.not_done.is_empty());
    let failures = function.ports().world().failures.clone();
    assert!(failures.len() == 1 && failures[0].contains("what?"), "{failures:?}");
}

#[tokio::test]
async fn one_dead_model_does_not_keep_another_from_answering() {
    let function = function();
    let dead = MemoryModel { dead: true, ..MemoryModel::default() };
    function.ports().world_mut().models.insert("dead".to_owned(), dead);
    let batches = [
        batch(&function, json!({"name": "dead", "timeout": "1s", "retries": 0}), &[("e", 1.0)]),
        batch(&function, json!({}), &[("f", 2.0)]),
    ];
    let answer = enrich_batches(&function, &batches).await;
    assert_eq!((answer.summary.scores, answer.summary.requests_unanswered), (1, 1));
}
