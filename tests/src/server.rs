//! The real portal, as a process of its own.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::process::{Process, command, free_port, target};

/// What may differ from test to test.
#[derive(Clone, Debug)]
pub struct Config {
    /// None: SQLite in the data folder.
    pub database_url: Option<String>,
    pub smtp_url: Option<String>,
    /// `production` or `development`.
    pub profile: &'static str,
    /// Anything else, by the full name of the variable.
    pub environment: Vec<(String, String)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: None,
            smtp_url: None,
            profile: "production",
            environment: Vec::new(),
        }
    }
}

impl Config {
    const CLOCK: &str = "LATCHKEY_FAULT_CLOCK";

    /// Makes the portal's clock run so far ahead of the machine's, from the next start on.
    pub fn set_clock_ahead(&mut self, ahead: Duration) {
        self.environment.retain(|(name, _)| name != Self::CLOCK);
        let ahead = ahead.as_secs().to_string();
        self.environment.push((Self::CLOCK.to_owned(), ahead));
    }

    fn clock_ahead(&self) -> Duration {
        let set = self
            .environment
            .iter()
            .find(|(name, _)| name == Self::CLOCK);
        let seconds = set.and_then(|(_, seconds)| seconds.parse().ok());
        Duration::from_secs(seconds.unwrap_or_default())
    }
}

pub struct Latchkey {
    process: Process,
    config: Config,
    folder: Arc<TempDir>,
    origin: String,
    port: u16,
}

impl Latchkey {
    /// Ready to serve, with a data folder of its own that survives restarts.
    ///
    /// # Errors
    /// When the binary was not built, or did not get ready; then with its output.
    pub async fn start(config: Config) -> Result<Self> {
        let folder = Arc::new(
            tempfile::Builder::new()
                .prefix("latchkey-data-")
                .tempdir()?,
        );
        let port = free_port()?;
        Self::launch(config, folder, format!("http://localhost:{port}"), port).await
    }

    /// One more process of the same portal: same data folder, database and public origin, a
    /// listener of its own.
    pub async fn start_peer(&self) -> Result<Self> {
        let folder = Arc::clone(&self.folder);
        Self::launch(
            self.config.clone(),
            folder,
            self.origin.clone(),
            free_port()?,
        )
        .await
    }

    /// A peer that reaches the database another way.
    pub async fn start_peer_over(&self, database_url: &str) -> Result<Self> {
        let config = Config {
            database_url: Some(database_url.to_owned()),
            ..self.config.clone()
        };
        let folder = Arc::clone(&self.folder);
        Self::launch(config, folder, self.origin.clone(), free_port()?).await
    }

    /// The public origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `path` at this very process, which for a peer is not the public origin.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Of this process's listener, on the loopback interface.
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// None: SQLite in the data folder.
    pub fn database_url(&self) -> Option<&str> {
        self.config.database_url.as_deref()
    }

    /// Everything that this process, before and after restarts, wrote to its output.
    pub fn log(&self) -> String {
        self.process.output()
    }

    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What takes effect at the next restart.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// A fresh one-time link for an owner, as the console gives it.
    pub fn owner_link(&self) -> Result<String> {
        let output = self.console(&["owner-link"])?;
        output
            .split_whitespace()
            .find(|word| word.starts_with(&self.origin))
            .map(str::to_owned)
            .with_context(|| format!("`latchkey owner-link` printed no link:\n{output}"))
    }

