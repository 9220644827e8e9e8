//! Licences, sources and banned crates, by cargo-deny and `deny.toml`.

use anyhow::Result;
use std::process::Command;

use crate::command::{self, cargo, find};
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    let own = workspace::target().join("tools/bin/cargo-deny");
    let tool = match find("cargo-deny") {
        Some(found) => found,
        None if own.is_file() => own,
        None => {
            command::run(
                cargo(&["install", "--locked", "cargo-deny", "--root"])
                    .arg(workspace::target().join("tools")),
            )?;
            own
        }
    };
    // The fuzzer is a workspace of its own. `deny.toml` is found in the folder that it is started in.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        command::run(
            Command::new(&tool)
                .args(["--manifest-path", manifest, "check"])
                .args(["licenses", "bans", "sources"])
                .current_dir(workspace::root()),
        )?;
    }
    Ok(())
}
