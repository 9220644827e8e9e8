//! The figures that the portal is held to, one line each: `figure NAME VALUE UNIT`. A ratio is of
//! two things measured by turns in this run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::command::{self, cargo};
use crate::postgres::Cluster;
use crate::{cold, site, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// How long both commands of the README take from nothing, instead of the other figures
    #[arg(long)]
    cold: bool,
    /// What people would use instead, beside the portal; installs it, which takes some minutes
    #[arg(long)]
    peers: bool,
    /// Measure only this
    #[arg(long)]
    only: Option<Figure>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Figure {
    /// Verification against a constant answer (aim: at least 0.8)
    VerifyRatio,
    /// The decision in the process that serves, with everything on (aim: under 1 us)
    Decide,
    /// The 99th percentile of verification at half of the maximum rate, beside the constant answer's
    P99,
    /// Minting and sealing a key for one credential (aim: under 1000 us)
    MintSeal,
    /// The queue over 10,000 requests against 100, on both databases (aim: at most 1.5)
    QueueRatio,
    /// The wasm module, compressed (aim: under 200,000 bytes)
    WasmGzip,
    /// Memory of the server with the demo (aim: under 60 MB)
    ResidentDemo,
    /// A million keys: start-up on both databases, memory for each (aim: at most 300 bytes), and the
    /// rate of verification against that with a thousand (aim: at least 0.95)
    Million,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.cold {
        return cold::run();
    }
    let wanted = |figure| options.only.is_none_or(|only| only == figure);
    site::build()?;
    if options.peers {
        let latchkey = release()?;
        command::run(&mut measure("peers", &latchkey))?;
        let cluster = Cluster::durable()?;
        return command::run(on_postgres(&mut measure("handover", &latchkey), &cluster));
    }
    if wanted(Figure::WasmGzip) {
        println!("figure wasm_gzip {} bytes", compressed()?);
    }
    let latchkey = release()?;
    for (figure, name) in [(Figure::MintSeal, "mint_seal"), (Figure::Decide, "decide")] {
        if wanted(figure) {
            let example = workspace::target().join("release/examples").join(name);
            command::run(&mut Command::new(example))?;
        }
    }
    for (figure, name) in [
        (Figure::VerifyRatio, "verify"),
        (Figure::P99, "p99"),
        (Figure::ResidentDemo, "resident"),
    ] {
        if wanted(figure) {
            command::run(&mut measure(name, &latchkey))?;
        }
    }
    for (figure, name) in [(Figure::QueueRatio, "queue"), (Figure::Million, "million")] {
        if wanted(figure) {
            let cluster = Cluster::start()?;
            command::run(on_postgres(&mut measure(name, &latchkey), &cluster))?;
        }
    }
    Ok(())
}

/// One build for release of all that is measured and of what measures it, which shares the cores.
fn release() -> Result<PathBuf> {
    command::run(
        cargo(&["build", "--release", "--features", "server/bench"])
            .args(["--package", "server", "--bin", "latchkey"])
            .args(["--package", "server", "--example", "decide"])
            .args(["--package", "domain", "--example", "mint_seal"])
            .args(["--package", "bench", "--bin", "bench"]),
    )?;
    Ok(workspace::target().join("release/latchkey"))
}

fn measure(figure: &str, latchkey: &Path) -> Command {
    let mut command = Command::new(workspace::target().join("release/bench"));
    command.arg(figure).arg("--latchkey").arg(latchkey);
    command.arg("--site").arg(workspace::site());
    command
}

fn on_postgres<'a>(command: &'a mut Command, cluster: &Cluster) -> &'a mut Command {
    command.env("LATCHKEY_TEST_POSTGRES", cluster.url())
}

/// As a server sends it that compresses once and well.
fn compressed() -> Result<usize> {
    let module = workspace::site().join("pkg/app_bg.wasm");
    let output = Command::new("gzip")
        .args(["-9", "--stdout"])
        .arg(module)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start gzip")?;
    Ok(output.stdout.len())
}
