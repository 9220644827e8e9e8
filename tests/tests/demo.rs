//! The demo lets everybody in, and a loaded database answers for every key in its file.

#![cfg(test)]

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::request::RequestState;
use serde_json::Value;
use tempfile::TempDir;
use tests::company::{linked, text};
use tests::loaded::Loaded;
use tests::postgres;
use tests::server::{Config, Latchkey};
use tests::visitor::{Visitor, problem};

/// A development portal whose data lies in a folder of the test's.
struct Stage {
    portal: Latchkey,
    config: Config,
    folder: TempDir,
}

impl Stage {
    async fn new(database_url: Option<String>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let data = data.to_str().context("a path")?.to_owned();
        let config = Config {
            database_url,
            profile: "development",
            environment: vec![("LATCHKEY_DATA_DIR".to_owned(), data)],
            ..Config::default()
        };
        let portal = Latchkey::start(Config {
            profile: "development",
            ..Config::default()
        })
        .await?;
        Ok(Self {
            portal,
            config,
            folder,
        })
    }

    /// The links of `dev host`, by the person's name.
    fn links(&self) -> Result<Vec<(String, String)>> {
        let printed = self.portal.console_with(&self.config, &["dev", "host"])?;
        let links = printed.lines().filter_map(|line| {
            let (person, link) = line.trim().rsplit_once(' ')?;
            let is_link = link.starts_with(self.portal.origin());
            is_link.then(|| (person.trim().to_owned(), link.to_owned()))
        });
        Ok(links.collect())
    }

    async fn serve(&mut self) -> Result<()> {
        *self.portal.config_mut() = self.config.clone();
        self.portal.restart().await
    }

