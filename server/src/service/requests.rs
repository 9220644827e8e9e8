//! Access requests: what a partner drafts, hands in and takes back, and what of it is on file.

mod draft;
mod file;
mod submit;
mod withdraw;

#[cfg(test)]
pub(super) mod tests;

pub use draft::{Draft, FIELDS};
pub use file::{Frozen, Proposed, RequestFile};
pub use submit::submit;
pub use withdraw::withdraw;

use domain::audit::{ActorKind, Outcome, UserAgent};
use domain::id::{PersonId, RequestId, ServiceId};
use domain::person::Email;
use domain::request::RequestState;
use domain::state::{PartnerState, PersonState, Role};
use domain::time::Timestamp;
use serde_json::Value;
use store::{AccessRequest, Code, Entry, Read, Service, Unaudited};

use crate::auth::actor::{Actor, Contact};
use crate::auth::session::Origin;
use crate::chance::system_rng;
use crate::mail::To;
use crate::portal::Portal;
use crate::refusal::Refusal;

/// The services that can be asked for: those with an environment and with something to call.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn offered(read: &mut Read) -> Result<Vec<Service>, Refusal> {
    let mut open = Vec::new();
    for service in read.services().await? {
        let catalogue: domain::service::Catalogue =
            serde_json::from_str(&service.catalogue).map_err(Refusal::internal)?;
        let callable = !catalogue.endpoints.is_empty();
        if service.retired_at.is_none()
            && callable
            && !read.environments(service.id).await?.is_empty()
        {
            open.push(service);
        }
    }
    Ok(open)
}

/// Starts a request, as a draft that nobody else sees.
///
/// # Errors
/// [`Refusal::Invalid`] at `service` when it cannot be asked for, [`Refusal::Conflict`] while the
/// partner is suspended.
pub async fn start(portal: &Portal, contact: Contact, service: &str) -> Result<RequestId, Refusal> {
    let mut read = portal.store.read().await?;
    let wanted = service.parse::<ServiceId>().ok();
    let service = offered(&mut read)
        .await?
        .into_iter()
        .find(|offered| Some(offered.id) == wanted)
        .ok_or_else(|| Refusal::field("service", "Pick one of the services."))?;
    let partner = read
        .partner(contact.partner())
        .await?
        .ok_or(Refusal::NotFound)?;
    refuse_suspended(partner.state.0)?;
    drop(read);
    let now = portal.now();
    let request = AccessRequest {
        id: RequestId::random(&mut system_rng()),
        partner_id: contact.partner(),
        service_id: service.id,
        requester_id: contact.person(),
        state: Code(RequestState::Draft),
        draft: Draft::default().to_json()?,
        draft_version: 0,
        revisions: 0,
        created_at: now,
        updated_at: now,
        submitted_at: None,
    };
    let mut work = portal.store.minor_work().await?;
    work.add_request(&request).await?;
    work.commit_unaudited(Unaudited::Draft).await?;
    Ok(request.id)
}

/// The request, if it is this partner's. Another's is not there.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn theirs(
    read: &mut Read,
    contact: Contact,
    id: RequestId,
) -> Result<AccessRequest, Refusal> {
    read.request(id)
        .await?
        .filter(|request| request.partner_id == contact.partner())
        .ok_or(Refusal::NotFound)
}

/// Stores what was typed over version `before`; answers the next version.
///
/// # Errors
/// [`Refusal::Conflict`] with `draft-changed` when another window stored one since, or the request
/// is in review by now.
pub async fn save_draft(
    portal: &Portal,
    contact: Contact,
    id: RequestId,
    before: i64,
    draft: &Draft,
) -> Result<(i64, Timestamp), Refusal> {
    let now = portal.now();
    let mut work = portal.store.minor_work().await?;
    theirs(&mut work, contact, id).await?;
    if !work.save_draft(id, before, &draft.to_json()?, now).await? {
        return Err(draft_changed());
    }
    work.commit_unaudited(Unaudited::Draft).await?;
    Ok((before.saturating_add(1), now))
}

fn draft_changed() -> Refusal {
    Refusal::conflict(
        "draft-changed",
        "Another window saved this draft, or handed it in, after this one was opened.",
    )
}

fn refuse_suspended(partner: PartnerState) -> Result<(), Refusal> {
    match partner {
        PartnerState::Active => Ok(()),
        PartnerState::Suspended | PartnerState::Ended => Err(Refusal::conflict(
            "partner-suspended",
            "Your organisation is suspended. Nothing was handed in; your draft is kept.",
        )),
    }
}

/// An entry about a request that no passkey was asked for.
pub(super) fn entry(
    actor: &Actor,
    from: &Origin,
    at: Timestamp,
    act: &str,
    request: RequestId,
    details: &Value,
) -> Entry {
    Entry {
        at,
        actor_kind: match actor.kind() {
            ActorKind::Staff => ActorKind::Staff,
            _ => ActorKind::Contact,
        },
        actor: Some(actor.person()),
        credential: Some(actor.credential()),
        act: act.to_owned(),
        subject_kind: "request",
        subject: request.uuid(),
        outcome: Outcome::Done,
        evidence: details.to_string(),
        address: from.address,
        user_agent: Some(UserAgent::of(&from.agent)),
    }
}

/// The active reviewers' addresses.
pub(super) async fn reviewers(read: &mut Read) -> Result<Vec<To>, Refusal> {
    let mut found = Vec::new();
    for held in read.staff_roles().await? {
        if held.role.0 == Role::Reviewer && is_active(read, held.person_id).await? {
            found.push(To::person(read, held.person_id).await?);
        }
    }
    Ok(found)
}

/// Whom the partner's side of a request is told through: who began it and who handed it in.
pub(super) async fn partner_side(read: &mut Read, file: &RequestFile) -> Result<Vec<To>, Refusal> {
    let mut people = vec![file.request.requester_id];
    people.extend(
        file.revisions
            .last()
            .map(|revision| revision.row.submitted_by),
    );
    people.sort_unstable();
    people.dedup();
    let mut found = Vec::new();
    for person in people {
        if is_active(read, person).await? {
            found.push(To::person(read, person).await?);
        }
    }
    Ok(found)
}

pub(super) async fn is_active(read: &mut Read, person: PersonId) -> Result<bool, Refusal> {
    let row = read.person(person).await?;
    Ok(row.is_some_and(|row| row.state.0 == PersonState::Active))
}

/// An address as it was parsed when it was stored.
pub(crate) async fn email(read: &mut Read, person: PersonId) -> Result<Email, Refusal> {
    let address = read.address(person).await?.ok_or(Refusal::NotFound)?;
    address.email.parse().map_err(Refusal::internal)
}
