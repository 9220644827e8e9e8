//! The main job, over HTTP, with real mail: from the owner's link to a key that works, and to the
//! end of it. The browser's part of it is walked in Chromium elsewhere.

#![cfg(test)]

use anyhow::{Context as _, Result};
use tests::postgres;
use tests::scene::{PATIENCE, Scene, path_of};
use tests::visitor::{Visitor, problem};

#[tokio::test]
async fn from_an_invitation_to_a_key_that_works_and_is_revoked_on_sqlite() -> Result<()> {
    main_job(None).await
}

#[tokio::test]
async fn from_an_invitation_to_a_key_that_works_and_is_revoked_on_postgresql() -> Result<()> {
    main_job(Some(postgres::create_database().await?)).await
}

async fn main_job(database_url: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database_url).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;

    let stranger = Visitor::new(scene.portal.origin());
    assert_eq!(
        stranger.get(&path_of(&link)).await?.status(),
        200,
        "looking burns nothing"
    );
    let claimed = scene.contact.claim(&link).await?;
    assert!(!claimed.again);
    assert_eq!(
        scene.verify(&claimed.key).await?,
        "not_active",
        "before the receipt"
    );
    let again = scene.contact.claim(&link).await?;
    assert!(
        again.again && again.key == claimed.key,
        "a lost response loses nothing"
    );

    let receipt = scene.contact.receipt(&again).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    scene
        .contact
        .receipt(&again)
        .await
        .context("the same receipt again")?;
    let error = scene
        .contact
        .claim(&link)
        .await
        .err()
        .context("it was one-time")?;
    assert_eq!(
        problem(&error).map(|p| p.code.as_str()),
        Some("link-not-usable")
    );

    let page = receipt["portal"].as_str().context("where to watch")?;
    assert_eq!(
        scene.contact.get(page).await?.status(),
        200,
        "the contact sees the key"
    );
    assert_eq!(
        scene.owner.get(page).await?.status(),
        200,
        "and so does staff"
    );
    let reason = [("reason", "The contract with them ended yesterday.")];
    scene.owner.act(&format!("{page}/revoke"), &reason).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "revoked");
    let told = scene
        .mailbox
        .next_to("contact@partner.example", PATIENCE)
        .await?;
    assert!(told.text.contains("revoked"), "{}", told.text);
    Ok(())
}
