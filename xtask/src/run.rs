//! The portal on this machine, for trying it and for working on it.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::command::{self, cargo};
use crate::{site, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Where the portal listens, on the loopback interface
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Serve a host full of examples, and print a one-time link for each role
    #[arg(long)]
    demo: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    site::build()?;
    let mut build = cargo(&["build", "--package", "server", "--bin", "latchkey"]);
    if options.demo {
        build.args(["--features", "demo"]);
    }
    command::run(&mut build)?;
    if options.demo {
        // The mails of its story would hide the links.
        command::run(
            latchkey(options)
                .args(["dev", "host"])
                .env("LATCHKEY_LOG", "warn"),
        )?;
    }
    // It takes our place, so that signals and the terminal are its own.
    let failure = latchkey(options).arg("serve").exec();
    Err(failure).context("cannot start the portal")
}

/// The program, configured for this machine. The demo has a folder of its own.
fn latchkey(options: &Options) -> Command {
    let port = options.port;
    let own = workspace::root().join(match options.demo {
        true => ".latchkey/demo",
        false => ".latchkey",
    });
    let data = env::var_os("LATCHKEY_DATA_DIR").map_or(own, PathBuf::from);
    let mut command = Command::new(workspace::target().join("debug/latchkey"));
    command
        .env("LATCHKEY_PROFILE", "development")
        .env("LATCHKEY_SITE", workspace::site())
        .env("LATCHKEY_ORIGIN", format!("http://localhost:{port}"))
        .env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"))
        .env("LATCHKEY_DATA_DIR", data);
    command
}
