//! A wire to PostgreSQL that a test can cut, or hold so that nothing comes through.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use reqwest::Url;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Runs,
    /// Nothing comes through, and nobody is told.
    Held,
    /// Connections are closed, and new ones with them.
    Cut,
}

/// Ends with the runtime that it was made on.
pub struct Wire {
    url: String,
    flow: watch::Sender<Flow>,
}

impl Wire {
    /// To the cluster of this database's URL, by its Unix socket.
    ///
    /// # Errors
    /// When the URL names no socket.
    pub async fn to(database_url: &str) -> Result<Self> {
        let mut url = Url::parse(database_url)?;
        let folder = url
            .query_pairs()
            .find_map(|(name, value)| (name == "host").then(|| value.into_owned()))
            .context("the database is not reached by a Unix socket")?;
        let port = url.port().unwrap_or(5432);
        let socket: Arc<Path> = Path::new(&folder).join(format!(".s.PGSQL.{port}")).into();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        url.set_query(None);
        url.set_host(Some("127.0.0.1"))?;
        let port = listener.local_addr()?.port();
        url.set_port(Some(port)).ok().context("a port in the URL")?;
        let (flow, watched) = watch::channel(Flow::Runs);
        tokio::spawn(accept(listener, socket, watched));
        Ok(Self {
            url: url.into(),
            flow,
        })
    }

    /// The same database, by this wire.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }
}

async fn accept(listener: TcpListener, socket: Arc<Path>, flow: watch::Receiver<Flow>) {
    while let Ok((client, _)) = listener.accept().await {
        if *flow.borrow() != Flow::Cut {
            tokio::spawn(connect(client, Arc::clone(&socket), flow.clone()));
        }
    }
}

async fn connect(client: TcpStream, socket: Arc<Path>, flow: watch::Receiver<Flow>) {
    let Ok(server) = UnixStream::connect(&socket).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = carry(from_client, to_server, flow.clone()) => {}
        () = carry(from_server, to_client, flow.clone()) => {}
        () = until(flow, |flow| flow == Flow::Cut) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    flow: watch::Receiver<Flow>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        until(flow.clone(), |flow| flow == Flow::Runs).await;
        let read = buffer.get(..length).unwrap_or_default();
        if to.write_all(read).await.is_err() {
            return;
        }
    }
}

async fn until(mut flow: watch::Receiver<Flow>, holds: impl Fn(Flow) -> bool) {
    drop(flow.wait_for(|flow| holds(*flow)).await);
}
