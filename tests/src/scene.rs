//! A host that is ready for the main job: one service, one partner with an enrolled contact, one
//! gateway, and real mail. Each step of the job is a verb of its own, so that a test says only what
//! it is about.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::server::{Config, Latchkey};
use crate::smtp::Mailbox;
use crate::visitor::{Visitor, errors_in, location};

/// How long a mail may take: longer than the lease that a portal leaves on one when it is killed.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A complete request, field by field.
pub const ANSWERS: [(&str, &str); 19] = [
    ("purpose", "Show our customers where their parcel is."),
    ("data", "Shipment status and postal code."),
    ("data_subjects", "our_customers"),
    (
        "consequence",
        "Support answers about 900 calls a day by hand.",
    ),
    ("business_owner", "Head of logistics"),
    ("business_owner_email", "logistics@partner.example"),
    ("systems", "One service in two regions."),
    ("people", "Nobody looks: a job calls every minute."),
    ("endpoints", "List the shipments, then read each one."),
    ("volume", "5000"),
    ("networks", "203.0.113.0/28"),
    ("handling", "Kept for 30 days, then deleted."),
    ("storage", "In a vault, read by the service at start."),
    ("transit", "tls13"),
    ("at_rest", "secret_manager"),
    ("readers", "No person; two administrators can grant it."),
    ("rotation", "The platform team, within a minute."),
    ("leak_response", "On-call revokes it within 15 minutes."),
    ("security_contact", "security@partner.example"),
];

pub struct Scene {
    pub portal: Latchkey,
    pub mailbox: Mailbox,
    pub owner: Visitor,
    pub contact: Visitor,
    /// The service's page.
    pub service: String,
    /// The gateway's credential.
    pub gateway: String,
}

impl Scene {
    /// On SQLite, or on this PostgreSQL database.
    pub async fn set(database_url: Option<String>) -> Result<Self> {
        Self::with(Config {
            database_url,
            ..Config::default()
        })
        .await
    }

    /// With the mail server of the scene, whatever else is configured.
    pub async fn with(mut config: Config) -> Result<Self> {
        let mut mailbox = Mailbox::start().await?;
        config.smtp_url = Some(mailbox.url());
        let portal = Latchkey::start(config).await?;
        let mut owner = Visitor::new(portal.origin());
        owner.enrol(&portal.owner_link()?, None).await?;
        let service = catalogue(&owner).await?;
        let contact = partner(&owner, &mut mailbox, portal.origin()).await?;
        let gateway = gateway(&owner).await?;
        Ok(Self {
            portal,
            mailbox,
            owner,
            contact,
            service,
            gateway,
        })
    }

    /// The contact fills in a request and hands it in; its page.
    pub async fn ask_for_access(&mut self) -> Result<String> {
        self.ask_for_access_from("203.0.113.0/28").await
    }

    /// The same, for calls from these networks.
    pub async fn ask_for_access_from(&mut self, networks: &str) -> Result<String> {
        let service = self.service.rsplit('/').next().context("an id")?.to_owned();
        let started = self
            .contact
            .form("/requests/new", &[("service", &service)])
            .await?;
        let edit = location(&started).context("the request was not started")?;
        let page = self.contact.get(&edit).await?.text().await?;
        let version = value_of(&page, "version").context("no version in the form")?;
        let environment = value_of(&page, "environment").context("no environment to ask for")?;
        let mut fields = vec![
            ("version", version.as_str()),
            ("environment", environment.as_str()),
            ("scope", "shipments:read"),
            ("do", "submit"),
        ];
        let others = ANSWERS.iter().filter(|(field, _)| *field != "networks");
        fields.extend(others);
        fields.push(("networks", networks));
        let done = self.contact.form(&edit, &fields).await?;
        let status = done.status();
        let Some(request) = location(&done) else {
            anyhow::bail!(
                "not handed in ({status}): {}",
                errors_in(&done.text().await?)
            );
        };
        Ok(request)
    }

