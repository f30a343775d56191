//! Serves SageMaker's runtime API for tests: models behind endpoints, `InvokeEndpoint` and `InvokeEndpointAsync`.
//!
//! A test or `PUT /behaviour/ENDPOINT` changes the behaviour of a running endpoint: latency, error rate, or no answers.

mod protocol;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use andon_models::Model;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use self::protocol::Form;

/// Maximum request of a SageMaker endpoint, bytes.
const REQUEST_BYTES: usize = 25 << 20;

/// The behaviour of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Behaviour {
    /// Latency, ms.
    pub latency_ms: u64,
    /// The error rate, from 0 to 1.
    pub errors: f64,
    /// True if it accepts requests and never answers.
    pub dead: bool,
}

/// The outcome of a call of `InvokeEndpointAsync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncOutcome {
    /// The endpoint.
    pub endpoint: String,
    /// The id of the call.
    pub inference_id: String,
    /// The response, or the reason of the failure.
    pub answer: Result<Vec<u8>, String>,
}

/// A boxed future.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The input and output of asynchronous endpoints: objects in S3 and notifications.
pub trait AsyncIo: Send + Sync + 'static {
    /// Returns the output location and the failure location of a call.
    fn output_locations(&self, inference_id: &str) -> (String, String);

    /// Reads an input.
    fn read(&self, location: String) -> BoxFuture<Option<Vec<u8>>>;

    /// Writes the outcome of a call to its location, and notifies of it.
    fn complete(&self, outcome: AsyncOutcome) -> BoxFuture<()>;
}

struct HostedModel {
    model: Model,
    behaviour: Behaviour,
    requests: u64,
}

struct Shared {
    endpoints: Mutex<BTreeMap<String, HostedModel>>,
    async_io: Option<Arc<dyn AsyncIo>>,
}

/// A server of models. It stops at once when dropped.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for ModelServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ModelServer {
    /// Serves models by endpoint, at a free port of this machine. Without `async_io` no endpoint is asynchronous.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start(
        models: impl IntoIterator<Item = (String, Model)>,
        async_io: Option<Arc<dyn AsyncIo>>,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let hosted =
            |(name, model)| (name, HostedModel { model, behaviour: Behaviour::default(), requests: 0 });
        let endpoints = Mutex::new(models.into_iter().map(hosted).collect());
        let shared = Arc::new(Shared { endpoints, async_io });
        let task = tokio::spawn(serve(socket, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Returns its URL, for `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME` of the clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the behaviour of an endpoint. Returns false if no endpoint has this name.
    pub fn behave(&self, endpoint: &str, behaviour: Behaviour) -> bool {
        self.shared.behave(endpoint, behaviour)
    }

    /// Returns the number of requests to an endpoint.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        self.shared.endpoints().get(endpoint).map_or(0, |hosted| hosted.requests)
    }
}

impl Shared {
    fn endpoints(&self) -> MutexGuard<'_, BTreeMap<String, HostedModel>> {
        // What is in there is whole at any time.
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behave(&self, endpoint: &str, behaviour: Behaviour) -> bool {
        let mut endpoints = self.endpoints();
        let Some(hosted) = endpoints.get_mut(endpoint) else { return false };
        hosted.behaviour = behaviour;
        true
    }

    /// Counts a request. Returns the model, its behaviour, and whether this request must fail.
    fn take(&self, endpoint: &str) -> Option<(Model, Behaviour, bool)> {
        let mut endpoints = self.endpoints();
        let hosted = endpoints.get_mut(endpoint)?;
        hosted.requests += 1;
        // Spread over the requests, and the same in every run.
        let chance = hosted.requests.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let chance = f64::from(u16::try_from(chance).unwrap_or_default()) / 65536.0;
        Some((hosted.model.clone(), hosted.behaviour, chance < hosted.behaviour.errors))
    }

    async fn handle(&self, request: Request<Incoming>) -> HttpResult {
        let path = request.uri().path().to_owned();
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let body = match Limited::new(request.into_body(), REQUEST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return refused(&error.to_string()),
        };
        match (method, path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
            (Method::POST, ["endpoints", name, "invocations"]) => self.call(name, &headers, &body).await,
            (Method::POST, ["endpoints", name, "async-invocations"]) => {
                self.invoke_async(name, &headers, &body)
            }
            (Method::PUT, ["behaviour", name]) => match serde_json::from_slice(&body) {
                Ok(behaviour) if self.behave(name, behaviour) => respond(StatusCode::OK, None, &json!({})),
                Ok(_) => refused(&not_found(name)),
                Err(error) => refused(&error.to_string()),
            },
            _ => refused(&format!("no such path: `{path}`")),
        }
    }

