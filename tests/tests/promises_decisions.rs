//! What the portal promises about decisions: how many people, over what, and what voids an approval.

#![cfg(test)]

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use tests::company::{CONTACT, decide, linked, text, words};
use tests::promises;
use tests::scene::{Scene, value_of};
use tests::visitor::Visitor;

promises! {
    production_takes_two_people_and_says_for_whom_it_waits,
    a_reviewer_appointed_after_the_submission_does_not_count,
    a_narrowed_grant_voids_approvals_and_tells_who_gave_them,
    a_changed_policy_voids_an_approval,
    a_changed_recipient_voids_an_approval,
    an_approval_of_a_former_reviewer_does_not_count,
    a_new_revision_voids_an_approval,
    each_environment_is_decided_on_its_own,
}
async fn production_takes_two_people_and_says_for_whom_it_waits(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, rita, rolf) = with_reviewers(database).await?;
    let auditor = scene.hire("Ada", "ada@host.example", &["auditor"]).await?;
    let request = scene.ask_for(&["production"]).await?;
    let path = format!("{request}/decide/production");
    for nobody in [&scene.contact, &auditor] {
        let status = nobody.get(&path).await?.status();
        assert!(status == 403 || status == 404, "{status}");
    }
    decide(&rita, &request, "production", "approve").await?;
    let page = words(&text(&rolf, &request).await?);
    assert!(page.contains("1 of 2"), "{page}");
    let waits = page
        .split("Waiting for one more of")
        .nth(1)
        .context("for whom it waits")?;
    let waits = waits.split('.').next().unwrap_or_default();
    assert!(
        waits.contains("Rolf") && waits.contains("First owner"),
        "{waits}"
    );
    assert!(!waits.contains("Rita") && !waits.contains("Ada"), "{waits}");
    let status = words(&text(&scene.contact, &request).await?);
    assert!(
        status.contains("1 of 2 approvals"),
        "the partner sees it, too: {status}"
    );
    assert!(!status.contains("Rita"), "not by whom: {status}");
    assert!(words(&text(&rita, &request).await?).contains("You approved this."));

    assert!(
        decide(&rita, &request, "production", "approve")
            .await
            .is_err(),
        "twice is once"
    );
    assert!(words(&text(&rolf, &request).await?).contains("1 of 2"));
    assert!(
        scene.mails(CONTACT, "your key for")?.is_empty(),
        "no key yet"
    );
    decide(&rolf, &request, "production", "approve").await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let held = scene.receive(link).await?;
    assert!(held.key.starts_with("lk_live_"), "a production key");
    assert!(
        decide(&scene.owner, &request, "production", "approve")
            .await
            .is_err(),
        "decided"
    );
    Ok(())
}

async fn a_reviewer_appointed_after_the_submission_does_not_count(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene.add_production().await?;
    let edit = scene.draft().await?;
    let request = scene.hand_in(&edit, &["production"], &[]).await?;
    let late = scene
        .hire("Lars", "lars@host.example", &["reviewer"])
        .await?;
    decide(&scene.owner, &request, "production", "approve").await?;
    let page = words(&text(&scene.owner, &request).await?);
    assert!(page.contains("only 0 can"), "{page}");
    assert!(
        decide(&late, &request, "production", "approve")
            .await
            .is_err()
    );
    assert!(words(&text(&scene.owner, &request).await?).contains("1 of 2"));

    // For the next revision they are there in time.
    decide(&scene.owner, &request, "production", "changes").await?;
    scene
        .hand_in(&edit, &["production"], &[("volume", "6000")])
        .await?;
    decide(&late, &request, "production", "approve").await?;
    decide(&scene.owner, &request, "production", "approve").await?;
    scene.told(CONTACT, "your key for", 1).await?;
    Ok(())
}

