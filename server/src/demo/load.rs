//! Very many keys, for measuring: some hundred grants by the way that every grant goes, each with a
//! key that was delivered, and all others under them, or under copies of them, in bulk.

use std::fs;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use domain::audit::{ActorKind, Outcome};
use domain::grant::Grant;
use domain::id::{DecisionId, EnvironmentId, GrantId, KeyId};
use domain::key::KeyState;
use domain::network::Sources;
use domain::time::Timestamp;
use domain::token::{ApiKey, KeyPrefix};
use serde::Serialize;
use serde_json::json;
use store::{Code, DecisionRow, Entry, Evidence, GrantRow, KeyRow};
use uuid::Uuid;

use super::answers::answers;
use super::catalogue::{self, INVOICES, Offered, SHIPMENTS};
use super::persona::{Guest, Persona};
use super::requests::Wish;
use super::said;
use super::stage::Stage;
use crate::chance::system_rng;
use crate::config::Config;
use crate::service::delivery::Context as Around;
use crate::service::{gateways, owner};

/// Grants at most; with few keys, one for four of them.
const GRANTS: u32 = 240;
/// Keys in one transaction.
const BATCH: usize = 5000;
const PARTNERS: usize = 12;

/// What to make.
#[derive(Clone, Copy)]
pub struct Load {
    pub keys: u32,
    /// None: as many as it takes under [`GRANTS`].
    pub keys_per_grant: Option<u32>,
    /// Each grant limits each of its keys too.
    pub limit_keys: bool,
}

/// What was made.
pub struct Loaded {
    pub grants: usize,
    /// Grants whose key was delivered.
    pub delivered: u32,
}

/// A grant that keys are made under, and a call that each of them may make.
#[derive(Clone)]
struct Under {
    grant: GrantId,
    until: Timestamp,
    prefix: KeyPrefix,
    prefix_text: String,
    call: Call,
}

/// What a gateway asks; the body of `POST /v1/verify` but for the key.
#[derive(Clone, Serialize)]
struct Call {
    method: String,
    path: String,
    source_ip: String,
    scheme: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    #[serde(flatten)]
    call: &'a Call,
}

/// Fills an empty database, and writes a file of JSON lines: first how the gateway identifies
/// itself, then for each key a question that is answered with yes.
///
/// # Errors
/// A sentence that says what to do.
pub async fn load(config: Config, load: Load, out: &Path) -> Result<Loaded> {
    let keys = load.keys;
    if keys == 0 || load.keys_per_grant == Some(0) {
        bail!("Ask for at least one key, and for at least one under each grant.");
    }
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .with_context(|| format!("{} cannot be made: name a new file", out.display()))?;
    let mut out = BufWriter::new(file);
    let stage = Stage::set(config).await?;
    if !stage.is_empty().await? {
        bail!("This database is not empty: name another one in `database_url` or `data_dir`.");
    }
    let wanted = keys.div_ceil(load.keys_per_grant.unwrap_or(4));
    let mut made = grants(&stage, load, wanted.min(GRANTS), &mut out).await?;
    let delivered = u32::try_from(made.len())?;
    if load.keys_per_grant.is_some() {
        copies(&stage, &mut made, usize::try_from(wanted)?).await?;
    }
    bulk(&stage, &made, keys.saturating_sub(delivered), &mut out).await?;
    out.flush()?;
    stage.portal.store.database().close().await;
    Ok(Loaded {
        grants: made.len(),
        delivered,
    })
}

/// The house, its partners, and so many grants.
async fn grants(stage: &Stage, load: Load, many: u32, out: &mut impl Write) -> Result<Vec<Under>> {
    stage.day(2, 8, 0).await?;
    let owner = staff(stage).await?;
    let services = [
        catalogue::add(stage, &owner, &SHIPMENTS).await?,
        catalogue::add(stage, &owner, &INVOICES).await?,
    ];
    for service in &services {
        open_wide(
            stage,
            &owner,
            service.environment("sandbox")?,
            load.limit_keys,
        )
        .await?;
    }
    gateway(stage, &services, out).await?;
    let mut contacts = Vec::with_capacity(PARTNERS);
    for _ in 0..PARTNERS.min(usize::try_from(many)?) {
        contacts.push(contact(stage, &owner, contacts.len()).await?);
    }
    let mut made = Vec::new();
    for (at, contact) in (0..many).zip(contacts.iter().cycle()) {
        made.push(grant(stage, &owner, contact, &services, at, out).await?);
        if at % 40 == 39 {
            tracing::info!(grants = at + 1, "granted");
        }
    }
    Ok(made)
}

