//! Measures a real portal, built for release, from outside: one figure a subcommand, printed as
//! `figure NAME VALUE UNIT`. `cargo xtask bench` builds what is measured and calls this.
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool talks to whoever started it"
)]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

mod clock;
mod handover;
mod load;
mod million;
mod p99;
mod peers;
mod portal;
mod queue;
mod resident;
mod verify;

use portal::Program;

#[derive(Parser)]
struct Arguments {
    /// What to measure
    figure: Figure,
    /// The portal's binary, with the `bench` feature
    #[arg(long)]
    latchkey: PathBuf,
    /// The built browser part
    #[arg(long)]
    site: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Figure {
    Verify,
    P99,
    Million,
    Peers,
    Handover,
    Queue,
    Resident,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments {
        figure,
        latchkey,
        site,
    } = Arguments::parse();
    let program = Program { latchkey, site };
    let figures = match figure {
        Figure::Verify => verify::measure(&program).await?,
        Figure::P99 => p99::measure(&program).await?,
        Figure::Million => million::measure(&program).await?,
        Figure::Peers => peers::measure(&program).await?,
        Figure::Handover => handover::measure(&program).await?,
        Figure::Queue => queue::measure(&program).await?,
        Figure::Resident => resident::measure(&program).await?,
    };
    for line in figures {
        println!("figure {line}");
    }
    Ok(())
}
