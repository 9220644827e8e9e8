//! What the portal promises about the hand-over of a key when something comes in between.

#![cfg(test)]

use std::time::Duration;

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, OWNER, code_at, decide, linked, receipt, text, words};
use tests::promises;
use tests::rows::Rows;
use tests::scene::Scene;
use tests::visitor::{Visitor, problem};

promises! {
    what_is_claimed_says_how_to_make_the_first_call,
    without_a_fit_passkey_it_waits_and_a_fit_one_brings_the_key,
    a_policy_for_device_bound_passkeys_takes_no_synced_one,
    a_link_that_nobody_opened_lapses_and_three_new_ones_can_be_had,
    a_changed_setting_moves_the_end_of_later_links,
    a_lease_without_a_receipt_destroys_the_key_and_both_are_told,
    this_was_not_me_kills_the_key_and_alerts_the_staff,
    this_was_not_me_without_a_passkey_alerts_the_staff_and_changes_nothing,
}

const HOUR: Duration = Duration::from_hours(1);

/// The newest key's page.
async fn newest_key(who: &Visitor) -> Result<String> {
    linked(&text(who, "/keys").await?, "/keys/", "lk_test_").context("no key is listed")
}

fn refused<T>(done: Result<T>) -> String {
    match done {
        Ok(_) => "done".to_owned(),
        Err(error) => problem(&error).map_or_else(|| error.to_string(), |it| it.code.clone()),
    }
}

async fn what_is_claimed_says_how_to_make_the_first_call(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claimed = scene.contact.claim(&link).await?;
    let details = &claimed.answer["details"];
    assert_eq!(details["base_url"], "https://sandbox.example.com");
    assert_eq!(details["variable"], "SHIPMENTS_KEY");
    assert_eq!(details["scopes"][0], "shipments:read");
    assert_eq!(details["networks"][0], "203.0.113.0/28");
    assert!(
        details["example_path"]
            .as_str()
            .is_some_and(|path| path.starts_with("/v2/")),
        "{details}"
    );
    assert!(claimed.answer["lease_until"].is_string());
    let page = newest_key(&scene.contact).await?;
    let shown = words(&text(&scene.contact, &page).await?);
    assert!(
        shown.contains("ten minutes"),
        "not active, and it says so: {shown}"
    );
    assert_eq!(receipt(&scene.contact, &claimed).await?, page);
    let shown = words(&text(&scene.contact, &page).await?);
    assert!(!shown.contains(&claimed.key), "shown once, and not here");
    Ok(())
}

async fn without_a_fit_passkey_it_waits_and_a_fit_one_brings_the_key(
    database: Option<String>,
) -> Result<()> {
    let email = "them@other.example";
    let mut scene = Scene::set(database).await?;
    let fields = [
        ("organisation", "Quay Prints"),
        ("name", "Their contact"),
        ("email", email),
        ("why", "They print labels."),
    ];
    let reveal = scene.owner.act("/partners/invite", &fields).await?;
    let code = code_at(&scene.owner, &reveal).await?;
    let link = scene.link_to(email, "/l/").await?;
    scene.contact = Visitor::new(scene.portal.origin());
    scene
        .contact
        .enrol_without_secret(&link, Some(&code))
        .await?;
    let welcome = words(&text(&scene.contact, "/welcome").await?);
    assert!(
        welcome.contains("cannot receive") || welcome.contains("receive keys"),
        "{welcome}"
    );

    let request = scene.ask_for_access().await?;
    let status = words(&text(&scene.contact, &request).await?);
    assert!(
        status.contains("you need a passkey that can open it"),
        "{status}"
    );
    decide(&scene.owner, &request, "sandbox", "approve").await?;
    let mail = scene.told(email, "needs a passkey of yours", 1).await?;
    assert!(mail.text.contains("/profile"), "{}", mail.text);
    for who in [&scene.contact, &scene.owner] {
        let page = words(&text(who, &request).await?);
        assert!(page.contains("Approved, waiting for a passkey"), "{page}");
    }
    assert!(
        scene.mails(email, "your key for")?.is_empty(),
        "nothing was made"
    );

    scene.contact.add_passkey("Blue key").await?;
    let link = scene.link_to(email, "/d/").await?;
    let held = scene.receive(link).await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    for who in [&scene.contact, &scene.owner] {
        let page = words(&text(who, &request).await?);
        assert!(!page.contains("waiting for a passkey"), "{page}");
    }
    assert_eq!(scene.mails(email, "your key for")?.len(), 1, "one key");
    scene.contact.add_passkey("Red key").await?;
    scene.told(email, "Red key", 1).await?;
    assert_eq!(scene.mails(email, "your key for")?.len(), 1, "and no more");
    Ok(())
}