    /// The newest delivery that was mailed to somebody.
    async fn delivery_to(&self, address: &str) -> Result<String> {
        let mailbox = self.folder.path().join("data/mailbox");
        let prefix = format!("{}/d/", self.portal.origin());
        for _ in 0..100 {
            for file in fs::read_dir(&mailbox)? {
                let path = file?.path();
                if path.extension().is_none_or(|end| end != "json") {
                    continue;
                }
                let mail: Value = serde_json::from_slice(&fs::read(path)?)?;
                let text = mail.get("text").and_then(Value::as_str).unwrap_or_default();
                let to = mail.get("to").and_then(Value::as_str);
                if let (Some((_, after)), true) = (text.split_once(&prefix), to == Some(address)) {
                    let rest = after.split_whitespace().next().unwrap_or_default();
                    return Ok(format!("{prefix}{rest}"));
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("no delivery was mailed to {address}")
    }
}

#[tokio::test]
async fn the_demo_lets_in_one_person_for_each_role() -> Result<()> {
    let mut stage = Stage::new(None).await?;
    let first = stage.links()?;
    let links = stage.links()?;
    assert_eq!(links.len(), 7);
    stage.serve().await?;
    let mut stale = Visitor::new(stage.portal.origin());
    let (_, link) = first.first().context("a link")?;
    let error = stale.enrol(link, None).await.err().context("it was void")?;
    assert_eq!(
        problem(&error).map(|p| p.code.as_str()),
        Some("link-not-usable")
    );

    // As it stands before anybody of the cast comes in: a passkey may bring what waited for one.
    let (_, link) = links
        .iter()
        .find(|(name, _)| name == "Reviewer One")
        .context("in the cast")?;
    let mut reviewer = Visitor::new(stage.portal.origin());
    reviewer.enrol(link, None).await?;
    let is_listed = async |who: &Visitor, state: RequestState| {
        let path = format!("/requests?state={}", state.code());
        let page = text(who, &path).await?;
        Ok::<_, anyhow::Error>(linked(&page, "/requests/", "").is_some())
    };
    for state in RequestState::ALL.iter().copied() {
        if state != RequestState::Draft {
            assert!(is_listed(&reviewer, state).await?, "no request is {state}");
        }
    }

    let mut people = vec![("Reviewer One", reviewer)];
    for (name, link) in &links {
        if name == "Reviewer One" {
            continue;
        }
        let mut visitor = Visitor::new(stage.portal.origin());
        visitor
            .enrol(link, None)
            .await
            .with_context(|| format!("{name} cannot enrol"))?;
        people.push((name.as_str(), visitor));
    }
    let page = async |who: &str, path: &str| {
        let (_, visitor) = people
            .iter()
            .find(|(name, _)| *name == who)
            .context("in the cast")?;
        let answer = visitor.get(path).await?;
        Ok::<_, anyhow::Error>((answer.status().as_u16(), answer.text().await?))
    };
    let (status, queue) = page("Reviewer Two", "/requests?state=all").await?;
    assert_eq!(status, 200);
    for partner in ["Aster Freight", "Birch Commerce", "Cedar Analytics"] {
        assert!(queue.contains(partner), "{partner} is not in the queue");
    }
    let (_, keys) = page("Operator One", "/keys").await?;
    assert!(keys.contains("Shipments API") && keys.contains("Invoices API"));
    assert_eq!(page("Auditor One", "/audit").await?.0, 200);
    assert_eq!(page("Owner One", "/people").await?.0, 200);
    let (_, theirs) = page("Aster Member", "/keys").await?;
    assert!(theirs.contains("Shipments API") && !theirs.contains("Birch"));

    // What waited for a passkey of the admin's is on its way now.
    let link = stage.delivery_to("admin@aster.example").await?;
    let (_, admin) = people
        .iter()
        .find(|(name, _)| *name == "Aster Admin")
        .context("in the cast")?;
    assert!(
        is_listed(admin, RequestState::Draft).await?,
        "a draft is its partner’s own"
    );
    let claimed = admin.claim(&link).await?;
    admin.receipt(&claimed).await?;
    Ok(())
}

async fn every_loaded_key_is_answered_with_yes(database_url: Option<String>) -> Result<()> {
    // A quarter is delivered, the others are made in bulk.
    let loaded = Loaded::with(60, database_url).await?;
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("again");
    let again = ["dev", "load", "--keys", "60", "--out"];
    let again = [again.as_slice(), &[out.to_str().context("a path")?]].concat();
    let why = loaded
        .portal
        .console(&again)
        .err()
        .context("loaded twice")?;
    assert!(why.to_string().contains("not empty"), "{why}");
    let http = reqwest::Client::new();
    for question in &loaded.questions {
        let answer = http
            .post(loaded.portal.url("/v1/verify"))
            .header("latchkey-gateway", &loaded.credential)
            .header("content-type", "application/json")
            .body(question.clone())
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        assert_eq!(
            answer.get("code").and_then(Value::as_str),
            Some("ok"),
            "{question}"
        );
    }
    assert_eq!(loaded.questions.len(), 60);
    Ok(())
}

#[tokio::test]
async fn every_loaded_key_is_answered_with_yes_on_sqlite() -> Result<()> {
    every_loaded_key_is_answered_with_yes(None).await
}

#[tokio::test]
async fn every_loaded_key_is_answered_with_yes_on_postgresql() -> Result<()> {
    every_loaded_key_is_answered_with_yes(Some(postgres::create_database().await?)).await
}

#[tokio::test]
async fn a_database_of_examples_is_never_a_production_database() -> Result<()> {
    let stage = Stage::new(None).await?;
    let out = stage.folder.path().join("keys");
    let out = out.to_str().context("a path")?;
    let load = ["dev", "load", "--keys", "2", "--out", out];
    let production = Config {
        profile: "production",
        smtp_url: Some("smtp://localhost".to_owned()),
        ..stage.config.clone()
    };
    let refused = stage.portal.console_with(&production, &load).err();
    let why = refused.context("loaded for production")?.to_string();
    assert!(why.contains("development"), "{why}");
    stage.portal.console_with(&stage.config, &load)?;
    let refused = stage.portal.console_with(&production, &["serve"]).err();
    let why = refused.context("served in production")?.to_string();
    assert!(why.contains("made by a development"), "{why}");
    Ok(())
}
