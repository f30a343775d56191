//! Models behind endpoints of SageMaker.

use std::time::Duration;

use andon_workflows::enrich::failure::kind_of;
use andon_workflows::limits::MODEL_ANSWER_BYTES;
use andon_workflows::ports::{
    AsyncInvocation, AsyncOutput, CallError, CallErrorKind, ModelCall, Models, PortError,
};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;
use aws_sdk_sagemakerruntime::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::Aws;
use crate::error::{chain, port_error};

/// Maximum size of a body that `InvokeEndpointAsync` accepts with the call, bytes. It reads a larger one from an object.
const INLINE_BYTES: usize = 128_000;

/// Minimum and maximum of `RequestTTLSeconds` of `InvokeEndpointAsync`, s: the time in the queue of the endpoint.
const REQUEST_TTL_S: (u32, u32) = (60, 21_600);

/// Maximum of `InvocationTimeoutSeconds` of `InvokeEndpointAsync`, s: the time in the model.
const INVOCATION_TIMEOUT_S: u32 = 3600;

fn call_error<E>(endpoint: &str, error: &SdkError<E, HttpResponse>, model: Option<(u16, &str)>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (kind, said) = match error {
        SdkError::ConstructionFailure(_) => (CallErrorKind::Refused, chain(error)),
        SdkError::TimeoutError(_) => (CallErrorKind::Timeout, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (CallErrorKind::Timeout, "no answer in time".to_owned())
        }
        SdkError::DispatchFailure(failure) => {
            let source = failure.as_connector_error().map_or_else(|| chain(error), |source| chain(source));
            (CallErrorKind::Busy, source)
        }
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let status = service.raw().status().as_u16();
            let said = match (meta.code(), meta.message(), model) {
                (_, _, Some((status, said))) => format!("the model answered with status {status}: {said}"),
                (Some(code), Some(message), _) => format!("{code}: {message}"),
                (Some(code), None, _) => code.to_owned(),
                (None, message, _) => format!("status {status}: {}", message.unwrap_or("no message")),
            };
            (kind_of(meta.code(), status, model.map(|(status, _)| status)), said)
        }
        _ => (CallErrorKind::Busy, chain(error)),
    };
    CallError::new(kind, format!("cannot call the endpoint `{endpoint}`: {}", shortened(&said)))
}

/// Shortens the text of an error: a model may answer with a page of HTML.
fn shortened(said: &str) -> String {
    const LETTERS: usize = 500;
    let mut letters = said.chars();
    let mut short: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() {
        short.push_str(" ..");
    }
    short
}

/// Bucket and key of a place such as `s3://bucket/key`.
fn bucket_and_key(place: &str) -> Option<(&str, &str)> {
    let (bucket, key) = place.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

impl Models for Aws {
    async fn call(&self, call: &ModelCall<'_>) -> Result<Vec<u8>, CallError> {
        let sent = self
            .models()
            .invoke_endpoint()
            .endpoint_name(call.endpoint)
            .content_type(call.content_type)
            .accept(call.accept)
            .set_target_variant(call.variant.map(str::to_owned))
            .body(Blob::new(call.body))
            .send();
        let within = Duration::from_millis(call.timeout_ms);
        let answer = tokio::time::timeout(within, sent).await.map_err(|_| {
            let said = format!("no answer of the endpoint `{}` in {} ms", call.endpoint, call.timeout_ms);
            CallError::new(CallErrorKind::Timeout, said)
        })?;
        let answer = answer.map_err(|error| {
            let model = match error.as_service_error() {
                Some(InvokeEndpointError::ModelError(model)) => {
                    let status = model.original_status_code.and_then(|status| u16::try_from(status).ok());
                    status.zip(model.original_message.as_deref().or(Some("")))
                }
                _ => None,
            };
            call_error(call.endpoint, &error, model)
        })?;
        let body = answer.body.map(Blob::into_inner).unwrap_or_default();
        self.meter.request("sagemaker.InvokeEndpoint", 1, call.body.len() + body.len());
        Ok(body)
    }

    async fn invoke_async(&self, call: &AsyncInvocation<'_>) -> Result<AsyncOutput, CallError> {
        let (least_s, most_s) = REQUEST_TTL_S;
        let clamped_s = |most_s: u32| i32::try_from(call.request_ttl_s.clamp(least_s, most_s)).ok();
        let request = self
            .models()
            .invoke_endpoint_async()
            .endpoint_name(call.endpoint)
            .content_type(call.content_type)
            .accept(call.accept)
            .inference_id(call.inference_id)
            .set_request_ttl_seconds(clamped_s(most_s))
            .set_invocation_timeout_seconds(clamped_s(INVOCATION_TIMEOUT_S));
        let request = if call.body.len() <= INLINE_BYTES {
            request.body(Blob::new(call.body))
        } else {
            request.input_location(self.write_input(call).await?)
        };
        let within = self.config.call_timeout();
        let answer = tokio::time::timeout(within, request.send()).await.map_err(|_| {
            let said = format!("no answer of the endpoint `{}` in {} ms", call.endpoint, within.as_millis());
            CallError::new(CallErrorKind::Timeout, said)
        })?;
        let answer = answer.map_err(|error| call_error(call.endpoint, &error, None))?;
        self.meter.request("sagemaker.InvokeEndpointAsync", 1, call.body.len());
        Ok(AsyncOutput { output: answer.output_location, failure: answer.failure_location })
    }

    async fn read_async_output(&self, place: &str) -> Result<Option<Vec<u8>>, PortError> {
        let what = || format!("cannot read the answer of a model at `{place}`");
        let (bucket, key) = bucket_and_key(place)
            .ok_or_else(|| PortError::permanent(format!("{}: expected `s3://BUCKET/KEY`", what())))?;
        let answer = self.s3().get_object().bucket(bucket).key(key).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetObjectError::NoSuchKey(_)) => Ok(None),
                    _ => Err(port_error(what(), &error)),
                };
            }
        };
        let length =
            answer.content_length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        if length > MODEL_ANSWER_BYTES {
            let most = MODEL_ANSWER_BYTES;
            return Err(PortError::permanent(format!(
                "{}: it has {length} bytes; expected at most {most}",
                what()
            )));
        }
        let bytes = answer.body.collect().await;
        let bytes = bytes.map_err(|error| PortError::transient(format!("{} to its end: {error}", what())))?;
        let bytes = bytes.to_vec();
        self.meter.request("s3.GetObject", 1, bytes.len());
        Ok(Some(bytes))
    }
}

impl Aws {
    /// Writes the rows of a call to the object that its endpoint reads. Returns the object's URL.
    async fn write_input(&self, call: &AsyncInvocation<'_>) -> Result<String, CallError> {
        let bucket = self.config.async_bucket.as_ref().unwrap_or(&self.config.names.bucket);
        let key = format!("{}{}", self.config.async_prefix, call.inference_id);
        let request = self
            .s3()
            .put_object()
            .bucket(bucket)
            .key(&key)
            .content_type(call.content_type)
            .body(ByteStream::from(call.body.to_vec()));
        request.send().await.map_err(|error| {
            let error = port_error(format_args!("cannot write the object `{key}`"), &error);
            CallError::new(CallErrorKind::Busy, error.message)
        })?;
        self.meter.request("s3.PutObject", 1, call.body.len());
        Ok(format!("s3://{bucket}/{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_key() {
        assert_eq!(bucket_and_key("s3://b/a/b.out"), Some(("b", "a/b.out")));
        for place in ["s3://b", "s3:///k", "s3://b/", "https://b/k"] {
            assert_eq!(bucket_and_key(place), None, "{place}");
        }
    }
}
