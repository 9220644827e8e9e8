//! Failed claims are few, are told, and lock nobody out.

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::delivery::LEASE;
use tests::company::{CONTACT, OWNER, receipt};
use tests::rows::Rows;
use tests::scene::Scene;
use tests::server::Config;
use tests::tally;
use tests::visitor::Visitor;

use crate::{Answer, settled};

/// In the mails about a claim that was refused.
const REFUSED: &str = "a passkey that may not open it";

tests::promises! {
    a_refused_claim_with_the_right_link_is_told_to_both_sides_at_most_hourly,
    a_claim_after_another_passkeys_claim_is_refused_and_says_which_and_when,
    so_is_one_after_the_lease_of_another_passkey_ran_out,
    the_recipients_own_passkey_that_may_not_open_it_is_told_too,
    failed_claims_are_limited_and_lock_nobody_else_out,
    alerts_without_a_passkey_are_limited_and_told_once_an_hour,
}

async fn a_refused_claim_with_the_right_link_is_told_to_both_sides_at_most_hourly(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let stranger = scene.other_partner("Quay", "quay@other.example").await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    // Begins at the start of an hour by the portal's clock, so that all of it is within one.
    to_the_next_hour(&mut scene).await?;

    let (path, secret) = link.split_once('#').context("no fragment")?;
    let wrong = format!("{path}#A{}", secret.get(1..).context("empty")?);
    assert_eq!(claim(&stranger, &wrong, 0).await?.status, 403);
    settled(&scene.portal).await?;
    assert_eq!(
        told(&scene)?,
        (0, 0),
        "without the link's secret nobody is told"
    );

    for _ in 0..3 {
        assert_eq!(claim(&stranger, &link, 0).await?.status, 403);
    }
    scene.told(CONTACT, REFUSED, 1).await?;
    scene.told(OWNER, REFUSED, 1).await?;
    settled(&scene.portal).await?;
    assert_eq!(told(&scene)?, (1, 1), "once an hour");

    to_the_next_hour(&mut scene).await?;
    assert_eq!(claim(&stranger, &link, 0).await?.status, 403);
    scene.told(CONTACT, REFUSED, 2).await?;
    scene.told(OWNER, REFUSED, 2).await?;
    scene
        .contact
        .claim(&link)
        .await
        .context("the right one still claims")?;
    tally::count("attacks", 5);
    Ok(())
}

/// With the recipient's newer passkey; the older one is the first.
async fn opened_by_the_blue_key(database: Option<String>) -> Result<(Scene, String)> {
    let mut scene = Scene::set(database).await?;
    scene.contact.add_passkey("Blue key").await?;
    let request = scene.ask_for_access().await?;
    scene.decide(&request).await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    assert_eq!(claim(&scene.contact, &link, 1).await?.status, 200);
    Ok((scene, link))
}

async fn a_claim_after_another_passkeys_claim_is_refused_and_says_which_and_when(
    database: Option<String>,
) -> Result<()> {
    let (scene, link) = opened_by_the_blue_key(database).await?;

    let late = claim(&scene.contact, &link, 0).await?;
    assert_eq!(
        (late.status, late.code().as_str()),
        (403, "opened-elsewhere")
    );
    assert!(
        late.body.contains("opened with the passkey “Blue key” at "),
        "{}",
        late.body
    );
    scene.told(CONTACT, "Blue key", 1).await?;
    scene.told(OWNER, "Blue key", 1).await?;

    let again = scene.contact.claim(&link).await?;
    assert!(again.again, "the newest passkey is the one that claimed");
    receipt(&scene.contact, &again).await?;
    let late = claim(&scene.contact, &link, 0).await?;
    assert_eq!(late.code(), "opened-elsewhere", "once it is receipted, too");
    tally::count("attacks", 2);
    Ok(())
}

async fn so_is_one_after_the_lease_of_another_passkey_ran_out(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, link) = opened_by_the_blue_key(database).await?;
    scene.portal.restart_later(LEASE).await?;
    scene.told(CONTACT, "a delivery lapsed", 1).await?;

    to_the_next_hour(&mut scene).await?;
    let opener = claim(&scene.contact, &link, 1).await?;
    assert_eq!(opener.code(), "link-not-usable");
    settled(&scene.portal).await?;
    assert_eq!(told(&scene)?, (0, 0), "the one that opened it is no alarm");
    for _ in 0..2 {
        let late = claim(&scene.contact, &link, 0).await?;
        assert_eq!(
            (late.status, late.code().as_str()),
            (403, "opened-elsewhere")
        );
    }
    for side in [CONTACT, OWNER] {
        let mail = scene.told(side, REFUSED, 1).await?;
        assert!(mail.text.contains("Blue key"), "{}", mail.text);
    }
    settled(&scene.portal).await?;
    assert_eq!(told(&scene)?, (1, 1), "both sides, once an hour");
    tally::count("attacks", 2);
    Ok(())
}

