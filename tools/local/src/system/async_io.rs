//! Provides asynchronous endpoints with input and output in S3, and with notifications of their outcomes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use super::ENRICH;
use crate::event::Listener;
use crate::models::{AsyncIo, AsyncOutcome, BoxFuture};
use crate::runtime_host::RuntimeHost;

/// Attempts to deliver a notification, as SNS retries a failing function.
const ATTEMPTS: u32 = 3;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// A bucket, and the function that gets the notifications.
#[derive(Clone)]
pub(super) struct Bucket {
    s3: aws_sdk_s3::Client,
    bucket: String,
    /// The host of that function, once it runs.
    host: Arc<OnceLock<RuntimeHost>>,
    listener: Listener,
}

impl Bucket {
    pub(super) fn new(sdk: &SdkConfig, bucket: &str, listener: Listener) -> Self {
        // An emulator has no name of its own for each bucket.
        let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build();
        let s3 = aws_sdk_s3::Client::from_conf(config);
        Self { s3, bucket: bucket.to_owned(), host: Arc::default(), listener }
    }

    /// Sets the host of the function that gets the notifications.
    pub(super) fn notify_at(&self, host: &RuntimeHost) {
        let _ = self.host.set(host.clone());
    }

    fn key(&self, location: &str) -> String {
        location.trim_start_matches(&format!("s3://{}/", self.bucket)).to_owned()
    }

    async fn write(&self, location: &str, bytes: Vec<u8>) {
        let request = self.s3.put_object().bucket(&self.bucket).key(self.key(location));
        if let Err(error) = request.body(ByteStream::from(bytes)).send().await {
            self.listener.problem(format!("cannot write the output of a model at `{location}`: {error}"));
        }
    }

    async fn notify(&self, inference_id: &str, notice: &serde_json::Value) {
        let Some(host) = self.host.get() else { return };
        let event = json!({"Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "Sns": {"Type": "Notification", "MessageId": inference_id, "Message": notice.to_string()},
        }]});
        for _ in 0..ATTEMPTS {
            if host.invoke(ENRICH, event.to_string().into_bytes()).await.is_ok() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl AsyncIo for Bucket {
    fn output_locations(&self, inference_id: &str) -> (String, String) {
        let location = |end: &str| format!("s3://{}/async/output/{inference_id}.{end}", self.bucket);
        (location("out"), location("error"))
    }

    fn read(&self, location: String) -> BoxFuture<Option<Vec<u8>>> {
        let of = self.clone();
        Box::pin(async move {
            let answer = of.s3.get_object().bucket(&of.bucket).key(of.key(&location)).send().await.ok()?;
            Some(answer.body.collect().await.ok()?.to_vec())
        })
    }

    fn complete(&self, outcome: AsyncOutcome) -> BoxFuture<()> {
        let of = self.clone();
        Box::pin(async move {
            let AsyncOutcome { endpoint, inference_id, answer } = outcome;
            let (output, failure) = of.output_locations(&inference_id);
            let request = json!({"endpointName": endpoint});
            let notice = match answer {
                Ok(answer) => {
                    of.write(&output, answer).await;
                    json!({
                        "invocationStatus": "Completed",
                        "inferenceId": inference_id,
                        "requestParameters": request,
                        "responseParameters": {"outputLocation": output},
                    })
                }
                Err(reason) => {
                    of.write(&failure, reason.clone().into_bytes()).await;
                    json!({
                        "invocationStatus": "Failed",
                        "inferenceId": inference_id,
                        "requestParameters": request,
                        "failureReason": reason,
                    })
                }
            };
            of.notify(&inference_id, &notice).await;
        })
    }
}
