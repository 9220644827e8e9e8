//! What the portal promises about requests: drafts, revisions, reviews, and decisions.

#![cfg(test)]

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use tests::company::{CONTACT, OWNER, decide, linked, text, words};
use tests::promises;
use tests::scene::{Scene, change, value_of};
use tests::visitor::Visitor;

promises! {
    a_draft_saves_itself_and_a_second_window_overwrites_nothing,
    handing_in_freezes_a_revision_and_tells_the_reviewers,
    changes_asked_lead_to_a_new_revision_with_what_changed_marked,
    who_steps_aside_decides_nothing_more,
    a_withdrawn_request_stays_on_record_and_is_not_decided,
    a_rejection_gives_its_reason_and_stays_on_record,
    production_takes_two_people_and_says_for_whom_it_waits,
    a_reviewer_appointed_after_the_submission_does_not_count,
    a_narrowed_grant_voids_approvals_and_tells_who_gave_them,
    a_changed_policy_voids_an_approval,
    a_changed_recipient_voids_an_approval,
    a_new_revision_voids_an_approval,
    each_environment_is_decided_on_its_own,
    the_queue_is_searched_and_filtered,
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

async fn a_draft_saves_itself_and_a_second_window_overwrites_nothing(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::set(database).await?;
    let edit = scene.draft().await?;
    let save = format!("{}/draft", edit.trim_end_matches("/edit"));
    let version = value_of(&text(&scene.contact, &edit).await?, "version").context("no version")?;
    let fields = [("version", version.as_str()), ("purpose", "Half a sent")];
    let saved = scene.contact.form(&save, &fields).await?;
    assert_eq!(saved.status(), StatusCode::OK);
    let answer: serde_json::Value = saved.json().await?;
    assert!(
        answer["version"].as_i64() > version.parse().ok(),
        "{answer}"
    );
    assert!(text(&scene.contact, &edit).await?.contains("Half a sent"));

    let late = [
        ("version", version.as_str()),
        ("purpose", "The other window"),
    ];
    let refused = scene.contact.form(&save, &late).await?;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let answer: serde_json::Value = refused.json().await?;
    assert_eq!(answer["code"], "draft-changed");
    let shown = scene.contact.form(&edit, &late).await?;
    assert_eq!(shown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        shown.text().await?.contains("The other window"),
        "what was typed is kept"
    );
    assert!(
        text(&scene.contact, &edit).await?.contains("Half a sent"),
        "and so is what was saved"
    );
    let request = edit.trim_end_matches("/edit");
    assert_eq!(
        scene.owner.get(request).await?.status(),
        404,
        "a draft is the partner’s own"
    );
    Ok(())
}

async fn handing_in_freezes_a_revision_and_tells_the_reviewers(
    database: Option<String>,
) -> Result<()> {
    let (scene, rita, _) = with_reviewers(database).await?;
    let edit = scene.draft().await?;
    let request = scene.hand_in(&edit, &["sandbox"], &[]).await?;
    for reviewer in [OWNER, "rita@host.example", "rolf@host.example"] {
        let mail = scene.told(reviewer, "asks for access", 1).await?;
        assert!(
            mail.text.contains(&request),
            "with the way there: {}",
            mail.text
        );
    }
    assert_eq!(
        scene.contact.get(&edit).await?.status(),
        303,
        "no longer edited"
    );
    let before = words(&text(&rita, &request).await?);
    let late = [
        ("version", "9"),
        ("purpose", "Something else."),
        ("do", "save"),
    ];
    assert_ne!(scene.contact.form(&edit, &late).await?.status(), 200);
    let save = format!("{request}/draft");
    assert_eq!(
        scene.contact.form(&save, &late[..2]).await?.status(),
        StatusCode::CONFLICT
    );
    let after = words(&text(&rita, &request).await?);
    assert!(
        before.contains("Show our customers where their parcel is."),
        "{before}"
    );
    assert!(
        after.contains("Show our customers where their parcel is."),
        "frozen"
    );

    let status = words(&text(&scene.contact, &request).await?);
    for told in [
        "In review",
        "Whom to ask",
        "security@localhost",
        "Waits for approval",
    ] {
        assert!(status.contains(told), "{told}: {status}");
    }
    Ok(())
}

async fn changes_asked_lead_to_a_new_revision_with_what_changed_marked(
    database: Option<String>,
) -> Result<()> {
    let (scene, rita, _) = with_reviewers(database).await?;
    let edit = scene.draft().await?;
    let request = scene.hand_in(&edit, &["sandbox"], &[]).await?;
    let verdict = format!("{request}/verdict");
    let silent = [
        ("section", "safeguards"),
        ("verdict", "changes"),
        ("comment", " "),
    ];
    assert_eq!(
        rita.form(&verdict, &silent).await?.status(),
        422,
        "says what to change"
    );
    let fields = [
        ("section", "safeguards"),
        ("verdict", "changes"),
        ("comment", "Which vault <b>exactly</b>?"),
    ];
    assert_eq!(rita.form(&verdict, &fields).await?.status(), 303);
    let fields = [
        ("section", "workflow"),
        ("verdict", "accepted"),
        ("comment", ""),
    ];
    assert_eq!(rita.form(&verdict, &fields).await?.status(), 303);
    let page = words(&text(&rita, &request).await?);
    assert!(
        page.contains("Workflow Accepted") && page.contains("Safeguards Changes asked"),
        "{page}"
    );

    let reply = [("section", "safeguards"), ("comment", "The usual one.")];
    assert_eq!(
        scene
            .contact
            .form(&format!("{request}/comments"), &reply)
            .await?
            .status(),
        303
    );
    decide(&rita, &request, "sandbox", "changes").await?;
    let mail = scene.told(CONTACT, "asks for changes", 1).await?;
    assert!(mail.text.contains("The answers say why."), "{}", mail.text);
    let status = words(&text(&scene.contact, &request).await?);
    assert!(
        status.contains("Changes asked") && status.contains("Edit and hand in again"),
        "{status}"
    );
    let editor = words(&text(&scene.contact, &edit).await?);
    assert!(
        editor.contains("Which vault <b>exactly</b>?"),
        "beside the answers: {editor}"
    );

    let changed = [(
        "storage",
        "In the vault of region north, read by the service at start.",
    )];
    assert_eq!(scene.hand_in(&edit, &["sandbox"], &changed).await?, request);
    scene
        .told("rita@host.example", "handed in its request again", 1)
        .await?;
    let page = text(&rita, &request).await?;
    assert!(
        page.contains("<ins>") && page.contains("<del>"),
        "what changed is marked"
    );
    let (_, marked) = page.split_once("<ins>").context("marked")?;
    assert!(
        marked
            .split("</ins>")
            .next()
            .is_some_and(|new| new.contains("region north") || new.contains("the vault of")),
        "{marked}"
    );
    let said = words(&page);
    assert!(
        said.contains("Revision 2") && said.contains("The usual one."),
        "{said}"
    );
    let earlier = words(&text(&rita, &format!("{request}?revision=1")).await?);
    assert!(
        earlier.contains("In a vault, read by"),
        "nothing is ever deleted"
    );
    assert!(earlier.contains("This is an earlier revision"), "{earlier}");
    Ok(())
}

async fn who_steps_aside_decides_nothing_more(database: Option<String>) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    assert!(words(&text(&rolf, &request).await?).contains("1 of 2"));
    let recuse = format!("{request}/recuse");
    assert_eq!(rita.form(&recuse, &[("reason", "")]).await?.status(), 422);
    let reason = [("reason", "My sister works there.")];
    assert_eq!(rita.form(&recuse, &reason).await?.status(), 303);
    let page = words(&text(&rolf, &request).await?);
    assert!(
        page.contains("0 of 2"),
        "the approval counts no more: {page}"
    );
    assert!(
        decide(&rita, &request, "production", "approve")
            .await
            .is_err()
    );
    let verdict = [
        ("section", "workflow"),
        ("verdict", "accepted"),
        ("comment", ""),
    ];
    assert_ne!(
        rita.form(&format!("{request}/verdict"), &verdict)
            .await?
            .status(),
        303
    );
    decide(&rolf, &request, "production", "approve").await?;
    decide(&scene.owner, &request, "production", "approve").await?;
    scene.told(CONTACT, "approved your request", 1).await?;
    Ok(())
}

