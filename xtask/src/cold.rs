//! How long both commands of the README take on a machine that has never built this: with an empty
//! target folder and an empty cargo home. What they fetch comes over the network.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{self, cargo};
use crate::workspace;

/// Neither the portal's own port nor that of a test.
const PORT: u16 = 3999;

pub(crate) fn run() -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("latchkey-cold-")
        .tempdir_in(workspace::target())?;
    let start = now();
    let mut portal = Started(of(folder.path(), &["run", "--port", &PORT.to_string()]).spawn()?);
    portal.wait_until_ready()?;
    drop(portal);
    println!("figure cold_run {:.0} s", start.elapsed().as_secs_f64());

    let start = now();
    command::run(&mut of(folder.path(), &["test"]))?;
    println!("figure cold_test {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// `cargo xtask …` in a house of its own. Cargo's own settings go along; what it has fetched does
/// not.
fn of(folder: &Path, arguments: &[&str]) -> Command {
    let home = folder.join("cargo");
    if let (false, Some(own)) = (home.exists(), own_settings()) {
        let copied = std::fs::create_dir_all(&home)
            .and_then(|()| std::fs::copy(own, home.join("config.toml")));
        if let Err(why) = copied {
            eprintln!("cargo's settings are left out: {why}");
        }
    }
    let mut command = cargo(&["xtask"]);
    // The portal refuses settings that it does not know.
    for (setting, _) in std::env::vars_os() {
        if setting.to_string_lossy().starts_with("LATCHKEY_") {
            command.env_remove(setting);
        }
    }
    command
        .args(arguments)
        .env("CARGO_HOME", home)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("LATCHKEY_DATA_DIR", folder.join("data"));
    command
}

fn own_settings() -> Option<std::path::PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("config.toml")).filter(|settings| settings.is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a build takes is not domain time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Ended when this is dropped.
struct Started(Child);

impl Started {
    fn wait_until_ready(&mut self) -> Result<()> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                bail!("`cargo xtask run` ended ({status})");
            }
            if is_ready() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The portal has taken the place of `cargo xtask run`, which had taken cargo's.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn is_ready() -> bool {
    let mut answer = String::new();
    let asked = TcpStream::connect(("127.0.0.1", PORT)).and_then(|mut stream| {
        std::io::Write::write_all(
            &mut stream,
            b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        )?;
        stream.read_to_string(&mut answer)
    });
    asked.is_ok() && answer.starts_with("HTTP/1.1 200")
}
