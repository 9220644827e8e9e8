//! With scripts switched off everything works but the ceremonies, and their pages say so.

use anyhow::{Result, ensure};
use tests::browser::{Authenticator, Browser};
use tests::scene::ANSWERS;

use crate::cast::{enrol, somebody};
use crate::partner::{answer_to, label};
use crate::stage::{Side, Stage, invited};

#[tokio::test]
async fn pages_and_forms_need_no_scripts() -> Result<()> {
    let mut stage = Stage::set(Authenticator::PrfAtCreate).await?;
    let fields = [("name", "Amber Office"), ("role", "reviewer")];
    let mail = "amber@alder.example";
    let (link, code) = invited(&mut stage.scene, Side::Host, &fields, mail).await?;
    let reviewer = somebody(&stage.scene.portal, Authenticator::PrfAtCreate).await?;
    enrol(&reviewer, &link, Some(&code)).await?;
    for browser in [&stage.recipient, &reviewer] {
        browser.switch_scripts_off().await?;
    }
    let request = ask(&stage, &stage.recipient).await?;

    reviewer.goto(stage.scene.portal.url("/requests")).await?;
    reviewer
        .fill("Partner, service or person", "Brightwater")
        .await?;
    reviewer.go("Search").await?;
    reviewer.go("Brightwater Logistics").await?;
    let section = reviewer.card("Justification");
    section.fill("Comment", "Clear and short.").await?;
    section.go("Accept section").await?;
    reviewer.sees("Clear and short.").await?;
    reviewer.go("Review and approve…").await?;
    reviewer.go("Approve with your passkey").await?;
    reviewer.sees("only do that with scripts on").await?;
    reviewer.goto(stage.scene.portal.url("/sign-in")).await?;
    reviewer.sees("only do that with scripts on").await?;

    let recipient = &stage.recipient;
    recipient.goto(stage.scene.portal.url(&request)).await?;
    recipient.sees("Clear and short.").await?;
    recipient.press("Withdraw this request").await?;
    recipient.go("Withdraw the request").await?;
    recipient.sees("Withdrawn").await?;
    for browser in [stage.recipient, reviewer] {
        browser.assert_quiet().await?;
        browser.quit().await?;
    }
    Ok(())
}

async fn ask(stage: &Stage, contact: &Browser) -> Result<String> {
    contact
        .goto(stage.scene.portal.url("/requests/new"))
        .await?;
    contact.tick("Shipments API").await?;
    contact.go("Start the request").await?;
    contact.tick("sandbox").await?;
    contact.tick("shipments:read").await?;
    let (first, rest) = ANSWERS.split_first().expect("there are questions");
    answer_to(contact, first.0, first.1).await?;
    contact.go("Save the draft").await?;
    contact.sees("Saved").await?;
    let kept = contact.page().value(label(first.0)).await?;
    ensure!(kept == first.1, "{kept}");
    for (code, answer) in rest {
        answer_to(contact, code, answer).await?;
    }
    contact.go("Hand in for review").await?;
    contact.sees("Handed in").await?;
    contact.path().await
}
