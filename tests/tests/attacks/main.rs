//! What attackers do, over HTTP against the real process. Each test is a promise, and was seen to
//! fail against a portal that breaks it.

#![cfg(test)]

mod acts;
mod addresses;
mod alike;
mod bodies;
mod claims;
mod codes;
mod cross_site;
mod forms;
mod ids;
mod links;
mod markup;
mod races;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::Response;
use tests::rows::Rows;
use tests::server::Latchkey;
use tokio::time::sleep;

/// What changes with every look and try, and gives nobody anything.
const TRIES: &[&str] = &["ceremony", "tries", "session"];

/// All that an answer says, but for when, and the number that it has in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    async fn of(response: Response) -> Result<Self> {
        let status = response.status().as_u16();
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into(),
                )
            })
            .collect();
        headers.sort_unstable();
        let body = response.text().await?;
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The rows, once mails are sent and nothing changes any more by itself.
async fn settled(portal: &Latchkey) -> Result<Rows> {
    let mut before = Rows::of(portal).await?;
    for _ in 0..60 {
        sleep(Duration::from_millis(250)).await;
        let after = Rows::of(portal).await?;
        if before == after {
            return Ok(after);
        }
        before = after;
    }
    bail!("the database never comes to rest")
}

/// The id of the first thing that a page leads to, of those under a prefix: `/people/`.
fn id_in(page: &str, prefix: &str) -> Result<String> {
    page.split("href=\"")
        .skip(1)
        .filter_map(|link| link.split('"').next()?.strip_prefix(prefix))
        .find(|id| id.parse::<uuid::Uuid>().is_ok())
        .map(str::to_owned)
        .with_context(|| format!("the page leads to nothing under {prefix}"))
}
