//! What the portal promises about people: owners, staff and their roles, passkeys and sessions, and
//! the way back for who lost every passkey.

#![cfg(test)]

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, action, code_at, linked, receipt, text, words};
use tests::promises;
use tests::scene::{Scene, path_of};
use tests::server::{Config, Latchkey};
use tests::visitor::{Visitor, errors_in, problem};

promises! {
    the_first_owners_link_works_once_across_restarts,
    a_lost_last_owner_comes_back_by_the_console_and_the_audit_log_says_so,
    a_role_opens_its_own_pages_and_no_others,
    an_invitation_sent_again_voids_the_link_and_the_code_before_it,
    a_role_takes_a_second_owner_once_two_can_confirm,
    the_last_owner_can_neither_go_nor_give_the_role_away,
    who_is_removed_is_out_at_once_and_their_address_is_free,
    a_recovery_takes_two_people_and_a_code_and_tells_every_admin,
}

async fn the_first_owners_link_works_once_across_restarts(database: Option<String>) -> Result<()> {
    let mut portal = Latchkey::start(without_mail(database)).await?;
    let link = portal.owner_link()?;
    portal.restart().await?;
    let mut owner = Visitor::new(portal.origin());
    owner.enrol(&link, None).await?;
    assert!(words(&text(&owner, "/welcome").await?).contains("Owner, Operator, Reviewer, Auditor"));

    assert_eq!(
        refused(Visitor::new(portal.origin()).enrol(&link, None).await),
        "link-not-usable"
    );
    portal.restart().await?;
    assert_eq!(
        refused(Visitor::new(portal.origin()).enrol(&link, None).await),
        "link-not-usable"
    );
    assert_eq!(
        owner.get("/").await?.status(),
        200,
        "the session outlives a restart"
    );
    Ok(())
}

async fn a_lost_last_owner_comes_back_by_the_console_and_the_audit_log_says_so(
    database: Option<String>,
) -> Result<()> {
    let portal = Latchkey::start(without_mail(database)).await?;
    let mut lost = Visitor::new(portal.origin());
    lost.enrol(&portal.owner_link()?, None).await?;

    let told = portal.console(&["owner-link"]).unwrap_err().to_string();
    assert!(told.contains("--recover"), "{told}");
    let printed = portal.console(&["owner-link", "--recover"])?;
    let link = printed
        .split_whitespace()
        .find(|word| word.starts_with(portal.origin()));
    let mut back = Visitor::new(portal.origin());
    back.enrol(link.context("no link")?, None).await?;

    assert_eq!(
        back.get("/people/invite").await?.status(),
        200,
        "an owner again"
    );
    assert_ne!(lost.get("/people").await?.status(), 200, "signed out");
    assert_eq!(
        refused(lost.sign_in().await),
        "passkey-refused",
        "whoever finds the lost passkey stays outside"
    );
    let log = words(&text(&back, "/audit?act=owner-link").await?);
    assert!(log.contains("console owner-link"), "{log}");
    let entry = linked(&text(&back, "/audit?act=owner-link").await?, "/audit/", "");
    let entry = text(&back, &entry.context("no entry")?).await?;
    assert!(
        words(&entry).contains("\"recover\":true"),
        "the newest says that it was a recovery"
    );
    Ok(())
}

async fn a_role_opens_its_own_pages_and_no_others(database: Option<String>) -> Result<()> {
    const PAGES: [(&str, &str); 5] = [
        ("owner", "/people/invite"),
        ("operator", "/services/new"),
        ("operator", "/gateways"),
        ("operator", "/mail"),
        ("auditor", "/audit"),
    ];
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let decide = format!("{request}/decide/sandbox");
    let mut staff = Vec::new();
    for role in ["auditor", "operator", "reviewer", "owner"] {
        let email = format!("{role}@host.example");
        staff.push((role, scene.hire(role, &email, &[role]).await?));
    }
    for (role, visitor) in &staff {
        for (needed, page) in PAGES {
            let expected = if *role == needed { 200 } else { 403 };
            assert_eq!(
                visitor.get(page).await?.status(),
                expected,
                "{role} at {page}"
            );
        }
        let expected = if *role == "reviewer" { 200 } else { 403 };
        assert_eq!(
            visitor.get(&decide).await?.status(),
            expected,
            "{role} decides"
        );
        assert_eq!(
            visitor.get(&request).await?.status(),
            200,
            "all staff read requests"
        );
    }
    Ok(())
}

