//! What the portal promises about the catalogue, its policies, and partners.

#![cfg(test)]

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::company::{CONTACT, action, code_at, decide, linked, text, words};
use tests::promises;
use tests::scene::{Scene, change, value_of};
use tests::visitor::{Visitor, location, problem};

promises! {
    weakening_a_policy_takes_a_second_owner_once_there_are_two,
    a_later_edit_of_the_catalogue_never_widens_a_grant,
    an_environment_has_the_policy_of_its_kind_and_every_version_is_kept,
    a_partner_sees_only_what_is_its_own,
    admins_invite_colleagues_and_members_do_not,
    a_corrected_address_is_told_to_both_and_voids_what_was_mailed,
    a_suspended_partners_keys_are_refused_at_once_and_work_again_after,
}

async fn weakening_a_policy_takes_a_second_owner_once_there_are_two(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let path = format!("{}/policy/sandbox", scene.service);
    let setting = async |owner: &Visitor, name: &str| -> Result<Option<String>> {
        Ok(value_of(&text(owner, &path).await?, name))
    };
    scene.set_policy("sandbox", &[("link_hours", "90")]).await?;
    assert_eq!(
        setting(&scene.owner, "link_hours").await?.as_deref(),
        Some("90"),
        "the only owner"
    );

    let second = scene
        .hire("Second owner", "second@host.example", &["owner"])
        .await?;
    scene
        .set_policy("sandbox", &[("link_hours", "100")])
        .await?;
    assert_eq!(
        setting(&scene.owner, "link_hours").await?.as_deref(),
        Some("90"),
        "it waits"
    );
    let page = words(&text(&scene.owner, &path).await?);
    assert!(page.contains("waits for a second person"), "{page}");
    scene
        .told("second@host.example", "waits for a second person", 1)
        .await?;

    scene.set_policy("sandbox", &[("approvals", "2")]).await?;
    assert_eq!(
        setting(&scene.owner, "approvals").await?.as_deref(),
        Some("2"),
        "strengthening waits for nobody"
    );
    let people = text(&second, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    assert_eq!(
        scene.owner.form(&confirm, &[]).await?.status(),
        403,
        "not who proposed it"
    );
    let stale = second.form(&confirm, &[]).await?;
    assert_eq!(stale.status(), 409, "it was made from an older version");
    let refuse = action(&people, "/proposals/", "/refuse").context("nothing to refuse")?;
    second.form(&refuse, &[]).await?;

    scene.set_policy("sandbox", &[("approvals", "1")]).await?;
    assert_eq!(
        setting(&scene.owner, "approvals").await?.as_deref(),
        Some("2"),
        "fewer approvals wait"
    );
    let people = text(&second, "/people").await?;
    let confirm = action(&people, "/proposals/", "/confirm").context("nothing to confirm")?;
    second.act(&confirm, &[]).await?;
    assert_eq!(
        setting(&scene.owner, "approvals").await?.as_deref(),
        Some("1")
    );
    Ok(())
}

async fn a_later_edit_of_the_catalogue_never_widens_a_grant(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let orders = json!({ "path": "/v2/orders/1" });
    let code = async |scene: &Scene, call: &serde_json::Value| -> Result<serde_json::Value> {
        Ok(scene.ask_about(&scene.gateway, &held.key, call).await?["code"].clone())
    };
    assert_eq!(code(&scene, &orders).await?, "endpoint");
    let endpoint = [
        ("method", "GET"),
        ("pattern", "/v2/orders/{id}"),
        ("scope", "shipments:read"),
    ];
    change(&scene.owner, &scene.service, "endpoints", &endpoint).await?;
    let wider = [
        ("method", "POST"),
        ("pattern", "/v2/shipments/{id}"),
        ("scope", "shipments:read"),
    ];
    change(&scene.owner, &scene.service, "endpoints", &wider).await?;
    assert_eq!(
        code(&scene, &orders).await?,
        "endpoint",
        "the key has the scope, not the call"
    );
    assert_eq!(
        code(&scene, &json!({ "method": "POST" })).await?,
        "endpoint"
    );
    assert_eq!(code(&scene, &json!({})).await?, "ok");
    scene.portal.restart().await?;
    assert_eq!(
        code(&scene, &orders).await?,
        "endpoint",
        "nor after the keys are loaded again"
    );
    assert_eq!(code(&scene, &json!({})).await?, "ok");
    Ok(())
}

async fn an_environment_has_the_policy_of_its_kind_and_every_version_is_kept(
    database: Option<String>,
) -> Result<()> {
    let scene = Scene::set(database).await?;
    scene.add_production().await?;
    let path = format!("{}/policy/production", scene.service);
    let page = text(&scene.owner, &path).await?;
    assert_eq!(
        value_of(&page, "approvals").as_deref(),
        Some("2"),
        "two for production"
    );
    let sandbox = text(&scene.owner, &format!("{}/policy/sandbox", scene.service)).await?;
    assert_eq!(value_of(&sandbox, "approvals").as_deref(), Some("1"));

    scene.set_policy("production", &[("rate", "5")]).await?;
    scene
        .set_policy("production", &[("approvals", "3")])
        .await?;
    let page = words(&text(&scene.owner, &path).await?);
    for version in [
        "2 approvals",
        "3 approvals",
        "5 calls a second",
        "100 calls a second",
    ] {
        assert!(page.contains(version), "{version}: {page}");
    }
    assert_eq!(scene.contact.get(&path).await?.status(), 404, "staff alone");
    Ok(())
}

async fn a_partner_sees_only_what_is_its_own(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let link = scene.approve(&request).await?;
    let held = scene.receive(link).await?;
    let stranger = scene
        .other_partner("Quay Prints", "them@other.example")
        .await?;
    let people = text(&scene.contact, "/people").await?;
    let person = linked(&people, "/people/", "First contact").context("the contact")?;
    let partners = text(&scene.owner, "/partners").await?;
    let partner = linked(&partners, "/partners/", "Brightwater").context("the partner")?;
    for path in [
        &request,
        &format!("{request}/edit"),
        &held.page,
        &person,
        &partner,
    ] {
        assert_eq!(stranger.get(path).await?.status(), 404, "{path}");
    }
    for (path, fields) in [
        (format!("{request}/withdraw"), &[][..]),
        (
            format!("{request}/comments"),
            &[("section", "workflow"), ("comment", "Mine now.")][..],
        ),
        (format!("{}/replace", held.page), &[][..]),
        (format!("{}/redeliver", held.page), &[][..]),
        (
            format!("{person}/remove"),
            &[("reason", "They are not needed.")][..],
        ),
    ] {
        assert_eq!(stranger.form(&path, fields).await?.status(), 404, "{path}");
    }
    for list in ["/", "/requests", "/keys", "/people"] {
        let page = text(&stranger, list).await?;
        assert!(!page.contains("Brightwater"), "{list}");
        assert!(!page.contains("First contact"), "{list}");
    }
    assert_eq!(
        stranger.get("/partners").await?.status(),
        404,
        "nor who else there is"
    );
    assert_eq!(scene.contact.get(&request).await?.status(), 200);
    assert_eq!(scene.verify(&held.key).await?, "ok", "nothing was changed");
    Ok(())
}

async fn admins_invite_colleagues_and_members_do_not(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let member = scene
        .colleague("Mia", "mia@partner.example", "member")
        .await?;
    let people = words(&text(&member, "/people").await?);
    assert!(
        people.contains("First contact") && people.contains("Mia"),
        "{people}"
    );
    assert_eq!(member.get("/people/invite").await?.status(), 403);
    let fields = [
        ("name", "Max"),
        ("email", "max@partner.example"),
        ("role", "member"),
    ];
    assert_eq!(member.form("/people/invite", &fields).await?.status(), 403);
    assert_eq!(
        member.get("/requests/new").await?.status(),
        200,
        "members ask for access"
    );

    let service = scene
        .service
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let started = member
        .form("/requests/new", &[("service", &service)])
        .await?;
    let draft = location(&started).context("no draft")?;
    assert_eq!(
        scene.contact.get(&draft).await?.status(),
        200,
        "colleagues share requests"
    );

    let page = text(&scene.contact, "/people").await?;
    let mia = linked(&page, "/people/", "Mia").context("Mia")?;
    scene
        .contact
        .act(&format!("{mia}/roles"), &[("role", "admin")])
        .await?;
    assert_eq!(
        member.get("/people/invite").await?.status(),
        200,
        "an admin now"
    );
    let own = linked(&page, "/people/", "First contact").context("the contact")?;
    member
        .act(&format!("{own}/roles"), &[("role", "member")])
        .await?;
    let last = member
        .form(&format!("{mia}/roles"), &[("role", "member")])
        .await?;
    assert_eq!(last.status(), 422, "the last admin stays one");
    Ok(())
}

async fn a_corrected_address_is_told_to_both_and_voids_what_was_mailed(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let (old, new) = ("cora@partner.example", "cora@new.example");
    let fields = [("name", "Cora"), ("email", old), ("role", "member")];
    let reveal = scene.contact.act("/people/invite", &fields).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let link = scene.link_to(old, "/l/").await?;
    let page = text(&scene.contact, "/people").await?;
    let cora = linked(&page, "/people/", "Cora").context("Cora")?;
    let address = format!("{cora}/address");

    let taken = [("email", CONTACT), ("reason", "She has married.")];
    assert_eq!(
        scene.contact.form(&address, &taken).await?.status(),
        422,
        "somebody’s already"
    );
    let fields = [("email", new), ("reason", "She has married.")];
    scene.contact.act(&address, &fields).await?;
    for both in [old, new] {
        scene
            .told(both, "the address of Cora was changed", 1)
            .await?;
    }
    let mut visitor = Visitor::new(scene.portal.origin());
    let error = visitor.enrol(&link, Some(&code)).await.unwrap_err();
    assert_eq!(
        problem(&error).map(|p| p.code.as_str()),
        Some("link-not-usable")
    );
    let reveal = scene.contact.act(&format!("{cora}/invite"), &[]).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let cora = scene.accept(new, &code).await?;
    assert!(words(&text(&cora, "/profile").await?).contains(new));
    Ok(())
}

async fn a_suspended_partners_keys_are_refused_at_once_and_work_again_after(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let request = scene.ask_for_access().await.ok();
    let partners = text(&scene.owner, "/partners").await?;
    let partner = linked(&partners, "/partners/", "Brightwater").context("the partner")?;
    let suspend = format!("{partner}/suspend");
    assert_eq!(
        scene
            .owner
            .form(&suspend, &[("reason", "")])
            .await?
            .status(),
        422
    );
    scene
        .owner
        .act(&suspend, &[("reason", "An invoice is not paid.")])
        .await?;
    assert_eq!(
        scene.verify(&held.key).await?,
        "not_active",
        "the very next call"
    );
    let mail = scene.told(CONTACT, "suspended", 1).await?;
    assert!(
        mail.text.contains("An invoice is not paid."),
        "{}",
        mail.text
    );
    let replace = scene
        .contact
        .form(&format!("{}/replace", held.page), &[])
        .await?;
    assert_ne!(replace.status(), 303, "its people can do nothing");
    if let Some(request) = &request {
        assert!(
            decide(&scene.owner, request, "sandbox", "approve")
                .await
                .is_err()
        );
    }
    assert_eq!(
        scene
            .owner
            .form(&suspend, &[("reason", "Once more, please.")])
            .await?
            .status(),
        422
    );
    scene.portal.restart().await?;
    assert_eq!(
        scene.verify(&held.key).await?,
        "not_active",
        "after a restart, too"
    );
    scene.owner.act(&format!("{partner}/resume"), &[]).await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    scene.told(CONTACT, "lifted the suspension", 1).await?;
    Ok(())
}
