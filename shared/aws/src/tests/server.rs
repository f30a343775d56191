//! A service that answers what a test tells it to, in that order.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::{Aws, Config};

/// An answer to a request.
pub(super) enum Answer {
    /// A status and a JSON body.
    Json(u16, Value),
    /// Nothing: the connection ends.
    Lost,
}

pub(super) fn well(body: Value) -> Answer {
    Answer::Json(200, body)
}

pub(super) fn error(code: &str) -> Answer {
    Answer::Json(400, serde_json::json!({"__type": format!("com.amazonaws#{code}"), "message": "said"}))
}

/// The requests so far: operation and body.
pub(super) type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// The ports over such a service. After the last answer the server is gone.
pub(super) async fn answering(answers: Vec<Answer>) -> (Aws, Requests) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let Some(request) = read(&mut stream) else { return };
            seen.lock().unwrap().push(request);
            if let Answer::Json(status, body) = answer {
                let body = body.to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} Said\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        }
    });
    let vars = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (Aws::connect(&Config::from_vars(vars).unwrap()).await, requests)
}

/// Operation and body of a request.
fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 << 10];
    loop {
        let count = stream.read(&mut chunk).ok()?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines().find_map(|line| {
                    line.to_ascii_lowercase()
                        .starts_with(name)
                        .then(|| line.split_once(": "))?
                        .map(|(_, value)| value.to_owned())
                })
            };
            let length: usize = header("content-length:").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let operation = header("x-amz-target:")?.rsplit('.').next()?.to_owned();
                return Some((operation, serde_json::from_str(body).unwrap_or_default()));
            }
        }
        if count == 0 {
            return None;
        }
    }
}
