//! Missing, expired, burned, cancelled and somebody else's links answer alike, and burn nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::delivery::LEASE;
use tests::company::{CONTACT, DAY, code_at, linked, receipt, text};
use tests::rows::Rows;
use tests::scene::Scene;
use tests::tally;
use tests::visitor::{Visitor, enrolment};

use crate::{Answer, TRIES, settled};

const INVENTED: &str = "00000000-0000-4000-8000-000000000000";

/// A claim leaves a refusal in the log, and when the passkey was used.
const CLAIM: &[&str] = &[
    "ceremony",
    "tries",
    "session",
    "audit",
    "credential",
    "outbox",
];

tests::promises! {
    deliveries_that_are_not_theirs_to_claim_answer_alike_and_burn_nothing,
    links_for_people_that_cannot_be_used_answer_alike_and_burn_nothing,
    alerts_without_a_passkey_answer_alike_and_burn_nothing,
}

async fn deliveries_that_are_not_theirs_to_claim_answer_alike_and_burn_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let colleague = scene
        .colleague("Cora", "cora@partner.example", "member")
        .await?;
    let stranger = scene.other_partner("Quay", "quay@other.example").await?;
    let request = scene.ask_for_access().await?;
    let first = scene.approve(&request).await?;
    // The recipient's own passkey, to which the delivery was not sealed.
    let mut late = scene.contact.elsewhere();
    late.sign_in().await?;
    late.add_passkey("Blue key").await?;

    let refused = claim(&scene.contact, &with_id(&first, INVENTED)?).await?;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "link-not-usable")
    );
    let before = Rows::of(&scene.portal).await?;
    for (who, visitor) in [
        ("a colleague", &colleague),
        ("a stranger", &stranger),
        ("staff", &scene.owner),
    ] {
        assert_eq!(claim(visitor, &first).await?, refused, "{who}");
    }
    assert_eq!(
        claim(&scene.contact, &other_fragment(&first)?).await?,
        refused
    );
    assert_eq!(claim(&stranger, &other_fragment(&first)?).await?, refused);
    assert_eq!(claim_with(&late, &first, 1).await?, refused);
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, CLAIM),
        Vec::<String>::new(),
        "nothing is burnt"
    );

    let claimed = scene
        .contact
        .claim(&first)
        .await
        .context("the right one still claims")?;
    assert!(!claimed.again);
    scene
        .portal
        .restart_later(LEASE + Duration::from_secs(1))
        .await?;
    assert_eq!(
        claim(&scene.contact, &first).await?,
        refused,
        "its lease is over"
    );
    settled(&scene.portal).await?;
    assert_eq!(claim(&scene.contact, &first).await?, refused, "cancelled");

    let keys = text(&scene.contact, "/keys").await?;
    let key = linked(&keys, "/keys/", "").context("the key")?;
    scene.contact.act(&format!("{key}/redeliver"), &[]).await?;
    let second = scene.link_to(CONTACT, "/d/").await?;
    let claimed = scene.contact.claim(&second).await?;
    let page = receipt(&scene.contact, &claimed).await?;
    assert_eq!(claim(&scene.contact, &second).await?, refused, "used");
    assert_eq!(
        claim(&stranger, &second).await?,
        refused,
        "used, by a stranger"
    );

    scene.contact.act(&format!("{page}/replace"), &[]).await?;
    let third = scene.link_to(CONTACT, "/d/").await?;
    scene.portal.restart_later(4 * DAY).await?;
    assert_eq!(claim(&scene.contact, &third).await?, refused, "expired");
    tally::count("attacks", 11);
    Ok(())
}