async fn an_invitation_sent_again_voids_the_link_and_the_code_before_it(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let email = "rita@host.example";
    let fields = [("name", "Rita"), ("email", email), ("role", "reviewer")];
    let reveal = scene.owner.act("/people/invite", &fields).await?;
    let first_code = code_at(&scene.owner, &reveal).await?;
    let shown_again = scene.owner.form(&reveal, &[]).await?;
    assert_eq!(shown_again.status(), 410, "the code is shown once");
    let first = scene.link_to(email, "/l/").await?;

    let person =
        linked(&text(&scene.owner, "/people").await?, "/people/", "Rita").context("Rita")?;
    let reveal = scene.owner.act(&format!("{person}/invite"), &[]).await?;
    let code = code_at(&scene.owner, &reveal).await?;
    let link = scene.link_to(email, "/l/").await?;
    let mut rita = Visitor::new(scene.portal.origin());
    assert_eq!(
        refused(rita.enrol(&first, Some(&first_code)).await),
        "link-not-usable"
    );
    assert_eq!(refused(rita.enrol(&link, None).await), "code-needed");
    assert_eq!(
        refused(rita.enrol(&link, Some(&first_code)).await),
        "code-wrong"
    );
    rita.enrol(&link, Some(&code)).await?;
    assert_eq!(rita.get("/requests").await?.status(), 200);
    Ok(())
}