async fn the_recipients_own_passkey_that_may_not_open_it_is_told_too(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let mut late = scene.contact.elsewhere();
    late.sign_in().await?;
    late.add_passkey("Blue key").await?;

    to_the_next_hour(&mut scene).await?;
    for _ in 0..2 {
        let refused = claim(&late, &link, 1).await?;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "link-not-usable"),
            "it was not sealed to it"
        );
    }
    settled(&scene.portal).await?;
    assert_eq!(told(&scene)?, (1, 1), "both sides, once an hour");

    to_the_next_hour(&mut scene).await?;
    let (mut ready, other) = (
        late.ready_to_claim(&link, 0).await?,
        late.ready_to_claim(&link, 1).await?,
    );
    ready.body["sealing_key"] = other.body["sealing_key"].clone();
    let refused = Answer::of(late.send(&ready.path, &ready.body).await?).await?;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "other-device-key")
    );
    settled(&scene.portal).await?;
    assert_eq!(told(&scene)?, (2, 2), "another device key");

    to_the_next_hour(&mut scene).await?;
    let claimed = scene.contact.claim(&link).await;
    let claimed = claimed.context("the right one still claims")?;
    receipt(&scene.contact, &claimed).await?;
    assert_eq!(claim(&scene.contact, &link, 0).await?.status, 403);
    settled(&scene.portal).await?;
    assert_eq!(
        told(&scene)?,
        (2, 2),
        "the passkey that opened it comes late, which is no alarm"
    );
    tally::count("attacks", 4);
    Ok(())
}

async fn alerts_without_a_passkey_are_limited_and_told_once_an_hour(
    database: Option<String>,
) -> Result<()> {
    const TOLD: &str = "a delivery was reported: ";
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let nobody = Visitor::new(scene.portal.origin());
    to_the_next_hour(&mut scene).await?;
    for _ in 0..10 {
        assert_eq!(nobody.alert(&link).await?.status(), 200);
    }
    let limited = nobody.alert(&link).await?;
    assert_eq!(limited.status(), 429);
    assert!(limited.headers().contains_key("retry-after"));
    settled(&scene.portal).await?;
    assert_eq!(scene.mails(OWNER, TOLD)?.len(), 1, "once an hour");
    let entries = Rows::of(&scene.portal).await?.count("audit");

    to_the_next_hour(&mut scene).await?;
    assert_eq!(nobody.alert(&link).await?.status(), 200);
    scene.told(OWNER, TOLD, 2).await?;
    settled(&scene.portal).await?;
    let recorded = Rows::of(&scene.portal).await?.count("audit") - entries;
    assert_eq!(recorded, 1, "and so it is recorded");
    scene
        .contact
        .claim(&link)
        .await
        .context("the right one still claims")?;
    tally::count("attacks", 12);
    Ok(())
}

async fn failed_claims_are_limited_and_lock_nobody_else_out(
    database_url: Option<String>,
) -> Result<()> {
    let proxies = ("LATCHKEY_PROXIES".to_owned(), "127.0.0.1".to_owned());
    let mut scene = Scene::with(Config {
        database_url,
        environment: vec![proxies],
        ..Config::default()
    })
    .await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let origin = scene.portal.origin().to_owned();
    let attacker = Visitor::from_address(&origin, &origin, "198.51.100.66")?;
    // The first is by a passkey that nobody enrolled, and all others are its replays.
    let claim = scene.contact.ready_to_claim(&link, 0).await?;
    let mut body = claim.body;
    body["credential"]["id"] = body["ceremony"].clone();
    let mut limited = None;
    // Windows are fixed: the tries of two of them at most.
    for number in 0..=61 {
        let answer = attacker.send(&claim.path, &body).await?;
        if answer.status() == 429 {
            limited = Some((number, answer));
            break;
        }
    }
    let (number, answer) = limited.context("nobody stopped them")?;
    assert!(number >= 30, "{number}");
    assert!(answer.headers().contains_key("retry-after"));
    scene
        .contact
        .claim(&link)
        .await
        .context("the right one still claims")?;
    tally::count("attacks", number);
    Ok(())
}

async fn claim(by: &Visitor, link: &str, passkey: usize) -> Result<Answer> {
    let claim = by.ready_to_claim(link, passkey).await?;
    Answer::of(by.send(&claim.path, &claim.body).await?).await
}

/// How many such mails the contact and the operator got.
fn told(scene: &Scene) -> Result<(usize, usize)> {
    Ok((
        scene.mails(CONTACT, REFUSED)?.len(),
        scene.mails(OWNER, REFUSED)?.len(),
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the portal under test has a clock of its own"
)]
async fn to_the_next_hour(scene: &mut Scene) -> Result<()> {
    let ahead = scene.portal.clock_ahead();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)? + ahead;
    let rest = 3600 - now.as_secs() % 3600;
    scene
        .portal
        .restart_later(ahead + Duration::from_secs(rest + 1))
        .await
}
