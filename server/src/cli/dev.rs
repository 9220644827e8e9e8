//! `latchkey dev`: databases that are there to be tried or measured. Not in a release.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::config::Config;
use crate::demo;

#[derive(Subcommand)]
pub(super) enum DevCommand {
    /// Fill an empty database with a host, its partners and their requests, and print a one-time
    /// link for each role
    Host,
    /// Fill an empty database with keys, and write each with a call that it may make
    Load {
        /// How many active keys
        #[arg(long)]
        keys: u32,
        /// How many keys under each grant; else a few hundred grants have them all
        #[arg(long)]
        keys_per_grant: Option<u32>,
        /// Each grant limits each of its keys too
        #[arg(long)]
        limit_keys: bool,
        /// A new file for the keys in the clear, as JSON lines
        #[arg(long)]
        out: PathBuf,
    },
}

pub(super) async fn run(config: Config, command: DevCommand) -> Result<()> {
    if !config.is_development() {
        bail!(
            "This fills a database with examples, and marks it as development for ever. Set \
             `profile` to development, and name a database of its own."
        );
    }
    match command {
        DevCommand::Host => {
            let links = demo::host(config).await?;
            println!(
                "\nEach of these links makes you one person of the demo, once; ask for fresh ones by \
                 starting it again. Use one browser profile for each, or sign out in between.\n"
            );
            for (person, link) in links {
                println!("  {person:<14} {}", *link);
            }
            println!();
        }
        DevCommand::Load {
            keys,
            keys_per_grant,
            limit_keys,
            out,
        } => {
            let load = demo::Load {
                keys,
                keys_per_grant,
                limit_keys,
            };
            let loaded = demo::load(config, load, &out).await?;
            println!(
                "{keys} active keys under {} grants, of which {} were delivered like any key; written to {}.",
                loaded.grants,
                loaded.delivered,
                out.display()
            );
        }
    }
    Ok(())
}