async fn links_for_people_that_cannot_be_used_answer_alike_and_burn_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let (used, used_code) = invite(&mut scene, "Mia", "mia@partner.example").await?;
    let mut mia = Visitor::new(scene.portal.origin());
    mia.enrol(&used, Some(&used_code)).await?;
    let (void, void_code) = invite(&mut scene, "Cora", "cora@partner.example").await?;
    let people = text(&scene.contact, "/people").await?;
    let person = linked(&people, "/people/", "Cora").context("who was invited")?;
    let reveal = scene.contact.act(&format!("{person}/invite"), &[]).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    let open = scene.link_to("cora@partner.example", "/l/").await?;

    let visitor = Visitor::new(scene.portal.origin());
    let refused = begin(&visitor, &with_id(&open, INVENTED)?, &code).await?;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "link-not-usable")
    );
    let before = Rows::of(&scene.portal).await?;
    for (what, link, code) in [
        ("another fragment", other_fragment(&open)?, &code),
        ("used", used.clone(), &used_code),
        ("void", void.clone(), &void_code),
    ] {
        assert_eq!(begin(&visitor, &link, code).await?, refused, "{what}");
    }
    let after = Rows::of(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, TRIES),
        Vec::<String>::new(),
        "nothing is burnt"
    );
    let waits = begin(&visitor, &open, &code).await?;
    assert_eq!(waits.status, 200, "the right link still opens");

    scene.portal.restart_later(8 * DAY).await?;
    assert_eq!(begin(&visitor, &open, &code).await?, refused, "expired");
    tally::count("attacks", 5);
    Ok(())
}

async fn invite(scene: &mut Scene, name: &str, email: &str) -> Result<(String, String)> {
    let fields = [("name", name), ("email", email), ("role", "member")];
    let reveal = scene.contact.act("/people/invite", &fields).await?;
    let code = code_at(&scene.contact, &reveal).await?;
    Ok((scene.link_to(email, "/l/").await?, code))
}

async fn alerts_without_a_passkey_answer_alike_and_burn_nothing(
    database: Option<String>,
) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let request = scene.ask_for_access().await?;
    let first = scene.approve(&request).await?;
    let nobody = Visitor::new(scene.portal.origin());
    let before = settled(&scene.portal).await?;
    let alike = alert(&nobody, &with_id(&first, INVENTED)?).await?;
    assert_eq!((alike.status, alike.body.as_str()), (200, "{}"));
    assert_eq!(alert(&nobody, &other_fragment(&first)?).await?, alike);
    let after = settled(&scene.portal).await?;
    assert_eq!(
        before.changed(&after, TRIES),
        Vec::<String>::new(),
        "without the link's secret nobody is told, and nothing is in the log"
    );
    assert_eq!(alert(&nobody, &first).await?, alike, "open");
    scene.contact.claim(&first).await?;
    assert_eq!(alert(&nobody, &first).await?, alike, "claimed");
    scene
        .portal
        .restart_later(LEASE + Duration::from_secs(1))
        .await?;
    assert_eq!(alert(&nobody, &first).await?, alike, "cancelled");
    scene.portal.restart_later(4 * DAY).await?;
    assert_eq!(alert(&nobody, &first).await?, alike, "long over");
    tally::count("attacks", 6);
    Ok(())
}

async fn alert(by: &Visitor, link: &str) -> Result<Answer> {
    Answer::of(by.alert(link).await?).await
}

async fn claim(by: &Visitor, link: &str) -> Result<Answer> {
    claim_with(by, link, 0).await
}

async fn claim_with(by: &Visitor, link: &str, passkey: usize) -> Result<Answer> {
    let claim = by.ready_to_claim(link, passkey).await?;
    Answer::of(by.send(&claim.path, &claim.body).await?).await
}

async fn begin(by: &Visitor, link: &str, code: &str) -> Result<Answer> {
    let body = enrolment(link, Some(code))?;
    Answer::of(by.send("/auth/enrol/begin", &body).await?).await
}

/// The same link to another id.
fn with_id(link: &str, id: &str) -> Result<String> {
    let (path, secret) = link.split_once('#').context("no fragment")?;
    let (place, _) = path.rsplit_once('/').context("no id")?;
    Ok(format!("{place}/{id}#{secret}"))
}

/// The same link with another secret: its first character is another one.
fn other_fragment(link: &str) -> Result<String> {
    let (path, secret) = link.split_once('#').context("no fragment")?;
    let first = if secret.starts_with('A') { "B" } else { "A" };
    Ok(format!(
        "{path}#{first}{}",
        secret.get(1..).context("an empty fragment")?
    ))
}
