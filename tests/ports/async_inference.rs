//! Tests asynchronous inference with inputs that exceed a message, on an emulator's object store.

use std::sync::Arc;

use andon_aws::{Aws, Config, setup};
use andon_local::models::{AsyncIo, AsyncOutcome, BoxFuture, ModelServer};
use andon_models::Model;
use andon_workflows::ports::{AsyncInvocation, Models as _};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::aws::{place, run, vars};

/// The input and output of an asynchronous endpoint, with a record of both.
struct RecordedIo {
    config: Config,
    inputs: UnboundedSender<String>,
    outcomes: UnboundedSender<AsyncOutcome>,
}

impl AsyncIo for RecordedIo {
    fn output_locations(&self, inference_id: &str) -> (String, String) {
        (format!("s3://b/{inference_id}.out"), format!("s3://b/{inference_id}.error"))
    }

    fn read(&self, place: String) -> BoxFuture<Option<Vec<u8>>> {
        let _ = self.inputs.send(place.clone());
        let (told, read) = tokio::sync::oneshot::channel();
        let config = self.config.clone();
        // The ports stay on one thread.
        std::thread::spawn(move || {
            let object = run(async { Aws::connect(&config).await.read_async_output(&place).await });
            let _ = told.send(object);
        });
        Box::pin(async { read.await.ok()?.ok()? })
    }

    fn complete(&self, outcome: AsyncOutcome) -> BoxFuture<()> {
        let _ = self.outcomes.send(outcome);
        Box::pin(async {})
    }
}

#[test]
fn rows_that_are_too_long_for_a_call_reach_an_asynchronous_endpoint_as_an_object() {
    let Some(place) = place() else { return };
    let vars = vars(&place.endpoint, "later");
    let config = Config::from_vars(vars.clone()).unwrap();
    let model = Model::read(br#"{"kind":"linear","inputs":[{"name":"a","weight":2}]}"#).unwrap();
    run(async {
        setup::create(&config).await.unwrap();
        let (inputs, mut read) = unbounded_channel();
        let (outcomes, mut heard) = unbounded_channel();
        let reads = RecordedIo { config: config.clone(), inputs, outcomes };
        let server = ModelServer::start([("m".to_owned(), model)], Some(Arc::new(reads))).await.unwrap();
        let own = ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME".to_owned(), server.url());
        let aws = Aws::connect(&Config::from_vars(vars.into_iter().chain([own])).unwrap()).await;
        for (bytes, inline) in [(128_000, true), (128_002, false)] {
            let body = "1\n".repeat(bytes / 2);
            let inference_id = format!("andon-{bytes}");
            let call = AsyncInvocation {
                endpoint: "m",
                content_type: "text/csv",
                accept: "text/csv",
                body: body.as_bytes(),
                inference_id: &inference_id,
                request_ttl_s: 900,
            };
            aws.invoke_async(&call).await.unwrap();
            let answer = heard.recv().await.unwrap().answer.unwrap();
            assert_eq!(answer, "2\n".repeat(bytes / 2).into_bytes());
            let input = read.try_recv().ok();
            let expected = format!("s3://{}/async/input/{inference_id}", config.names.bucket);
            assert_eq!(input, (!inline).then_some(expected), "{bytes} bytes");
        }
        setup::delete(&config).await.unwrap();
    });
}
