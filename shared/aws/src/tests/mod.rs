//! The ports under answers that an emulator seldom gives: partial, throttled, lost.

mod server;

use andon_workflows::ports::{
    Accepted, Bus as _, BusEntry, Commit, Committed, Head, OutboxItem, Payload, StateStore as _,
    StoredSegment, Stream as _, StreamEntry, Written,
};
use serde_json::{Value, json};

use server::{Requests, answering, error, well};

fn operations(requests: &Requests) -> Vec<String> {
    requests.lock().unwrap().iter().map(|(operation, _)| operation.clone()).collect()
}

fn key(equipment: &str) -> Value {
    json!({"id": {"S": equipment}, "part": {"S": "head"}})
}

fn stored(equipment: &str, version: u64) -> Value {
    json!({"id": {"S": equipment}, "part": {"S": "head"}, "v": {"N": version.to_string()}})
}

fn commit(version: u64, decides: bool) -> Commit {
    let outbox = decides.then(|| OutboxItem {
        equipment: "e".to_owned(),
        version,
        clock_ms: 5,
        expires_s: 6,
        payload: Payload::Inline("[]".to_owned()),
    });
    let head = Head { version, ..Head::default() };
    Commit { equipment: "e".to_owned(), read_version: version - 1, head, outbox }
}

/// The answer to a condition that does not hold, with the item or without it.
fn condition_failed(item: Option<Value>) -> server::Answer {
    let mut body =
        json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "x"});
    if let Some(item) = item {
        body["Item"] = item;
    }
    server::Answer::Json(400, body)
}

fn cancelled(reasons: Value) -> server::Answer {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "x",
        "CancellationReasons": reasons,
    });
    server::Answer::Json(400, body)
}

#[tokio::test]
async fn heads_that_were_left_open_are_asked_for_again() {
    let (aws, requests) = answering(vec![
        well(json!({
            "Responses": {"andon-state": [stored("a", 1)]},
            "UnprocessedKeys": {"andon-state": {"ConsistentRead": true, "Keys": [key("b"), key("c")]}},
        })),
        well(json!({
            "Responses": {},
            "UnprocessedKeys": {"andon-state": {"ConsistentRead": true, "Keys": [key("b"), key("c")]}},
        })),
        well(json!({"Responses": {"andon-state": [stored("c", 3)]}, "UnprocessedKeys": {}})),
    ])
    .await;
    let heads = aws.read_heads(&["c", "a", "b"]).await.unwrap();
    let versions: Vec<_> = heads.into_iter().map(|head| head.map(|head| head.version)).collect();
    assert_eq!(versions, [Some(3), Some(1), None]);
    let requests = requests.lock().unwrap();
    let again = &requests[2].1["RequestItems"]["andon-state"];
    assert_eq!((&again["Keys"], &again["ConsistentRead"]), (&json!([key("b"), key("c")]), &json!(true)));
}