async fn staff(stage: &Stage) -> Result<Persona> {
    let guest = Guest {
        name: "Load Owner",
        email: "owner@host.example",
        receives: true,
    };
    let (name, email) = (guest.name.parse()?, guest.email.parse()?);
    let link = owner::link(&stage.portal, &name, &email, false)
        .await
        .map_err(said)?;
    Persona::enrol(stage, &guest, &link, None).await
}

/// Limits that are counted, and never reached by what is measured.
async fn open_wide(
    stage: &Stage,
    owner: &Persona,
    environment: EnvironmentId,
    limit_keys: bool,
) -> Result<()> {
    let (rate_limit, grant) = (100_000.try_into()?, "1000000000 a month".parse()?);
    let key = if limit_keys { "1000000000 a month" } else { "" }.parse()?;
    owner
        .set_policy(stage, environment, |policy| {
            policy.rate_limit = rate_limit;
            policy.limits.grant = grant;
            policy.limits.key = key;
        })
        .await
}

async fn gateway(stage: &Stage, services: &[Offered], out: &mut impl Write) -> Result<()> {
    let reach = services
        .iter()
        .flat_map(|service| {
            ["sandbox", "production"].map(|environment| format!("{}/{environment}", service.slug))
        })
        .collect();
    let credential = gateways::add_from_console(
        &stage.portal,
        "load".parse()?,
        domain::state::GatewayKind::Api,
        reach,
        domain::network::Networks::default(),
        false,
    )
    .await
    .map_err(said)?;
    let line = json!({
        "gateway": { "method": "POST", "path": "/v1/verify", "header": "Latchkey-Gateway", "credential": *credential }
    });
    writeln!(out, "{line}")?;
    Ok(())
}

async fn contact(stage: &Stage, owner: &Persona, number: usize) -> Result<Persona> {
    let email = [
        "a@p.example",
        "b@p.example",
        "c@p.example",
        "d@p.example",
        "e@p.example",
        "f@p.example",
        "g@p.example",
        "h@p.example",
        "i@p.example",
        "j@p.example",
        "k@p.example",
        "l@p.example",
    ];
    let guest = Guest {
        name: "Load Contact",
        email: email.get(number).context("too many partners")?,
        receives: true,
    };
    let organisation = format!("Load Partner {number}");
    let why = "To be measured.";
    let (_, contact) = owner
        .invite_partner(stage, &organisation, why, &guest)
        .await?;
    Ok(contact)
}

/// A grant of its own kind: other scopes, networks and services by turns. Its key is delivered, and
/// is the first of those that are written.
async fn grant(
    stage: &Stage,
    owner: &Persona,
    contact: &Persona,
    services: &[Offered],
    at: u32,
    out: &mut impl Write,
) -> Result<Under> {
    let number = usize::try_from(at)?;
    let service = services.get(number % 2).context("two services")?;
    let scopes: &[&str] = match (number % 2, number / 2 % 3) {
        (0, 0) => &["shipments:read"],
        (0, 1) => &["labels:create", "webhooks:manage"],
        (0, _) => &["shipments:read", "labels:create", "webhooks:manage"],
        (_, 0) => &["invoices:read", "documents:read"],
        (_, 1) => &["payments:read"],
        _ => &["invoices:read", "payments:read", "documents:read"],
    };
    let networks = match number % 4 {
        0 => String::new(),
        1 => format!("10.{}.0.0/16", at % 256),
        2 => format!("192.0.2.{}, 10.9.{}.0/24", at % 256, at % 256),
        _ => format!("2001:db8:{at:x}::/48, 198.51.100.0/26"),
    };
    let wish = Wish {
        service,
        environments: &["sandbox"],
        scopes,
        answers: answers("p", "To be measured.", &networks)?,
    };
    let request = contact.ask(stage, wish).await?;
    let environment = service.environment("sandbox")?;
    owner.approve(stage, request, environment).await?;
    let (key, id) = contact.receive(stage).await?;
    let under = around(stage, id).await?;
    write_line(out, &key, &under.call)?;
    Ok(under)
}

async fn around(stage: &Stage, key: KeyId) -> Result<Under> {
    let mut read = stage.portal.store.read().await?;
    let key = read.key(key).await?.context("the key that was delivered")?;
    let around = Around::load(&mut read, key.grant_id).await.map_err(said)?;
    let tag = &around.environment.tag;
    Ok(Under {
        grant: around.grant.id,
        until: key.expires_at,
        prefix: KeyPrefix::new(&stage.portal.config.key_prefix, tag)?,
        prefix_text: key.prefix.clone(),
        call: call(&around.granted().map_err(said)?)?,
    })
}

