//! Without a mouse: Tab, Enter and Space, and the focus can always be seen.

use anyhow::{Result, bail, ensure};
use tests::browser::{Authenticator, Browser};
use thirtyfour::Key;

use crate::cast::{enrol, somebody};
use crate::stage::{Side, Stage, invited};

/// More stops than any page has.
const STOPS: usize = 120;

#[tokio::test]
async fn signing_in_and_deciding_take_no_mouse() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let fields = [("name", "Amber Office"), ("role", "reviewer")];
    let mail = "amber@alder.example";
    let (link, code) = invited(&mut stage.scene, Side::Host, &fields, mail).await?;
    let browser = somebody(&stage.scene.portal, Authenticator::PrfAtCreate).await?;
    enrol(&browser, &link, Some(&code)).await?;
    stage.scene.ask_for_access().await?;
    browser.goto(stage.scene.portal.url("/")).await?;
    hit(&browser, "Sign out", Key::Enter).await?;
    browser.arrive("/sign-in").await?;
    hit(&browser, "Sign in with a passkey", Key::Space).await?;
    browser.sees("Today").await?;
    hit(&browser, "Requests", Key::Enter).await?;
    browser.arrive("/requests").await?;
    hit(&browser, "Brightwater Logistics", Key::Enter).await?;
    browser.sees("Your passkey signs exactly").await?;
    hit(&browser, "Review and approve…", Key::Enter).await?;
    browser.sees("This is what your passkey signs").await?;
    hit(&browser, "Approve with your passkey", Key::Space).await?;
    browser.arrive("/confirm/").await?;
    browser.sees("Your passkey signs this").await?;
    hit(&browser, "Approve", Key::Enter).await?;
    browser.arrive("/requests/").await?;
    browser
        .card("Approvals for sandbox")
        .sees("Approved")
        .await?;
    browser.assert_quiet().await?;
    browser.quit().await?;
    stage.recipient.quit().await
}

#[tokio::test]
async fn claiming_takes_no_mouse() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let link = stage.delivered().await?;
    let browser = &stage.recipient;
    browser.goto(&link).await?;
    hit(browser, "Show my key", Key::Space).await?;
    browser.sees("Your sandbox key").await?;
    hit(browser, "Copy key", Key::Enter).await?;
    hit(browser, "I have stored it", Key::Enter).await?;
    browser.sees("Your sandbox key works").await?;
    hit(browser, "Watch its use", Key::Enter).await?;
    browser.arrive("/keys/").await?;
    browser.assert_quiet().await?;
    stage.recipient.quit().await
}

/// Moves on by Tab until the focus is on what begins with this text, and presses the key.
async fn hit(browser: &Browser, text: &str, key: Key) -> Result<()> {
    const WHERE: &str = "
        const at = document.activeElement;
        if (at === document.body) return ['', true];
        const style = getComputedStyle(at);
        const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
            || style.boxShadow !== 'none';
        return [(at.innerText || at.getAttribute('aria-label') || '').trim(), seen];";
    browser.sees(text).await?;
    for _ in 0..STOPS {
        browser.action_chain().send_keys(Key::Tab).perform().await?;
        let found = browser.execute(WHERE, vec![]).await?;
        let (at, seen): (String, bool) = found.convert()?;
        ensure!(at.is_empty() || seen, "the focus on “{at}” cannot be seen");
        if at.starts_with(text) {
            browser.action_chain().send_keys(key).perform().await?;
            return Ok(());
        }
    }
    bail!(
        "Tab never comes to “{text}” on {}",
        browser.current_url().await?
    )
}
