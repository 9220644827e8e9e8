//! The front door in a real browser: enrolment and sign-in with each kind of authenticator, with the
//! page's own scripts, under the page's own policy.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result};
use tests::browser::{Authenticator, Browser};
use tests::server::{Config, Latchkey};
use thirtyfour::prelude::*;

#[tokio::test]
async fn a_passkey_that_gives_its_secret_at_once_enrols_and_signs_in() -> Result<()> {
    enrols_and_signs_in(Authenticator::PrfAtCreate).await
}

#[tokio::test]
async fn a_passkey_that_gives_its_secret_only_later_enrols_and_signs_in() -> Result<()> {
    enrols_and_signs_in(Authenticator::PrfAtGet).await
}

#[tokio::test]
async fn a_passkey_without_a_secret_enrols_and_signs_in() -> Result<()> {
    enrols_and_signs_in(Authenticator::NoPrf).await
}

async fn enrols_and_signs_in(kind: Authenticator) -> Result<()> {
    let portal = Latchkey::start(Config {
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..Config::default()
    })
    .await?;
    let link = portal.owner_link()?;
    let browser = Browser::start().await?;
    browser.goto(portal.url("/sign-in")).await?;
    browser.add_authenticator(kind).await?;
    browser.goto(&link).await?;
    press(&browser, "Create a passkey").await?;
    arrive(&browser, "/welcome").await?;
    browser.assert_accessible().await?;

    browser.goto(portal.url("/")).await?;
    press(&browser, "Sign out").await?;
    arrive(&browser, "/sign-in").await?;
    press(&browser, "Sign in with a passkey").await?;
    browser
        .query(By::XPath("//h1[contains(., 'Home') or contains(., 'Welcome') or contains(., 'First owner') or contains(., 'Hello')] | //button[.='Sign out']"))
        .wait(PATIENCE, TICK)
        .first()
        .await?;
    browser.assert_quiet().await?;
    browser.quit().await?;
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(50);

/// Presses the button with this text once a script or the page made it ready.
async fn press(browser: &Browser, text: &str) -> Result<()> {
    let button = browser
        .query(By::XPath(format!("//button[normalize-space(.)='{text}']")))
        .wait(PATIENCE, TICK)
        .and_enabled()
        .first()
        .await
        .with_context(|| format!("no button “{text}”"))?;
    button.click().await?;
    Ok(())
}

async fn arrive(browser: &Browser, path: &str) -> Result<()> {
    for _ in 0..400 {
        if browser.current_url().await?.path() == path {
            return Ok(());
        }
        tokio::time::sleep(TICK).await;
    }
    let page = browser.source().await?;
    anyhow::bail!(
        "never came to {path}: {} {page}",
        browser.current_url().await?
    )
}
