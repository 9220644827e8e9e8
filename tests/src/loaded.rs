//! A development portal that was filled by `latchkey dev load`: very many keys that work.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Config, Latchkey};
use crate::visitor::Visitor;

pub struct Loaded {
    pub portal: Latchkey,
    /// The gateway's.
    pub credential: String,
    /// For each key a question that is answered with yes. Keys of one grant are as far apart from
    /// each other as there are grants.
    pub questions: Vec<String>,
    _folder: TempDir,
}

impl Loaded {
    /// # Errors
    /// When the binary was built without the `demo` feature.
    pub async fn with(keys: usize, database_url: Option<String>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| {
            let path = folder.path().join(name);
            path.to_str().map(str::to_owned).context("a path")
        };
        let development = Config {
            profile: "development",
            ..Config::default()
        };
        let mut portal = Latchkey::start(development.clone()).await?;
        let config = Config {
            database_url,
            environment: vec![("LATCHKEY_DATA_DIR".to_owned(), path("data")?)],
            ..development
        };
        let (keys, out) = (keys.to_string(), path("keys")?);
        portal.console_with(&config, &["dev", "load", "--keys", &keys, "--out", &out])?;
        *portal.config_mut() = config;
        portal.restart().await?;
        let lines = fs::read_to_string(out)?;
        let mut lines = lines.lines();
        let gateway: Value = serde_json::from_str(lines.next().context("a first line")?)?;
        let credential = gateway
            .pointer("/gateway/credential")
            .and_then(Value::as_str);
        Ok(Self {
            portal,
            credential: credential.context("a credential")?.to_owned(),
            questions: lines.map(str::to_owned).collect(),
            _folder: folder,
        })
    }

    /// Somebody of the staff with every role.
    ///
    /// # Errors
    /// When no link is printed.
    pub async fn owner(&self) -> Result<Visitor> {
        let asked = ["owner-link", "--recover", "--email", "later@host.example"];
        let printed = self.portal.console(&asked)?;
        let link = printed
            .split_whitespace()
            .find(|word| word.starts_with(self.portal.origin()));
        let mut owner = Visitor::new(self.portal.origin());
        owner.enrol(link.context("no link")?, None).await?;
        Ok(owner)
    }
}
