//! The way in for whoever tries the demo: one link for each role, by which a passkey of theirs
//! joins a person of the story.

use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::audit::{ActorKind, Outcome};
use domain::id::{PersonId, PersonLinkId};
use domain::link::{PersonLinkKind, PersonLinkSecret, person_link};
use serde_json::json;
use store::{Code, Entry, Evidence, PersonLink};
use zeroize::Zeroizing;

use super::said;
use super::stage::Stage;
use super::story::CAST;
use crate::chance::system_rng;
use crate::service::links::void_all;

const OPEN_FOR: Duration = Duration::from_hours(24);

/// A fresh link for everybody in the cast; the ones before are void.
pub(super) async fn fresh(stage: &Stage) -> Result<Vec<(&'static str, Zeroizing<String>)>> {
    let mut links = Vec::with_capacity(CAST.len());
    for guest in CAST {
        let mut read = stage.portal.store.read().await?;
        let known = read.address_of(&guest.email.parse()?).await?;
        drop(read);
        let person = known.with_context(|| {
            format!(
                "{} is not in this database: it is another one than the demo's, or the demo was \
                 interrupted. Delete its folder and start again.",
                guest.name
            )
        })?;
        links.push((guest.name, link(stage, person.id).await?));
    }
    Ok(links)
}

/// From the console, as an owner's link is: no code goes with it.
async fn link(stage: &Stage, person: PersonId) -> Result<Zeroizing<String>> {
    let (portal, now, rng) = (&stage.portal, stage.portal.now(), &mut system_rng());
    let (id, secret) = (PersonLinkId::random(rng), PersonLinkSecret::random(rng));
    let mut work = portal.store.work().await?;
    void_all(&mut work, person, now).await.map_err(said)?;
    work.add_person_link(PersonLink {
        id,
        kind: Code(PersonLinkKind::Owner),
        person_id: person,
        secret_digest: secret.digest(),
        code_mac: None,
        wrong_codes: 0,
        created_by: None,
        confirmed_by: None,
        lost_credential_id: None,
        created_at: now,
        expires_at: now.plus(OPEN_FOR),
        consumed_at: None,
        voided_at: None,
    })
    .await?;
    let entry = Entry {
        at: now,
        actor_kind: ActorKind::Console,
        actor: None,
        credential: None,
        act: "demo-link".to_owned(),
        subject_kind: "person",
        subject: person.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "link": id }).to_string(),
        address: None,
        user_agent: None,
    };
    portal
        .commit(work, Evidence::of(entry))
        .await
        .map_err(said)?;
    Ok(person_link(&portal.config.origin_text(), id, &secret))
}
