//! The mail server is down, slow, forgetful or says no. Nothing that an act causes is lost for it:
//! mails wait and are tried again, arrive once each, and what can never arrive is seen by an
//! operator, who never sees the link.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::StatusCode;
use tests::hand::Hand;
use tests::postgres;
use tests::promises;
use tests::scene::{PATIENCE, Scene};
use tests::server::{Config, Latchkey};
use tests::smtp::{Mail, Mailbox, Treatment};
use tests::visitor::{Visitor, problem};
use tokio::time::{Instant, sleep};

const CONTACT: &str = "contact@partner.example";
/// Whom the console makes the first owner.
const OWNER: &str = "owner@example.com";
/// The first retry follows after five seconds; the outbox is looked at each second.
const FIRST_RETRY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_portal_starts_and_serves_without_a_mail_server() -> Result<()> {
    let mut mailbox = Mailbox::start().await?;
    mailbox.take_down();
    let mut portal = Latchkey::start(Config {
        smtp_url: Some(mailbox.url()),
        ..Config::default()
    })
    .await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    ensure!(owner.form("/mail/test", &[]).await?.status() == StatusCode::SEE_OTHER);
    until(&owner, "The mail server does not take mail at the moment").await?;
    portal.restart().await?;
    ensure!(owner.get("/").await?.status() == StatusCode::OK);
    mailbox.bring_back().await?;
    arrives(
        &mut mailbox,
        OWNER,
        |mail| mail.subject.contains("test"),
        PATIENCE,
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn nothing_is_lost_while_the_mail_server_is_down_on_sqlite() -> Result<()> {
    nothing_is_lost(None).await
}

#[tokio::test]
async fn nothing_is_lost_while_the_mail_server_is_down_on_postgresql() -> Result<()> {
    nothing_is_lost(Some(postgres::create_database().await?)).await
}

async fn nothing_is_lost(url: Option<String>) -> Result<()> {
    let mut scene = Scene::set(url).await?;
    let request = scene.ask_for_access().await?;
    settled(&scene).await?;
    let before = scene.mailbox.all()?.len();
    scene.mailbox.take_down();
    scene.decide(&request).await?;
    ensure!(scene.owner.form("/mail/test", &[]).await?.status() == StatusCode::SEE_OTHER);
    let mut hand = Hand::at(&scene.portal).await?;
    let waiting = waiting_after(&mut hand, 1).await?;
    ensure!(waiting >= 2, "{waiting} mails wait");
    // The second try comes no sooner than the back-off says, and the third later still.
    let first = Instant::now();
    waiting_after(&mut hand, 2).await?;
    let waited = first.elapsed();
    ensure!(
        waited > FIRST_RETRY - Duration::from_secs(1),
        "tried again after {waited:?}"
    );
    scene.portal.restart().await?;
    scene.mailbox.bring_back().await?;
    let prefix = format!("{}/d/", scene.portal.origin());
    let has_link = |mail: &Mail| mail.link(&prefix).is_some();
    let mail = arrives(
        &mut scene.mailbox,
        CONTACT,
        has_link,
        Duration::from_secs(25),
    )
    .await?;
    let link = mail.link(&prefix).context("the link")?;
    let claimed = scene.contact.claim(link).await?;
    scene.contact.receipt(&claimed).await?;
    ensure!(scene.verify(&claimed.key).await? == "ok");
    settled(&scene).await?;
    let came = scene.mailbox.all()?.split_off(before);
    ensure!(
        came.len() >= waiting,
        "{} of {waiting} mails came",
        came.len()
    );
    once_each(&came)
}

promises! {
    an_address_that_the_mail_server_is_slow_to_take_holds_up_nobody_else,
    a_greylisted_mail_is_tried_again_and_comes_once,
    a_mail_that_was_taken_without_a_word_comes_again_under_the_same_id,
    a_refused_mail_is_a_dead_letter_that_an_operator_sends_again,
    a_delivery_whose_mail_is_refused_ends_and_is_made_again_without_anybody_seeing_the_link,
}

async fn an_address_that_the_mail_server_is_slow_to_take_holds_up_nobody_else(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let before = scene.mailbox.all()?.len();
    scene.mailbox.treat(OWNER, Some(Treatment::Stall))?;
    scene.owner.form("/mail/test", &[]).await?;
    let request = scene.ask_for_access().await?;
    scene.decide(&request).await?;
    let prefix = format!("{}/d/", scene.portal.origin());
    let has_link = |mail: &Mail| mail.link(&prefix).is_some();
    arrives(&mut scene.mailbox, CONTACT, has_link, PATIENCE).await?;

    // The owner's own mails wait for each other, and come in their order.
    let to_owner = |mails: Vec<Mail>| -> Vec<Mail> {
        let new = mails.into_iter().skip(before);
        new.filter(|mail| mail.to.iter().any(|to| to == OWNER))
            .collect()
    };
    ensure!(to_owner(scene.mailbox.all()?).is_empty(), "not stalled");
    let tried = format!("address = '{OWNER}' AND attempts > 0 AND sent_at IS NULL");
    let mut hand = Hand::at(&scene.portal).await?;
    ensure!(count(&mut hand, &tried).await? == 1);
    scene.mailbox.treat(OWNER, None)?;
    settled(&scene).await?;
    let came = to_owner(scene.mailbox.all()?);
    ensure!(came.len() >= 2 && is_test(&came[0]), "{came:?}");
    once_each(&scene.mailbox.all()?)
}

async fn a_greylisted_mail_is_tried_again_and_comes_once(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene.mailbox.treat(OWNER, Some(Treatment::Later))?;
    let begun = Instant::now();
    scene.owner.form("/mail/test", &[]).await?;
    until(&scene.owner, "greylisted").await?;
    scene.mailbox.treat(OWNER, None)?;
    arrives(&mut scene.mailbox, OWNER, is_test, PATIENCE).await?;
    let took = begun.elapsed();
    ensure!(took >= FIRST_RETRY, "tried again after {took:?}");
    settled(&scene).await?;
    once_each(&scene.mailbox.all()?)
}

async fn a_mail_that_was_taken_without_a_word_comes_again_under_the_same_id(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    scene.mailbox.treat(CONTACT, Some(Treatment::HangUp))?;
    scene.decide(&request).await?;
    let prefix = format!("{}/d/", scene.portal.origin());
    let has_link = |mail: &Mail| mail.link(&prefix).is_some();
    let first = arrives(&mut scene.mailbox, CONTACT, has_link, PATIENCE).await?;
    scene.mailbox.treat(CONTACT, None)?;
    let second = arrives(&mut scene.mailbox, CONTACT, has_link, PATIENCE).await?;
    ensure!(first.id == second.id, "who gets it twice can tell");
    ensure!(first.link(&prefix) == second.link(&prefix));
    let link = first.link(&prefix).context("the link")?;
    let claimed = scene.contact.claim(link).await?;
    scene.contact.receipt(&claimed).await?;
    let spent = scene
        .contact
        .claim(link)
        .await
        .err()
        .context("opened twice")?;
    ensure!(problem(&spent).is_some_and(|problem| problem.code == "link-not-usable"));
    Ok(())
}

async fn a_refused_mail_is_a_dead_letter_that_an_operator_sends_again(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene.mailbox.treat(OWNER, Some(Treatment::Refuse))?;
    scene.owner.form("/mail/test", &[]).await?;
    until(&scene.owner, "there is no such mailbox here").await?;
    let page = scene.owner.get("/mail?state=dead").await?.text().await?;
    ensure!(page.contains(OWNER) && page.contains("Not delivered"));
    let resend = resend_in(&page).context("no way to send it again")?;
    scene.mailbox.treat(OWNER, None)?;
    ensure!(scene.owner.form(&resend, &[]).await?.status() == StatusCode::SEE_OTHER);
    arrives(&mut scene.mailbox, OWNER, is_test, PATIENCE).await?;
    let twice = scene.owner.form(&resend, &[]).await?.text().await?;
    ensure!(twice.contains("Nothing was done"), "sent twice");
    Ok(())
}

async fn a_delivery_whose_mail_is_refused_ends_and_is_made_again_without_anybody_seeing_the_link(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    scene.mailbox.treat(CONTACT, Some(Treatment::Refuse))?;
    scene.decide(&request).await?;
    until(&scene.owner, "It held a one-time link, which is wiped").await?;
    let page = scene.owner.get("/mail").await?.text().await?;
    let delivery = format!("{}/d/", scene.portal.origin());
    ensure!(!page.contains(&delivery), "an operator sees a link");

    // Nobody can open it any more: it has ended, the operators are told, and can send a new one.
    let lapsed = |mail: &Mail| mail.text.contains("could not be delivered");
    arrives(&mut scene.mailbox, OWNER, lapsed, PATIENCE).await?;
    let mut hand = Hand::at(&scene.portal).await?;
    let states = "SELECT delivery.state || ' ' || api_key.state FROM delivery JOIN api_key ON api_key.id = key_id ORDER BY delivery.created_at";
    ensure!(hand.texts(states).await? == ["cancelled destroyed"]);
    let kept = "SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE dead_at IS NOT NULL AND LENGTH(sealed) > 0";
    ensure!(hand.texts(kept).await? == ["0"], "the link is wiped");

    scene.mailbox.treat(CONTACT, None)?;
    let key = hand.id("api_key", "state = 'destroyed'").await?;
    scene
        .owner
        .act(&format!("/keys/{key}/redeliver"), &[])
        .await?;
    let has_link = |mail: &Mail| mail.link(&delivery).is_some();
    let mail = arrives(&mut scene.mailbox, CONTACT, has_link, PATIENCE).await?;
    let link = mail.link(&delivery).context("the link")?;
    let claimed = scene.contact.claim(link).await?;
    scene.contact.receipt(&claimed).await?;
    ensure!(scene.verify(&claimed.key).await? == "ok");
    Ok(())
}

/// Until the page of mails says this.
async fn until(operator: &Visitor, sentence: &str) -> Result<()> {
    for _ in 0..400 {
        let page = operator.get("/mail").await?.text().await?;
        if page.contains(sentence) {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("the page of mails never says {sentence:?}")
}

async fn arrives(
    mailbox: &mut Mailbox,
    to: &str,
    wanted: impl Fn(&Mail) -> bool,
    patience: Duration,
) -> Result<Mail> {
    let from = Instant::now();
    while from.elapsed() < patience {
        let mail = mailbox.next_to(to, patience).await?;
        if wanted(&mail) {
            return Ok(mail);
        }
    }
    bail!("it did not come within {patience:?}")
}

/// Until no mail waits.
async fn settled(scene: &Scene) -> Result<()> {
    let mut hand = Hand::at(&scene.portal).await?;
    for _ in 0..1_200 {
        if count(&mut hand, "next_at IS NOT NULL").await? == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("mails wait for ever")
}

/// How many mails wait, once each of them was tried so often.
async fn waiting_after(hand: &mut Hand, tries: u32) -> Result<usize> {
    for _ in 0..800 {
        let waiting = count(hand, "next_at IS NOT NULL").await?;
        let tried = format!("next_at IS NOT NULL AND last_error <> '' AND attempts >= {tries}");
        if waiting > 0 && count(hand, &tried).await? == waiting {
            return Ok(waiting);
        }
        sleep(Duration::from_millis(25)).await;
    }
    bail!("mails were not tried {tries} times")
}

async fn count(hand: &mut Hand, of: &str) -> Result<usize> {
    let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE {of}");
    Ok(hand.texts(&count).await?.concat().parse()?)
}

fn once_each(mails: &[Mail]) -> Result<()> {
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.id.clone()).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    ensure!(ids.len() == all, "{} mails came twice", all - ids.len());
    Ok(())
}

fn is_test(mail: &Mail) -> bool {
    mail.subject.contains("test")
}

fn resend_in(page: &str) -> Option<String> {
    let (before, _) = page.split_once("/resend\"")?;
    let (_, path) = before.rsplit_once("action=\"")?;
    Some(format!("{path}/resend"))
}
