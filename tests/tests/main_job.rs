//! The main job, over HTTP, with real mail: from the owner's link to a key that works, and to the
//! end of it. The browser's part of it is walked in Chromium elsewhere.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::postgres;
use tests::server::{Config, Latchkey};
use tests::smtp::Mailbox;
use tests::visitor::{Visitor, location, problem};

const PATIENCE: Duration = Duration::from_secs(20);
const ANSWERS: [(&str, &str); 19] = [
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

struct Scene {
    portal: Latchkey,
    mailbox: Mailbox,
    owner: Visitor,
    contact: Visitor,
    service: String,
    gateway: String,
}

#[tokio::test]
async fn from_an_invitation_to_a_key_that_works_and_is_revoked_on_sqlite() -> Result<()> {
    main_job(None).await
}

#[tokio::test]
async fn from_an_invitation_to_a_key_that_works_and_is_revoked_on_postgresql() -> Result<()> {
    main_job(Some(postgres::create_database().await?)).await
}

async fn main_job(database_url: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database_url).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;

    let stranger = Visitor::new(scene.portal.origin());
    assert_eq!(
        stranger.get(&path_of(&link)).await?.status(),
        200,
        "looking burns nothing"
    );
    let claimed = scene.contact.claim(&link).await?;
    assert!(!claimed.again);
    assert_eq!(
        scene.verify(&claimed.key).await?,
        "not_active",
        "before the receipt"
    );
    let again = scene.contact.claim(&link).await?;
    assert!(
        again.again && again.key == claimed.key,
        "a lost response loses nothing"
    );

    let receipt = scene.contact.receipt(&again).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    scene
        .contact
        .receipt(&again)
        .await
        .context("the same receipt again")?;
    let error = scene
        .contact
        .claim(&link)
        .await
        .err()
        .context("it was one-time")?;
    assert_eq!(
        problem(&error).map(|p| p.code.as_str()),
        Some("link-not-usable")
    );

    let page = receipt["portal"].as_str().context("where to watch")?;
    assert_eq!(
        scene.contact.get(page).await?.status(),
        200,
        "the contact sees the key"
    );
    assert_eq!(
        scene.owner.get(page).await?.status(),
        200,
        "and so does staff"
    );
    let reason = [("reason", "The contract with them ended yesterday.")];
    scene.owner.act(&format!("{page}/revoke"), &reason).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "revoked");
    let told = scene
        .mailbox
        .next_to("contact@partner.example", PATIENCE)
        .await?;
    assert!(told.text.contains("revoked"), "{}", told.text);
    Ok(())
}

impl Scene {
    /// A host with one service, one partner and one gateway.
    async fn set(database_url: Option<String>) -> Result<Self> {
        let mut mailbox = Mailbox::start().await?;
        let portal = Latchkey::start(Config {
            database_url,
            smtp_url: Some(mailbox.url()),
            ..Config::default()
        })
        .await?;
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
    async fn ask_for_access(&mut self) -> Result<String> {
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
        fields.extend(ANSWERS);
        let done = self.contact.form(&edit, &fields).await?;
        let status = done.status();
        let Some(request) = location(&done) else {
            anyhow::bail!(
                "not handed in ({status}): {}",
                tests::visitor::errors_in(&done.text().await?)
            );
        };
        Ok(request)
    }

    /// The owner, who is a reviewer too, approves; the link in the contact's mail.
    async fn approve(&mut self, request: &str) -> Result<String> {
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

    /// What the gateway is told of a call with this key.
    async fn verify(&self, key: &str) -> Result<String> {
        let call = json!({
            "key": key, "method": "GET", "path": "/v2/shipments/1",
            "source_ip": "203.0.113.4", "scheme": "https",
        });
        let answer = self
            .owner
            .http
            .post(self.portal.url("/v1/verify"))
            .header("latchkey-gateway", &self.gateway)
            .json(&call)
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        Ok(answer["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A service with one scope, two endpoints and a sandbox; its page.
async fn catalogue(owner: &Visitor) -> Result<String> {
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

async fn change(owner: &Visitor, service: &str, what: &str, fields: &[(&str, &str)]) -> Result<()> {
    let page = owner.get(service).await?.text().await?;
    let version = value_of(&page, "version").context("no version in the service's form")?;
    let mut fields = fields.to_vec();
    fields.push(("version", &version));
    owner.act(&format!("{service}/{what}"), &fields).await?;
    Ok(())
}

/// A partner whose first contact has enrolled.
async fn partner(owner: &Visitor, mailbox: &mut Mailbox, origin: &str) -> Result<Visitor> {
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
    let without = contact.enrol(link, None).await.unwrap_err();
    assert_eq!(
        problem(&without).map(|p| p.code.as_str()),
        Some("code-needed")
    );
    contact.enrol(link, Some(&code)).await?;
    mailbox.next_to("contact@partner.example", PATIENCE).await?;
    Ok(contact)
}

/// A gateway for the sandbox; its credential.
async fn gateway(owner: &Visitor) -> Result<String> {
    let fields = [
        ("name", "edge"),
        ("kind", "api"),
        ("pair", "shipments/sandbox"),
        ("proxies", ""),
    ];
    let reveal = owner.act("/gateways/new", &fields).await?;
    let shown = owner.form(&reveal, &[]).await?.text().await?;
    let start = shown.find("lkg_").context("no credential shown")?;
    Ok(shown[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect())
}

/// The value of a page's first input of this name.
fn value_of(page: &str, name: &str) -> Option<String> {
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
fn code_in(page: &str) -> Option<String> {
    page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|word| {
            word.len() == 9
                && word.as_bytes()[4] == b'-'
                && word
                    .chars()
                    .all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
        })
        .map(str::to_owned)
}

fn path_of(link: &str) -> String {
    let path = link.split('#').next().unwrap_or_default();
    path.splitn(4, '/')
        .nth(3)
        .map(|path| format!("/{path}"))
        .unwrap_or_default()
}
