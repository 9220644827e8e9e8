//! What people would use instead, asked the same thing by the same load generator, by turns with
//! the portal: `bench/peers/README.md` says what is compared.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::load;
use crate::portal::Program;
use crate::verify::{House, by_turns};

const KEYS: &str = "1000";
const ROUNDS: usize = 5;

/// A peer's folder, its name in figures, and with how many workers; of two ways to run it, the better
/// one counts.
const PEERS: [(&str, &str, Option<&str>); 4] = [
    ("better-auth", "better_auth", Some("1")),
    ("better-auth", "better_auth", Some("2")),
    ("drf", "drf_api_key", None),
    ("openbao", "openbao_lookup", None),
];

pub(crate) async fn measure(program: &Program) -> Result<Vec<String>> {
    let house = House::with(program, KEYS).await?;
    let mut best: Vec<(&str, f64, f64)> = Vec::new();
    for (folder, name, workers) in PEERS {
        let peer = Peer::start(folder, workers, KEYS).await?;
        let ours = (house.address(), house.requests("/v1/verify"));
        let theirs = (peer.address, peer.requests()?);
        let (ours, theirs) = by_turns(ours, theirs, ROUNDS).await?;
        match best.iter_mut().find(|(known, ..)| *known == name) {
            Some(known) if known.2 < theirs => *known = (name, ours, theirs),
            Some(_) => {}
            None => best.push((name, ours, theirs)),
        }
    }
    let mut figures = Vec::new();
    for (name, ours, theirs) in best {
        figures.push(format!("{name}_rate {theirs:.0} requests/s"));
        figures.push(format!("{name}_ratio {:.1} ratio", ours / theirs));
    }
    Ok(figures)
}

/// Killed when this is dropped.
pub(crate) struct Peer {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Peer {
    pub(crate) async fn start(name: &str, workers: Option<&str>, keys: &str) -> Result<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(name);
        install(&scripts)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let folder = tempfile::Builder::new()
            .prefix("latchkey-peer-")
            .tempdir()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let data = folder.path().join("data");
        let child = Command::new(scripts.join("start"))
            .arg(&data)
            .arg(port.to_string())
            .arg(keys)
            .envs(workers.map(|workers| ("WORKERS", workers)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut peer = Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            folder,
        };
        for _ in 0..1800 {
            if peer.data("requests.json").exists() {
                return Ok(peer);
            }
            if let Some(status) = peer.child.try_wait()? {
                let log = fs::read_to_string(peer.folder.path().join("log"))?;
                bail!("{name} ended ({status}):\n{log}");
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!("{name} was not ready within three minutes")
    }

    /// A file that its script wrote.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn requests(&self) -> Result<Vec<Vec<u8>>> {
        let file: Value = serde_json::from_slice(&fs::read(self.data("requests.json"))?)?;
        let requests = file.get("requests").and_then(Value::as_array);
        let requests = requests.context("no requests")?;
        requests.iter().map(wired).collect()
    }
}

impl Drop for Peer {
    /// In order first: what it started itself ends with it then.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Once: `node_modules` or `venv` beside the script say that it was done.
fn install(scripts: &Path) -> Result<()> {
    let is_there = |folder| scripts.join(folder).exists();
    if is_there("node_modules") || is_there("venv") {
        return Ok(());
    }
    let status = Command::new(scripts.join("install")).status()?;
    ensure!(status.success(), "{} failed: {status}", scripts.display());
    Ok(())
}

fn wired(request: &Value) -> Result<Vec<u8>> {
    let text = |name| {
        request
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let headers = request.get("headers").and_then(Value::as_object);
    let headers = headers.context("no headers")?.iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    Ok(load::request(
        text("method"),
        text("path"),
        headers,
        text("body"),
    ))
}
