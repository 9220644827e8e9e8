//! A known key, the secrets that lead to it, and everything else that must not be found, sought in
//! every place that the main job leaves something: in plain, base64, hex and as lists of numbers,
//! after a planted one was found in each of those places.

#![cfg(test)]

mod places;
mod tap;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::base64url;
use domain::link::LinkSecret;
use domain::seal::device;
use tests::needles::{Found, Needles, Secret};
use tests::scene::{self, PATIENCE, Scene, code_in, path_of, question};
use tests::server::{Config, Latchkey};
use tests::smtp::Mailbox;
use tests::visitor::Visitor;
use tests::{postgres, tally};

use places::{Place, of_portal};
use tap::Tap;

/// Which secret may be where; anywhere else it is found out. Each of these is really seen there.
const ALLOWED: [(&str, &str); 12] = [
    // The claiming page opens it, in memory, and the gateway asks about it.
    ("key", "request POST /v1/verify"),
    // The fragment of the link never leaves the browser.
    ("link secret", "mail of a delivery"),
    ("claim token", "request POST /d/{id}/claim"),
    ("invitation's secret", "mail of an invitation"),
    ("invitation's secret", "request POST /auth/enrol/begin"),
    // Once to the inviter, who passes it on by another way than the mail.
    ("invitation's code", "answer to POST /reveal/{id}"),
    ("invitation's code", "request POST /auth/enrol/begin"),
    ("gateway's credential", "answer to POST /reveal/{id}"),
    ("gateway's credential", "request POST /v1/verify"),
    ("owner's link", "request POST /auth/enrol/begin"),
    ("session", "answer to POST /auth/enrol/finish"),
    ("session", "request GET /services/{id}"),
];

/// The cookie goes with every request of its browser; nothing else is let off like this.
const WITH_EVERY_REQUEST: &str = "session";

#[tokio::test]
async fn no_secret_is_where_it_does_not_belong_on_sqlite() -> Result<()> {
    full_run(None).await
}

#[tokio::test]
async fn no_secret_is_where_it_does_not_belong_on_postgresql() -> Result<()> {
    full_run(Some(postgres::create_database().await?)).await
}

/// Somebody's job as it goes, with what is secret in it.
struct Job {
    scene: Scene,
    tap: Tap,
    secrets: Vec<Secret>,
}

async fn full_run(database_url: Option<String>) -> Result<()> {
    let mut job = Job::begin(database_url).await?;
    let request = job.scene.ask_for_access().await?;
    let link = job.scene.approve(&request).await?;
    job.knows_the_link(&link)?;
    let claimed = job.scene.contact.claim(&link).await?;
    job.knows_the_key(&claimed.key)?;
    assert_eq!(job.verify(&claimed.key).await?, "not_active");
    let again = job.scene.contact.claim(&link).await?;
    job.scene.contact.receipt(&again).await?;
    assert_eq!(job.verify(&claimed.key).await?, "ok");
    for path in [
        "/",
        "/keys",
        "/audit",
        "/mail",
        "/gateways",
        "/people",
        "/requests",
    ] {
        job.scene.owner.get(path).await?;
    }
    job.search().await?;
    places::prove(&mut job.scene, &job.tap).await
}

#[tokio::test]
async fn no_secret_is_left_behind_by_a_portal_that_is_killed_on_sqlite() -> Result<()> {
    killed(None).await
}

#[tokio::test]
async fn no_secret_is_left_behind_by_a_portal_that_is_killed_on_postgresql() -> Result<()> {
    killed(Some(postgres::create_database().await?)).await
}

async fn killed(database_url: Option<String>) -> Result<()> {
    let mut job = Job::begin(database_url).await?;
    let request = job.scene.ask_for_access().await?;
    // The key is minted, and its mail waits.
    job.scene.mailbox.take_down();
    job.scene.decide(&request).await?;
    job.scene.portal.kill9();
    let mut left = of_portal(&job.scene.portal, "after the mint").await?;
    job.scene.mailbox.bring_back().await?;
    job.scene.portal.set_fault(Some("claim"));
    job.scene.portal.restart().await?;
    let link = job.delivered().await?;
    job.knows_the_link(&link)?;
    assert!(job.scene.contact.claim(&link).await.is_err());
    job.scene.portal.wait_until_dead().await?;
    left.extend(of_portal(&job.scene.portal, "in the claim").await?);
    job.scene.portal.set_fault(Some("receipt"));
    job.scene.portal.restart().await?;
    let claimed = job.scene.contact.claim(&link).await?;
    job.knows_the_key(&claimed.key)?;
    assert!(job.scene.contact.receipt(&claimed).await.is_err());
    job.scene.portal.wait_until_dead().await?;
    left.extend(of_portal(&job.scene.portal, "in the receipt").await?);
    job.scene.portal.set_fault(None);
    job.scene.portal.restart().await?;
    job.scene.contact.receipt(&claimed).await?;
    assert_eq!(job.verify(&claimed.key).await?, "ok");
    tally::count("kills", 3);
    tally::count("kills at fault points", 2);
    let needles = job.search().await?;
    for Place { name, bytes } in left {
        let found = needles.find(&name, &bytes);
        assert!(found.is_empty(), "{found:?}");
    }
    Ok(())
}

