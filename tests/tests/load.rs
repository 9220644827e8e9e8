//! Revocation under load: callers that ask as fast as they are answered, while ten thousand keys are
//! revoked; and the same keys after a restart.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tests::company::{text, words};
use tests::loaded::Loaded;
use tests::{promises, tally};
use tokio::time::Instant;

promises! {
    no_call_that_starts_after_the_acknowledgement_is_accepted,
}

const KEYS: usize = 10_000;
/// The file goes through them by turns.
const PARTNERS: usize = 12;
const CALLERS: usize = 4;
const REASON: [(&str, &str); 1] = [("reason", "The contracts with them all ended.")];

/// A call that was accepted: when it started, and the place of its key among all.
struct Accepted {
    at: Instant,
    key: usize,
}

async fn no_call_that_starts_after_the_acknowledgement_is_accepted(
    database: Option<String>,
) -> Result<()> {
    let mut loaded = Loaded::with(KEYS, database).await?;
    ensure!(loaded.questions.len() == KEYS);
    let owner = loaded.owner().await?;
    let partners = text(&owner, "/partners").await?;
    let questions: Arc<[String]> = loaded.questions.clone().into();
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (url, credential) = (loaded.portal.url("/v1/verify"), loaded.credential.clone());
            let (questions, stop) = (Arc::clone(&questions), Arc::clone(&stop));
            tokio::spawn(async move { call_on(caller, &url, &credential, &questions, &stop).await })
        })
        .collect();
    let mut ends = Vec::with_capacity(PARTNERS);
    for number in 0..PARTNERS {
        let page = partner(&partners, number).context("a partner that is not listed")?;
        owner.act(&format!("{page}/revoke"), &REASON).await?;
        ends.push(Instant::now());
    }
    stop.store(true, Ordering::SeqCst);
    let (mut accepted, mut asked) = (0, 0);
    for caller in callers {
        let (all, yes) = caller.await??;
        asked += all;
        accepted += yes.len();
        for Accepted { at, key } in yes {
            let end = ends.get(key % PARTNERS).context("a partner")?;
            ensure!(at <= *end, "accepted {:?} after its end", at - *end);
        }
    }
    println!("{accepted} of {asked} calls were accepted while {KEYS} keys were revoked");
    ensure!(accepted > 100 && asked - accepted > 100, "asked too seldom");
    ensure!(works(&loaded).await? == 0, "some work still");
    loaded.portal.restart().await?;
    ensure!(
        works(&loaded).await? == 0,
        "some work again after a restart"
    );
    tally::count("keys revoked under load", KEYS);
    Ok(())
}

/// The page of a partner that `dev load` made.
fn partner(page: &str, number: usize) -> Option<String> {
    let name = format!("Load Partner {number}");
    page.split("<a ").skip(1).find_map(|anchor| {
        let (tag, rest) = anchor.split_once('>')?;
        let href = tag.split("href=\"").nth(1)?.split('"').next()?;
        let is_it = words(rest.split("</a>").next()?) == name;
        (is_it && href.starts_with("/partners/")).then(|| href.to_owned())
    })
}

/// How many it asked about, and what was accepted.
async fn call_on(
    caller: usize,
    url: &str,
    credential: &str,
    questions: &[String],
    stop: &AtomicBool,
) -> Result<(usize, Vec<Accepted>)> {
    let http = Client::new();
    let (mut asked, mut accepted) = (0, Vec::new());
    // Each goes through the keys in another order: a step that shares no factor with their number.
    let step = [7, 11, 13, 17].get(caller).copied().unwrap_or(19);
    let mut key = caller;
    while !stop.load(Ordering::SeqCst) {
        key = (key + step) % questions.len();
        let question = questions.get(key).context("a question")?;
        let at = Instant::now();
        let answer = http
            .post(url)
            .header("latchkey-gateway", credential)
            .header("content-type", "application/json")
            .body(question.clone())
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        asked += 1;
        match answer["code"].as_str() {
            Some("ok") => accepted.push(Accepted { at, key }),
            // A machine that is too busy may be unsure for a moment: that is no yes.
            Some("revoked" | "not-ready") => {}
            other => anyhow::bail!("a key is {other:?}"),
        }
    }
    Ok((asked, accepted))
}

/// How many of all keys are accepted now.
async fn works(loaded: &Loaded) -> Result<usize> {
    let mut works = 0;
    for some in loaded.questions.chunks(100) {
        let calls: Vec<Value> = some
            .iter()
            .map(|question| serde_json::from_str(question))
            .collect::<Result<_, _>>()?;
        let answer = Client::new()
            .post(loaded.portal.url("/v1/verify/batch"))
            .header("latchkey-gateway", &loaded.credential)
            .json(&json!({ "calls": calls }))
            .send()
            .await?;
        let answers: Value = answer.json().await?;
        let answers = answers["answers"].as_array().context("no answers")?;
        ensure!(answers.len() == some.len());
        works += answers
            .iter()
            .filter(|answer| answer["code"] == "ok")
            .count();
    }
    Ok(works)
}
