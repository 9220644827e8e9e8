//! A child process that does not outlive the test.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;

/// Its output goes to a file. It is killed, with its whole process group, when this is dropped or
/// when the thread that started it ends.
pub(crate) struct Process {
    child: Child,
    name: String,
    output: PathBuf,
}

/// `program`, to be completed with arguments and given to [`Process::start`].
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.as_ref());
    command
}

impl Process {
    /// `name` is for messages. `output` is appended to.
    pub(crate) fn start(name: &str, mut command: Command, output: PathBuf) -> Result<Self> {
        let file = File::options().create(true).append(true).open(&output)?;
        let child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}: setpriv is missing"))?;
        Ok(Self {
            child,
            name: name.to_owned(),
            output,
        })
    }

    pub(crate) fn output(&self) -> String {
        fs::read(&self.output)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until its output contains what `find` looks for.
    pub(crate) async fn wait_for<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        for _ in 0..600 {
            if let Some(found) = find(&self.output()) {
                return Ok(found);
            }
            self.still_running()?;
            sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "{} did not get ready within 30 seconds:\n{}",
            self.name,
            self.output()
        )
    }

    /// # Errors
    /// When it has ended, with its output.
    pub(crate) fn still_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended ({status}):\n{}", self.name, self.output()),
            None => Ok(()),
        }
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("-TERM", &self.child.id().to_string());
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "{} did not end within 30 seconds of SIGTERM:\n{}",
            self.name,
            self.output()
        )
    }

    /// It stands still, as a process that hangs, until it is told to go on.
    pub(crate) fn hang(&self) {
        self.signal("-STOP", &format!("-{}", self.child.id()));
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT", &format!("-{}", self.child.id()));
    }

    /// `kill -9`, at once.
    pub(crate) fn kill(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal("-KILL", &format!("-{}", self.child.id()));
        self.child.kill().ok();
        self.child.wait().ok();
    }

    fn signal(&self, signal: &str, to: &str) {
        Command::new("kill")
            .args([signal, "--", to])
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The folder of this crate, with the JavaScript that tests use.
pub(crate) fn web(file: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web").join(file);
    if !path.exists() {
        bail!("{} is missing: run `cargo xtask setup`", path.display());
    }
    Ok(path)
}

/// Cargo's target directory, in which the running test lies at `debug/deps`.
pub(crate) fn target() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    test.ancestors()
        .nth(3)
        .map(Path::to_owned)
        .with_context(|| format!("{} is not in a target directory", test.display()))
}
