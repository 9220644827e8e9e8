//! Everything that must hold before a change goes in.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::command::{self, cargo};
use crate::postgres::Cluster;
use crate::tally::Tally;
use crate::{fuzz, setup, site, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Neither browser nor PostgreSQL: for between commits
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("format", || {
        command::run(&mut cargo(&["fmt", "--all", "--check"]))
    });
    steps.step("lint", || {
        let lint = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ];
        command::run(&mut cargo(&lint))
    });
    if options.quick {
        steps.step("test", || {
            let packages = [
                "domain",
                "store",
                "app",
                "server",
                "properties",
                "latchkey-gate",
            ];
            let packages = packages.map(|name| ["-p", name]).concat();
            command::run(tests(&packages).env("LATCHKEY_TEST_QUICK", "1"))
        });
    } else {
        full(&mut steps);
    }
    steps.report()
}

/// One selection of packages throughout, so that cargo unifies their features once and builds
/// each dependency once.
fn full(steps: &mut Steps) {
    const PACKAGES: [&str; 5] = [
        "--workspace",
        "--exclude",
        "xtask",
        "--features",
        "server/faults,server/demo",
    ];
    steps.step("tools", setup::run);
    steps.step("wasm", site::build);
    steps.step("build", || {
        command::run(cargo(&["build", "--quiet", "--bins"]).args(PACKAGES))
    });
    steps.step("fuzz", || {
        fuzz::run(&fuzz::Options {
            seconds: 4,
            target: None,
        })
    });
    steps.step("test xtask", || {
        command::run(&mut tests(&["--package", "xtask"]))
    });
    steps.step("test", || {
        let cluster = Cluster::start()?;
        let tally = Tally::start(&workspace::target())?;
        command::run(
            tests(&PACKAGES)
                .env("LATCHKEY_TEST_POSTGRES", cluster.url())
                .env("LATCHKEY_SITE", workspace::site())
                .env(Tally::VARIABLE, tally.path()),
        )?;
        tally.check()
    });
}

fn tests(packages: &[&str]) -> Command {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(packages);
    command
}

/// What was done, how long it took, and whether it went well.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration, Result<()>)>);

impl Steps {
    /// Goes on after a failure: one run should tell all that is wrong.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a build takes is not domain time"
    )]
    fn step(&mut self, name: &'static str, act: impl FnOnce() -> Result<()>) {
        println!("── {name}");
        let start = Instant::now();
        let outcome = act();
        if let Err(why) = &outcome {
            eprintln!("{why:#}");
        }
        self.0.push((name, start.elapsed(), outcome));
    }

    fn report(self) -> Result<()> {
        println!();
        for (name, took, outcome) in &self.0 {
            let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("{name:<12} {:>7.1} s  {verdict}", took.as_secs_f64());
        }
        let failed = self
            .0
            .iter()
            .filter(|(_, _, outcome)| outcome.is_err())
            .count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.0.len());
        }
        Ok(())
    }
}
