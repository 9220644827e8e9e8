//! A throw-away PostgreSQL cluster, reached through a socket in its own folder.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::command::{self, find, is_root};

/// PostgreSQL refuses to run as root; Debian's package makes this user.
const USER: &str = "postgres";

/// Stops, and removes its folder, when dropped.
pub(crate) struct Cluster {
    server: Child,
    folder: TempDir,
}

impl Cluster {
    /// One that may forget what it was told last when the power is cut: for tests.
    pub(crate) fn start() -> Result<Self> {
        Self::with(&[
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
        ])
    }

    /// One as PostgreSQL is by default.
    pub(crate) fn durable() -> Result<Self> {
        Self::with(&[])
    }

    fn with(settings: &[&str]) -> Result<Self> {
        let programs = programs().context("no PostgreSQL server: run `cargo xtask setup`")?;
        let folder = tempfile::Builder::new()
            .prefix("latchkey-postgres-")
            .tempdir()?;
        if is_root() {
            let id = |flag| -> Result<u32> {
                Ok(command::output(Command::new("id").args([flag, USER]))?.parse()?)
            };
            chown(folder.path(), Some(id("-u")?), Some(id("-g")?))?;
        }
        let data = folder.path().join("data");
        command::run(
            unprivileged(&programs.join("initdb"))
                .arg("--pgdata")
                .arg(&data)
                .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8"])
                .args(["--locale", "C", "--no-sync"])
                .current_dir(folder.path())
                .stdout(Stdio::null()),
        )?;
        let server = serve(&programs, &data, folder.path(), settings)?;
        let mut cluster = Self { server, folder };
        cluster.wait(&programs)?;
        Ok(cluster)
    }

    /// Of its maintenance database, as its superuser.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().display();
        format!("postgres://{USER}@localhost/postgres?host={folder}")
    }

    fn wait(&mut self, programs: &Path) -> Result<()> {
        for _ in 0..300 {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("PostgreSQL did not start ({status}):\n{log}");
            }
            let ready = Command::new(programs.join("pg_isready"))
                .arg("--quiet")
                .arg("--host")
                .arg(self.folder.path())
                .status()?;
            if ready.success() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("PostgreSQL was not ready within 30 seconds")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT is the fast shutdown: it leaves no shared memory behind, as a kill would.
        let pid = self.server.id().to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            self.server.kill().ok();
        }
        self.server.wait().ok();
    }
}

/// The folder with the server's programs, which Debian keeps off the PATH.
pub(crate) fn programs() -> Option<PathBuf> {
    // A link on the PATH stands for the folder that it points into.
    if let Some(postgres) = find("postgres").and_then(|link| link.canonicalize().ok()) {
        return postgres.parent().map(Path::to_owned);
    }
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("postgres").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

fn serve(programs: &Path, data: &Path, socket: &Path, settings: &[&str]) -> Result<Child> {
    let log = fs::File::create(socket.join("log"))?;
    unprivileged(&programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(socket)
        .args(["-c", "listen_addresses=", "-c", "max_connections=400"])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .current_dir(socket)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start PostgreSQL")
}

/// Not as root, and shut down by the kernel when we die without having done it.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_leaves_nothing_behind() {
        let cluster = Cluster::start().unwrap();
        let folder = cluster.folder.path().to_owned();
        let pid = cluster.server.id();
        let psql = programs().unwrap().join("psql");
        let one = command::output(
            Command::new(psql)
                .arg(cluster.url())
                .args(["-Atc", "select 1"]),
        );
        assert_eq!(one.unwrap(), "1");
        drop(cluster);
        assert!(!folder.exists());
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
