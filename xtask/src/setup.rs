//! Installing what the tests need, as far as that is possible without asking.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::command::{self, find, is_root};
use crate::{postgres, workspace};

/// Folders with a package-lock.json of things that only tests use.
const NPM_FOLDERS: [&str; 2] = ["tests/web", "tests/interop"];

/// The folder with the requirements of the Python programs that only tests use, and in it their
/// environment.
const PYTHON_FOLDER: &str = "tests/python";
const REQUIREMENTS: &str = "requirements.txt";
const ENVIRONMENT: &str = ".venv";

pub(crate) fn run() -> Result<()> {
    packages(&missing())?;
    for folder in NPM_FOLDERS {
        npm(&workspace::root().join(folder))?;
    }
    python(&workspace::root().join(PYTHON_FOLDER))?;
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
        ("curl", "curl"),
        ("python3", "python3"),
        ("c++", "g++"),
    ] {
        if find(program).is_none() {
            packages.push(package);
        }
    }
    if postgres::programs().is_none() {
        packages.push("postgresql");
    }
    if !python_makes_environments() {
        packages.push("python3-venv");
    }
    packages
}

/// Debian keeps the part of Python that makes environments in a package of its own.
fn python_makes_environments() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn python(folder: &Path) -> Result<()> {
    if python_is_fresh(folder) {
        return Ok(());
    }
    let environment = folder.join(ENVIRONMENT);
    command::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )?;
    // The requirements name everything, so nothing is chosen on the day of the set-up.
    command::run(
        Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--requirement", REQUIREMENTS])
            .current_dir(folder),
    )?;
    // The copy says that the environment is whole, and of which requirements.
    fs::copy(folder.join(REQUIREMENTS), environment.join(REQUIREMENTS))?;
    Ok(())
}

fn python_is_fresh(folder: &Path) -> bool {
    let wanted = fs::read(folder.join(REQUIREMENTS));
    let installed = fs::read(folder.join(ENVIRONMENT).join(REQUIREMENTS));
    matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted == installed)
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