#[tokio::test]
async fn segments_that_were_left_open_are_written_again() {
    let write = |name: &str| json!({"PutRequest": {"Item": {"id": {"S": "e"}, "part": {"S": format!("seg#{name}")}, "b": {"B": ""}, "x": {"N": "9"}}}});
    let (aws, requests) = answering(vec![
        well(json!({"UnprocessedItems": {"andon-state": [write("2")]}})),
        well(json!({"UnprocessedItems": {}})),
    ])
    .await;
    let segment = |name: &str| StoredSegment { name: name.to_owned(), bytes: Vec::new(), expires_s: 9 };
    aws.write_segments("e", &[segment("1"), segment("2")]).await.unwrap();
    let requests = requests.lock().unwrap();
    assert_eq!(requests[0].1["RequestItems"]["andon-state"].as_array().unwrap().len(), 2);
    assert_eq!(requests[1].1["RequestItems"]["andon-state"], json!([write("2")]));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_done() {
    for decides in [false, true] {
        let again = if decides {
            cancelled(json!([{"Code": "ConditionalCheckFailed", "Item": stored("e", 3)}, {"Code": "None"}]))
        } else {
            condition_failed(Some(stored("e", 3)))
        };
        let (aws, requests) = answering(vec![server::Answer::Lost, again]).await;
        assert_eq!(aws.commit(&commit(3, decides)).await, Ok(Committed::Done));
        assert_eq!(operations(&requests).len(), 2);
    }
}

#[tokio::test]
async fn a_commit_that_another_has_overtaken_conflicts() {
    let (aws, _) = answering(vec![condition_failed(Some(stored("e", 4)))]).await;
    assert_eq!(aws.commit(&commit(3, false)).await, Ok(Committed::Conflict));
}

#[tokio::test]
async fn where_the_service_does_not_say_what_is_stored_it_is_read() {
    for (item, expected) in [
        (json!({"Item": stored("e", 3)}), Committed::Done),
        (json!({"Item": stored("e", 4)}), Committed::Conflict),
        (json!({}), Committed::Conflict),
    ] {
        let (aws, requests) = answering(vec![condition_failed(None), well(item)]).await;
        assert_eq!(aws.commit(&commit(3, false)).await, Ok(expected));
        assert_eq!(operations(&requests), ["PutItem", "GetItem"]);
        assert_eq!(requests.lock().unwrap()[1].1["ConsistentRead"], json!(true));
    }
}

#[tokio::test]
async fn each_commit_has_a_token_of_its_own() {
    let (aws, requests) = answering(vec![well(json!({})), well(json!({}))]).await;
    for _ in 0..2 {
        assert_eq!(aws.commit(&commit(3, true)).await, Ok(Committed::Done));
    }
    let requests = requests.lock().unwrap();
    let token = |number: usize| requests[number].1["ClientRequestToken"].as_str().unwrap().to_owned();
    assert_ne!(token(0), token(1));
}

#[tokio::test]
async fn a_commit_that_meets_another_transaction_may_be_tried_again() {
    let (aws, _) =
        answering(vec![cancelled(json!([{"Code": "TransactionConflict"}, {"Code": "None"}]))]).await;
    assert!(aws.commit(&commit(3, true)).await.unwrap_err().is_transient());
    let (aws, _) = answering(vec![error("TransactionConflictException")]).await;
    assert!(aws.commit(&commit(3, false)).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_throttled_call_is_tried_three_times_and_may_be_tried_again() {
    let throttled = || error("ProvisionedThroughputExceededException");
    let (aws, requests) = answering(vec![throttled(), throttled(), throttled(), well(json!({}))]).await;
    let failed = aws.commit(&commit(3, false)).await.unwrap_err();
    assert!(failed.is_transient(), "{failed}");
    assert_eq!(failed.message, "cannot write the head of `e`: ProvisionedThroughputExceededException: said");
    assert_eq!(operations(&requests).len(), 3);
}

#[tokio::test]
async fn a_service_that_is_not_there_may_come_back() {
    let (aws, _) = answering(vec![]).await;
    let failed = aws.read_heads(&["e"]).await.unwrap_err();
    assert!(failed.is_transient() && failed.message.starts_with("cannot read the head of `e`: "), "{failed}");
}

#[tokio::test]
async fn a_call_with_a_head_that_does_not_fit_is_not_made() {
    let (aws, requests) = answering(vec![well(json!({}))]).await;
    let mut large = commit(1, true);
    large.head.body = vec![0; 401 << 10];
    let refused = aws.commit(&large).await.unwrap_err();
    assert!(!refused.is_transient() && refused.message.contains("the head of `e` would have"), "{refused}");
    large.head.version = 7;
    assert!(!aws.commit(&large).await.unwrap_err().is_transient());
    assert!(operations(&requests).is_empty());
}

fn bus_entry(resource: &str, bytes: usize) -> BusEntry {
    BusEntry {
        detail_type: "Rule State Changed".to_owned(),
        detail: format!("\"{}\"", "x".repeat(bytes)),
        at_ms: 1_700_000_000_123,
        resource: resource.to_owned(),
    }
}

#[tokio::test]
async fn each_entry_of_the_bus_has_its_own_answer() {
    let (aws, requests) = answering(vec![well(json!({
        "FailedEntryCount": 2,
        "Entries": [
            {"EventId": "1"},
            {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"},
            {"ErrorCode": "MalformedDetail", "ErrorMessage": "bad"},
        ],
    }))])
    .await;
    let entries = [bus_entry("a", 1), bus_entry("large", 256 << 10), bus_entry("b", 1), bus_entry("c", 1)];
    let answers = aws.offer(&entries).await.unwrap();
    let transient: Vec<Option<bool>> = answers
        .iter()
        .map(|answer| match answer {
            Accepted::Yes => None,
            Accepted::No(error) => Some(error.is_transient()),
        })
        .collect();
    assert_eq!(transient, [None, Some(false), Some(true), Some(false)]);
    let requests = requests.lock().unwrap();
    let sent = requests[0].1["Entries"].as_array().unwrap();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0]["Time"], json!(1_700_000_000.123));
    assert_eq!(sent[0]["Resources"], json!(["a"]));
}

#[tokio::test]
async fn entries_that_do_not_fit_into_one_request_go_in_several() {
    let yes =
        |count: usize| well(json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); count]}));
    let (aws, requests) = answering(vec![
        yes(2),
        error("InternalException"),
        error("InternalException"),
        error("InternalException"),
    ])
    .await;
    let entries: Vec<BusEntry> = (0..3).map(|_| bus_entry("a", 100_000)).collect();
    let answers = aws.offer(&entries).await.unwrap();
    assert_eq!(answers[..2], [Accepted::Yes, Accepted::Yes]);
    assert!(matches!(&answers[2], Accepted::No(error) if error.is_transient()), "{answers:?}");
    assert!(operations(&requests).iter().all(|operation| operation == "PutEvents"));
}

#[tokio::test]
async fn each_record_of_the_stream_has_its_own_answer() {
    let (aws, _) = answering(vec![well(json!({
        "FailedRecordCount": 1,
        "Records": [
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"},
            {"ShardId": "shardId-000000000001", "SequenceNumber": "49590338271490256608559692538361571095921575989136588898"},
        ],
    }))])
    .await;
    let entry = |key: &str| StreamEntry { partition_key: key.to_owned(), data: b"{}".to_vec() };
    let answers = aws.put_records(&[entry("a"), entry(""), entry("b")]).await.unwrap();
    assert!(matches!(&answers[0], Written::No(error) if error.is_transient()));
    assert!(matches!(&answers[1], Written::No(error) if !error.is_transient()));
    assert!(matches!(&answers[2], Written::At { shard, .. } if shard == "shardId-000000000001"));
}