/// The development mailbox holds its mails in the clear, in a folder that only its owner reads; and
/// the owner's link is printed at the start. Nothing else of them is anywhere.
#[tokio::test]
async fn the_development_mailbox_alone_holds_a_links_secret() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let config = Config {
        profile: "development",
        ..verbose(None)
    };
    let portal = Latchkey::start(config).await?;
    let printed = portal.log();
    let start = format!("{}/l/", portal.origin());
    let link = printed
        .split_whitespace()
        .find(|word| word.starts_with(&start))
        .context("no link was printed")?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(link, None).await?;
    let fields = [
        ("organisation", "Brightwater Logistics"),
        ("name", "First contact"),
        ("email", "contact@partner.example"),
        ("why", "They deliver our parcels in the north."),
    ];
    owner.act("/partners/invite", &fields).await?;
    let folder = portal.data_folder().join("mailbox");
    let mut secret = None;
    for _ in 0..PATIENCE.as_millis() / 50 {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let text = std::fs::read_to_string(entry?.path()).unwrap_or_default();
            let mail: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let body = mail["text"].as_str().unwrap_or_default().to_owned();
            secret = secret.or_else(|| {
                let link = body
                    .split_whitespace()
                    .find(|word| word.starts_with(&start))?;
                Some(link.split_once('#')?.1.to_owned())
            });
        }
        if secret.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let secret = secret.context("no invitation in the mailbox")?;
    let bytes = base64url::decode(&secret)?;
    let needles = Needles::new(vec![Secret::new("invitation's secret", &bytes, &secret)]);
    let mut seen = 0;
    for place in of_portal(&portal, "in development").await? {
        let found = needles.find(&place.name, &place.bytes);
        let is_mailbox = place.name.contains("/mailbox/");
        assert_eq!(
            !found.is_empty(),
            is_mailbox && !found.is_empty(),
            "{found:?}"
        );
        seen += usize::from(!found.is_empty());
    }
    assert_eq!(seen, 1, "in the one mail that it belongs to");
    let mode = std::fs::metadata(&folder)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    Ok(())
}

/// Everything that could be logged is.
fn verbose(database_url: Option<String>) -> Config {
    Config {
        database_url,
        environment: vec![("LATCHKEY_LOG".to_owned(), "trace".to_owned())],
        ..Config::default()
    }
}

impl Job {
    async fn begin(database_url: Option<String>) -> Result<Self> {
        let mut mailbox = Mailbox::start().await?;
        let portal = Latchkey::start(Config {
            smtp_url: Some(mailbox.url()),
            ..verbose(database_url)
        })
        .await?;
        let tap = Tap::before(portal.origin()).await?;
        let mut secrets = Vec::new();
        let mut owner = Visitor::at(portal.origin(), tap.url());
        let link = portal.owner_link()?;
        secrets.push(of_link("owner's link", &link)?);
        owner.enrol(&link, None).await?;
        let service = scene::catalogue(&owner).await?;
        let (contact, more) = invited(&owner, &mut mailbox, tap.url()).await?;
        secrets.extend(more);
        let gateway = scene::gateway(&owner).await?;
        let bytes = base64url::decode(gateway.trim_start_matches("lkg_"))?;
        secrets.push(Secret::new("gateway's credential", &bytes, &gateway));
        let passkey = contact.authenticator.credentials().first();
        let prf = passkey.context("a passkey")?.prf(device::PRF_INPUT);
        secrets.push(Secret::new("PRF output", &prf, &base64url::encode(&prf)));
        secrets.extend(sessions(&tap)?);
        let scene = Scene {
            portal,
            mailbox,
            owner,
            contact,
            service,
            gateway,
        };
        Ok(Self {
            scene,
            tap,
            secrets,
        })
    }

    fn knows_the_link(&mut self, link: &str) -> Result<()> {
        let (_, text) = link.split_once('#').context("a fragment")?;
        let secret: LinkSecret = text.parse().ok().context("a link's secret")?;
        let token = secret.claim_token().expose_text().to_string();
        self.secrets.push(of_link("link secret", link)?);
        let bytes = base64url::decode(&token)?;
        self.secrets
            .push(Secret::new("claim token", &bytes, &token));
        Ok(())
    }

