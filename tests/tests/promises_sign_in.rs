//! What the portal promises about passkeys and sessions.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, action, text, words};
use tests::promises;
use tests::scene::Scene;
use tests::server::{Config, Latchkey};
use tests::visitor::{Visitor, location};

promises! {
    passkeys_are_added_named_listed_and_removed_but_for_the_last,
    a_passkey_can_sign_its_own_removal,
    sessions_are_listed_and_ended_one_by_one_and_all_others_at_once,
    a_session_ends_when_idle_and_at_its_longest,
    after_signing_in_one_is_where_one_was_and_never_elsewhere,
}
async fn passkeys_are_added_named_listed_and_removed_but_for_the_last(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let before = text(&scene.contact, "/profile").await?;
    assert!(words(&before).contains("Your only passkey"));
    scene.contact.add_passkey("Blue key").await?;
    let mail = scene.told(CONTACT, "Blue key", 1).await?;
    assert!(
        mail.subject.contains("a passkey was added"),
        "{}",
        mail.subject
    );

    let page = text(&scene.contact, "/profile").await?;
    let listed = words(&page);
    assert!(
        listed.contains("Work laptop") && listed.contains("Blue key"),
        "{listed}"
    );
    let renames: Vec<&str> = page
        .split("action=\"")
        .filter_map(|rest| {
            rest.split('"')
                .next()
                .filter(|path| path.ends_with("/name"))
        })
        .collect();
    assert_eq!(renames.len(), 2);
    let first = renames[0].trim_end_matches("/name").to_owned();
    scene
        .contact
        .form(&format!("{first}/name"), &[("name", "Old laptop")])
        .await?;
    let empty = scene
        .contact
        .form(&format!("{first}/name"), &[("name", " ")])
        .await?;
    assert_eq!(empty.status(), 422, "a name is needed");
    let page = words(&text(&scene.contact, "/profile").await?);
    assert!(
        page.contains("Old laptop") && !page.contains("Work laptop"),
        "{page}"
    );

    let stranger = scene.owner.form(&format!("{first}/remove"), &[]).await?;
    assert_eq!(stranger.status(), 404, "nobody else's");
    scene.contact.act(&format!("{first}/remove"), &[]).await?;
    let page = text(&scene.contact, "/profile").await;
    // The session was started by the passkey that is gone, or by the new one: either is right.
    if page.is_err() {
        scene.contact.sign_in().await?;
    }
    let page = text(&scene.contact, "/profile").await?;
    assert!(words(&page).contains("Your only passkey"));
    let last = page.split("action=\"").find_map(|rest| {
        rest.split('"')
            .next()
            .filter(|path| path.ends_with("/name"))
    });
    let last = last
        .context("one is left")?
        .trim_end_matches("/name")
        .to_owned();
    let refused = scene.contact.form(&format!("{last}/remove"), &[]).await?;
    assert_eq!(refused.status(), 422, "the last one stays");
    let said = refused.text().await?;
    assert!(
        words(&said).contains("your only passkey"),
        "{}",
        words(&said)
    );
    Ok(())
}

async fn a_passkey_can_sign_its_own_removal(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    // Whether the oldest or the newest one signs: it is removed in one of the two rounds.
    for (name, newest) in [("Blue key", false), ("Green key", true)] {
        scene.contact.sign_in().await?;
        scene.contact.add_passkey(name).await?;
        let page = text(&scene.contact, "/profile").await?;
        let mut removals = page
            .split("action=\"")
            .filter_map(|rest| rest.split('"').next())
            .filter(|path| path.ends_with("/remove"))
            .collect::<Vec<_>>()
            .into_iter();
        let removal = if newest {
            removals.next_back()
        } else {
            removals.next()
        };
        let removal = removal.context("nothing to remove")?.to_owned();
        scene.contact.act(&removal, &[]).await?;
    }
    Ok(())
}

async fn sessions_are_listed_and_ended_one_by_one_and_all_others_at_once(
    database: Option<String>,
) -> Result<()> {
    let portal = Latchkey::start(without_mail(database)).await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    let (phone, tablet) = (owner.elsewhere(), owner.elsewhere());
    phone.sign_in().await?;
    let page = text(&owner, "/profile").await?;
    let end = action(&page, "/profile/sessions/", "/end").context("the other one")?;
    assert_eq!(page.matches("This one").count(), 1);
    owner.form(&end, &[]).await?;
    assert_eq!(phone.get("/").await?.status(), 303, "signed out there");
    assert_eq!(owner.get("/").await?.status(), 200, "and not here");

    phone.sign_in().await?;
    tablet.sign_in().await?;
    owner.form("/profile/sessions/end-others", &[]).await?;
    for other in [&phone, &tablet] {
        assert_eq!(other.get("/").await?.status(), 303);
    }
    assert_eq!(owner.get("/").await?.status(), 200);
    owner.form("/sign-out", &[]).await?;
    assert_eq!(owner.get("/").await?.status(), 303);
    Ok(())
}

async fn a_session_ends_when_idle_and_at_its_longest(database: Option<String>) -> Result<()> {
    const MINUTE: Duration = Duration::from_secs(60);
    let mut config = without_mail(database);
    for (name, value) in [
        ("LATCHKEY_SESSION_IDLE_MINUTES", "40"),
        ("LATCHKEY_SESSION_HOURS", "2"),
    ] {
        config.environment.push((name.to_owned(), value.to_owned()));
    }
    let mut portal = Latchkey::start(config).await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    let (busy, idle) = (owner.elsewhere(), owner);
    busy.sign_in().await?;
    for (minutes, busy_is, idle_is) in [
        (35, 200, 200),
        (70, 200, 200),
        (105, 200, 303),
        (121, 303, 303),
    ] {
        portal.restart_later(MINUTE * minutes).await?;
        assert_eq!(
            busy.get("/").await?.status(),
            busy_is,
            "busy after {minutes} minutes"
        );
        if minutes != 70 {
            assert_eq!(
                idle.get("/").await?.status(),
                idle_is,
                "idle after {minutes} minutes"
            );
        }
    }
    Ok(())
}

async fn after_signing_in_one_is_where_one_was_and_never_elsewhere(
    database: Option<String>,
) -> Result<()> {
    let portal = Latchkey::start(without_mail(database)).await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&portal.owner_link()?, None).await?;
    let visitor = owner.elsewhere();
    let sent = visitor.get("/requests?state=approved&q=a%20b").await?;
    assert_eq!(sent.status(), 303);
    let sign_in = location(&sent).context("nowhere")?;
    assert_eq!(
        sign_in,
        "/sign-in?return_to=%2Frequests%3Fstate%3Dapproved%26q%3Da%2520b"
    );
    let page = text(&visitor, &sign_in).await?;
    assert!(
        page.contains("/requests?state=approved&amp;q=a%20b"),
        "the page keeps the way"
    );
    let back = "/requests?state=approved&q=a%20b";
    assert_eq!(visitor.sign_in_to(back).await?, back);
    for elsewhere in [
        "//evil.example/x",
        "https://evil.example",
        "/\\evil.example",
        "javascript:x",
    ] {
        assert_eq!(
            visitor.elsewhere().sign_in_to(elsewhere).await?,
            "/",
            "{elsewhere}"
        );
    }
    Ok(())
}

/// Nothing needs to listen where mail goes, where none is looked for.
fn without_mail(database_url: Option<String>) -> Config {
    Config {
        database_url,
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..Config::default()
    }
}
