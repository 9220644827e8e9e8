//! Real gateways, run with the very configurations that `docs/gateways/` gives, and a backend that
//! tells what reached it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use axum::extract::{Request, State};
use rcgen::CertifiedKey;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::process::{Process, command, free_port};
use crate::raw::RawClient;

/// Under a grant of `/v2/shipments/{id}` none of these may be served, however freely the backend
/// resolves, decodes and merges.
pub const CONFUSING_PATHS: [&str; 30] = [
    "/v2/shipments/../invoices",
    "/v2/shipments/1/../../invoices",
    "/v2/shipments/%2e%2e/invoices",
    "/v2/shipments/.%2e/invoices",
    "/v2/shipments/..%2finvoices",
    "/v2/shipments/%2e%2e%2finvoices",
    "/v2/shipments/..%5cinvoices",
    "/v2/shipments/..\\invoices",
    "/v2/shipments/..;/invoices",
    "/v2/shipments/1;/../invoices",
    "/v2/shipments/1;admin=1",
    "/v2/shipments/%252e%252e/invoices",
    "/v2/shipments/%c0%ae%c0%ae/invoices",
    "/v2/shipments/1%00",
    "/v2/shipments/1%0a",
    "/v2/shipments/%ff",
    "/v2/shipments//invoices",
    "//v2/shipments/1",
    "/v2//shipments/1",
    "/v2/./shipments/1",
    "/v2/shipments/.",
    "/v2/shipments/..",
    "/v2/shipments/%2f",
    "/v2/shipments/1%3fadmin=1",
    "/v2/shipments/1%23x",
    "/V2/shipments/1",
    "/v2/Shipments/1",
    "/v2/shipments/",
    "/v2/shipments",
    "/",
];

/// Serves everything, and remembers it.
pub struct Backend {
    port: u16,
    served: Arc<Mutex<Vec<Served>>>,
}

/// A request as the backend got it.
#[derive(Clone, Debug)]
pub struct Served {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Served {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Backend {
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let served = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new()
            .fallback(remember)
            .with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { port, served })
    }

