//! What the portal promises about requests: drafts, revisions, reviews.

#![cfg(test)]

use anyhow::{Context as _, Result};
use domain::request::{Answers, QuestionKind, Questionnaire};
use reqwest::StatusCode;
use tests::company::{CONTACT, DAY, OWNER, action, decide, linked, receipt, text, words};
use tests::promises;
use tests::scene::{Scene, change, value_of};
use tests::visitor::{Visitor, errors_in};

promises! {
    a_draft_saves_itself_and_a_second_window_overwrites_nothing,
    the_longest_answers_are_kept_and_handed_in_in_any_script,
    handing_in_freezes_a_revision_and_tells_the_reviewers,
    changes_asked_lead_to_a_new_revision_with_what_changed_marked,
    who_steps_aside_decides_nothing_more,
    a_withdrawn_request_stays_on_record_and_is_not_decided,
    a_rejection_gives_its_reason_and_stays_on_record,
    the_queue_is_searched_and_filtered,
    the_partner_sees_in_every_state_where_it_stands_and_whom_to_ask,
    a_proposal_without_networks_is_refused_where_the_policy_demands_them,
    what_changed_since_the_last_verdict_is_shown_past_a_revision_without_one,
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

async fn the_longest_answers_are_kept_and_handed_in_in_any_script(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::set(database).await?;
    let edit = scene.draft().await?;
    let save = format!("{}/draft", edit.trim_end_matches("/edit"));
    let questions = Questionnaire::CURRENT.questions.iter();
    let long: Vec<&str> = questions
        .filter(|question| question.kind == QuestionKind::Paragraph)
        .map(|question| question.id.code())
        .collect();
    assert!(long.len() >= 11, "{long:?}");
    let mut version = value_of(&text(&scene.contact, &edit).await?, "version");
    // Three times, six times, nine times and twelve times as long on the way.
    for word in ["%&=; ", "посылка ", "小包の追跡 ", "📦📦📦📦 "] {
        let length = Answers::MAX_CHARS / word.chars().count();
        let answer = word.repeat(length);
        let shown = version.clone().context("no version")?;
        let mut fields = vec![("version", shown.as_str())];
        fields.extend(long.iter().map(|code| (*code, answer.as_str())));
        let saved = scene.contact.form(&save, &fields).await?;
        assert_eq!(saved.status(), StatusCode::OK, "{word} is not kept");
        let page = text(&scene.contact, &edit).await?;
        let kept = page.matches(word.trim()).count();
        assert!(
            word.starts_with('%') || kept >= long.len() * length,
            "{word}: {kept}"
        );
        version = value_of(&page, "version");
    }
    let answer = "小包の追跡 ".repeat(Answers::MAX_CHARS / 6);
    let changed: Vec<(&str, &str)> = long.iter().map(|code| (*code, answer.as_str())).collect();
    let request = scene.hand_in(&edit, &["sandbox"], &changed).await?;
    let page = text(&scene.owner, &request).await?;
    assert!(
        page.matches("小包の追跡").count() >= long.len() * (Answers::MAX_CHARS / 6),
        "reviewers read all of it"
    );

    // One character more than a question allows stands beside its field, however long it is typed.
    let edit = scene.draft().await?;
    let version = value_of(&text(&scene.contact, &edit).await?, "version").context("no version")?;
    let endless = "小".repeat(50_000);
    let fields = [("version", version.as_str()), (long[0], endless.as_str())];
    let refused = scene.contact.form(&edit, &fields).await?;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text().await?;
    assert!(
        errors_in(&page).contains("use at most 4000 characters") && page.contains(&endless),
        "{}",
        errors_in(&page)
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
        ("/requests?state=closed", false),
        ("/requests?state=all", true),
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
    for (who, path) in [
        (&rita, "/requests?state=refused"),
        (&rita, "/requests?state=draft"),
        (&scene.contact, "/requests?state=%3Cb%3E"),
    ] {
        let none = who.get(path).await?;
        assert_eq!(none.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let page = none.text().await?;
        assert!(words(&page).contains("There is no such state"), "{path}");
        assert!(!page.contains(&request), "{path} shows all in silence");
    }
    let draft = scene.draft().await?;
    let drafts = text(&scene.contact, "/requests?state=draft").await?;
    assert!(
        drafts.contains(draft.trim_end_matches("/edit")) && !drafts.contains(&request),
        "its own drafts"
    );

    let page = text(&scene.owner, "/keys").await?;
    let key = linked(&page, "/keys/", "lk_test_").context("no key")?;
    let page = text(&scene.owner, &key).await?;
    let grant = action(&page, "/grants/", "/revoke").context("no grant")?;
    let reason = [("reason", "The project is over.")];
    scene.owner.act(&grant, &reason).await?;
    for (state, there) in [("closed", true), ("approved", false)] {
        let page = text(&rita, &format!("/requests?state={state}")).await?;
        assert_eq!(page.contains(&request), there, "{state}");
        assert!(words(&page).contains("Ended"), "it is a filter");
    }
    Ok(())
}

/// What stands under “Where it stands”, and that the page says whom to ask.
async fn stands(scene: &Scene, request: &str, told: &str, not: &[&str]) -> Result<()> {
    let page = words(&text(&scene.contact, request).await?);
    for whom in ["Whom to ask", "The reviewers at", "security@localhost"] {
        assert!(page.contains(whom), "{whom} at {told}: {page}");
    }
    let (_, stands) = page.split_once("Where it stands").context("no way")?;
    assert!(stands.contains(told), "{told}: {stands}");
    for not in not {
        assert!(!stands.contains(not), "{not}, which is over: {stands}");
    }
    Ok(())
}

async fn the_partner_sees_in_every_state_where_it_stands_and_whom_to_ask(
    database: Option<String>,
) -> Result<()> {
    const MAILED: &str = "A one-time link was mailed";
    const STORED: &str = "Its recipient has it stored";
    let mut scene = Scene::set(database).await?;
    let edit = scene.draft().await?;
    let request = scene.hand_in(&edit, &["sandbox"], &[]).await?;
    stands(&scene, &request, "Reviewers read your answers", &[MAILED]).await?;
    decide(&scene.owner, &request, "sandbox", "changes").await?;
    stands(&scene, &request, "Change what was asked for", &[MAILED]).await?;
    let more = [("volume", "6000")];
    scene.hand_in(&edit, &["sandbox"], &more).await?;
    let link = scene.approve(&request).await?;
    stands(&scene, &request, MAILED, &[STORED]).await?;
    let claimed = scene.contact.claim(&link).await?;
    stands(&scene, &request, MAILED, &[STORED]).await?;
    let page = receipt(&scene.contact, &claimed).await?;
    stands(&scene, &request, STORED, &[MAILED]).await?;

    // A replacement is on its way like the first, and a lost one leaves what there was.
    scene.contact.act(&format!("{page}/replace"), &[]).await?;
    let second = scene.link_to(CONTACT, "/d/").await?;
    stands(&scene, &request, MAILED, &[STORED]).await?;
    scene.contact.report(&second).await?;
    stands(&scene, &request, STORED, &[MAILED]).await?;
    let reason = [("reason", "It was only a trial.")];
    scene.owner.act(&format!("{page}/revoke"), &reason).await?;
    stands(&scene, &request, "how to have", &[MAILED, STORED]).await?;
    let shown = text(&scene.owner, &page).await?;
    let grant = action(&shown, "/grants/", "/revoke").context("no grant")?;
    scene.owner.act(&grant, &reason).await?;
    stands(&scene, &request, "Every key under it has ended", &[MAILED]).await?;

    let lapses = scene.ask_for(&["sandbox"]).await?;
    scene.decide(&lapses).await?;
    scene.link_to(CONTACT, "/d/").await?;
    let rejected = scene.ask_for(&["sandbox"]).await?;
    decide(&scene.owner, &rejected, "sandbox", "reject").await?;
    stands(&scene, &rejected, "The reason is in the mail", &[MAILED]).await?;
    let withdrawn = scene.ask_for(&["sandbox"]).await?;
    scene
        .contact
        .form(&format!("{withdrawn}/withdraw"), &[])
        .await?;
    stands(&scene, &withdrawn, "By your organisation", &[MAILED]).await?;
    scene.portal.restart_later(4 * DAY).await?;
    scene.told(CONTACT, "a delivery lapsed", 1).await?;
    scene.contact.sign_in().await?;
    stands(&scene, &lapses, "The delivery ended before", &[MAILED]).await?;
    Ok(())
}

async fn a_proposal_without_networks_is_refused_where_the_policy_demands_them(
    database: Option<String>,
) -> Result<()> {
    let (scene, rita, _) = with_reviewers(database).await?;
    let edit = scene.draft().await?;
    let request = edit.trim_end_matches("/edit").to_owned();
    for environments in [&["production"][..], &["sandbox", "production"]] {
        let refused = scene
            .hand_in(&edit, environments, &[("networks", "")])
            .await;
        let why = refused.err().context("handed in")?.to_string();
        assert!(
            why.contains("422") && why.contains("production:") && why.contains("network"),
            "{why}"
        );
        assert_eq!(rita.get(&request).await?.status(), 404, "still a draft");
    }
    let page = text(&scene.contact, &edit).await?;
    assert!(
        page.contains("Show our customers where their parcel is."),
        "what was typed is kept"
    );
    let sandbox = scene
        .hand_in(&edit, &["sandbox"], &[("networks", "")])
        .await?;
    assert_eq!(sandbox, request, "the sandbox’s policy demands none");
    let named = scene.ask_for(&["production"]).await?;
    assert_eq!(rita.get(&named).await?.status(), 200);
    Ok(())
}

async fn what_changed_since_the_last_verdict_is_shown_past_a_revision_without_one(
    database: Option<String>,
) -> Result<()> {
    let (scene, rita, rolf) = with_reviewers(database).await?;
    let edit = scene.draft().await?;
    let stored = |place| [("storage", place)];
    let request = scene
        .hand_in(&edit, &["sandbox"], &stored("In the first vault of all."))
        .await?;
    let verdict = [
        ("section", "safeguards"),
        ("verdict", "accepted"),
        ("comment", ""),
    ];
    let judged = rita.form(&format!("{request}/verdict"), &verdict).await?;
    assert_eq!(judged.status(), 303);
    // Nobody says anything of the second revision's sections.
    for place in ["In the second vault of all.", "In the third vault of all."] {
        decide(&rolf, &request, "sandbox", "changes").await?;
        scene.hand_in(&edit, &["sandbox"], &stored(place)).await?;
    }
    let page = text(&rita, &request).await?;
    let (_, answer) = page.split_once("vault of all").context("the answer")?;
    let before = page.len() - answer.len();
    let around = words(
        page.get(before.saturating_sub(200)..before)
            .unwrap_or_default(),
    );
    assert!(
        around.contains("first") && around.contains("third") && !around.contains("second"),
        "{around}"
    );
    assert!(
        page.contains(&format!("{request}?revision=1\"")),
        "the revision that was judged is named"
    );
    let said = words(&page);
    assert!(
        said.contains("Revision 3") && said.contains("what changed since revision 1"),
        "{said}"
    );
    Ok(())
}
