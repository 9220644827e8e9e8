//! The command line: `serve` and what an operator does from the console.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to whoever started it"
)]

mod backup;
#[cfg(feature = "demo")]
mod dev;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use domain::network::Networks;
use domain::person::{Email, PersonName};
use domain::state::GatewayKind;
use domain::text::Line;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Settings};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{gateways, owner};
use crate::sockets::Socket;
use crate::{boot, http, jobs, listen, sockets};

/// How long open requests may take to finish once the process is asked to stop. Who runs it often
/// kills it after thirty seconds, and counts of use are still to be written then.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
#[command(
    name = "latchkey",
    version,
    about = "Vets partners, delivers API keys, verifies calls",
    disable_help_subcommand = true
)]
struct Arguments {
    /// The configuration file (TOML). The environment's LATCHKEY_… wins over it
    #[arg(long, global = true, env = "LATCHKEY_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the portal
    Serve,
    /// Bring the database's schema up to this program's
    Migrate,
    /// Print a one-time link by which the first owner registers a passkey
    OwnerLink {
        #[arg(long, default_value = "First owner")]
        name: PersonName,
        #[arg(long, default_value = "owner@example.com")]
        email: Email,
        /// Also when there is an owner: the way back when none can sign in
        #[arg(long)]
        recover: bool,
    },
    /// Register what asks whether a key may make a call
    Gateway {
        #[command(subcommand)]
        command: GatewayCommand,
    },
    /// Back the database up into a new file, while the portal serves
    Backup {
        file: PathBuf,
        /// Put the root key in as well: who has the file then needs nothing else
        #[arg(long)]
        with_root_key: bool,
    },
    /// Restore a backup into an empty database
    Restore { file: PathBuf },
    /// Say whether a start would be safe: configuration, root key and database. Changes nothing
    CheckConfig,
    /// Databases for trying and measuring; development only
    #[cfg(feature = "demo")]
    Dev {
        #[command(subcommand)]
        command: dev::DevCommand,
    },
}

#[derive(Subcommand)]
enum GatewayCommand {
    /// Register a gateway and print its credential, once
    Add {
        #[arg(long)]
        name: Line<60>,
        /// api, nginx, caddy, traefik, envoy or apisix: fixes which headers are read
        #[arg(long)]
        kind: GatewayKind,
        /// What it serves, as service/environment; may be given several times
        #[arg(long = "serves", required = true)]
        reach: Vec<String>,
        /// Networks of the proxies in front of it
        #[arg(long, default_value = "")]
        proxies: Networks,
        /// Sign who calls, so that a backend can check that Latchkey said it
        #[arg(long)]
        signs: bool,
    },
}

pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    match dispatch(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("latchkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<()> {
    let config = Settings::read(arguments.config.as_deref())?.check()?;
    match arguments.command {
        Command::Serve => serve(config).await,
        Command::Migrate => {
            boot::open_database(&config).await?.close().await;
            println!("The schema is up to date.");
            Ok(())
        }
        Command::OwnerLink {
            name,
            email,
            recover,
        } => {
            let portal = boot::open(config).await?;
            let link = owner::link(&portal, &name, &email, recover).await?;
            println!("{}", *link);
            Ok(())
        }
        Command::Gateway {
            command:
                GatewayCommand::Add {
                    name,
                    kind,
                    reach,
                    proxies,
                    signs,
                },
        } => {
            let portal = boot::open(config).await?;
            let credential = gateways::add_from_console(&portal, name, kind, reach, proxies, signs)
                .await
                .map_err(spoken)?;
            println!("{}", *credential);
            Ok(())
        }
        Command::Backup {
            file,
            with_root_key,
        } => backup::back_up(&config, &file, with_root_key).await,
        Command::Restore { file } => backup::restore(&config, &file).await,
        #[cfg(feature = "demo")]
        Command::Dev { command } => dev::run(config, command).await,
        Command::CheckConfig => {
            for note in boot::check(&config).await? {
                println!("{note}");
            }
            println!(
                "The configuration is safe to start with: {}",
                config.origin_text()
            );
            Ok(())
        }
    }
}

/// What was wrong with the arguments, in the sentences that a page would show beside its fields.
fn spoken(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Invalid(faults) => {
            let sentences: Vec<String> = faults.into_iter().map(|fault| fault.sentence).collect();
            anyhow::anyhow!("{}", sentences.join(" "))
        }
        other => other.into(),
    }
}

async fn serve(config: Config) -> Result<()> {
    let address = config.listen;
    let portal = boot::open(config).await?;
    crate::service::snapshot::load(&portal)
        .await
        .context("The keys cannot be loaded")?;
    let sockets = sockets::open(&portal).await?;
    let jobs = jobs::spawn(portal.clone()).context("Mail cannot be sent")?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on"))?;
    welcome(&portal).await?;
    let (asked, stop) = watch::channel(false);
    tokio::spawn(async move {
        stop_signal().await;
        asked.send_replace(true);
    });
    let mut serving = JoinSet::new();
    for Socket {
        listener,
        service,
        file,
    } in sockets
    {
        serving.spawn(listen::serve(listener, service, stop.clone(), || {
            drop(file)
        }));
    }
    let service = http::app(portal.clone());
    serving.spawn(listen::serve(listener, service, stop.clone(), || ()));
    tokio::select! {
        served = all(&mut serving) => served?,
        () = patience_is_over(stop) => tracing::warn!("requests that did not end were cut off"),
    }
    jobs.stop().await;
    portal.store.database().close().await;
    Ok(())
}

/// Waits until every listener has ended, as all do when the process is asked to stop; one that
/// fails ends the process.
async fn all(serving: &mut JoinSet<()>) -> Result<()> {
    while let Some(served) = serving.join_next().await {
        served?;
    }
    Ok(())
}

/// In development: what somebody needs who has just started it.
async fn welcome(portal: &Portal) -> Result<()> {
    let origin = portal.config.origin_text();
    tracing::info!(%origin, listen = %portal.config.listen, "the portal is up");
    if !portal.config.is_development() {
        return Ok(());
    }
    println!("\nLatchkey is at {origin}");
    if portal.config.smtp_url.is_none() {
        println!("Mail goes to the development mailbox: {origin}/dev/mailbox");
    }
    if !owner::has_owner(portal).await? {
        let link = owner::link(
            portal,
            &"First owner".parse()?,
            &"owner@example.com".parse()?,
            false,
        )
        .await?;
        println!(
            "Open this one-time link to become the owner:\n\n  {}\n\nIt works for 24 hours. A link that an earlier start printed is void now.\n",
            *link
        );
    }
    Ok(())
}

async fn asked_to_stop(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|asked| *asked).await;
}

/// A client that never finishes its request does not keep the process from ending.
async fn patience_is_over(stop: watch::Receiver<bool>) {
    asked_to_stop(stop).await;
    tokio::time::sleep(PATIENCE).await;
}

async fn stop_signal() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::error!(%error, "cannot wait for SIGTERM");
                return std::future::pending().await;
            }
        };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: no new connections, open requests are finished");
}

fn log() {
    let filter = EnvFilter::try_from_env("LATCHKEY_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let json = std::env::var("LATCHKEY_LOG_FORMAT").is_ok_and(|format| format == "json");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}