    async fn call(&self, name: &str, headers: &HeaderMap, body: &[u8]) -> HttpResult {
        let Some((model, behaviour, fails)) = self.take(name) else { return refused(&not_found(name)) };
        pass(behaviour).await;
        if fails {
            return failed(500, "the model fails at the error rate of its behaviour");
        }
        let content_type = header(headers, "content-type");
        let Some(form) = Form::of(content_type) else {
            return failed(415, &format!("a request of `{content_type}`; expected CSV, JSON or JSON lines"));
        };
        let accept = Form::of(header(headers, "accept")).unwrap_or(form);
        match protocol::answer(&model, form, accept, body) {
            Ok(answer) => Response::builder()
                .header("Content-Type", accept.content_type())
                .header("x-Amzn-Invoked-Production-Variant", "AllTraffic")
                .body(Full::from(answer)),
            Err(reason) => failed(400, &reason),
        }
    }

    /// Accepts a call of `InvokeEndpointAsync`; the outcome follows later.
    fn invoke_async(&self, name: &str, headers: &HeaderMap, body: &Bytes) -> HttpResult {
        let Some(async_io) = self.async_io.clone() else {
            return refused(&format!("the endpoint `{name}` is not asynchronous"));
        };
        let Some((model, behaviour, fails)) = self.take(name) else { return refused(&not_found(name)) };
        let inference_id = header(headers, "x-amzn-sagemaker-inference-id").to_owned();
        let content_type = header(headers, "x-amzn-sagemaker-content-type");
        let accept = Form::of(header(headers, "x-amzn-sagemaker-accept"));
        let input = Some(header(headers, "x-amzn-sagemaker-inputlocation")).filter(|place| !place.is_empty());
        let Some(form) = Form::of(content_type) else {
            return refused(&format!("a request of `{content_type}`; expected CSV, JSON or JSON lines"));
        };
        let (output, failure) = async_io.output_locations(&inference_id);
        let (endpoint, input, body) = (name.to_owned(), input.map(str::to_owned), body.clone());
        let id = inference_id.clone();
        tokio::spawn(async move {
            pass(behaviour).await;
            let body = match input {
                None => Some(body.to_vec()),
                Some(place) => async_io.read(place).await,
            };
            let answer = match body {
                _ if fails => Err("the model fails at the error rate of its behaviour".to_owned()),
                None => Err("there is nothing at the input location".to_owned()),
                Some(body) => protocol::answer(&model, form, accept.unwrap_or(form), &body),
            };
            async_io.complete(AsyncOutcome { endpoint, inference_id: id, answer }).await;
        });
        Response::builder()
            .status(StatusCode::ACCEPTED)
            .header("Content-Type", "application/json")
            .header("X-Amzn-SageMaker-OutputLocation", output)
            .header("X-Amzn-SageMaker-FailureLocation", failure)
            .body(Full::from(json!({"InferenceId": inference_id}).to_string()))
    }
}

type HttpResult = Result<Response<Full<Bytes>>, hyper::http::Error>;

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Waits for the latency of the model, forever if it is dead.
async fn pass(behaviour: Behaviour) {
    if behaviour.dead {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
}

fn not_found(endpoint: &str) -> String {
    format!("Endpoint {endpoint} of this machine not found.")
}

/// The response of SageMaker to an invalid request.
fn refused(message: &str) -> HttpResult {
    respond(StatusCode::BAD_REQUEST, Some("ValidationError"), &json!({"Message": message}))
}

/// The response of SageMaker for a failed model.
fn failed(status: u16, message: &str) -> HttpResult {
    let body = json!({"Message": message, "OriginalStatusCode": status, "OriginalMessage": message});
    respond(StatusCode::FAILED_DEPENDENCY, Some("ModelError"), &body)
}

fn respond(status: StatusCode, error: Option<&str>, body: &serde_json::Value) -> HttpResult {
    let response = Response::builder().status(status).header("Content-Type", "application/json");
    let response = match error {
        Some(error) => response.header("x-amzn-errortype", error),
        None => response,
    };
    response.body(Full::from(body.to_string()))
}

async fn serve(socket: TcpListener, shared: Arc<Shared>) {
    // Ends the connections with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| shared.handle(request));
            let http = hyper::server::conn::http1::Builder::new();
            // A client that gives up closes the connection.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