async fn a_role_takes_a_second_owner_once_two_can_confirm(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let second = scene
        .hire("Second owner", "second@host.example", &["owner"])
        .await?;
    let rita = scene
        .hire("Rita", "rita@host.example", &["reviewer"])
        .await?;
    let waits = "waits for a second person";
    scene.told("second@host.example", waits, 1).await?;
    assert_eq!(rita.get("/people").await?.status(), 200, "staff");
    let request = scene.ask_for_access().await?;
    let decide = format!("{request}/decide/sandbox");
    assert_eq!(rita.get(&decide).await?.status(), 403, "the role waits");

    let people = text(&scene.owner, "/people").await?;
    assert!(
        action(&people, "/proposals/", "/confirm").is_none(),
        "not one's own"
    );
    let people = text(&second, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    let own = scene.owner.form(&confirm, &[]).await?;
    assert_eq!(
        own.status(),
        403,
        "who proposed it is not the second person"
    );
    assert_eq!(
        rita.form(&confirm, &[]).await?.status(),
        403,
        "nor is whom it is about"
    );
    second.act(&confirm, &[]).await?;
    assert_eq!(rita.get("/audit").await?.status(), 403);
    let again = second.form(&confirm, &[]).await?;
    assert_eq!(again.status(), 409, "once");

    // A change of roles waits alike; taking one away does not.
    let person =
        linked(&text(&scene.owner, "/people").await?, "/people/", "Rita").context("Rita")?;
    let roles = format!("{person}/roles");
    scene
        .owner
        .act(&roles, &[("role", "reviewer"), ("role", "auditor")])
        .await?;
    assert_eq!(rita.get("/audit").await?.status(), 403, "waits");
    scene.told("second@host.example", waits, 2).await?;
    let people = text(&second, "/people").await?;
    let refuse = action(&people, "/proposals/", "/refuse").context("nothing to refuse")?;
    assert_eq!(second.form(&refuse, &[]).await?.status(), 303);
    assert_eq!(rita.get("/audit").await?.status(), 403, "refused");
    scene.owner.act(&roles, &[]).await?;
    let facts = words(&text(&scene.owner, &person).await?);
    assert!(facts.contains("Roles No role"), "taken at once: {facts}");
    Ok(())
}

async fn the_last_owner_can_neither_go_nor_give_the_role_away(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let people = text(&scene.owner, "/people").await?;
    let owner = linked(&people, "/people/", "First owner").context("the owner")?;
    let fields = [("reason", "I have a new job elsewhere.")];
    let gone = scene
        .owner
        .form(&format!("{owner}/remove"), &fields)
        .await?;
    assert_eq!(gone.status(), 422);
    let page = gone.text().await?;
    assert!(words(&page).contains("last owner"), "{}", words(&page));
    let fields = [("role", "reviewer")];
    let given = scene.owner.form(&format!("{owner}/roles"), &fields).await?;
    assert_eq!(given.status(), 422);
    assert!(errors_in_words(&given.text().await?).contains("owner"));
    assert_eq!(scene.owner.get("/people/invite").await?.status(), 200);

    // Invited is not there yet: somebody who has no passkey does not count.
    let fields = [
        ("name", "Late"),
        ("email", "late@host.example"),
        ("role", "owner"),
    ];
    let reveal = scene.owner.act("/people/invite", &fields).await?;
    let code = code_at(&scene.owner, &reveal).await?;
    let fields = [("reason", "I have a new job elsewhere.")];
    let gone = scene
        .owner
        .form(&format!("{owner}/remove"), &fields)
        .await?;
    assert_eq!(gone.status(), 422);
    let late = scene.accept("late@host.example", &code).await?;
    late.act(&format!("{owner}/remove"), &fields).await?;
    assert_eq!(
        scene.owner.get("/").await?.status(),
        303,
        "now they could go"
    );
    Ok(())
}

async fn who_is_removed_is_out_at_once_and_their_address_is_free(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let email = "otto@host.example";
    let otto = scene.hire("Otto", email, &["operator"]).await?;
    let person =
        linked(&text(&scene.owner, "/people").await?, "/people/", "Otto").context("Otto")?;
    let reason = [("reason", "Left the company.")];
    scene
        .owner
        .act(&format!("{person}/remove"), &reason)
        .await?;
    assert_eq!(otto.get("/").await?.status(), 303, "signed out");
    assert_eq!(refused(otto.sign_in().await), "passkey-refused");
    let again = scene.hire("Otto again", email, &["operator"]).await?;
    assert_eq!(again.get("/gateways").await?.status(), 200);
    Ok(())
}

async fn a_recovery_takes_two_people_and_a_code_and_tells_every_admin(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let second = scene
        .hire("Olga", "olga@host.example", &["operator"])
        .await?;
    let colleague = scene
        .colleague("Cora", "cora@partner.example", "admin")
        .await?;
    let member = scene
        .colleague("Mia", "mia@partner.example", "member")
        .await?;
    let request = scene.ask_for_access().await?;
    let old_link = scene.approve(&request).await?;
    let people = text(&colleague, "/people").await?;
    let person = linked(&people, "/people/", "First contact").context("the contact")?;

    let start = format!("{person}/recovery");
    let reason = [("reason", "I called them on the number in the contract.")];
    assert_eq!(
        colleague.form(&start, &reason).await?.status(),
        404,
        "no contact starts one"
    );
    let none = scene.owner.form(&start, &[("reason", "")]).await?;
    assert_eq!(none.status(), 422, "without a reason");
    scene.owner.act(&start, &reason).await?;
    for admin in [CONTACT, "cora@partner.example"] {
        scene.told(admin, "is to get a new passkey", 1).await?;
    }
    scene
        .told("olga@host.example", "waits for a second person", 1)
        .await?;
    assert_eq!(
        scene.contact.get("/").await?.status(),
        200,
        "nothing else happens until then"
    );

    let people = text(&second, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    let alone = scene.owner.form(&confirm, &[]).await?;
    assert_eq!(alone.status(), 403, "who started it does not confirm it");
    let reveal = second.act(&confirm, &[]).await?;
    assert_eq!(
        scene.owner.form(&reveal, &[]).await?.status(),
        410,
        "the code is the confirmer's"
    );
    let code = code_at(&second, &reveal).await?;
    let link = scene.link_to(CONTACT, "/l/").await?;

    let mut back = Visitor::new(scene.portal.origin());
    assert_eq!(refused(back.enrol(&link, None).await), "code-needed");
    assert_eq!(
        scene.contact.get("/").await?.status(),
        200,
        "nor before the link is used"
    );
    back.enrol(&link, Some(&code)).await?;
    assert_eq!(
        scene.contact.get("/").await?.status(),
        303,
        "the lost passkey's session"
    );
    assert_eq!(refused(scene.contact.sign_in().await), "passkey-refused");
    assert_eq!(
        refused(scene.contact.claim(&old_link).await),
        "passkey-refused"
    );
    assert_eq!(
        refused(back.claim(&old_link).await),
        "link-not-usable",
        "cancelled"
    );

    let new_link = scene.link_to(CONTACT, "/d/").await?;
    assert_ne!(path_of(&new_link), path_of(&old_link));
    let claimed = back.claim(&new_link).await?;
    receipt(&back, &claimed).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    assert!(
        scene
            .mails("mia@partner.example", "is to get a new passkey")?
            .is_empty(),
        "no admin"
    );
    assert_eq!(member.get("/").await?.status(), 200);
    Ok(())
}

/// The code of a refusal.
fn refused<T>(done: Result<T>) -> String {
    match done {
        Ok(_) => "done".to_owned(),
        Err(error) => {
            problem(&error).map_or_else(|| error.to_string(), |problem| problem.code.clone())
        }
    }
}

fn errors_in_words(page: &str) -> String {
    errors_in(page).to_lowercase()
}

/// Nothing needs to listen where mail goes, where none is looked for.
fn without_mail(database_url: Option<String>) -> Config {
    Config {
        database_url,
        smtp_url: Some("smtp://localhost:1".to_owned()),
        ..Config::default()
    }
}