async fn a_narrowed_grant_voids_approvals_and_tells_who_gave_them(
    database: Option<String>,
) -> Result<()> {
    let (mut scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    let narrow = format!("{request}/narrow/production");
    let warned = words(&text(&rolf, &narrow).await?);
    assert!(warned.contains("1 approval was given"), "{warned}");
    let fields = |networks, rate, why| {
        [
            ("scope", "shipments:read"),
            ("networks", networks),
            ("rate", rate),
            ("days", "30"),
            ("why", why),
        ]
    };
    let why = "The answers name one address alone.";
    for (networks, rate, why) in [
        ("198.51.100.0/24", "5", why),
        ("203.0.113.4/32", "9999", why),
        ("203.0.113.4/32", "5", ""),
    ] {
        let refused = rolf.form(&narrow, &fields(networks, rate, why)).await?;
        assert_eq!(refused.status(), 422, "{networks} {rate} {why}");
    }
    rolf.act(&narrow, &fields("203.0.113.4/32", "5", why))
        .await?;
    let mail = scene
        .told("rita@host.example", "your approval is void", 1)
        .await?;
    assert!(mail.text.contains(&request), "{}", mail.text);
    let page = words(&text(&scene.owner, &request).await?);
    assert!(
        page.contains("0 of 2") && page.contains("Narrowed by Rolf"),
        "{page}"
    );
    decide(&rita, &request, "production", "approve").await?;
    decide(&rolf, &request, "production", "approve").await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let held = scene.receive(link).await?;
    let page = words(&text(&scene.contact, &held.page).await?);
    assert!(
        page.contains("203.0.113.4") && page.contains("5 a second"),
        "{page}"
    );
    Ok(())
}

async fn a_changed_policy_voids_an_approval(database: Option<String>) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    approvals_are_shown(&rolf, &request, "1 of 2").await?;
    // What Rolf is about to sign was shown before the policy changed.
    let path = format!("{request}/decide/production");
    let shown = value_of(&text(&rolf, &path).await?, "stamp").context("no stamp")?;
    let policy = format!("{}/policy/production", scene.service);
    let page = text(&scene.owner, &policy).await?;
    let version = value_of(&page, "version").context("no version")?;
    let fields = [
        ("version", version.as_str()),
        ("approvals", "2"),
        ("max_days", "365"),
        ("rate", "100"),
        ("link_hours", "24"),
        ("networks_required", "yes"),
    ];
    scene.owner.act(&policy, &fields).await?;
    let fields = [("decision", "approve"), ("reason", ""), ("stamp", &shown)];
    assert_eq!(
        rolf.form(&path, &fields).await?.status(),
        StatusCode::CONFLICT,
        "it has changed"
    );
    approvals_are_shown(&rolf, &request, "0 of 2").await?;
    decide(&rolf, &request, "production", "approve").await?;
    scene
        .told("rita@host.example", "your approval is void", 1)
        .await?;
    assert!(
        scene.mails(CONTACT, "your key for")?.is_empty(),
        "one approval under this policy"
    );
    decide(&rita, &request, "production", "approve").await?;
    scene.told(CONTACT, "your key for", 1).await?;
    Ok(())
}

async fn a_changed_recipient_voids_an_approval(database: Option<String>) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    let people = text(&scene.contact, "/people").await?;
    let person = linked(&people, "/people/", "First contact").context("the contact")?;
    let fields = [
        ("email", "contact@new.example"),
        ("reason", "We have a new domain."),
    ];
    scene
        .owner
        .act(&format!("{person}/address"), &fields)
        .await?;
    approvals_are_shown(&rolf, &request, "0 of 2").await?;
    decide(&rolf, &request, "production", "approve").await?;
    assert!(
        scene
            .mails("contact@new.example", "your key for")?
            .is_empty()
    );
    decide(&rita, &request, "production", "approve").await?;
    scene.told("contact@new.example", "your key for", 1).await?;
    assert!(
        scene.mails(CONTACT, "your key for")?.is_empty(),
        "never to the old address"
    );
    Ok(())
}

