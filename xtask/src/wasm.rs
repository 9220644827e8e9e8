//! The browser's module: compiled by whichever compiler here can make wasm, then bound.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::command::{self, cargo, find};
use crate::{setup, workspace};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm-release";
/// Debian's compiler with the sources of its standard library, for want of a rustup download.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Compiles `app` for the browser and returns the raw module.
pub(crate) fn compile() -> Result<PathBuf> {
    let way = Way::choose()?;
    // The two compilers cannot share artefacts, nor can they with the host's build.
    let folder = workspace::target().join(match way {
        Way::Rustup => "wasm",
        Way::Debian { .. } => "wasm-debian",
    });
    let mut build = cargo(&[
        "build",
        "--package",
        "app",
        "--lib",
        "--no-default-features",
    ]);
    build
        .args(["--target", TARGET, "--profile", PROFILE])
        .arg("--target-dir")
        .arg(&folder);
    if let Way::Debian { rustc } = &way {
        build
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC", rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
    }
    command::run(&mut build)?;
    Ok(folder.join(TARGET).join(PROFILE).join("app.wasm"))
}

/// Writes `app.js` and `app_bg.wasm`.
pub(crate) fn bind(module: &Path, into: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name("app")
        .generate(into)
        .context("wasm-bindgen refuses the module")
}

enum Way {
    Rustup,
    Debian { rustc: PathBuf },
}

impl Way {
    /// `LATCHKEY_WASM` decides; without it rustup's target does if it is or can be installed.
    /// Debian's compiler goes before a download that must have failed when it was installed.
    fn choose() -> Result<Self> {
        match env::var("LATCHKEY_WASM").as_deref() {
            Ok("rustup") => add_target().map(|()| Self::Rustup),
            Ok("debian") => Self::debian(),
            Ok(other) => bail!("LATCHKEY_WASM is `{other}`: it may be `rustup` or `debian`"),
            Err(_) if has_target()? => Ok(Self::Rustup),
            Err(_) if debian_rustc().is_some() => Self::debian(),
            Err(_) => match add_target() {
                Ok(()) => Ok(Self::Rustup),
                Err(why) => {
                    eprintln!("{why:#}; taking Debian's compiler instead");
                    Self::debian()
                }
            },
        }
    }

    fn debian() -> Result<Self> {
        if debian_rustc().is_none() {
            setup::packages(&DEBIAN_PACKAGES)?;
        }
        let rustc = debian_rustc().context("rustc-web is installed, but has no compiler")?;
        Ok(Self::Debian { rustc })
    }
}

fn has_target() -> Result<bool> {
    Ok(sysroot()?
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir())
}

fn add_target() -> Result<()> {
    if has_target()? {
        return Ok(());
    }
    // Offline, rustup would retry for minutes.
    command::run_within(
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .env("RUSTUP_MAX_RETRIES", "1"),
        120,
    )?;
    if !has_target()? {
        bail!("rustup added the target {TARGET} to another toolchain than the one in use");
    }
    Ok(())
}

/// Both packages must be there: the compiler is no use without its library's sources.
fn debian_rustc() -> Option<PathBuf> {
    find("dpkg")?;
    for package in DEBIAN_PACKAGES {
        let query = ["--show", "--showformat=${db:Status-Status}", package];
        let status = Command::new("dpkg-query").args(query).output().ok()?;
        if status.stdout != b"installed" {
            return None;
        }
    }
    let files = command::output(Command::new("dpkg").args(["--listfiles", "rustc-web"])).ok()?;
    files
        .lines()
        .map(PathBuf::from)
        .find(|file| file.ends_with("bin/rustc") && file.is_file())
}

/// Debian's compiler knows no linker for wasm; rustup's toolchain brings one.
fn linker() -> Result<PathBuf> {
    let version = command::output(Command::new(command::rustc()).arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not name its host")?;
    Ok(sysroot()?
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld"))
}

fn sysroot() -> Result<PathBuf> {
    let sysroot = command::output(Command::new(command::rustc()).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot))
}
