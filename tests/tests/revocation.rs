//! Two processes on one PostgreSQL. What one of them acknowledges as ended, no verification accepts
//! that starts later there, nor on the other one after two seconds; a process that is cut off from
//! the database says that it does not know, rather than yes. Ceremonies, sessions and limits are
//! those of the portal, not of a process.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::link::LinkSecret;
use domain::seal::DeviceKeys;
use domain::secret::Secret;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::hand::Hand;
use tests::postgres;
use tests::scene::{Scene, question};
use tests::server::Latchkey;
use tests::visitor::{Visitor, problem};
use tests::wire::{Flow, Wire};
use tokio::time::{Instant, sleep};

/// After a revocation was acknowledged, other processes follow within this, or refuse to answer.
const BOUND: Duration = Duration::from_secs(2);
/// For the answer itself, on a busy machine.
const SLACK: Duration = Duration::from_millis(500);

const REASON: [(&str, &str); 1] = [("reason", "The contract with them ended yesterday.")];

/// A host with two processes, the second of them behind a wire.
struct Duo {
    scene: Scene,
    there: Latchkey,
    wire: Wire,
    hand: Hand,
    /// The key's own page.
    page: String,
    /// A key that works, and the one that replaced it and works too.
    keys: Vec<String>,
}

impl Duo {
    async fn set(keys: usize) -> Result<Self> {
        let url = postgres::create_database().await?;
        let mut scene = Scene::set(Some(url.clone())).await?;
        scene.set_policy("sandbox", &[("rate", "100000")]).await?;
        let request = scene.ask_for_access().await?;
        let mut link = scene.approve(&request).await?;
        let wire = Wire::to(&url).await?;
        let there = scene.portal.start_peer_over(wire.url()).await?;
        let mut duo = Self {
            hand: Hand::at(&scene.portal).await?,
            scene,
            there,
            wire,
            page: String::new(),
            keys: Vec::new(),
        };
        loop {
            let claimed = duo.scene.contact.claim(&link).await?;
            let receipt = duo.scene.contact.receipt(&claimed).await?;
            receipt["portal"]
                .as_str()
                .context("a page")?
                .clone_into(&mut duo.page);
            duo.keys.push(claimed.key);
            if duo.keys.len() >= keys {
                break;
            }
            let replace = format!("{}/replace", duo.page);
            duo.scene.contact.act(&replace, &[]).await?;
            link = duo.next_link().await?;
        }
        // An activation takes as long to get there as an end.
        for key in &duo.keys {
            while duo.there(key).await? != "ok" {
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(duo)
    }

    async fn next_link(&mut self) -> Result<String> {
        let prefix = format!("{}/d/", self.scene.portal.origin());
        for _ in 0..4 {
            let mail = self
                .scene
                .mailbox
                .next_to("contact@partner.example", tests::scene::PATIENCE)
                .await?;
            if let Some(link) = mail.link(&prefix) {
                return Ok(link.to_owned());
            }
        }
        bail!("no delivery was mailed")
    }

    /// The page of a key, by its text.
    async fn page_of(&mut self, key: &str) -> Result<String> {
        let after = key.rsplit('_').next().context("a key")?;
        let of = format!("kid = '{}'", after.get(..8).context("a kid")?);
        Ok(format!("/keys/{}", self.hand.id("api_key", &of).await?))
    }

    /// The first answer that is one: a machine that is too busy may be unsure for a moment.
    async fn here(&self, key: &str) -> Result<String> {
        for _ in 0..1_000 {
            let is = verify(
                &self.scene.owner.http,
                &self.scene.portal,
                &self.scene.gateway,
                key,
            )
            .await?;
            if is != "not-ready" {
                return Ok(is);
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("unsure for too long")
    }

    /// The same there.
    async fn there(&self, key: &str) -> Result<String> {
        for _ in 0..1_000 {
            let is = self.there_now(key).await?;
            if is != "not-ready" {
                return Ok(is);
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("it is unsure for too long")
    }

    async fn there_now(&self, key: &str) -> Result<String> {
        verify(
            &self.scene.owner.http,
            &self.there,
            &self.scene.gateway,
            key,
        )
        .await
    }

    /// An act that was acknowledged just now took this key from one answer to another: here at
    /// once, there within the bound.
    async fn both_follow(&self, key: &str, from: &str, to: &str) -> Result<()> {
        let acknowledged = Instant::now();
        let is = self.here(key).await?;
        ensure!(is == to, "here it is {is}, and not {to}");
        loop {
            let asked = Instant::now().duration_since(acknowledged);
            let is = self.there_now(key).await?;
            if is == to {
                return Ok(());
            }
            if is == "not-ready" {
                continue;
            }
            ensure!(
                asked < BOUND,
                "there it is {is} after {asked:?}, and not {to}"
            );
            ensure!(is == from, "there it is {is}, and was {from}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The code of the answer, whether a decision or a problem.
async fn verify(http: &Client, at: &Latchkey, gateway: &str, key: &str) -> Result<String> {
    let call = question(key);
    let answer = http
        .post(at.url("/v1/verify"))
        .header("latchkey-gateway", gateway)
        .json(&call)
        .send()
        .await?;
    let status = answer.status();
    let answer: Value = answer.json().await?;
    let code = answer["code"].as_str().unwrap_or_default();
    ensure!(
        (status == StatusCode::SERVICE_UNAVAILABLE) == (code == "not-ready"),
        "{status} {code}"
    );
    Ok(code.to_owned())
}

/// One verification: when it started, of which key, and the answer.
struct Asked {
    at: Instant,
    key: usize,
    code: String,
}

/// Asks about every key, over and over.
async fn ask_on(
    http: Client,
    url: String,
    gateway: String,
    keys: Vec<String>,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Asked>> {
    let mut asked = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        for (key, text) in keys.iter().enumerate() {
            let call = question(text);
            let at = Instant::now();
            let sent = http
                .post(&url)
                .header("latchkey-gateway", &gateway)
                .json(&call);
            let answer: Value = sent.send().await?.json().await?;
            let code = answer["code"].as_str().unwrap_or_default().to_owned();
            asked.push(Asked { at, key, code });
        }
    }
    Ok(asked)
}

#[tokio::test]
async fn a_revocation_holds_at_once_here_and_within_two_seconds_there() -> Result<()> {
    const KEYS: usize = 7;
    let mut duo = Duo::set(KEYS).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let ask = |at: &Latchkey| {
        tokio::spawn(ask_on(
            Client::new(),
            at.url("/v1/verify"),
            duo.scene.gateway.clone(),
            duo.keys.clone(),
            Arc::clone(&stop),
        ))
    };
    let here = [ask(&duo.scene.portal), ask(&duo.scene.portal)];
    let there = [ask(&duo.there), ask(&duo.there)];
    let mut ends = Vec::new();
    for key in duo.keys.clone().iter().take(KEYS - 1) {
        let revoke = format!("{}/revoke", duo.page_of(key).await?);
        duo.scene.owner.act(&revoke, &REASON).await?;
        ends.push(Instant::now());
    }
    sleep(BOUND + SLACK).await;
    stop.store(true, Ordering::SeqCst);
    for watch in here {
        hold(&watch.await??, &ends, Duration::ZERO, "here")?;
    }
    for watch in there {
        hold(&watch.await??, &ends, BOUND, "there")?;
    }
    Ok(())
}

/// No answer to what was asked later than `bound` after a key's end is yes; the last key never ends.
fn hold(asked: &[Asked], ends: &[Instant], bound: Duration, place: &str) -> Result<()> {
    let (mut before, mut after, mut longest) = (0, 0, Duration::ZERO);
    // A machine that is too busy may be unsure for a moment: that is no yes.
    let sure = asked.iter().filter(|one| one.code != "not-ready");
    for one in sure {
        let Some(end) = ends.get(one.key) else {
            ensure!(
                one.code == "ok",
                "{place}: the key that stays is {}",
                one.code
            );
            continue;
        };
        if one.code == "ok" {
            before += 1;
            let late = one.at.saturating_duration_since(*end);
            longest = longest.max(late);
            let is_late = one.at > *end && late >= bound;
            ensure!(
                !is_late,
                "{place}: accepted {late:?} after its end was acknowledged"
            );
        } else {
            after += 1;
            ensure!(one.code == "revoked", "{place}: {}", one.code);
        }
    }
    println!("{place}: {before} accepted, {after} refused, the last yes {longest:?} after an end");
    ensure!(before > 0 && after > 0, "{place}: asked too seldom");
    Ok(())
}

#[tokio::test]
async fn suspending_and_resuming_a_key_or_a_partner_reach_the_other_process() -> Result<()> {
    let mut duo = Duo::set(2).await?;
    let (key, other) = (duo.keys[0].clone(), duo.keys[1].clone());
    let page = duo.page_of(&key).await?;
    duo.scene.owner.act(&format!("{page}/suspend"), &[]).await?;
    duo.both_follow(&key, "ok", "not_active").await?;
    ensure!(duo.there(&other).await? == "ok", "only the one");
    duo.scene.owner.act(&format!("{page}/resume"), &[]).await?;
    duo.both_follow(&key, "not_active", "ok").await?;

    let partner = duo
        .hand
        .id("partner", "name = 'Brightwater Logistics'")
        .await?;
    let suspend = format!("/partners/{partner}/suspend");
    duo.scene.owner.act(&suspend, &REASON).await?;
    duo.both_follow(&key, "ok", "not_active").await?;
    duo.both_follow(&other, "ok", "not_active").await?;
    let resume = format!("/partners/{partner}/resume");
    duo.scene.owner.act(&resume, &[]).await?;
    duo.both_follow(&key, "not_active", "ok").await?;
    Ok(())
}

#[tokio::test]
async fn a_grants_end_ends_all_its_keys_in_the_other_process() -> Result<()> {
    let mut duo = Duo::set(2).await?;
    let grant = duo.hand.id("access_grant", "state = 'approved'").await?;
    let revoke = format!("/grants/{grant}/revoke");
    duo.scene.owner.act(&revoke, &REASON).await?;
    duo.both_follow(&duo.keys[0], "ok", "revoked").await?;
    duo.both_follow(&duo.keys[1], "ok", "revoked").await
}

#[tokio::test]
async fn a_partners_end_ends_all_its_keys_in_the_other_process() -> Result<()> {
    let mut duo = Duo::set(2).await?;
    let partner = duo
        .hand
        .id("partner", "name = 'Brightwater Logistics'")
        .await?;
    let revoke = format!("/partners/{partner}/revoke");
    duo.scene.owner.act(&revoke, &REASON).await?;
    duo.both_follow(&duo.keys[0], "ok", "revoked").await?;
    duo.both_follow(&duo.keys[1], "ok", "revoked").await?;
    duo.scene.contact.base = duo.there.url("");
    let home = duo.scene.contact.get("/").await?;
    ensure!(home.status() == StatusCode::SEE_OTHER, "signed out there");
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_was_revoked_is_not_answered_by_the_other_process() -> Result<()> {
    let mut duo = Duo::set(1).await?;
    let gateway = duo.hand.id("gateway", "state = 'active'").await?;
    let revoke = format!("/gateways/{gateway}/revoke");
    duo.scene.owner.act(&revoke, &REASON).await?;
    duo.both_follow(&duo.keys[0], "ok", "unknown-gateway").await
}

#[tokio::test]
async fn a_process_without_its_database_says_so_rather_than_yes() -> Result<()> {
    loses_its_database(Flow::Cut).await
}

#[tokio::test]
async fn a_process_whose_database_hangs_says_so_rather_than_yes() -> Result<()> {
    loses_its_database(Flow::Held).await
}

async fn loses_its_database(how: Flow) -> Result<()> {
    let mut duo = Duo::set(2).await?;
    let (ends, stays) = (duo.keys[0].clone(), duo.keys[1].clone());
    let revoke = format!("{}/revoke", duo.page_of(&ends).await?);
    ensure!(duo.there(&ends).await? == "ok");
    duo.wire.set(how);
    let cut = Instant::now();
    duo.scene.owner.act(&revoke, &REASON).await?;
    let mut knows = 0;
    loop {
        let asked = cut.elapsed();
        match duo.there_now(&ends).await?.as_str() {
            // What it read last may still hold.
            "ok" if asked < BOUND + SLACK => knows += 1,
            "not-ready" => break,
            other => bail!("{other}, asked {asked:?} after the database was lost"),
        }
        sleep(Duration::from_millis(10)).await;
    }
    ensure!(knows > 0, "it knew nothing from the start");
    ensure!(duo.there_now(&stays).await? == "not-ready");
    let ready = Client::new().get(duo.there.url("/readyz")).send().await?;
    ensure!(ready.status() == StatusCode::SERVICE_UNAVAILABLE);
    ensure!(duo.here(&stays).await? == "ok", "the other one goes on");

    duo.wire.set(Flow::Runs);
    let mut last = String::new();
    for _ in 0..1_000 {
        last = duo.there(&ends).await?;
        ensure!(last != "ok", "it came back with an old answer");
        if last == "revoked" {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    ensure!(last == "revoked", "it did not recover by itself: {last}");
    ensure!(duo.there(&stays).await? == "ok");
    Ok(())
}

#[tokio::test]
async fn ceremonies_sessions_and_claims_begin_at_one_process_and_end_at_the_other() -> Result<()> {
    let url = postgres::create_database().await?;
    let mut scene = Scene::set(Some(url)).await?;
    let there = scene.portal.start_peer().await?;
    let elsewhere = there.url("");

    // Confirmed there, what was asked for here; so the claim, and its receipt here again.
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let here = std::mem::replace(&mut scene.contact.base, elsewhere.clone());
    let claimed = scene.contact.claim(&link).await?;
    scene.contact.base = here.clone();
    ensure!(scene.contact.claim(&link).await?.key == claimed.key);
    let receipt = scene.contact.receipt(&claimed).await?;
    let page = receipt["portal"].as_str().context("a page")?;
    let asked = scene.owner.form(&format!("{page}/suspend"), &[]).await?;
    let confirm = tests::visitor::location(&asked).context("nothing to confirm")?;
    scene.owner.base.clone_from(&elsewhere);
    scene.owner.confirm(&confirm).await?;
    ensure!(scene.verify(&claimed.key).await? != "malformed");

    // Begun here, finished there.
    scene.owner.base.clone_from(&here);
    let begun = scene.owner.post("/auth/sign-in/begin", &json!({})).await?;
    let assertion = scene
        .owner
        .authenticator
        .get(&begun["options"], &scene.owner.origin)?;
    let finish =
        json!({ "ceremony": begun["ceremony"], "credential": assertion, "return_to": "/" });
    let signed_in = scene
        .owner
        .http
        .post(there.url("/auth/sign-in/finish"))
        .header("sec-fetch-site", "same-origin")
        .json(&finish)
        .send()
        .await?;
    let cookie = signed_in.headers().get("set-cookie").context("a session")?;
    let cookie = cookie
        .to_str()?
        .split(';')
        .next()
        .context("a cookie")?
        .to_owned();
    let replayed = scene.owner.post("/auth/sign-in/finish", &finish).await;
    let replayed = replayed.err().context("spent there, and taken here")?;
    ensure!(problem(&replayed).is_some(), "{replayed:#}");

    // Signed out here is signed out there.
    let home = |at: &Latchkey| {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        let asked = client.build().map(|client| client.get(at.url("/")));
        let cookie = cookie.clone();
        async move { anyhow::Ok(asked?.header("cookie", cookie).send().await?.status()) }
    };
    ensure!(home(&scene.portal).await? == StatusCode::OK);
    ensure!(home(&there).await? == StatusCode::OK);
    scene.owner.form("/sign-out", &[]).await?;
    ensure!(home(&there).await? == StatusCode::SEE_OTHER);
    Ok(())
}

#[tokio::test]
async fn tries_at_a_delivery_are_counted_over_both_processes() -> Result<()> {
    let url = postgres::create_database().await?;
    let here = Latchkey::start(tests::server::Config {
        database_url: Some(url),
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..tests::server::Config::default()
    })
    .await?;
    let there = here.start_peer().await?;
    let visitors = [
        Visitor::new(here.origin()),
        Visitor::at(here.origin(), &there.url("")),
    ];
    let visitors = &visitors;
    // A minute may end in the middle of one of them, not of both.
    let one = let_in(visitors, "01890a5d-ac96-774b-bcce-b302099a8057").await?;
    let other = let_in(visitors, "01890a5d-ac96-774b-bcce-b302099a8058").await?;
    ensure!(one == 30 || other == 30, "{one} and {other} were let in");
    Ok(())
}

/// How many of eighty tries, by turns at both processes, were let in.
async fn let_in(visitors: &[Visitor; 2], id: &str) -> Result<usize> {
    let token = LinkSecret::random(&mut UnwrapErr(SysRng)).claim_token();
    let body = json!({
        "ceremony": id, "credential": {}, "claim_token": *token.expose_text(),
        "sealing_key": DeviceKeys::derive(&Secret::new([7; 32])).sealing_key(),
    });
    let mut let_in = 0;
    for visitor in visitors.iter().cycle().take(80) {
        let tried = visitor.post(&format!("/d/{id}/claim"), &body).await;
        let refused = tried.err().context("an invented delivery was claimed")?;
        let status = problem(&refused).context("no problem")?.status;
        ensure!(matches!(status, 403 | 429), "{status}");
        let_in += usize::from(status != 429);
    }
    Ok(let_in)
}
