//! A person's own passkeys and sessions: what they do without a second proof.

use domain::audit::Outcome;
use domain::id::{CredentialId, SessionId};
use serde_json::json;
use store::{Credential, Entry, Evidence, Session, Stamped, Unaudited};

use crate::auth::actor::Actor;
use crate::auth::session::{self, Origin};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::enrol::{self, Label};

/// What the profile shows.
#[derive(Debug)]
pub struct Mine {
    pub address: String,
    pub passkeys: Vec<Stamped<Credential>>,
    pub sessions: Vec<Session>,
}

/// # Errors
/// [`Refusal::Store`].
pub async fn mine(portal: &Portal, actor: &Actor) -> Result<Mine, Refusal> {
    let now = portal.now();
    let mut read = portal.store.read().await?;
    let address = read
        .address(actor.person())
        .await?
        .ok_or(Refusal::NotFound)?;
    let passkeys = read.credentials(actor.person()).await?;
    let mut sessions = read.sessions(actor.person(), now).await?;
    sessions.retain(|session| !session::has_ended(portal, session, now));
    Ok(Mine {
        address: address.email.clone(),
        passkeys,
        sessions,
    })
}

/// Calls a passkey something else.
///
/// # Errors
/// [`Refusal::NotFound`] for what is not theirs.
pub async fn rename(
    portal: &Portal,
    actor: &Actor,
    passkey: CredentialId,
    name: &Label,
    from: &Origin,
) -> Result<(), Refusal> {
    let mut work = portal.store.work().await?;
    let row = work
        .credential(passkey)
        .await?
        .filter(|row| row.person_id == actor.person() && row.removed_at.is_none())
        .ok_or(Refusal::NotFound)?;
    let stamp = row.stamp();
    let renamed = Credential {
        label: name.to_string(),
        ..row.into_row()
    };
    work.update_credential(renamed, stamp).await?;
    let entry = Entry {
        at: portal.now(),
        actor_kind: actor.kind(),
        actor: Some(actor.person()),
        credential: Some(actor.credential()),
        act: "rename-passkey".to_owned(),
        subject_kind: "credential",
        subject: passkey.uuid(),
        outcome: Outcome::Done,
        evidence: json!({ "name": name }).to_string(),
        address: from.address,
        user_agent: Some(domain::audit::UserAgent::of(&from.agent)),
    };
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Signs one of the person's browsers out.
///
/// # Errors
/// [`Refusal::NotFound`] for what is not theirs.
pub async fn end_session(
    portal: &Portal,
    actor: &Actor,
    session: SessionId,
) -> Result<(), Refusal> {
    let mut work = portal.store.minor_work().await?;
    if !work.end_session(session, actor.person()).await? {
        return Err(Refusal::NotFound);
    }
    work.commit_unaudited(Unaudited::Session).await?;
    Ok(())
}

/// Signs every browser out but this one.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn end_other_sessions(portal: &Portal, actor: &Actor) -> Result<(), Refusal> {
    let mut work = portal.store.minor_work().await?;
    for session in work.sessions(actor.person(), portal.now()).await? {
        if session.id != actor.session() {
            work.end_session(session.id, actor.person()).await?;
        }
    }
    work.commit_unaudited(Unaudited::Session).await?;
    Ok(())
}

/// What the passkey is to be called that this session may make now.
///
/// # Errors
/// [`Refusal::NotFound`] without a permission.
pub async fn permitted(portal: &Portal, actor: &Actor) -> Result<String, Refusal> {
    let mut read = portal.store.read().await?;
    let id = enrol::permission_of(actor);
    let permission = read
        .ceremony(id, enrol::PERMISSION, actor.person(), portal.now())
        .await?;
    permission
        .map(|permission| permission.state)
        .ok_or(Refusal::NotFound)
}