/// A call that the grant allows.
fn call(grant: &Grant) -> Result<Call> {
    let rule = grant.rules().iter().next().context("a rule")?;
    let pattern = rule.pattern.to_string();
    let path: Vec<String> = pattern
        .split('/')
        .map(|segment| match segment.strip_prefix('{') {
            Some(_) => "a-1".to_owned(),
            None => segment.to_owned(),
        })
        .collect();
    let source_ip = match grant.sources() {
        Sources::Anywhere => "192.0.2.1".to_owned(),
        Sources::Only(networks) => networks
            .iter()
            .next()
            .context("a network")?
            .addr()
            .to_string(),
    };
    Ok(Call {
        method: rule.method.to_string(),
        path: path.join("/"),
        source_ip,
        scheme: "https",
    })
}

/// More grants of the same kinds until there are so many, each with approvals of its own.
async fn copies(stage: &Stage, made: &mut Vec<Under>, many: usize) -> Result<()> {
    let mut originals = Vec::with_capacity(made.len());
    let mut read = stage.portal.store.read().await?;
    for under in made.iter() {
        let grant = read.grant(under.grant).await?.context("a grant")?;
        let decisions = read.decisions(under.grant).await?;
        originals.push((under.clone(), grant.into_row(), decisions));
    }
    drop(read);
    let mut next = originals.iter().cycle().zip(1..);
    while made.len() < many {
        let size = BATCH.min(many - made.len());
        let mut work = stage.portal.store.work().await?;
        for ((under, grant, decisions), number) in next.by_ref().take(size) {
            let id = GrantId::random(&mut system_rng());
            work.add_grant(GrantRow {
                id,
                number: grant.number + number,
                ..grant.clone()
            })
            .await?;
            for decision in decisions {
                work.add_decision(DecisionRow {
                    id: DecisionId::random(&mut system_rng()),
                    grant_id: id,
                    ..DecisionRow::clone(decision)
                })
                .await?;
            }
            made.push(Under {
                grant: id,
                ..under.clone()
            });
        }
        work.commit(Evidence::of(entry(stage, size))).await?;
    }
    Ok(())
}

async fn bulk(stage: &Stage, under: &[Under], many: u32, out: &mut impl Write) -> Result<()> {
    let mut left = usize::try_from(many)?;
    let mut turns = under.iter().cycle();
    while left > 0 {
        let size = left.min(BATCH);
        let mut rows = Vec::with_capacity(size);
        for under in turns.by_ref().take(size) {
            let key = ApiKey::mint(&under.prefix, &mut system_rng());
            write_line(out, std::str::from_utf8(key.expose())?, &under.call)?;
            rows.push(row(stage, under, &key));
        }
        // Past the portal's own commit: no snapshot follows here.
        let mut work = stage.portal.store.work().await?;
        work.add_active_keys(&mut rows).await?;
        work.commit(Evidence::of(entry(stage, size))).await?;
        left -= size;
        if left % 100_000 < BATCH {
            tracing::info!(left, "keys to make");
        }
    }
    Ok(())
}

fn row(stage: &Stage, under: &Under, key: &ApiKey) -> KeyRow {
    let at = stage.portal.now();
    KeyRow {
        id: KeyId::random(&mut system_rng()),
        kid: key.kid().to_string(),
        grant_id: under.grant,
        replaces_id: None,
        key_mac: key.mac(&stage.portal.keyring.pepper),
        prefix: under.prefix_text.clone(),
        state: Code(KeyState::Active),
        created_at: at,
        activated_at: Some(at.plus(Duration::from_secs(60))),
        expires_at: under.until,
        ended_at: None,
        end_reason: None,
        noticed_days: None,
        change: 0,
    }
}

fn entry(stage: &Stage, keys: usize) -> Entry {
    Entry {
        at: stage.portal.now(),
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "dev-load".to_owned(),
        subject_kind: "database",
        subject: Uuid::nil(),
        outcome: Outcome::Done,
        evidence: json!({ "keys": keys }).to_string(),
        address: None,
        user_agent: None,
    }
}

fn write_line(out: &mut impl Write, key: &str, call: &Call) -> Result<()> {
    serde_json::to_writer(&mut *out, &Line { key, call })?;
    out.write_all(b"\n")?;
    Ok(())
}
