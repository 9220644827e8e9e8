//! The front door: the owner's link, enrolment, sign-in.

#![cfg(test)]

use anyhow::Result;
use tests::server::{Config, Latchkey};
use tests::visitor::{Visitor, problem};

#[tokio::test]
async fn the_owners_link_makes_an_owner_once_and_survives_a_restart() -> Result<()> {
    let mut portal = Latchkey::start(without_mail()).await?;
    let link = portal.owner_link()?;
    portal.restart().await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&link, None).await?;
    let home = owner.get("/").await?;
    assert_eq!(home.status(), 200);
    assert!(home.text().await?.contains("First owner"));

    portal.restart().await?;
    let mut late = Visitor::new(portal.origin());
    let error = late.enrol(&link, None).await.unwrap_err();
    assert_eq!(
        problem(&error).map(|p| p.code.as_str()),
        Some("link-not-usable")
    );
    assert_eq!(
        owner.get("/").await?.status(),
        200,
        "the session outlives a restart"
    );
    Ok(())
}

#[tokio::test]
async fn a_passkey_signs_in_and_signing_out_ends_the_session() -> Result<()> {
    let portal = Latchkey::start(without_mail()).await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    owner.form("/sign-out", &[]).await?;
    assert_eq!(owner.get("/").await?.status(), 303, "sent to sign in");
    owner.sign_in().await?;
    assert_eq!(owner.get("/").await?.status(), 200);
    Ok(())
}

/// No mail is sent here, so nothing needs to listen where mail goes. (A development portal prints a
/// fresh owner link at every start, which voids the one before.)
fn without_mail() -> Config {
    Config {
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..Config::default()
    }
}
