//! Tests of the SageMaker port against this server.

use andon_aws::{Aws, Config};
use andon_workflows::ports::{AsyncInvocation, CallErrorKind, ModelCall, Models as _};

use super::*;

fn model() -> Model {
    Model::read(br#"{"kind":"linear","inputs":[{"name":"a","weight":2}]}"#).unwrap()
}

async fn ports(server: &ModelServer) -> Aws {
    let vars = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", &server.url()),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Aws::connect(&Config::from_vars(vars).unwrap()).await
}

fn call<'c>(endpoint: &'c str, body: &'c str, timeout_ms: u64) -> ModelCall<'c> {
    ModelCall {
        endpoint,
        variant: None,
        content_type: "text/csv",
        accept: "text/csv",
        body: body.as_bytes(),
        timeout_ms,
    }
}

#[tokio::test]
async fn a_model_is_asked_as_an_endpoint_of_sagemaker_is() {
    let server = ModelServer::start([("m".to_owned(), model())], None).await.unwrap();
    let aws = ports(&server).await;
    assert_eq!(aws.call(&call("m", "1.5\n2", 5000)).await.unwrap(), b"3\n4\n");
    assert_eq!(server.requests("m"), 1);
}

#[tokio::test]
async fn failures_are_of_the_kind_that_they_are_with_sagemaker() {
    let server = ModelServer::start([("m".to_owned(), model())], None).await.unwrap();
    let aws = ports(&server).await;
    let error = aws.call(&call("nowhere", "1", 5000)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Refused);
    assert!(error.message.contains("Endpoint nowhere of this machine not found"), "{error}");
    let error = aws.call(&call("m", "cola", 5000)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Refused);
    assert!(error.message.contains("status 400: `cola` is no number"), "{error}");
    server.behave("m", Behaviour { errors: 1.0, ..Behaviour::default() });
    let error = aws.call(&call("m", "1", 5000)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Busy);
    server.behave("m", Behaviour { dead: true, ..Behaviour::default() });
    let error = aws.call(&call("m", "1", 100)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Timeout);
    let error = aws.invoke_async(&later("1")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Refused, "not asynchronous");
    assert_eq!(server.requests("m"), 3, "one attempt each");
    drop(server);
    let error = aws.call(&call("m", "1", 5000)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Busy, "{error}");
}

#[tokio::test]
async fn a_model_can_be_slow_and_half_of_it_broken() {
    let server = ModelServer::start([("m".to_owned(), model())], None).await.unwrap();
    let aws = ports(&server).await;
    server.behave("m", Behaviour { errors: 0.5, latency_ms: 1, dead: false });
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(aws.call(&call("m", "1", 5000)).await.is_err());
    }
    assert!((40..=60).contains(&failed), "{failed}");
}

fn later(body: &str) -> AsyncInvocation<'_> {
    AsyncInvocation {
        endpoint: "m",
        content_type: "text/csv",
        accept: "text/csv",
        body: body.as_bytes(),
        inference_id: "andon-1",
        request_ttl_s: 900,
    }
}

/// An [`AsyncIo`] that records the outcomes.
struct RecordedIo(tokio::sync::mpsc::UnboundedSender<AsyncOutcome>);

impl AsyncIo for RecordedIo {
    fn output_locations(&self, inference_id: &str) -> (String, String) {
        (format!("s3://b/{inference_id}.out"), format!("s3://b/{inference_id}.error"))
    }

    fn read(&self, _: String) -> BoxFuture<Option<Vec<u8>>> {
        Box::pin(async { None })
    }

    fn complete(&self, outcome: AsyncOutcome) -> BoxFuture<()> {
        let _ = self.0.send(outcome);
        Box::pin(async {})
    }
}

#[tokio::test]
async fn an_asynchronous_endpoint_says_where_the_answer_will_be_and_then_what_it_is() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server =
        ModelServer::start([("m".to_owned(), model())], Some(Arc::new(RecordedIo(told)))).await.unwrap();
    let aws = ports(&server).await;
    let taken = aws.invoke_async(&later("1.5")).await.unwrap();
    assert_eq!(taken.output.as_deref(), Some("s3://b/andon-1.out"));
    assert_eq!(taken.failure.as_deref(), Some("s3://b/andon-1.error"));
    let outcome = heard.recv().await.unwrap();
    assert_eq!((outcome.inference_id.as_str(), outcome.answer), ("andon-1", Ok(b"3\n".to_vec())));
    aws.invoke_async(&later("cola")).await.unwrap();
    assert_eq!(heard.recv().await.unwrap().answer, Err("`cola` is no number".to_owned()));
}
