//! Simulates outages: a proxy between the system and the emulator that can refuse one AWS service.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The names of services as signatures of requests have them.
pub(super) const DYNAMODB: &str = "dynamodb";
pub(super) const EVENTBRIDGE: &str = "events";

#[derive(Clone)]
pub(super) struct FaultProxy {
    shut_for: Arc<Mutex<BTreeSet<&'static str>>>,
    pub(super) url: String,
}

impl FaultProxy {
    /// Starts a proxy in front of an endpoint. It forwards until the runtime ends.
    pub(super) async fn before(endpoint: &str) -> Self {
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let door = Self { shut_for: Arc::default(), url };
        let guard = door.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (guard, address) = (guard.clone(), address.clone());
                // An error ends this connection only, as a failing network does.
                tokio::spawn(async move { guard.carry(client, &address).await });
            }
        });
        door
    }

    pub(super) fn shut(&self, service: &'static str) {
        self.shut_for.lock().unwrap().insert(service);
    }

    pub(super) fn open(&self, service: &'static str) {
        self.shut_for.lock().unwrap().remove(service);
    }

    /// Carries bytes both ways, until a request is for a service for which the door is shut.
    async fn carry(&self, client: TcpStream, address: &str) -> std::io::Result<()> {
        let server = TcpStream::connect(address).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from_client.read(&mut buffer).await?;
            // The head of a request, which holds the signature, comes in one piece.
            if length == 0 || self.is_shut_for(&buffer[..length]) {
                answers.abort();
                return Ok(());
            }
            to_server.write_all(&buffer[..length]).await?;
        }
    }

    fn is_shut_for(&self, bytes: &[u8]) -> bool {
        let shut_for = self.shut_for.lock().unwrap();
        !shut_for.is_empty() && {
            let text = String::from_utf8_lossy(bytes);
            shut_for.iter().any(|service| text.contains(&format!("/{service}/aws4_request")))
        }
    }
}