async fn an_approval_of_a_former_reviewer_does_not_count(database: Option<String>) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    approvals_are_shown(&rolf, &request, "1 of 2").await?;
    let people = text(&scene.owner, "/people").await?;
    let person = linked(&people, "/people/", "Rita").context("Rita")?;
    scene
        .owner
        .act(&format!("{person}/roles"), &[("role", "auditor")])
        .await?;
    approvals_are_shown(&rolf, &request, "0 of 2").await?;
    decide(&rolf, &request, "production", "approve").await?;
    approvals_are_shown(&rolf, &request, "1 of 2").await?;
    assert!(
        scene.mails(CONTACT, "your key for")?.is_empty(),
        "one of the two may not decide any more"
    );
    Ok(())
}

async fn a_new_revision_voids_an_approval(database: Option<String>) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let edit = scene.draft().await?;
    let request = scene.hand_in(&edit, &["production"], &[]).await?;
    decide(&rita, &request, "production", "approve").await?;
    decide(&rolf, &request, "production", "changes").await?;
    scene
        .hand_in(&edit, &["production"], &[("volume", "6000")])
        .await?;
    scene
        .told("rita@host.example", "your approval is void", 1)
        .await?;
    assert!(words(&text(&rolf, &request).await?).contains("0 of 2"));
    decide(&rolf, &request, "production", "approve").await?;
    assert!(scene.mails(CONTACT, "your key for")?.is_empty());
    Ok(())
}

async fn each_environment_is_decided_on_its_own(database: Option<String>) -> Result<()> {
    let (mut scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["sandbox", "production"]).await?;
    decide(&rita, &request, "sandbox", "approve").await?;
    let link = scene.link_to(CONTACT, "/d/").await?;
    let held = scene.receive(link).await?;
    assert!(held.key.starts_with("lk_test_"), "the sandbox alone");
    assert_eq!(scene.verify(&held.key).await?, "ok");
    let status = words(&text(&scene.contact, &request).await?);
    assert!(
        status.contains("Access to production Waits for approval"),
        "{status}"
    );
    assert!(status.contains("Access to sandbox Approved"), "{status}");
    decide(&rolf, &request, "production", "reject").await?;
    let mail = scene.told(CONTACT, "rejected your request", 1).await?;
    assert!(mail.subject.contains("production"), "{}", mail.subject);
    assert_eq!(
        scene.verify(&held.key).await?,
        "ok",
        "the sandbox’s key stays"
    );
    // A key never crosses to another environment.
    let everywhere = [
        ("name", "edge 2"),
        ("kind", "api"),
        ("pair", "shipments/production"),
        ("proxies", ""),
    ];
    let reveal = scene.owner.act("/gateways/new", &everywhere).await?;
    let shown = scene.owner.form(&reveal, &[]).await?.text().await?;
    let credential = tests::company::credential_in(&shown).context("no credential")?;
    let answer = scene
        .ask_about(&credential, &held.key, &serde_json::json!({}))
        .await?;
    assert_eq!(answer["code"], "wrong_environment");
    Ok(())
}

/// The request's page, the queue and the reviewers' home all count alike.
async fn approvals_are_shown(by: &Visitor, request: &str, count: &str) -> Result<()> {
    for path in [request, "/requests", "/"] {
        let page = words(&text(by, path).await?);
        assert!(page.contains(count), "{path} says not {count}: {page}");
    }
    Ok(())
}

/// A production environment and two more reviewers, who stand ready before anything is handed in.
async fn with_reviewers(database: Option<String>) -> Result<(Scene, Visitor, Visitor)> {
    let mut scene = Scene::set(database).await?;
    scene.add_production().await?;
    let rita = scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    let rolf = scene
        .hire("Rolf", "rolf@host.example", &["reviewer"])
        .await?;
    Ok((scene, rita, rolf))
}