    /// What came since this was last asked.
    pub fn served(&self) -> Vec<Served> {
        std::mem::take(&mut *self.served.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn remember(State(served): State<Arc<Mutex<Vec<Served>>>>, request: Request) -> &'static str {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    let headers = request.headers().iter();
    let entry = Served {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    };
    served
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(entry);
    "served"
}

/// A gateway with TLS before a backend.
pub struct RunningGateway {
    process: Process,
    port: u16,
    certificate: Vec<u8>,
    _folder: TempDir,
}

/// Which gateway, each with the configuration that its users are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

/// What is not as its users are given it.
#[derive(Clone, Copy, Debug)]
pub enum Changed {
    Nothing,
    /// Every call needs this scope.
    NeedsScope(&'static str),
    WithoutTls,
}

impl Kind {
    /// As the portal's form calls it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }
}

impl RunningGateway {
    /// `latchkey` is the port of the portal, `credential` the gateway's.
    ///
    /// # Errors
    /// When it is not installed, or does not take its configuration; then with its output.
    pub async fn start(
        kind: Kind,
        latchkey: u16,
        backend: &Backend,
        credential: &str,
    ) -> Result<Self> {
        Self::start_changed(kind, Changed::Nothing, latchkey, backend, credential).await
    }

    /// The same, with one thing changed in its configuration.
    ///
    /// # Errors
    /// As [`RunningGateway::start`].
    pub async fn start_changed(
        kind: Kind,
        changed: Changed,
        latchkey: u16,
        backend: &Backend,
        credential: &str,
    ) -> Result<Self> {
        let documented = documented(kind)?.replace("127.0.0.1:3000", &at(latchkey));
        let configured = match (changed, kind) {
            (Changed::Nothing, _) => documented.clone(),
            (Changed::NeedsScope(scope), Kind::Nginx) => documented.replace(
                "Latchkey-Scope       \"\"",
                &format!("Latchkey-Scope \"{scope}\""),
            ),
            (Changed::NeedsScope(scope), Kind::Caddy) => {
                let credential = "header_up Latchkey-Gateway {$LATCHKEY_GATEWAY}\n";
                let both = format!("{credential}header_up Latchkey-Scope {scope}\n");
                documented.replace(credential, &both)
            }
            (Changed::WithoutTls, Kind::Nginx) => documented.replace(":8443 ssl;", ":8443;"),
            (Changed::WithoutTls, Kind::Caddy) => documented
                .replace("https://:8443", "http://:8443")
                .replace("tls /etc/caddy/tls/api.pem /etc/caddy/tls/api.key", ""),
        };
        let is_changed = configured != documented;
        ensure!(
            is_changed != matches!(changed, Changed::Nothing),
            "the configuration is written in another way"
        );
        Self::configured(kind, &configured, backend, credential).await
    }

    /// The same over a socket of the portal, with what the configuration's comments say of it.
    ///
    /// # Errors
    /// As [`RunningGateway::start`].
    pub async fn start_over_socket(kind: Kind, socket: &Path, backend: &Backend) -> Result<Self> {
        let socket = socket.display();
        let documented = documented(kind)?;
        let configured = match kind {
            Kind::Nginx => documented.replace("127.0.0.1:3000", &format!("unix:{socket}")),
            Kind::Caddy => documented
                .replace("127.0.0.1:3000", &format!("unix/{socket}"))
                .replace("header_up Latchkey-Gateway {$LATCHKEY_GATEWAY}", ""),
        };
        Self::configured(kind, &configured, backend, "").await
    }

    async fn configured(
        kind: Kind,
        configured: &str,
        backend: &Backend,
        credential: &str,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("latchkey-gateway-")
            .tempdir()?;
        let port = free_port()?;
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        fs::write(folder.path().join("api.pem"), cert.pem())?;
        fs::write(folder.path().join("api.key"), signing_key.serialize_pem())?;
        let configured = configured
            .replace("127.0.0.1:8080", &at(backend.port))
            .replace(":8443", &format!(":{port}"));
        let command = match kind {
            Kind::Nginx => nginx(folder.path(), &configured, credential)?,
            Kind::Caddy => caddy(folder.path(), &configured, credential)?,
        };
        let process = Process::start(kind.code(), command, folder.path().join("log"))?;
        let mut gateway = Self {
            process,
            port,
            certificate: cert.der().to_vec(),
            _folder: folder,
        };
        gateway.wait().await?;
        Ok(gateway)
    }

    /// Of its listener, on the loopback interface.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A client that trusts its certificate.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn client(&self) -> Result<RawClient> {
        RawClient::new(self.port, &self.certificate)
    }

    async fn wait(&mut self) -> Result<()> {
        for _ in 0..200 {
            self.process.still_running()?;
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the gateway never listened:\n{}", self.process.output())
    }
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn documented(kind: Kind) -> Result<String> {
    let name = match kind {
        Kind::Nginx => "nginx.conf",
        Kind::Caddy => "Caddyfile",
    };
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/gateways")
        .join(name);
    fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))
}

/// One process in the foreground, which writes nothing outside of its folder.
fn nginx(folder: &Path, configured: &str, credential: &str) -> Result<std::process::Command> {
    let at = folder.display();
    let mut temporary = String::new();
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        temporary.push_str(&format!("    {what}_temp_path {at}/{what};\n"));
    }
    let configured = configured
        .replace(
            "http {\n",
            &format!("http {{\n    access_log off;\n{temporary}"),
        )
        .replace("/etc/nginx/tls", &at.to_string())
        .replace(
            "/etc/nginx/latchkey-gateway.conf",
            &format!("{at}/credential.conf"),
        );
    let header = format!("proxy_set_header Latchkey-Gateway \"{credential}\";\n");
    fs::write(folder.join("credential.conf"), header)?;
    fs::write(folder.join("nginx.conf"), configured)?;
    let mut command = command("nginx");
    let alone = format!("daemon off; master_process off; pid {at}/pid;");
    command
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .arg("-p")
        .arg(folder)
        .args(["-e", "stderr", "-g", &alone]);
    Ok(command)
}

fn caddy(folder: &Path, configured: &str, credential: &str) -> Result<std::process::Command> {
    let at = folder.display().to_string();
    fs::write(
        folder.join("Caddyfile"),
        configured.replace("/etc/caddy/tls", &at),
    )?;
    let mut command = command("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(folder.join("Caddyfile"))
        .env("LATCHKEY_GATEWAY", credential)
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder);
    Ok(command)
}
