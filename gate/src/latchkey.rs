//! Asking Latchkey: over connections that are kept and used again.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::{Authority, Scheme};
use http::{HeaderName, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpStream, UnixStream};
use zeroize::Zeroizing;

use crate::GateRefused;
use crate::answer::{self, Decision};
use crate::call::Question;
use crate::credential::Credential;

const GATEWAY: HeaderName = HeaderName::from_static("latchkey-gateway");

/// An answer is a few hundred bytes; one that goes on for longer is not Latchkey's.
const LONGEST_ANSWER: usize = 64 * 1024;

#[derive(Clone)]
pub(crate) struct Latchkey {
    client: Client<Connector, Full<Bytes>>,
    verify: Uri,
    at: Address,
    credential: Credential,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    Tcp(Authority),
    Socket(Arc<PathBuf>),
}

/// Why there is no decision; for the service's own log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsure {
    #[error("Latchkey cannot be reached: {0}")]
    Unreachable(String),
    #[error("Latchkey answered {0}")]
    Status(http::StatusCode),
    #[error("Latchkey's answer cannot be read")]
    Unreadable,
}

impl Latchkey {
    pub(crate) fn at(address: &str, credential: Credential) -> Result<Self, GateRefused> {
        let (at, verify) = match address.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => (
                Address::Socket(Arc::new(path.into())),
                Uri::from_static("http://localhost/v1/verify"),
            ),
            Some(_) => return Err(GateRefused::NotAnAddress),
            None => {
                let authority = authority(address).ok_or(GateRefused::NotAnAddress)?;
                let verify = Uri::builder()
                    .scheme(Scheme::HTTP)
                    .authority(authority.clone())
                    .path_and_query("/v1/verify")
                    .build()
                    .map_err(|_| GateRefused::NotAnAddress)?;
                (Address::Tcp(authority), verify)
            }
        };
        // What is asked again is only what was certainly not sent, on a connection that had closed:
        // a question that was counted is never asked twice.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(64)
            .build(Connector(at.clone()));
        Ok(Self {
            client,
            verify,
            at,
            credential,
        })
    }

    pub(crate) fn is_on_this_machine(&self) -> bool {
        match &self.at {
            Address::Socket(_) => true,
            Address::Tcp(authority) => {
                let host = authority.host().trim_matches(['[', ']']);
                let address: Option<IpAddr> = host.parse().ok();
                host == "localhost" || address.is_some_and(|address| address.is_loopback())
            }
        }
    }

    /// Takes as long as Latchkey does; the caller sets the deadline.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Result<Decision, Unsure> {
        let unreachable = |why: &dyn std::error::Error| Unsure::Unreachable(innermost(why));
        // Room enough that the key is written once, and wiped with the buffer.
        let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer(&mut *body, question).map_err(|why| unreachable(&why))?;
        let request = Request::post(self.verify.clone())
            .header(GATEWAY, self.credential.header())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_owner(body)))
            .map_err(|why| unreachable(&why))?;
        let response = self.client.request(request);
        let response = response.await.map_err(|why| unreachable(&why))?;
        if response.status() != http::StatusCode::OK {
            return Err(Unsure::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect();
        let body = body.await.map_err(|_| Unsure::Unreadable)?.to_bytes();
        answer::read(&body).ok_or(Unsure::Unreadable)
    }
}

fn authority(address: &str) -> Option<Authority> {
    let uri: Uri = address.parse().ok()?;
    let bare = matches!(
        uri.path_and_query().map(|path| path.as_str()),
        None | Some("/")
    );
    let parts = uri.into_parts();
    let authority = parts
        .authority
        .filter(|authority| !authority.as_str().contains('@') && authority.port_u16().is_some());
    authority.filter(|_| bare && parts.scheme == Some(Scheme::HTTP))
}

fn innermost(why: &dyn std::error::Error) -> String {
    let mut why = why;
    while let Some(source) = why.source() {
        why = source;
    }
    why.to_string()
}

/// Connects to the one address, whatever is asked for.
#[derive(Clone)]
struct Connector(Address);

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let at = self.0.clone();
        Box::pin(async move {
            Ok(match at {
                Address::Tcp(authority) => {
                    let port = authority.port_u16().unwrap_or_default();
                    let host = authority.host().trim_matches(['[', ']']);
                    let stream = TcpStream::connect((host, port)).await?;
                    stream.set_nodelay(true)?;
                    Stream::Tcp(TokioIo::new(stream))
                }
                Address::Socket(path) => {
                    let stream = UnixStream::connect(&*path).await?;
                    Stream::Socket(TokioIo::new(stream))
                }
            })
        })
    }
}

enum Stream {
    Tcp(TokioIo<TcpStream>),
    Socket(TokioIo<UnixStream>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Socket(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Socket(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Socket(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Socket(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Gate;

    use super::*;

    fn gate(address: &str) -> Option<GateRefused> {
        let credential: Credential = format!("lkg_{}", "a".repeat(43)).parse().unwrap();
        Gate::new(address, credential).err()
    }

    #[test]
    fn keys_do_not_cross_a_network_in_the_clear() {
        for address in [
            "http://10.0.0.1:3000",
            "http://latchkey:3000",
            "http://[2001:db8::1]:1",
        ] {
            assert_eq!(gate(address), Some(GateRefused::InTheClear), "{address}");
        }
        for address in [
            "http://127.0.0.1:3000",
            "http://localhost:3000/",
            "http://[::1]:1",
            "unix:/run/latchkey.sock",
        ] {
            assert_eq!(gate(address), None, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_of_latchkey_is_refused() {
        for address in [
            "",
            "127.0.0.1:3000",
            "https://127.0.0.1:3000",
            "http://127.0.0.1",
            "http://127.0.0.1:3000/v1/verify",
            "http://127.0.0.1:3000?x",
            "http://user@127.0.0.1:3000",
            "unix:run/latchkey.sock",
        ] {
            assert_eq!(gate(address), Some(GateRefused::NotAnAddress), "{address}");
        }
    }
}