    /// Runs another command of the binary with the same configuration, and returns its output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn console(&self, arguments: &[&str]) -> Result<String> {
        self.console_with(&self.config, arguments)
    }

    /// The same with another configuration, at the same origin unless that says otherwise.
    ///
    /// # Errors
    /// As [`Latchkey::console`].
    pub fn console_with(&self, config: &Config, arguments: &[&str]) -> Result<String> {
        let mut command = serve(config, &self.folder, &self.origin, self.port)?;
        let output = command.args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`latchkey {}` failed ({}):\n{text}{why}",
                arguments.join(" "),
                output.status
            );
        }
        Ok(text)
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// It takes connections, and answers nothing until it is told to go on.
    pub fn hang(&self) {
        self.process.hang();
    }

    pub fn go_on(&self) {
        self.process.go_on();
    }

    /// Asks it to shut down, and waits until it has.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate().await
    }

    /// Starts it again on the same port, killing it first if it still runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill();
        self.process = self.spawn()?;
        self.wait().await
    }

    /// How far its clock runs ahead of the machine's.
    pub fn clock_ahead(&self) -> Duration {
        self.config.clock_ahead()
    }

    /// Starts it again so much later: sessions, leases and links are as old as they then would be.
    pub async fn restart_later(&mut self, later: Duration) -> Result<()> {
        self.config.set_clock_ahead(later);
        self.restart().await
    }

    /// Starts it again, and does not wait: for one that dies at a fault point before it is ready.
    pub fn start_again(&mut self) -> Result<()> {
        self.process.kill();
        self.process = self.spawn()?;
        Ok(())
    }

    /// Sets, or takes away, the fault point at which it dies from the next start on.
    pub fn set_fault(&mut self, point: Option<&str>) {
        const NAME: &str = "LATCHKEY_FAULT";
        self.config.environment.retain(|(name, _)| name != NAME);
        if let Some(point) = point {
            let fault = (NAME.to_owned(), point.to_owned());
            self.config.environment.push(fault);
        }
    }

    /// Waits for a process that is to die by itself, as at a fault point.
    pub async fn wait_until_dead(&mut self) -> Result<()> {
        for _ in 0..3000 {
            if self.process.still_running().is_err() {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("the portal still runs after 30 seconds")
    }

    async fn launch(
        config: Config,
        folder: Arc<TempDir>,
        origin: String,
        port: u16,
    ) -> Result<Self> {
        let process = spawn(serve(&config, &folder, &origin, port)?, &folder, port)?;
        let mut latchkey = Self {
            process,
            config,
            folder,
            origin,
            port,
        };
        latchkey.wait().await?;
        Ok(latchkey)
    }

    fn spawn(&self) -> Result<Process> {
        spawn(self.command()?, &self.folder, self.port)
    }

    fn command(&self) -> Result<Command> {
        serve(&self.config, &self.folder, &self.origin, self.port)
    }

    async fn wait(&mut self) -> Result<()> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()?;
        for _ in 0..3000 {
            self.process.still_running()?;
            let ready = client.get(self.url("/readyz")).send().await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!(
            "the portal was not ready within 30 seconds:\n{}",
            self.log()
        )
    }
}

fn spawn(mut command: Command, folder: &TempDir, port: u16) -> Result<Process> {
    command.arg("serve");
    Process::start(
        "the portal",
        command,
        folder.path().join(format!("log-{port}")),
    )
}

/// The binary with its whole configuration; nothing else of the environment reaches it.
fn serve(config: &Config, folder: &TempDir, origin: &str, port: u16) -> Result<Command> {
    let target = target()?;
    let binary = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|profile| profile.join("latchkey"))
        .filter(|binary| binary.is_file())
        .with_context(|| {
            format!(
                "no `latchkey` in {}: run the tests by `cargo xtask test`",
                target.display()
            )
        })?;
    let site = std::env::var_os("LATCHKEY_SITE").map_or_else(|| target.join("site"), PathBuf::from);
    let mut command = command(binary);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LATCHKEY_PROFILE", config.profile)
        .env("LATCHKEY_DATA_DIR", folder.path().join("data"))
        .env("LATCHKEY_SITE", site)
        .env("LATCHKEY_ORIGIN", origin)
        .env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"))
        .envs(
            config
                .database_url
                .iter()
                .map(|url| ("LATCHKEY_DATABASE_URL", url)),
        )
        .envs(config.smtp_url.iter().map(|url| ("LATCHKEY_SMTP_URL", url)))
        .envs(config.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}
