//! Connections: accepted until the process is asked to stop, finished then, and ended where a
//! client does not get on with its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// How long a client may take to send a request's head. It counts from the answer before as well,
/// so it is longer than the minute for which proxies keep an idle connection: who closes first must
/// be the one that asks.
const HEAD: Duration = Duration::from_secs(75);
/// An HTTP/2 connection that does not answer a ping is closed.
const PING: Duration = Duration::from_secs(20);
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 200;

/// Serves until asked to stop, and returns when every connection has ended. `stopping` is called
/// before it is no longer listened.
pub(crate) async fn serve<L>(
    listener: L,
    service: Router,
    stop: watch::Receiver<bool>,
    stopping: impl FnOnce(),
) where
    L: Listener,
    L::Addr: Clone + Sync,
{
    serve_within(listener, service, stop, stopping, HEAD).await;
}

async fn serve_within<L>(
    mut listener: L,
    service: Router,
    mut stop: watch::Receiver<bool>,
    stopping: impl FnOnce(),
    head: Duration,
) where
    L: Listener,
    L::Addr: Clone + Sync,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS);
    let open = GracefulShutdown::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|asked| *asked) => break,
        };
        let service = service.clone();
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&has_asked);
        let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let mut request = request.map(Body::new);
            request
                .extensions_mut()
                .insert(ConnectInfo(address.clone()));
            service.clone().oneshot(request)
        });
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), answer)
            .into_owned();
        let connection = open.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                // A client that goes away, or does not get on, is nobody's fault here.
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                },
                () = is_silent_for(head, &has_asked) => tracing::debug!("a connection was silent"),
            }
        });
    }
    stopping();
    drop(listener);
    open.shutdown().await;
}

/// Until a client has said something it is not known which protocol it speaks, and no protocol's own
/// limit counts.
async fn is_silent_for(head: Duration, has_asked: &AtomicBool) {
    tokio::time::sleep(head).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    struct Served {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        done: tokio::task::JoinHandle<()>,
    }

    async fn served(head: Duration) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whom = async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.to_string();
        let service = Router::new().fallback(whom);
        let (stop, asked) = watch::channel(false);
        let done = tokio::spawn(serve_within(listener, service, asked, || (), head));
        Served {
            address,
            stop,
            done,
        }
    }

    /// What arrives until the other side closes.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut all = Vec::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut all)).await;
        read.expect("the connection is kept open").unwrap();
        String::from_utf8(all).unwrap()
    }

    #[tokio::test]
    async fn a_client_that_does_not_send_its_request_is_cut_off() {
        let served = served(Duration::from_millis(100)).await;
        for part in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let mut slow = TcpStream::connect(served.address).await.unwrap();
            slow.write_all(part.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut slow).await, "", "{part:?}");
        }
    }

    #[tokio::test]
    async fn handlers_learn_where_a_request_comes_from() {
        let served = served(HEAD).await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let ask = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let ours = stream.local_addr().unwrap().to_string();
        assert!(rest(&mut stream).await.ends_with(&ours));
    }

    #[tokio::test]
    async fn idle_connections_do_not_keep_it_from_ending() {
        let served = served(HEAD).await;
        let _idle = TcpStream::connect(served.address).await.unwrap();
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut some = [0; 12];
        stream.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HTTP/1.1 200");
        served.stop.send_replace(true);
        timeout(Duration::from_secs(5), served.done)
            .await
            .expect("it ends")
            .unwrap();
        assert!(TcpStream::connect(served.address).await.is_err());
    }
}
