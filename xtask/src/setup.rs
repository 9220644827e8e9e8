//! Installing what the tests need, as far as that is possible without asking.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{self, find, is_root};
use crate::{postgres, workspace};

/// Folders with a package-lock.json of things that only tests use.
const NPM_FOLDERS: [&str; 2] = ["tests/web", "tests/interop"];

pub(crate) fn run() -> Result<()> {
    packages(&missing())?;
    for folder in NPM_FOLDERS {
        npm(&workspace::root().join(folder))?;
    }
    println!("Everything that the tests need is here.");
    Ok(())
}

/// Installs Debian packages when we are root; otherwise stops with the command that does.
pub(crate) fn packages(names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let list = names.join(" ");
    if find("apt-get").is_none() {
        bail!("please install what Debian calls: {list}");
    }
    if !is_root() {
        bail!(
            "these system packages are missing; as root, run:\n  \
             apt-get update && apt-get install --yes --no-install-recommends {list}"
        );
    }
    command::run(
        Command::new("apt-get")
            .arg("update")
            .args(["--quiet", "--quiet"]),
    )?;
    command::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(names),
    )
}

fn missing() -> Vec<&'static str> {
    let mut packages = Vec::new();
    for (program, package) in [
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("setpriv", "util-linux"),
        ("nginx", "nginx"),
        ("caddy", "caddy"),
    ] {
        if find(program).is_none() {
            packages.push(package);
        }
    }
    if postgres::programs().is_none() {
        packages.push("postgresql");
    }
    packages
}

fn npm(folder: &Path) -> Result<()> {
    if npm_is_fresh(folder) {
        return Ok(());
    }
    command::run(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(folder),
    )
}

/// Whether the installed packages are as new as the lock file, or there are none to install.
fn npm_is_fresh(folder: &Path) -> bool {
    let changed = |file: &str| fs::metadata(folder.join(file)).and_then(|found| found.modified());
    match (
        changed("package-lock.json"),
        changed("node_modules/.package-lock.json"),
    ) {
        (Ok(wanted), Ok(installed)) => wanted <= installed,
        (Ok(_), Err(_)) => false,
        (Err(_), _) => true,
    }
}
