//! The claim page keeps its secrets: out of the address, out of the history, out of the page when it
//! is over.

use anyhow::{Context as _, Result, ensure};
use tests::browser::{Authenticator, Browser};
use tests::company::OWNER;
use tests::scene::path_of;
use thirtyfour::By;

use crate::stage::Stage;

const AGAIN: &str = "Open the link in your mail again";

#[tokio::test]
async fn a_reload_and_the_way_back_ask_for_the_mail_and_never_show_the_key() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let link = stage.delivered().await?;
    let (portal, browser) = (&stage.scene.portal, &stage.recipient);
    let page = reqwest::get(portal.url(&path_of(&link))).await?;
    let kept = page.headers().get("cache-control");
    ensure!(kept.is_some_and(|kept| kept == "no-store"), "{kept:?}");

    browser.goto(&link).await?;
    browser.sees("Show my key").await?;
    nothing_in_the_address(browser).await?;
    browser.refresh().await?;
    browser.sees(AGAIN).await?;
    browser.assert_accessible().await?;
    // In the same window only the fragment changes: the page is not loaded again.
    browser.goto(&link).await?;
    browser.sees("Show my key").await?;
    nothing_in_the_address(browser).await?;

    let key = show(browser).await?;
    ensure!(stage.scene.verify(&key).await? == "not_active");
    browser.goto(portal.url("/keys")).await?;
    browser.back().await?;
    browser.sees(AGAIN).await?;
    forgot(browser, &key).await?;
    browser.forward().await?;
    browser.arrive("/keys").await?;
    forgot(browser, &key).await?;

    browser.goto(&link).await?;
    let again = show(browser).await?;
    ensure!(again == key, "another key for the same link");
    browser.sees("You opened it before").await?;
    browser.press("I have stored it").await?;
    browser.sees("Your sandbox key works").await?;
    forgot(browser, &key).await?;
    ensure!(stage.scene.verify(&key).await? == "ok");
    browser.goto(portal.url("/keys")).await?;
    browser.goto(&link).await?;
    browser.sees("Show my key").await?;
    browser.press("Show my key").await?;
    browser.sees("This link opens nothing for you").await?;
    browser.assert_accessible().await?;
    forgot(browser, &key).await?;
    browser.assert_quiet_but_for(&["/claim"]).await?;
    stage.recipient.quit().await
}

#[tokio::test]
async fn who_did_not_ask_for_the_key_ends_it_with_the_passkey() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let link = stage.delivered().await?;
    let browser = &stage.recipient;
    browser.goto(&link).await?;
    browser.press("This was not me").await?;
    browser.press("Tell them without a passkey").await?;
    browser.sees("Nothing was ended or used up by it").await?;
    browser.assert_accessible().await?;
    stage
        .scene
        .told(OWNER, "a delivery was reported: ", 1)
        .await?;
    browser.press("Back").await?;
    let key = show(browser).await?;
    browser.press("This was not me").await?;
    browser.sees_no("Tell them without a passkey").await?;
    browser.sees("No passkey at hand? Write to").await?;
    browser.assert_accessible().await?;
    browser.press("End this key").await?;
    browser.sees("The key is dead").await?;
    browser.assert_accessible().await?;
    forgot(browser, &key).await?;
    let answer = stage.scene.verify(&key).await?;
    ensure!(answer != "ok" && answer != "not_active", "{answer}");
    browser.assert_quiet().await?;
    stage.recipient.quit().await
}

/// The key, once it is shown.
pub(crate) async fn show(browser: &Browser) -> Result<String> {
    browser.press("Show my key").await?;
    browser
        .sees("It works as soon as you say that it is stored")
        .await?;
    let key = browser.find(By::Css("[aria-label='The key']")).await?;
    let key = key.text().await?;
    ensure!(key.starts_with("lk_test_"), "no key is shown");
    Ok(key)
}

async fn nothing_in_the_address(browser: &Browser) -> Result<()> {
    let url = browser.current_url().await?;
    ensure!(url.fragment().is_none(), "{url}");
    let entry = browser
        .execute(
            "return JSON.stringify([location.href, history.state])",
            vec![],
        )
        .await?;
    let entry = entry.json().as_str().context("no entry")?.to_owned();
    ensure!(!entry.contains('#'), "{entry}");
    Ok(())
}

async fn forgot(browser: &Browser, key: &str) -> Result<()> {
    ensure!(
        !browser.source().await?.contains(key),
        "the key is still in the page"
    );
    browser.sees_no(key).await
}
