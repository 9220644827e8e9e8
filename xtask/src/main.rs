//! `cargo xtask`: sets the machine up, builds the browser part, runs and tests the portal.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to whoever started it"
)]

use clap::{Parser, Subcommand};

mod audit;
mod bench;
mod cold;
mod command;
mod fuzz;
mod postgres;
mod run;
mod setup;
mod site;
mod tally;
mod test;
mod wasm;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need: system packages as root, npm packages always
    Setup,
    /// Build the wasm module into target/site
    Wasm,
    /// Build everything and start the portal on http://localhost:3000
    Run(run::Options),
    /// Check formatting and lints, then run every test
    Test(test::Options),
    /// Search for inputs that make a parser or the decision fail
    Fuzz(fuzz::Options),
    /// Measure the figures that the portal is held to
    Bench(bench::Options),
    /// Check licences, sources and banned crates
    Audit,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Setup => setup::run(),
        Task::Wasm => site::build(),
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Audit => audit::run(),
    }
}