    fn knows_the_key(&mut self, key: &str) -> Result<()> {
        let rest = key.splitn(3, '_').nth(2).context("a key")?;
        let secret = rest.get(8..40).context("a key's secret")?;
        self.secrets
            .push(Secret::new("key", secret.as_bytes(), key));
        Ok(())
    }

    async fn delivered(&mut self) -> Result<String> {
        let prefix = format!("{}/d/", self.scene.portal.origin());
        for _ in 0..4 {
            let mail = self
                .scene
                .mailbox
                .next_to("contact@partner.example", PATIENCE)
                .await?;
            if let Some(link) = mail.link(&prefix) {
                return Ok(link.to_owned());
            }
        }
        anyhow::bail!("no delivery was mailed")
    }

    /// As a gateway, by the tapped wire and without anybody's cookie.
    async fn verify(&self, key: &str) -> Result<String> {
        let call = question(key);
        let answer = Visitor::new(self.scene.portal.origin())
            .http
            .post(format!("{}/v1/verify", self.tap.url()))
            .header("latchkey-gateway", &self.scene.gateway)
            .json(&call)
            .send()
            .await?;
        let answer: serde_json::Value = answer.json().await?;
        Ok(answer["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Looks everywhere for everything.
    async fn search(&mut self) -> Result<Needles> {
        let needles = Needles::new(std::mem::take(&mut self.secrets));
        let mut found = BTreeSet::new();
        let mut bytes = 0;
        for place in places::everywhere(&mut self.scene, &self.tap).await? {
            bytes += place.bytes.len();
            found.extend(needles.find(&place.name, &place.bytes));
        }
        let wrong: Vec<&Found> = found
            .iter()
            .filter(|one| {
                let allowed = ALLOWED.contains(&(one.secret, one.place.as_str()));
                let goes_along =
                    one.secret == WITH_EVERY_REQUEST && one.place.starts_with("request ");
                !allowed && !goes_along
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        for (secret, place) in ALLOWED {
            assert!(
                found
                    .iter()
                    .any(|one| one.secret == secret && one.place == place),
                "{secret} was not even seen in the {place}"
            );
        }
        assert!(bytes > 1_000_000, "only {bytes} bytes were searched");
        Ok(needles)
    }
}

fn of_link(name: &'static str, link: &str) -> Result<Secret> {
    let (_, text) = link.split_once('#').context("a fragment")?;
    assert!(!path_of(link).contains(text));
    Ok(Secret::new(name, &base64url::decode(text)?, text))
}

/// The first contact, and what was secret in their invitation.
async fn invited(
    owner: &Visitor,
    mailbox: &mut Mailbox,
    base: &str,
) -> Result<(Visitor, Vec<Secret>)> {
    let email = "contact@partner.example";
    let fields = [
        ("organisation", "Brightwater Logistics"),
        ("name", "First contact"),
        ("email", email),
        ("why", "They deliver our parcels in the north."),
    ];
    let reveal = owner.act("/partners/invite", &fields).await?;
    let shown = owner.form(&reveal, &[]).await?.text().await?;
    let code = code_in(&shown).context("no code")?;
    let mail = mailbox.next_to(email, PATIENCE).await?;
    let link = mail
        .link(&format!("{}/l/", owner.origin))
        .context("no link")?;
    let mut contact = Visitor::at(&owner.origin, base);
    contact.enrol(link, Some(&code)).await?;
    mailbox.next_to(email, PATIENCE).await?;
    let bare = code.replace('-', "");
    Ok((
        contact,
        vec![
            of_link("invitation's secret", link)?,
            Secret::new("invitation's code", bare.as_bytes(), &code),
        ],
    ))
}

/// The secret halves of the cookies that were given out.
fn sessions(tap: &Tap) -> Result<Vec<Secret>> {
    let mut secrets = Vec::new();
    for exchange in tap.exchanges() {
        let answer = String::from_utf8_lossy(&exchange.answer).into_owned();
        for line in answer.lines() {
            let cookie = line.strip_prefix("set-cookie: latchkey=");
            let Some((_, token)) = cookie
                .and_then(|cookie| cookie.split(';').next())
                .and_then(|value| value.split_once('.'))
            else {
                continue;
            };
            let bytes = base64url::decode(token)?;
            secrets.push(Secret::new("session", &bytes, token));
        }
    }
    assert!(secrets.len() >= 2, "the owner's and the contact's");
    Ok(secrets)
}
