//! Ends: of one key, of a grant with every key under it, of a partner with everything it has. The
//! rows that calls are checked against change in the transaction that the act commits, so that no
//! later verification accepts the key (never 8).

use domain::delivery::DeliveryCode;
use domain::id::{GrantId, PartnerId, PersonId, RequestId};
use domain::request::RequestStep;
use domain::state::{GrantState, PartnerState, PersonState};
use domain::time::Timestamp;
use serde_json::json;
use store::{AccessRequest, Code, Entry, GrantRow, KeyRow, Partner, Read, Stamped, Work};

use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::{self, by_system};
use crate::service::{links, overlays, people};

/// A partner's requests that are closed with it.
const REQUESTS: i64 = 10_000;

/// Ends a key: one that is on its way is destroyed with its delivery, a delivered one deactivated.
///
/// # Errors
/// [`Refusal::Conflict`] when it has ended.
pub async fn end_key(
    work: &mut Work,
    key: Stamped<KeyRow>,
    delivery_becomes: DeliveryCode,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    let state = key
        .state
        .0
        .revoke()
        .map_err(|refused| Refusal::conflict("key-ended", refused.to_string()))?;
    let mut entries = Vec::new();
    for delivery in work.deliveries_of_key(key.id).await? {
        if work
            .end_delivery(delivery.id, delivery_becomes, at, why)
            .await?
        {
            let about = json!({ "to": delivery_becomes, "key": key.id, "why": why });
            entries.push(by_system(
                at,
                "end-delivery",
                ("delivery", delivery.id.uuid()),
                &about,
            ));
        }
    }
    let stamp = key.stamp();
    let ended = KeyRow {
        state: Code(state),
        ended_at: Some(at),
        end_reason: Some(why.to_owned()),
        ..key.into_row()
    };
    work.update_key(ended, stamp).await?;
    Ok(entries)
}

/// Ends a grant, what is open under it and every key of it; its request closes when nothing that it
/// led to is left.
///
/// # Errors
/// [`Refusal::Conflict`] when it has ended.
pub async fn end_grant(
    work: &mut Work,
    grant: Stamped<GrantRow>,
    to: GrantState,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    if !is_live(grant.state.0) {
        return Err(Refusal::conflict(
            "grant-ended",
            "This grant has ended already.",
        ));
    }
    let (id, request, stamp) = (grant.id, grant.request_id, grant.stamp());
    let mut entries = delivery::end_open(work, id, at, why).await?;
    entries.extend(overlays::end_all(work, id, at, why).await?);
    for key in work.keys_of_grant(id).await? {
        if key.state.0.is_ended() {
            continue;
        }
        let about = json!({ "grant": id, "why": why });
        let ended = by_system(at, "end-key", ("key", key.id.uuid()), &about);
        entries.extend(end_key(work, key, DeliveryCode::Cancelled, at, why).await?);
        entries.push(ended);
    }
    let ended = GrantRow {
        state: Code(to),
        ended_at: Some(at),
        end_reason: Some(why.to_owned()),
        ..grant.into_row()
    };
    work.update_grant(ended, stamp).await?;
    entries.extend(close_if_over(work, request, at).await?);
    Ok(entries)
}

/// Ends a partner: its grants, what it asks for, its sessions. Its rows stay as evidence.
///
/// # Errors
/// [`Refusal::Conflict`] when it has ended.
pub async fn end_partner(
    portal: &Portal,
    work: &mut Work,
    partner: Stamped<Partner>,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    if partner.state.0 == PartnerState::Ended {
        return Err(Refusal::conflict(
            "partner-ended",
            "This partner has ended already.",
        ));
    }
    let (id, stamp) = (partner.id, partner.stamp());
    tell_ended(portal, work, &partner, at, why).await?;
    let mut entries = Vec::new();
    for grant in work.grants_of_partner(id).await? {
        match grant.state.0 {
            state if is_live(state) => {
                entries.extend(end_grant(work, grant, GrantState::Revoked, at, why).await?);
            }
            GrantState::Proposed => withdraw(work, grant, at, why).await?,
            _ => {}
        }
    }
    let requests = work.requests_of(id, REQUESTS, 0).await?;
    for request in requests {
        entries.extend(step_request(work, request, RequestStep::Withdraw, at).await?);
    }
    for contact in work.contacts(id).await? {
        work.end_sessions_of(contact.id).await?;
        links::void_all(work, contact.id, at).await?;
    }
    let ended = Partner {
        state: Code(PartnerState::Ended),
        ..partner.into_row()
    };
    work.update_partner(ended, stamp).await?;
    Ok(entries)
}

