//! Each kind of authenticator: what it can do, and what the page says when it cannot.

use anyhow::{Result, ensure};
use tests::browser::Authenticator;

use crate::cast::{enrol, somebody};
use crate::claim_page::show;
use crate::stage::{Side, Stage, invited};

#[tokio::test]
async fn a_passkey_that_gives_its_secret_only_later_enrols_signs_in_and_claims() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtGet).await?;
    sign_out_and_in(&stage).await?;
    let link = stage.delivered().await?;
    let browser = &stage.recipient;
    browser.goto(&link).await?;
    let key = show(browser).await?;
    browser.press("I have stored it").await?;
    browser.sees("Your sandbox key works").await?;
    ensure!(stage.scene.verify(&key).await? == "ok");
    browser.assert_quiet().await?;
    stage.recipient.quit().await
}

#[tokio::test]
async fn a_passkey_without_a_secret_signs_in_and_cannot_receive() -> Result<()> {
    let mut stage = Stage::set(Authenticator::NoPrf).await?;
    stage
        .recipient
        .sees("This passkey cannot receive keys")
        .await?;
    stage.recipient.sees("a YubiKey 5").await?;
    stage.recipient.assert_accessible().await?;
    sign_out_and_in(&stage).await?;
    let request = stage.asks().await?;
    stage
        .recipient
        .sees("you need a passkey that can open it")
        .await?;
    stage.scene.decide(&request).await?;
    let browser = &stage.recipient;
    browser.refresh().await?;
    browser.sees("Approved, waiting for a passkey").await?;
    browser.assert_accessible().await?;
    browser.go("Add a passkey").await?;
    browser.sees("This passkey cannot receive keys").await?;

    let request = stage.scene.ask_for_access().await?;
    let link = stage.scene.approve(&request).await?;
    let browser = &stage.recipient;
    browser.goto(&link).await?;
    browser.press("Show my key").await?;
    browser.sees("This passkey cannot open sealed keys").await?;
    browser.assert_accessible().await?;
    browser.assert_quiet().await?;
    let claimed = stage.scene.contact.claim(&link).await?;
    ensure!(!claimed.again, "the other passkey used the link up");
    stage.recipient.quit().await
}

#[tokio::test]
async fn a_reviewer_whose_passkey_has_no_secret_decides() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let fields = [("name", "Amber Office"), ("role", "reviewer")];
    let mail = "amber@alder.example";
    let (link, code) = invited(&mut stage.scene, Side::Host, &fields, mail).await?;
    let browser = somebody(&stage.scene.portal, Authenticator::NoPrf).await?;
    enrol(&browser, &link, Some(&code)).await?;
    let request = stage.scene.ask_for_access().await?;
    browser.goto(stage.scene.portal.url(&request)).await?;
    browser.go("Review and approve…").await?;
    browser.go("Approve with your passkey").await?;
    browser.confirm().await?;
    browser
        .card("Approvals for sandbox")
        .sees("Approved")
        .await?;
    browser.assert_quiet().await?;
    browser.quit().await?;
    stage.recipient.quit().await
}

async fn sign_out_and_in(stage: &Stage) -> Result<()> {
    let browser = &stage.recipient;
    browser.goto(stage.scene.portal.url("/")).await?;
    browser.go("Sign out").await?;
    browser.arrive("/sign-in").await?;
    browser.go("Sign in with a passkey").await?;
    browser.sees("Your access to").await
}