async fn a_policy_for_device_bound_passkeys_takes_no_synced_one(
    database: Option<String>,
) -> Result<()> {
    let email = "cora@partner.example";
    let mut scene = Scene::set(database).await?;
    scene
        .set_policy("sandbox", &[("device_bound", "yes")])
        .await?;

    let invitation = [("name", "Cora"), ("email", email), ("role", "admin")];
    let reveal = scene.contact.act("/people/invite", &invitation).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let link = scene.link_to(email, "/l/").await?;
    scene.contact = Visitor::new(scene.portal.origin());
    scene.contact.authenticator.synced = true;
    scene.contact.enrol(&link, Some(&code)).await?;
    let request = scene.ask_for_access().await?;
    decide(&scene.owner, &request, "sandbox", "approve").await?;
    scene.told(email, "needs a passkey of yours", 1).await?;
    scene.contact.add_passkey("Another cloud").await?;
    scene.told(email, "Another cloud", 1).await?;
    assert!(
        scene.mails(email, "your key for")?.is_empty(),
        "synced, too"
    );
    scene.contact.authenticator.synced = false;
    scene.contact.add_passkey("Blue key").await?;
    let link = scene.link_to(email, "/d/").await?;
    let held = scene.receive(link).await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    assert_eq!(
        scene.mails(email, "needs a passkey of yours")?.len(),
        1,
        "told once"
    );
    Ok(())
}

async fn a_link_that_nobody_opened_lapses_and_three_new_ones_can_be_had(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let mut link = scene.approve(&request).await?;
    for lapsed in 1..=4_u32 {
        scene.portal.restart_later(HOUR * 80 * lapsed).await?;
        let times = usize::try_from(lapsed)?;
        for side in [CONTACT, OWNER] {
            let mail = scene.told(side, "a delivery lapsed", times).await?;
            assert!(
                mail.text.contains("Nobody opened the delivery in time."),
                "{}",
                mail.text
            );
        }
        scene.contact.sign_in().await?;
        assert_eq!(refused(scene.contact.claim(&link).await), "link-not-usable");
        let page = newest_key(&scene.contact).await?;
        let again = format!("{page}/redeliver");
        if lapsed < 4 {
            scene.contact.act(&again, &[]).await?;
        } else {
            let fourth = scene.contact.form(&again, &[]).await?;
            assert_eq!(fourth.status(), 422, "three times under one grant");
            scene.owner.sign_in().await?;
            scene.owner.act(&again, &[]).await?;
        }
        link = scene.link_to(CONTACT, "/d/").await?;
    }
    let held = scene.receive(link).await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    let page = words(&text(&scene.contact, &held.page).await?);
    assert!(!page.contains("Send a new link"), "{page}");
    Ok(())
}

async fn a_changed_setting_moves_the_end_of_later_links(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let before = scene.approve(&request).await?;
    scene.set_policy("sandbox", &[("link_hours", "2")]).await?;
    let lapses = scene.ask_for(&["sandbox"]).await?;
    let short = scene.approve(&lapses).await?;
    let open = scene.ask_for(&["sandbox"]).await?;
    let in_time = scene.approve(&open).await?;

    scene.portal.restart_later(HOUR * 2 - HOUR / 12).await?;
    scene
        .contact
        .claim(&in_time)
        .await
        .context("within two hours")?;
    scene.portal.restart_later(HOUR * 2 + HOUR / 12).await?;
    assert_eq!(
        refused(scene.contact.claim(&short).await),
        "link-not-usable"
    );
    scene
        .told(CONTACT, "Nobody opened the delivery in time.", 1)
        .await?;
    let claimed = scene.contact.claim(&before).await;
    claimed.context("the end of a link that was mailed before stays")?;
    Ok(())
}

