//! What the portal promises about keys in use: replaced, noticed, suspended, revoked.

#![cfg(test)]

use anyhow::{Context as _, Result};
use tests::company::{CONTACT, DAY, action, linked, text, words};
use tests::promises;
use tests::scene::{PATIENCE, Scene};

promises! {
    a_replacement_comes_like_the_first_and_both_work_for_a_week,
    an_overlap_never_outlives_the_grant,
    mails_come_thirty_seven_and_one_days_before_the_end_each_once,
    a_revoked_grant_ends_its_keys_and_tells_the_partner_why,
    a_revoked_partner_is_over_and_nobody_of_it_comes_in,
    a_suspended_key_is_refused_until_it_is_resumed,
}

async fn replacement(scene: &mut Scene, page: &str) -> Result<String> {
    scene.contact.act(&format!("{page}/replace"), &[]).await?;
    scene.link_to(CONTACT, "/d/").await
}

async fn a_replacement_comes_like_the_first_and_both_work_for_a_week(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let colleague = scene
        .colleague("Cora", "cora@partner.example", "admin")
        .await?;
    let old = scene.key().await?;
    let replace = format!("{}/replace", old.page);
    assert_eq!(
        colleague.form(&replace, &[]).await?.status(),
        403,
        "the recipient alone"
    );
    assert_eq!(
        scene.owner.form(&replace, &[]).await?.status(),
        404,
        "nor staff"
    );
    let link = replacement(&mut scene, &old.page).await?;
    let again = scene.contact.form(&replace, &[]).await?;
    assert_eq!(again.status(), 422, "one is on its way");
    let claimed = scene.contact.claim(&link).await?;
    assert_eq!(
        scene.verify(&claimed.key).await?,
        "not_active",
        "before the receipt"
    );
    scene.contact.receipt(&claimed).await?;
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    assert_eq!(scene.verify(&old.key).await?, "ok", "side by side");
    scene.portal.restart_later(DAY * 6).await?;
    assert_eq!(scene.verify(&old.key).await?, "ok");
    scene.portal.restart_later(DAY * 8).await?;
    assert_eq!(scene.verify(&old.key).await?, "expired");
    assert_eq!(scene.verify(&claimed.key).await?, "ok");
    Ok(())
}

async fn an_overlap_never_outlives_the_grant(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    scene.set_policy("sandbox", &[("max_days", "3")]).await?;
    let old = scene.key().await?;
    scene.portal.restart_later(DAY * 2).await?;
    scene.contact.sign_in().await?;
    let link = replacement(&mut scene, &old.page).await?;
    let new = scene.receive(link).await?;
    for key in [&old.key, &new.key] {
        assert_eq!(scene.verify(key).await?, "ok");
    }
    scene.portal.restart_later(DAY * 3 + DAY / 24).await?;
    for key in [&old.key, &new.key] {
        assert_eq!(
            scene.verify(key).await?,
            "expired",
            "both end with the grant"
        );
    }
    scene.contact.sign_in().await?;
    let late = scene
        .contact
        .form(&format!("{}/replace", new.page), &[])
        .await?;
    assert_eq!(late.status(), 422, "it takes a new request");
    Ok(())
}

