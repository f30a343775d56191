//! Serves the [runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) of one process.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

const ROOT: &str = "/2018-06-01/runtime/";

/// Maximum bytes of a function's answer, as in Lambda.
const ANSWER_BYTES: usize = 6 << 20;

/// A response of a function: bytes, or an error in JSON.
pub(super) type Answer = Result<Bytes, String>;

/// An event on its way to the process.
#[derive(Debug)]
pub(super) struct Invocation {
    id: String,
    event: Bytes,
    deadline_ms: i64,
    arn: String,
    reply: oneshot::Sender<Answer>,
}

impl Invocation {
    pub(super) fn new(event: Vec<u8>, deadline_ms: i64, arn: String, reply: oneshot::Sender<Answer>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // In the form of a UUID, as some clients expect it.
        let id = format!("{:08x}-0000-4000-8000-{number:012x}", process::id());
        Self { id, event: event.into(), deadline_ms, arn, reply }
    }
}

/// The exchange with a process: events to it, responses from it.
#[derive(Debug)]
pub(super) struct Api {
    events: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// The current invocation.
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    ready: Notify,
    init_error: Mutex<Option<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in there is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub(super) fn new(events: mpsc::Receiver<Invocation>) -> Self {
        Self {
            events: tokio::sync::Mutex::new(events),
            current: Mutex::default(),
            ready: Notify::new(),
            init_error: Mutex::default(),
        }
    }

    /// Waits until the process has asked for an event.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// The error of its init phase.
    pub(super) fn init_error(&self) -> Option<String> {
        locked(&self.init_error).clone()
    }

    async fn next(&self) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
        self.ready.notify_one();
        let Some(invocation) = self.events.lock().await.recv().await else {
            return said(StatusCode::GONE, "there are no more events");
        };
        let response = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &invocation.id)
            .header("Lambda-Runtime-Deadline-Ms", invocation.deadline_ms)
            .header("Lambda-Runtime-Invoked-Function-Arn", &invocation.arn)
            .header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
            .body(Full::new(invocation.event));
        *locked(&self.current) = Some((invocation.id, invocation.reply));
        response
    }

    fn answer(&self, id: &str, answer: Answer) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
        let current = locked(&self.current).take_if(|(current, _)| current == id);
        match current {
            Some((_, reply)) => {
                // The caller may have given up.
                let _ = reply.send(answer);
                said(StatusCode::ACCEPTED, "OK")
            }
            None => said(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
        let path = request.uri().path().to_owned();
        let Some(path) = path.strip_prefix(ROOT) else {
            return said(StatusCode::NOT_FOUND, "no such path");
        };
        if request.method() == Method::GET && path == "invocation/next" {
            return self.next().await;
        }
        let body = match Limited::new(request.into_body(), ANSWER_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return said(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
        };
        let text = || String::from_utf8_lossy(&body).into_owned();
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["invocation", id, "response"] => self.answer(id, Ok(body)),
            ["invocation", id, "error"] => self.answer(id, Err(text())),
            ["init", "error"] => {
                *locked(&self.init_error) = Some(text());
                said(StatusCode::ACCEPTED, "OK")
            }
            _ => said(StatusCode::NOT_FOUND, "no such path"),
        }
    }
}

fn said(status: StatusCode, text: &str) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let body = serde_json::json!({"status": text}).to_string();
    Response::builder().status(status).header("Content-Type", "application/json").body(Full::from(body))
}

/// Serves the API on a socket for as long as it is let.
pub(super) async fn serve(socket: TcpListener, api: Arc<Api>) {
    // Ends the connections with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        let api = Arc::clone(&api);
        connections.spawn(async move {
            let service = service_fn(|request| async { api.handle(request).await });
            let http = hyper::server::conn::http1::Builder::new();
            // A process that is killed breaks it; its invocation fails by its end.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
