//! The portal that is measured, as a process of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tests::visitor::Visitor;
use tokio::time::sleep;

/// What there is to run.
pub(crate) struct Program {
    pub(crate) latchkey: PathBuf,
    pub(crate) site: PathBuf,
}

/// A data folder and a database that a portal can be started on; gone when this is dropped.
pub(crate) struct Place<'a> {
    program: &'a Program,
    folder: TempDir,
    database_url: Option<String>,
    port: u16,
}

/// Killed when this is dropped.
pub(crate) struct Running(Child);

impl<'a> Place<'a> {
    /// On SQLite, or on this PostgreSQL database.
    pub(crate) fn new(program: &'a Program, database_url: Option<String>) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        Ok(Self {
            program,
            folder: tempfile::Builder::new()
                .prefix("latchkey-bench-")
                .tempdir()?,
            database_url,
            port,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database_url(&self) -> Option<&str> {
        self.database_url.as_deref()
    }

    pub(crate) fn sqlite(&self) -> PathBuf {
        self.folder().join("data/latchkey.sqlite")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Runs a command of the binary, and returns what it printed.
    pub(crate) fn console(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).output()?;
        ensure!(
            output.status.success(),
            "`latchkey {}` failed ({}):\n{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts serving, and waits until it is ready.
    pub(crate) async fn serve(&self) -> Result<Running> {
        let log = fs::File::create(self.folder().join("log"))?;
        let child = self
            .command()
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut running = Running(child);
        let client = reqwest::Client::new();
        for _ in 0..6000 {
            if let Some(status) = running.0.try_wait()? {
                let log = fs::read_to_string(self.folder().join("log"))?;
                bail!("the portal ended ({status}):\n{log}");
            }
            let ready = client.get(format!("{}/readyz", self.origin())).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(running);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the portal was not ready within five minutes")
    }

    /// Somebody of the staff with every role, signed in.
    pub(crate) async fn owner(&self) -> Result<Visitor> {
        let printed =
            self.console(&["owner-link", "--recover", "--email", "bench@host.example"])?;
        let link = printed
            .split_whitespace()
            .find(|word| word.starts_with(&self.origin()))
            .with_context(|| format!("no link in {printed}"))?;
        let mut owner = Visitor::new(&self.origin());
        owner.enrol(link, None).await?;
        Ok(owner)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program.latchkey);
        command
            .env_clear()
            .env("LATCHKEY_LOG", "warn")
            .env("LATCHKEY_PROFILE", "development")
            .env("LATCHKEY_DATA_DIR", self.folder().join("data"))
            .env("LATCHKEY_SITE", &self.program.site)
            // Clients that say so come from addresses of their own, as they would through a proxy.
            .env("LATCHKEY_PROXIES", "127.0.0.0/8")
            .env("LATCHKEY_ORIGIN", self.origin())
            .env("LATCHKEY_LISTEN", self.address().to_string());
        if let Some(url) = &self.database_url {
            command.env("LATCHKEY_DATABASE_URL", url);
        }
        command
    }
}

impl Running {
    /// Megabytes (10^6 bytes) of memory that are resident.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let kibibytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no resident size")?
            .parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
