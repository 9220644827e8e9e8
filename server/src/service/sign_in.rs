//! Signing in with a discoverable passkey, and out.

use domain::audit::Outcome;
use domain::id::CeremonyId;
use domain::secret::Secret;
use serde_json::Value;
use store::{Entry, Evidence};

use crate::auth::actor::Actor;
use crate::auth::ceremony::{self, Begun};
use crate::auth::session::{self, Origin};
use crate::chance::system_rng;
use crate::portal::Portal;
use crate::refusal::Refusal;

const CEREMONY: &str = "sign-in";

/// # Errors
/// [`Refusal::Internal`].
pub async fn begin(portal: &Portal) -> Result<Begun, Refusal> {
    let challenge = Secret::<32>::random(&mut system_rng());
    ceremony::begin_assertion(portal, CEREMONY, None, challenge.expose(), &[], &()).await
}

/// The `Set-Cookie` header of the new session.
///
/// # Errors
/// [`Refusal::Unproven`] when the passkey is not accepted, or its person is gone.
pub async fn finish(
    portal: &Portal,
    ceremony: CeremonyId,
    response: Value,
    from: &Origin,
) -> Result<String, Refusal> {
    let (state, ()) = ceremony::take(portal, ceremony, CEREMONY).await?;
    let mut work = portal.store.work().await?;
    let assertion = ceremony::check_assertion(portal, &mut work, state, response).await?;
    let (person, credential) = (assertion.credential.person_id, assertion.credential.id);
    let nobody = domain::id::SessionId::new(uuid::Uuid::nil());
    let actor = Actor::load(&mut work, person, nobody, credential)
        .await?
        .ok_or_else(|| Refusal::unproven("passkey-refused", "This passkey was not accepted."))?;
    let now = portal.now();
    assertion.record(&mut work, now).await?;
    let cookie = session::start(portal, &mut work, person, credential, from).await?;
    let entry = Entry {
        at: now,
        actor_kind: actor.kind(),
        actor: Some(person),
        credential: Some(credential),
        act: "sign-in".to_owned(),
        subject_kind: "person",
        subject: person.uuid(),
        outcome: Outcome::Done,
        evidence: String::new(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    };
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(cookie)
}

/// # Errors
/// [`Refusal::Store`].
pub async fn out(portal: &Portal, actor: &Actor) -> Result<(), Refusal> {
    let mut work = portal.store.minor_work().await?;
    work.end_session(actor.session(), actor.person()).await?;
    work.commit_unaudited(store::Unaudited::Session).await?;
    Ok(())
}
