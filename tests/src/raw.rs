//! Requests byte for byte, over TLS: what an HTTP library would tidy up before it sends it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub struct RawClient {
    port: u16,
    connector: TlsConnector,
}

#[derive(Clone, Debug)]
pub struct RawResponse {
    pub status: u16,
    /// The header lines, as they came.
    pub head: String,
    pub body: String,
}

impl RawResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(':')?;
            header.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl RawClient {
    /// Of a server on the loopback interface with this certificate (DER).
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn new(port: u16, certificate: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate.to_vec()))?;
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { port, connector })
    }

    /// One request on a connection of its own: this request line (without the version), these
    /// header lines.
    ///
    /// # Errors
    /// When no answer comes within ten seconds.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)]) -> Result<RawResponse> {
        let mut request = format!("{line} HTTP/1.1\r\nhost: localhost:{}\r\n", self.port);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("connection: close\r\n\r\n");
        let answer = timeout(Duration::from_secs(10), self.exchange(request.as_bytes()))
            .await
            .with_context(|| format!("no answer to {line}"))??;
        parse(&answer).with_context(|| format!("no HTTP answer to {line}: {answer}"))
    }

    async fn exchange(&self, request: &[u8]) -> Result<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let name = ServerName::try_from("localhost")?;
        let mut stream = self.connector.connect(name, stream).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        // A peer that closes without TLS's goodbye has still answered.
        if let Err(error) = stream.read_to_end(&mut answer).await
            && answer.is_empty()
        {
            return Err(error.into());
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// A whole request, byte for byte, to a server on the loopback interface that speaks without TLS. It
/// must ask for the connection to be closed.
///
/// # Errors
/// When no answer comes within ten seconds.
pub async fn send_plain(port: u16, request: &str) -> Result<RawResponse> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    exchanged(stream, request).await
}

/// The same over a Unix socket.
///
/// # Errors
/// As [`send_plain`].
pub async fn send_over_socket(socket: &Path, request: &str) -> Result<RawResponse> {
    exchanged(UnixStream::connect(socket).await?, request).await
}

async fn exchanged(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> Result<RawResponse> {
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(Duration::from_secs(10), exchange)
        .await
        .context("no answer")??;
    parse(&answer).with_context(|| format!("no HTTP answer: {answer}"))
}

fn parse(answer: &str) -> Option<RawResponse> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut response = RawResponse {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    };
    if response.header("transfer-encoding") == Some("chunked") {
        response.body = unchunked(body)?;
    }
    Some(response)
}

/// RFC 9112, section 7.1, without extensions and trailers.
fn unchunked(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..size)?);
        body = rest.get(size + 2..)?;
    }
}
