//! Revocation under load: callers that ask as fast as they are answered, while the access of ten
//! thousand keys ends in every way that there is, and on through a kill and the start after it.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tests::company::{text, words};
use tests::live::{narrow, narrow_form, three_days_from_now};
use tests::loaded::Loaded;
use tests::visitor::Visitor;
use tests::{promises, tally};
use tokio::time::{Instant, sleep, timeout};

promises! {
    no_call_that_starts_after_the_acknowledgement_is_accepted,
}

const KEYS: usize = 10_000;
/// The file goes through them by turns, and through the grants: each is of one partner.
const PARTNERS: usize = 12;
const GRANTS: usize = 240;
const CALLERS: usize = 4;
/// So many calls are asked after the start.
const AFTERWARDS: usize = 5_000;
const REASON: [(&str, &str); 1] = [("reason", "The contracts with them all ended.")];

/// A call that was accepted: when it started, and the place of its key among all.
struct Accepted {
    at: Instant,
    key: usize,
}

/// What callers share.
struct Asking {
    url: String,
    credential: String,
    questions: Vec<String>,
    asked: AtomicUsize,
    is_killed: AtomicBool,
    stop: AtomicBool,
}

async fn no_call_that_starts_after_the_acknowledgement_is_accepted(
    database: Option<String>,
) -> Result<()> {
    let mut loaded = Loaded::with(KEYS, database).await?;
    ensure!(loaded.questions.len() == KEYS);
    let owner = loaded.owner().await?;
    let asking = Arc::new(Asking {
        url: loaded.portal.url("/v1/verify"),
        credential: loaded.credential.clone(),
        questions: loaded.questions.clone(),
        asked: AtomicUsize::new(0),
        is_killed: AtomicBool::new(false),
        stop: AtomicBool::new(false),
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(call_on(caller, Arc::clone(&asking))))
        .collect();
    let ends = end_all(&loaded, &owner).await?;

    let before = asking.asked.load(Ordering::SeqCst);
    asking.is_killed.store(true, Ordering::SeqCst);
    loaded.portal.kill9();
    loaded.portal.restart().await?;
    let go_on = async {
        while asking.asked.load(Ordering::SeqCst) < before + AFTERWARDS {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), go_on).await?;
    asking.stop.store(true, Ordering::SeqCst);

    let mut accepted = 0;
    for caller in callers {
        for Accepted { at, key } in caller.await?? {
            accepted += 1;
            let end = ends.get(key).copied().flatten().context("an end")?;
            ensure!(at <= end, "accepted {:?} after its end", at - end);
        }
    }
    let asked = asking.asked.load(Ordering::SeqCst);
    println!("{accepted} of {asked} calls were accepted while {KEYS} keys lost their access");
    ensure!(accepted > 100 && asked - accepted > 100, "asked too seldom");
    ensure!(works(&loaded).await? == 0, "some work still, or again");
    tally::count("keys revoked under load", KEYS);
    Ok(())
}

/// Ends the access of all keys: most with their partner, those of one partner because it is
/// suspended, and those of the last one by its grants, of which each second is narrowed, and of one
/// some keys go before the others. When each was acknowledged.
async fn end_all(loaded: &Loaded, owner: &Visitor) -> Result<Vec<Option<Instant>>> {
    const ONE_BY_ONE: usize = 10;
    let mut ends = vec![None; KEYS];
    let mut ended = |first: usize, every: usize| {
        let now = Instant::now();
        for end in ends.iter_mut().skip(first).step_by(every) {
            end.get_or_insert(now);
        }
    };
    let pages = key_pages(loaded).await?;
    let page = |key: usize| pages.get(key).context("a key's page");
    let partners = text(owner, "/partners").await?;
    for number in 0..PARTNERS - 1 {
        let partner = partner(&partners, number).context("a partner that is not listed")?;
        let how = if number == 0 { "suspend" } else { "revoke" };
        owner.act(&format!("{partner}/{how}"), &REASON).await?;
        ended(number, PARTNERS);
    }
    for (at, key) in (GRANTS - 1..KEYS)
        .step_by(GRANTS)
        .take(ONE_BY_ONE)
        .enumerate()
    {
        let page = page(key)?;
        match at % 2 {
            0 => owner.act(&format!("{page}/suspend"), &[]).await?,
            _ => owner.act(&format!("{page}/revoke"), &REASON).await?,
        };
        ended(key, KEYS);
    }
    let hours = three_days_from_now();
    let changed = [("hours", hours.as_str()), ("why", "They call at night.")];
    for (at, grant) in (PARTNERS - 1..GRANTS).step_by(PARTNERS).enumerate() {
        let form = narrow_form(owner, page(grant)?).await?;
        let (grant_page, _) = form.split_once("/narrow").context("a grant")?;
        match at % 2 {
            0 => narrow(owner, &form, &changed).await?,
            _ => owner.act(&format!("{grant_page}/revoke"), &REASON).await?,
        };
        ended(grant, GRANTS);
    }
    Ok(ends)
}

/// As the answers name the keys.
async fn key_pages(loaded: &Loaded) -> Result<Vec<String>> {
    let answers = answers(loaded).await?;
    let ids = answers.iter().map(|answer| answer["key_id"].as_str());
    ids.map(|id| Ok(format!("/keys/{}", id.context("a key that is refused")?)))
        .collect()
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

/// What was accepted.
async fn call_on(caller: usize, asking: Arc<Asking>) -> Result<Vec<Accepted>> {
    let http = Client::new();
    let mut accepted = Vec::new();
    // Each goes through the keys in another order: a step that shares no factor with their number.
    let step = [7, 11, 13, 17].get(caller).copied().unwrap_or(19);
    let mut key = caller;
    while !asking.stop.load(Ordering::SeqCst) {
        key = (key + step) % asking.questions.len();
        let question = asking.questions.get(key).context("a question")?;
        let at = Instant::now();
        let asked = http
            .post(&asking.url)
            .header("latchkey-gateway", &asking.credential)
            .header("content-type", "application/json")
            .body(question.clone());
        let answer = async { asked.send().await?.json::<Value>().await }.await;
        let answer = match answer {
            Ok(answer) => answer,
            // Nobody is there for a moment.
            Err(_) if asking.is_killed.load(Ordering::SeqCst) => {
                sleep(Duration::from_millis(1)).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        asking.asked.fetch_add(1, Ordering::SeqCst);
        match answer["code"].as_str() {
            Some("ok") => accepted.push(Accepted { at, key }),
            // A machine that is too busy may be unsure for a moment: that is no yes.
            Some("revoked" | "not_active" | "time_window" | "not-ready") => {}
            other => anyhow::bail!("a key is {other:?}"),
        }
    }
    Ok(accepted)
}

/// How many of all keys are accepted now.
async fn works(loaded: &Loaded) -> Result<usize> {
    let answers = answers(loaded).await?;
    let works = answers.iter().filter(|answer| answer["code"] == "ok");
    Ok(works.count())
}

/// To the question of each key.
async fn answers(loaded: &Loaded) -> Result<Vec<Value>> {
    let mut all = Vec::with_capacity(loaded.questions.len());
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
        let answer: Value = answer.json().await?;
        let answers = answer["answers"].as_array().context("no answers")?;
        ensure!(answers.len() == some.len());
        all.extend(answers.iter().cloned());
    }
    Ok(all)
}