    /// The owner, who is a reviewer too, approves; the link in the contact's mail.
    pub async fn approve(&mut self, request: &str) -> Result<String> {
        self.decide(request).await?;
        let prefix = format!("{}/d/", self.portal.origin());
        for _ in 0..4 {
            let mail = self
                .mailbox
                .next_to("contact@partner.example", PATIENCE)
                .await?;
            if let Some(link) = mail.link(&prefix) {
                return Ok(link.to_owned());
            }
        }
        anyhow::bail!("no delivery was mailed")
    }

    /// The owner approves what the request asks for first.
    pub async fn decide(&self, request: &str) -> Result<()> {
        let shown = self.owner.get(request).await?.text().await?;
        let start = format!("{request}/decide/");
        let (_, after) = shown.split_once(&start).context("nothing to decide")?;
        let decide = format!("{start}{}", after.split('"').next().unwrap_or_default());
        let page = self.owner.get(&decide).await?.text().await?;
        let stamp = value_of(&page, "stamp").with_context(|| format!("no stamp: {page}"))?;
        let fields = [
            ("decision", "approve"),
            ("reason", "Reads only."),
            ("stamp", &stamp),
        ];
        self.owner.act(&decide, &fields).await?;
        Ok(())
    }

    /// What the gateway is told of a call with this key.
    pub async fn verify(&self, key: &str) -> Result<String> {
        let answer = self
            .owner
            .http
            .post(self.portal.url("/v1/verify"))
            .header("latchkey-gateway", &self.gateway)
            .json(&question(key))
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        let code = answer.get("code").and_then(Value::as_str);
        Ok(code.unwrap_or_default().to_owned())
    }
}

/// What a gateway asks of a call that keys of the scene may make.
pub fn question(key: &str) -> Value {
    json!({
        "key": key, "method": "GET", "path": "/v2/shipments/1",
        "source_ip": "203.0.113.4", "scheme": "https",
    })
}

/// A service with one scope, two endpoints and a sandbox; its page.
pub async fn catalogue(owner: &Visitor) -> Result<String> {
    let about = [
        ("slug", "shipments"),
        ("name", "Shipments API"),
        ("description", "Where parcels are."),
    ];
    let service = owner.act("/services/new", &about).await?;
    let sandbox = [
        ("environment", "sandbox"),
        ("kind", "sandbox"),
        ("tag", "test"),
        ("base_url", "https://sandbox.example.com"),
    ];
    change(owner, &service, "environments", &sandbox).await?;
    let scope = [
        ("scope", "shipments:read"),
        ("allows", "Read shipments and their events."),
        ("sensitivity", "personal"),
    ];
    change(owner, &service, "scopes", &scope).await?;
    for pattern in ["/v2/shipments/{id}", "/v2/shipments/{id}/events"] {
        let endpoint = [
            ("method", "GET"),
            ("pattern", pattern),
            ("scope", "shipments:read"),
        ];
        change(owner, &service, "endpoints", &endpoint).await?;
    }
    Ok(service)
}

/// Changes a service, from the version that its page shows.
pub async fn change(
    owner: &Visitor,
    service: &str,
    what: &str,
    fields: &[(&str, &str)],
) -> Result<()> {
    let page = owner.get(service).await?.text().await?;
    let version = value_of(&page, "version").context("no version in the service's form")?;
    let mut fields = fields.to_vec();
    fields.push(("version", &version));
    owner.act(&format!("{service}/{what}"), &fields).await?;
    Ok(())
}

