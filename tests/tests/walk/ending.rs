//! Almost a year later: a mail tells the recipient that a key is about to end, and leads to the
//! next one.

use anyhow::{Context as _, Result, ensure};
use tests::browser::Authenticator;
use tests::company::DAY;

use crate::cast::mailed_link;
use crate::claim_page::show;
use crate::stage::{MAIL, Stage};

#[tokio::test]
async fn who_is_told_that_a_key_ends_follows_the_mail_to_the_next_one() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let link = stage.delivered().await?;
    let first = stored(&stage, &link).await?;

    stage
        .scene
        .portal
        .restart_later(DAY * 358 + DAY / 24)
        .await?;
    let mail = stage.scene.told(MAIL, "expires in 7 days", 1).await?;
    let origin = stage.scene.portal.origin().to_owned();
    let way = mail.link(&format!("{origin}/keys/"));
    let browser = &stage.recipient;
    browser.goto(way.context("no way to the key")?).await?;
    // Nobody is signed in for a year; the way back is kept.
    browser.go("Sign in with a passkey").await?;
    browser.sees("Mail: 7 days left").await?;
    browser.assert_accessible().await?;
    browser.go("Ask for a replacement key…").await?;
    browser.confirm().await?;
    let link = mailed_link(&mut stage.scene.mailbox, MAIL, &origin, "d").await?;
    let second = stored(&stage, &link).await?;

    ensure!(second != first, "the same key again");
    for key in [&first, &second] {
        let answer = stage.scene.verify(key).await?;
        ensure!(answer == "ok", "both work for a while, but: {answer}");
    }
    stage.scene.portal.restart_later(DAY * 366).await?;
    let answer = stage.scene.verify(&second).await?;
    ensure!(answer == "expired", "it outlives the grant: {answer}");
    stage.recipient.assert_quiet().await?;
    stage.recipient.quit().await
}

/// The key, once its recipient has it.
async fn stored(stage: &Stage, link: &str) -> Result<String> {
    let browser = &stage.recipient;
    browser.goto(link).await?;
    let key = show(browser).await?;
    browser.press("I have stored it").await?;
    browser.sees("Your sandbox key works").await?;
    Ok(key)
}
