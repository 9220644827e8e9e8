//! The command line: `serve` and what an operator does from the console.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to whoever started it"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use domain::network::Networks;
use domain::person::{Email, PersonName};
use domain::state::GatewayKind;
use domain::text::Line;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Settings};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{gateways, owner};
use crate::{boot, http, jobs};

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
    /// Read the configuration and say whether it is safe
    CheckConfig,
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
                },
        } => {
            let portal = boot::open(config).await?;
            let credential = gateways::add_from_console(&portal, name, kind, reach, proxies)
                .await
                .map_err(spoken)?;
            println!("{}", *credential);
            Ok(())
        }
        Command::CheckConfig => {
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
    let listen = config.listen;
    let portal = boot::open(config).await?;
    crate::service::snapshot::load(&portal)
        .await
        .context("The keys cannot be loaded")?;
    let jobs = jobs::spawn(portal.clone()).context("Mail cannot be sent")?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen} cannot be listened on"))?;
    welcome(&portal).await?;
    let service = http::app(portal.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop_signal())
        .await?;
    jobs.stop().await;
    portal.store.database().close().await;
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
            "Open this one-time link to become the owner:\n\n  {}\n",
            *link
        );
    }
    Ok(())
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