/// A partner whose first contact has enrolled.
pub async fn partner(owner: &Visitor, mailbox: &mut Mailbox, origin: &str) -> Result<Visitor> {
    let invitation = [
        ("organisation", "Brightwater Logistics"),
        ("name", "First contact"),
        ("email", "contact@partner.example"),
        ("why", "They deliver our parcels in the north."),
    ];
    let reveal = owner.act("/partners/invite", &invitation).await?;
    let shown = owner.form(&reveal, &[]).await?.text().await?;
    let code = code_in(&shown).with_context(|| format!("no code at {reveal}: {shown}"))?;
    let mail = mailbox.next_to("contact@partner.example", PATIENCE).await?;
    let link = mail
        .link(&format!("{origin}/l/"))
        .context("no link in the invitation")?;
    let mut contact = Visitor::new(origin);
    contact.enrol(link, Some(&code)).await?;
    mailbox.next_to("contact@partner.example", PATIENCE).await?;
    Ok(contact)
}

/// Somebody whom `by` invites through the form at `path`, enrolled by their mail and the code.
pub async fn invited(
    by: &Visitor,
    mailbox: &mut Mailbox,
    path: &str,
    fields: &[(&str, &str)],
    email: &str,
) -> Result<Visitor> {
    let mut fields = fields.to_vec();
    fields.push(("email", email));
    let reveal = by.act(path, &fields).await?;
    let shown = by.form(&reveal, &[]).await?.text().await?;
    let code = code_in(&shown).with_context(|| format!("no code at {reveal}: {shown}"))?;
    let mail = mailbox.next_to(email, PATIENCE).await?;
    let link = mail
        .link(&format!("{}/l/", by.origin))
        .context("no link in the invitation")?;
    let mut person = Visitor::new(&by.origin);
    person.enrol(link, Some(&code)).await?;
    mailbox.next_to(email, PATIENCE).await?;
    Ok(person)
}

/// A gateway for the sandbox; its credential.
pub async fn gateway(owner: &Visitor) -> Result<String> {
    gateway_of_kind(owner, "api").await
}

/// The same, of another kind.
pub async fn gateway_of_kind(owner: &Visitor, kind: &str) -> Result<String> {
    registered(owner, (kind, kind), "shipments/sandbox", &[]).await
}

/// The same, with answers that say who calls under a signature.
pub async fn gateway_that_signs(owner: &Visitor, kind: &str) -> Result<String> {
    registered(
        owner,
        (kind, kind),
        "shipments/sandbox",
        &[("signs", "yes")],
    )
    .await
}

/// The same, of another name, before other calls: `service/environment`.
pub async fn gateway_before(owner: &Visitor, name: &str, kind: &str, pair: &str) -> Result<String> {
    registered(owner, (name, kind), pair, &[]).await
}

async fn registered(
    owner: &Visitor,
    (name, kind): (&str, &str),
    pair: &str,
    more: &[(&str, &str)],
) -> Result<String> {
    let mut fields = vec![
        ("name", name),
        ("kind", kind),
        ("pair", pair),
        ("proxies", ""),
    ];
    fields.extend(more);
    let reveal = owner.act("/gateways/new", &fields).await?;
    let shown = owner.form(&reveal, &[]).await?.text().await?;
    let (_, after) = shown.split_once("lkg_").context("no credential shown")?;
    let rest = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    Ok("lkg_".chars().chain(rest).collect())
}

/// The value of a page's first input of this name.
pub fn value_of(page: &str, name: &str) -> Option<String> {
    page.split("<input").skip(1).find_map(|input| {
        let input = input.split('>').next()?;
        if !input.contains(&format!("name=\"{name}\"")) {
            return None;
        }
        let value = input.split("value=\"").nth(1)?;
        Some(value.split('"').next()?.to_owned())
    })
}

/// `ABCD-EFGH`
pub fn code_in(page: &str) -> Option<String> {
    page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|word| {
            word.len() == 9
                && word.find('-') == Some(4)
                && word
                    .chars()
                    .all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
        })
        .map(str::to_owned)
}

/// The path of an absolute link, without its fragment.
pub fn path_of(link: &str) -> String {
    let path = link.split('#').next().unwrap_or_default();
    path.splitn(4, '/')
        .nth(3)
        .map(|path| format!("/{path}"))
        .unwrap_or_default()
}