async fn a_withdrawn_request_stays_on_record_and_is_not_decided(
    database: Option<String>,
) -> Result<()> {
    let (scene, rita, _) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    decide(&rita, &request, "production", "approve").await?;
    let withdraw = format!("{request}/withdraw");
    assert_eq!(scene.contact.form(&withdraw, &[]).await?.status(), 303);
    scene
        .told("rita@host.example", "withdrew its request", 1)
        .await?;
    assert!(
        decide(&scene.owner, &request, "production", "approve")
            .await
            .is_err()
    );
    let page = words(&text(&rita, &request).await?);
    assert!(
        page.contains("Request withdrawn") && page.contains("Approved: production"),
        "{page}"
    );
    assert!(words(&text(&scene.contact, &request).await?).contains("By your organisation"));
    assert_ne!(
        scene.contact.form(&withdraw, &[]).await?.status(),
        303,
        "once"
    );
    assert!(scene.mails(CONTACT, "your key for")?.is_empty());
    Ok(())
}

async fn a_rejection_gives_its_reason_and_stays_on_record(database: Option<String>) -> Result<()> {
    let (scene, rita, _) = with_reviewers(database).await?;
    let request = scene.ask_for(&["production"]).await?;
    let path = format!("{request}/decide/production");
    let stamp = value_of(&text(&rita, &path).await?, "stamp").context("no stamp")?;
    let silent = [("decision", "reject"), ("reason", " "), ("stamp", &stamp)];
    assert_eq!(
        rita.form(&path, &silent).await?.status(),
        422,
        "a rejection says why"
    );
    decide(&rita, &request, "production", "reject").await?;
    let mail = scene.told(CONTACT, "rejected your request", 1).await?;
    assert!(mail.text.contains("The answers say why."), "{}", mail.text);
    let status = words(&text(&scene.contact, &request).await?);
    assert!(status.contains("Rejected"), "{status}");
    assert!(
        decide(&scene.owner, &request, "production", "approve")
            .await
            .is_err(),
        "it is over"
    );
    let page = words(&text(&rita, &request).await?);
    assert!(
        page.contains("Rejected: production") && page.contains("Show our customers"),
        "{page}"
    );
    assert_eq!(
        scene.contact.get("/requests/new").await?.status(),
        200,
        "a new one can be made"
    );
    Ok(())
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
        ("rate", "10"),
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
    assert!(
        words(&text(&rolf, &request).await?).contains("0 of 2"),
        "void"
    );
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
    assert!(
        words(&text(&rolf, &request).await?).contains("0 of 2"),
        "void"
    );
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

async fn the_queue_is_searched_and_filtered(database: Option<String>) -> Result<()> {
    let (mut scene, rita, _) = with_reviewers(database).await?;
    let request = scene.ask_for(&["sandbox"]).await?;
    let about = [
        ("slug", "labels"),
        ("name", "Labels API"),
        ("description", "Prints labels."),
    ];
    let labels = scene.owner.act("/services/new", &about).await?;
    change(
        &scene.owner,
        &labels,
        "scopes",
        &[
            ("scope", "labels:print"),
            ("allows", "Print."),
            ("sensitivity", "low"),
        ],
    )
    .await?;
    for (path, there) in [
        ("/requests", true),
        ("/requests?state=in_review", true),
        ("/requests?state=rejected", false),
        ("/requests?q=brightwater", true),
        ("/requests?q=shipments", true),
        ("/requests?q=nobody-asks-so", false),
        ("/requests?q=%25", false),
    ] {
        let page = text(&rita, path).await?;
        assert_eq!(page.contains(&request), there, "{path}");
    }
    decide(&rita, &request, "sandbox", "approve").await?;
    scene.link_to(CONTACT, "/d/").await?;
    assert!(
        !text(&rita, "/requests").await?.contains(&request),
        "decided is not in the queue"
    );
    assert!(
        text(&rita, "/requests?state=approved")
            .await?
            .contains(&request)
    );
    Ok(())
}