async fn mails_come_thirty_seven_and_one_days_before_the_end_each_once(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    scene.portal.restart_later(DAY * 330).await?;
    let notices = [
        (335, "expires in 30 days"),
        (358, "expires in 7 days"),
        (364, "expires in a day"),
    ];
    for (day, words) in notices {
        assert!(
            scene.mails(CONTACT, words)?.is_empty(),
            "not before day {day}"
        );
        scene.portal.restart_later(DAY * day + DAY / 24).await?;
        let mail = scene.told(CONTACT, words, 1).await?;
        assert!(
            mail.text.contains(&held.page),
            "with the way to a replacement: {}",
            mail.text
        );
        scene.portal.restart_later(DAY * day + DAY / 12).await?;
    }
    assert_eq!(scene.verify(&held.key).await?, "ok");
    scene.portal.restart_later(DAY * 365 + DAY / 24).await?;
    assert_eq!(scene.verify(&held.key).await?, "expired");
    scene.owner.sign_in().await?;
    for _ in 0..PATIENCE.as_millis() / 50 {
        if words(&text(&scene.owner, &held.page).await?).contains("Grant expired") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let page = words(&text(&scene.owner, &held.page).await?);
    for told in [
        "Mail: 30 days left",
        "Mail: 7 days left",
        "Mail: one day left",
        "Grant expired",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    for (_, words) in notices {
        assert_eq!(scene.mails(CONTACT, words)?.len(), 1, "{words}");
    }
    Ok(())
}

async fn a_revoked_grant_ends_its_keys_and_tells_the_partner_why(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let old = scene.key().await?;
    let link = replacement(&mut scene, &old.page).await?;
    let new = scene.receive(link).await?;
    let page = text(&scene.owner, &new.page).await?;
    let revoke = action(&page, "/grants/", "/revoke").context("nothing to revoke")?;
    assert_eq!(
        scene
            .owner
            .form(&revoke, &[("reason", ".")])
            .await?
            .status(),
        422,
        "says why"
    );
    assert_eq!(
        scene
            .contact
            .form(&revoke, &[("reason", "We are done.")])
            .await?
            .status(),
        404
    );
    scene
        .owner
        .act(&revoke, &[("reason", "The pilot is over.")])
        .await?;
    for key in [&old.key, &new.key] {
        assert_eq!(scene.verify(key).await?, "revoked");
    }
    let mail = scene.told(CONTACT, "revoked your access", 1).await?;
    assert!(mail.text.contains("The pilot is over."), "{}", mail.text);
    let replace = scene
        .contact
        .form(&format!("{}/replace", new.page), &[])
        .await?;
    assert_eq!(replace.status(), 422);
    let again = scene.key().await?;
    assert_eq!(
        scene.verify(&again.key).await?,
        "ok",
        "a new request gives a new grant"
    );
    Ok(())
}

async fn a_revoked_partner_is_over_and_nobody_of_it_comes_in(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let other = scene
        .other_partner("Quay Prints", "them@other.example")
        .await?;
    let partners = text(&scene.owner, "/partners").await?;
    let partner = linked(&partners, "/partners/", "Brightwater").context("the partner")?;
    let revoke = format!("{partner}/revoke");
    assert_eq!(
        scene.owner.form(&revoke, &[("reason", "")]).await?.status(),
        422
    );
    scene
        .owner
        .act(&revoke, &[("reason", "The contract has ended.")])
        .await?;
    assert_eq!(scene.verify(&held.key).await?, "revoked");
    let mail = scene.told(CONTACT, "ended the access of", 1).await?;
    assert!(
        mail.text.contains("The contract has ended."),
        "{}",
        mail.text
    );
    assert_eq!(scene.contact.get("/").await?.status(), 303, "signed out");
    assert!(scene.contact.sign_in().await.is_err());
    assert_eq!(
        other.get("/").await?.status(),
        200,
        "others are not touched"
    );
    let page = words(&text(&scene.owner, &held.page).await?);
    assert!(
        page.contains("The contract has ended."),
        "what was recorded stays: {page}"
    );
    Ok(())
}

async fn a_suspended_key_is_refused_until_it_is_resumed(database: Option<String>) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let held = scene.key().await?;
    let (suspend, resume) = (
        format!("{}/suspend", held.page),
        format!("{}/resume", held.page),
    );
    assert_eq!(
        scene.contact.form(&suspend, &[]).await?.status(),
        404,
        "staff alone"
    );
    scene.owner.act(&suspend, &[]).await?;
    scene.told(CONTACT, "suspended a key", 1).await?;
    assert_eq!(scene.verify(&held.key).await?, "not_active");
    assert_eq!(
        scene.owner.form(&suspend, &[]).await?.status(),
        422,
        "it is already"
    );
    for who in [&scene.owner, &scene.contact] {
        let page = words(&text(who, &held.page).await?);
        assert!(page.contains("refused until it is resumed"), "{page}");
    }
    let replace = scene
        .contact
        .form(&format!("{}/replace", held.page), &[])
        .await?;
    assert_eq!(replace.status(), 422, "no way round it");
    scene.portal.restart().await?;
    assert_eq!(scene.verify(&held.key).await?, "not_active");
    scene.owner.act(&resume, &[]).await?;
    assert_eq!(scene.verify(&held.key).await?, "ok");
    Ok(())
}