async fn a_lease_without_a_receipt_destroys_the_key_and_both_are_told(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let claimed = scene.contact.claim(&link).await?;
    let page = newest_key(&scene.contact).await?;
    scene
        .portal
        .restart_later(Duration::from_secs(11 * 60))
        .await?;
    for side in [CONTACT, OWNER] {
        let mail = scene.told(side, "a delivery lapsed", 1).await?;
        let said = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("nobody said that the key is stored"),
            "{said}"
        );
    }
    assert_eq!(refused(scene.contact.receipt(&claimed).await), "lease-over");
    assert_eq!(refused(scene.contact.claim(&link).await), "link-not-usable");
    let code = scene.verify(&claimed.key).await?;
    assert!(code == "unknown" || code == "revoked", "{code}");
    let shown = words(&text(&scene.owner, &page).await?);
    assert!(shown.contains("Destroyed"), "{shown}");

    scene.contact.act(&format!("{page}/redeliver"), &[]).await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let held = scene.receive(link).await?;
    assert_ne!(held.key, claimed.key, "another key");
    assert_eq!(scene.verify(&held.key).await?, "ok");
    assert_ne!(scene.verify(&claimed.key).await?, "ok");
    Ok(())
}

async fn this_was_not_me_kills_the_key_and_alerts_the_staff(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    let colleague = scene
        .colleague("Cora", "cora@partner.example", "admin")
        .await?;
    let held = scene.key().await?;
    assert_eq!(
        refused(colleague.report(&held.link).await),
        "link-not-usable",
        "not hers"
    );
    assert_eq!(scene.verify(&held.key).await?, "ok", "and nothing changed");
    scene.contact.report(&held.link).await?;
    assert_eq!(scene.verify(&held.key).await?, "revoked");
    for told in [OWNER, "rita@host.example", CONTACT] {
        scene.told(told, "reported and ended", 1).await?;
    }
    let page = words(&text(&scene.owner, &held.page).await?);
    assert!(
        page.contains("Compromised") && page.contains("this was not me"),
        "{page}"
    );
    let resume = scene
        .owner
        .form(&format!("{}/resume", held.page), &[])
        .await?;
    assert_ne!(resume.status(), 303, "it stays so");

    // Before anybody opened it: nobody ever can.
    let grant = tests::company::action(
        &text(&scene.owner, &held.page).await?,
        "/grants/",
        "/revoke",
    );
    let reason = [("reason", "It was reported by its recipient.")];
    scene
        .owner
        .act(&grant.context("no grant to revoke")?, &reason)
        .await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    scene.contact.report(&link).await?;
    assert_eq!(refused(scene.contact.claim(&link).await), "link-not-usable");
    let page = newest_key(&scene.contact).await?;
    let own = scene
        .contact
        .form(&format!("{page}/redeliver"), &[])
        .await?;
    assert_eq!(own.status(), 422, "what was reported only staff make again");
    Ok(())
}

async fn this_was_not_me_without_a_passkey_alerts_the_staff_and_changes_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    scene.hire("Ada", "ada@host.example", &["auditor"]).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let nobody = Visitor::new(scene.portal.origin());
    let before = Rows::of(&scene.portal).await?;
    assert_eq!(nobody.alert(&link).await?.status(), 200);
    for told in [OWNER, "rita@host.example"] {
        let mail = scene.told(told, "a delivery was reported: ", 1).await?;
        let said = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("Nobody proved who they are, so nothing was changed")
                && said.contains("security@localhost"),
            "{said}"
        );
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, &["audit", "outbox", "tries"]),
        Vec::<String>::new(),
        "neither the delivery nor the key"
    );
    let home = words(&text(&scene.owner, "/").await?);
    assert!(home.contains("said without a passkey"), "{home}");
    let entry = scene
        .audit()
        .await?
        .into_iter()
        .find(|entry| entry["act"] == "report-unproved")
        .context("it is not in the log")?;
    assert_eq!(entry["actor_kind"], "anonymous", "{entry}");
    assert!(entry["actor"].is_null() && entry["credential"].is_null());
    for other in ["ada@host.example", CONTACT] {
        assert!(scene.mails(other, "was reported")?.is_empty(), "{other}");
    }
    let held = scene.receive(link).await?;
    assert_eq!(
        scene.verify(&held.key).await?,
        "ok",
        "and it is still there"
    );
    let page = words(&text(&scene.owner, &held.page).await?);
    assert!(
        page.contains("Said without a passkey: this was not me"),
        "{page}"
    );
    Ok(())
}