/// Tells the partner of a key's end.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn tell_key(
    portal: &Portal,
    work: &mut Work,
    key: &KeyRow,
    at: Timestamp,
    why: &str,
) -> Result<(), Refusal> {
    let context = delivery::Context::load(work, key.grant_id).await?;
    let letter = Letter::KeyRevoked {
        key: key.id,
        kid: key.kid.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        reason: why.to_owned(),
        when: at,
    };
    tell(portal, work, &context.grant, letter).await
}

/// Tells everybody at a partner of its end: in one mail, whatever it had.
async fn tell_ended(
    portal: &Portal,
    work: &mut Work,
    partner: &Partner,
    at: Timestamp,
    why: &str,
) -> Result<(), Refusal> {
    let letter = Letter::PartnerEnded {
        partner: partner.name.clone(),
        reason: why.to_owned(),
        when: at,
    };
    for contact in work.contacts(partner.id).await? {
        if contact.state.0 != PersonState::Active {
            continue;
        }
        let to = To::person(work, contact.id).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

/// Tells the partner of a grant's end.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn tell_grant(
    portal: &Portal,
    work: &mut Work,
    grant: &Stamped<GrantRow>,
    at: Timestamp,
    why: &str,
) -> Result<(), Refusal> {
    let context = delivery::Context::around(work, grant.clone()).await?;
    let letter = Letter::GrantRevoked {
        request: grant.request_id,
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        reason: why.to_owned(),
        when: at,
    };
    tell(portal, work, grant, letter).await
}

/// Whom a grant concerns at its partner: who receives its keys, and the admins.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn concerned(read: &mut Read, grant: &GrantRow) -> Result<Vec<PersonId>, Refusal> {
    let mut people = people::admins(read, grant.partner_id).await?;
    let stays = read
        .contacts(grant.partner_id)
        .await?
        .iter()
        .any(|contact| contact.id == grant.recipient_id);
    if stays && !people.contains(&grant.recipient_id) {
        people.push(grant.recipient_id);
    }
    Ok(people)
}

/// Keys that would stop working with a grant.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn live_keys(read: &mut Read, grant: GrantId) -> Result<usize, Refusal> {
    let keys = read.keys_of_grant(grant).await?;
    Ok(keys.iter().filter(|key| !key.state.0.is_ended()).count())
}

/// Grants that would end with a partner, and the keys under them.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn live_of_partner(
    read: &mut Read,
    partner: PartnerId,
) -> Result<(usize, usize), Refusal> {
    let (mut grants, mut keys) = (0, 0);
    for grant in read.grants_of_partner(partner).await? {
        if is_live(grant.state.0) {
            grants += 1;
            keys += live_keys(read, grant.id).await?;
        }
    }
    Ok((grants, keys))
}

/// Keys can be had or used under it.
pub const fn is_live(state: GrantState) -> bool {
    matches!(state, GrantState::Approved | GrantState::WaitingForPasskey)
}

/// Tells whom a grant concerns.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn tell(
    portal: &Portal,
    work: &mut Work,
    grant: &GrantRow,
    letter: Letter,
) -> Result<(), Refusal> {
    for person in concerned(work, grant).await? {
        let to = To::person(work, person).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

async fn withdraw(
    work: &mut Work,
    grant: Stamped<GrantRow>,
    at: Timestamp,
    why: &str,
) -> Result<(), Refusal> {
    let stamp = grant.stamp();
    let withdrawn = GrantRow {
        state: Code(GrantState::Withdrawn),
        ended_at: Some(at),
        end_reason: Some(why.to_owned()),
        ..grant.into_row()
    };
    work.update_grant(withdrawn, stamp).await?;
    Ok(())
}

async fn close_if_over(
    work: &mut Work,
    id: RequestId,
    at: Timestamp,
) -> Result<Vec<Entry>, Refusal> {
    let grants = work.grants_of_request(id).await?;
    let going = |state| is_live(state) || state == GrantState::Proposed;
    if grants.iter().any(|grant| going(grant.state.0)) {
        return Ok(Vec::new());
    }
    let request = work.request(id).await?.ok_or(Refusal::NotFound)?;
    step_request(work, request, RequestStep::Close, at).await
}

/// Takes the step if the request's state allows it.
async fn step_request(
    work: &mut Work,
    request: AccessRequest,
    step: RequestStep,
    at: Timestamp,
) -> Result<Vec<Entry>, Refusal> {
    let Ok(state) = request.state.0.step(step) else {
        return Ok(Vec::new());
    };
    let id = request.id;
    let stepped = AccessRequest {
        state: Code(state),
        updated_at: at,
        ..request
    };
    work.update_request(&stepped).await?;
    Ok(vec![by_system(
        at,
        "end-request",
        ("request", id.uuid()),
        &json!({ "to": state }),
    )])
}
