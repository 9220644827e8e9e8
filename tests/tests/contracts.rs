//! What gateways that are not installed here ask, as it was recorded from them
//! (`docs/gateways/contracts`), put to the real portal.

#![cfg(test)]

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tests::company::Held;
use tests::raw::send_plain;
use tests::scene::{Scene, gateway_of_kind};
use tests::tally;

/// A question, and what Latchkey has to answer.
struct Case {
    about: String,
    request: String,
    status: u16,
    reason: String,
}

/// The cases of a file, in the format that stands at its top.
fn cases(text: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for block in text.split("\n\n") {
        let about: Vec<&str> = block.lines().filter(|line| line.starts_with('#')).collect();
        let lines = || block.lines().filter(|line| !line.starts_with('#'));
        let Some(answer) = lines().find_map(|line| line.strip_prefix("< ")) else {
            continue;
        };
        let (status, reason) = answer.split_once(' ').context("a status and a reason")?;
        let question: Vec<&str> = lines().take_while(|line| !line.starts_with('<')).collect();
        cases.push(Case {
            about: about.join(" "),
            request: question.join("\r\n") + "\r\nConnection: close\r\n\r\n",
            status: status.parse()?,
            reason: reason.to_owned(),
        });
    }
    Ok(cases)
}

async fn holds(kind: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../docs/gateways/contracts/{kind}.http"));
    let cases = cases(&fs::read_to_string(file)?)?;
    ensure!(cases.len() >= 14, "only {} cases", cases.len());
    let mut scene = Scene::set(None).await?;
    let request = scene.ask_for_access_from("127.0.0.0/8").await?;
    let link = scene.approve(&request).await?;
    let Held { key, .. } = scene.receive(link).await?;
    let credential = gateway_of_kind(&scene.owner, kind).await?;
    let mut wrong = Vec::new();
    for case in &cases {
        let request = case
            .request
            .replace("{KEY}", &key)
            .replace("{CREDENTIAL}", &credential);
        let answer = send_plain(scene.portal.port(), &request).await?;
        let reason = answer.header("latchkey-reason").unwrap_or_default();
        if (answer.status, reason) != (case.status, case.reason.as_str()) {
            let Case {
                about,
                status,
                reason: expected,
                ..
            } = case;
            wrong.push(format!(
                "{about}: {} {reason}, and not {status} {expected}",
                answer.status
            ));
        }
        let names = [
            "key-id",
            "kid",
            "partner-id",
            "scopes",
            "reason",
            "assertion",
        ];
        let encoding = answer.header("content-encoding");
        ensure!(encoding.is_none(), "{}: compressed", case.about);
        for name in names.map(|name| format!("latchkey-{name}")) {
            ensure!(answer.header(&name).is_some(), "{}: no {name}", case.about);
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    tally::count("attacks", cases.len());
    Ok(())
}

#[tokio::test]
async fn what_traefik_asks_is_answered_as_it_was_recorded() -> Result<()> {
    holds("traefik").await
}

#[tokio::test]
async fn what_envoy_asks_is_answered_as_it_was_recorded() -> Result<()> {
    holds("envoy").await
}

#[tokio::test]
async fn what_apisix_asks_is_answered_as_its_source_says() -> Result<()> {
    holds("apisix").await
}
