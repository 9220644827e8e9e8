//! The fuzzer over the targets of `fuzz/`: libFuzzer, on the stable compiler. It is what `cargo fuzz`
//! does, without having to install that.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::command::{self, cargo, find, rustc};
use crate::{setup, workspace};

/// The coverage that libFuzzer goes by, as `cargo fuzz` asks the compiler for it. No address
/// sanitizer: there is no unsafe code here.
const FLAGS: [&str; 9] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];

/// Fewer inputs than this, and something is wrong with the fuzzer: each takes microseconds.
const FEWEST: u64 = 1_000;

#[derive(Args)]
pub(crate) struct Options {
    /// How long to search with each target
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// This target alone
    #[arg(long)]
    pub(crate) target: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if find("c++").is_none() {
        setup::packages(&["g++"])?;
    }
    let folder = workspace::target().join("fuzz");
    let host = host()?;
    let build = [
        "build",
        "--quiet",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        // Apart from the host's, so that no build script is instrumented.
        "--target",
        host.as_str(),
    ];
    command::run(
        cargo(&build)
            .arg("--target-dir")
            .arg(&folder)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}")),
    )?;
    let binaries = folder.join(&host).join("release");
    let targets = targets()?;
    if let Some(wanted) = &options.target {
        ensure!(targets.contains(wanted), "there is no target {wanted}");
    }
    let chosen = |target: &&String| {
        options
            .target
            .as_ref()
            .is_none_or(|wanted| wanted == *target)
    };
    for target in targets.iter().filter(chosen) {
        let inputs = search(&binaries, &folder, target, options.seconds)?;
        println!("{target:<10} {inputs:>10} inputs, nothing found");
    }
    Ok(())
}

/// Each has a folder in the corpus; a test of `fuzz/properties` sees to it.
fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(workspace::root().join("fuzz/corpus"))?;
    let mut targets = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    targets.sort();
    Ok(targets)
}

/// How many inputs were tried. What is new goes to `target/fuzz/corpus`, what fails to
/// `target/fuzz/found`.
fn search(binaries: &Path, folder: &Path, target: &str, seconds: u64) -> Result<u64> {
    let (corpus, found) = (folder.join("corpus").join(target), folder.join("found"));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&found)?;
    let output = Command::new(binaries.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        .arg(&corpus)
        .arg(workspace::root().join("fuzz/corpus").join(target))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start the fuzzer of {target}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{target}: the fuzzer found an input that fails:\n{said}");
    }
    let inputs = tried(&said).with_context(|| format!("{target}: no statistics:\n{said}"))?;
    ensure!(
        inputs >= FEWEST,
        "{target}: only {inputs} inputs were tried"
    );
    Ok(inputs)
}

fn tried(said: &str) -> Option<u64> {
    let (_, after) = said.split_once("stat::number_of_executed_units:")?;
    after.split_whitespace().next()?.parse().ok()
}

fn host() -> Result<String> {
    let version = command::output(Command::new(rustc()).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("the compiler names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_are_read_from_the_fuzzer_s_statistics() {
        let said = "Done 7 runs\nstat::number_of_executed_units: 1948\nstat::new_units: 3\n";
        assert_eq!(tried(said), Some(1948));
        assert_eq!(tried("killed"), None);
    }
}
