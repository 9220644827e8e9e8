//! A tap on the wire between people and the portal: keeps every byte, and tells requests apart.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// Ends with the runtime that it was made on.
pub(crate) struct Tap {
    url: String,
    connections: Arc<Mutex<Vec<(Bytes, Bytes)>>>,
}

/// One request with its answer.
pub(crate) struct Exchange {
    /// `POST /d/{id}/claim`
    pub(crate) what: String,
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl Tap {
    /// In front of the portal that listens where `to` says: `http://localhost:PORT`.
    pub(crate) async fn before(to: &str) -> Result<Self> {
        let to = to.replace("http://localhost", "127.0.0.1");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        let connections: Arc<Mutex<Vec<(Bytes, Bytes)>>> = Arc::default();
        let kept = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((person, _)) = listener.accept().await {
                let Ok(portal) = TcpStream::connect(&to).await else {
                    continue;
                };
                let (sent, answered) = (Bytes::default(), Bytes::default());
                lock(&kept).push((Arc::clone(&sent), Arc::clone(&answered)));
                let (from_person, to_person) = person.into_split();
                let (from_portal, to_portal) = portal.into_split();
                tokio::spawn(pass(from_person, to_portal, sent));
                tokio::spawn(pass(from_portal, to_person, answered));
            }
        });
        Ok(Self { url, connections })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything so far. What is on its way is left out.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        for (sent, answered) in lock(&self.connections).iter() {
            let (sent, answered) = (lock(sent).clone(), lock(answered).clone());
            for (request, answer) in messages(&sent).into_iter().zip(messages(&answered)) {
                exchanges.push(Exchange {
                    what: what(&request),
                    request,
                    answer,
                });
            }
        }
        exchanges
    }

    /// How many bytes there are, and how many of them are in an exchange.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let all = lock(&self.connections)
            .iter()
            .map(|(sent, answered)| lock(sent).len() + lock(answered).len())
            .sum();
        let told = self
            .exchanges()
            .iter()
            .map(|one| one.request.len() + one.answer.len())
            .sum();
        (all, told)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, kept: Bytes) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        lock(&kept).extend(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// HTTP/1.1 messages one after the other, heads and bodies: RFC 9112, section 6.3.
fn messages(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(end) = stream.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&stream[..end]).to_lowercase();
        let body = &stream[end + 4..];
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or_else(|| match head.contains("transfer-encoding: chunked") {
                true => body
                    .windows(5)
                    .position(|five| five == b"0\r\n\r\n")
                    .map_or(body.len(), |at| at + 5),
                false => 0,
            });
        let whole = (end + 4 + length).min(stream.len());
        messages.push(stream[..whole].to_vec());
        stream = &stream[whole..];
    }
    messages
}

/// Method and path, in which one id is like another.
fn what(request: &[u8]) -> String {
    let line = request
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path: Vec<&str> = target
        .split('?')
        .next()
        .unwrap_or_default()
        .split('/')
        .map(
            |part| match part.len() == 36 && part.matches('-').count() == 4 {
                true => "{id}",
                false => part,
            },
        )
        .collect();
    format!("{method} {}", path.join("/"))
}
