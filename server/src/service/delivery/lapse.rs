//! Deliveries that come to nothing: a link that nobody opened, a lease without a receipt, a grant
//! that ended first. The ciphertexts are erased and the key is destroyed; both sides are told.

use domain::delivery::{DeliveryCode, DeliveryState};
use domain::id::{DeliveryId, GrantId};
use domain::key::{KeyState, KeyStep};
use domain::state::Role;
use domain::time::Timestamp;
use serde_json::json;
use store::{Code, Delivery, Entry, KeyRow, Work};

use super::context::{Context, by_system, evidence, staff_with};
use crate::mail::{self, Lapse, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;

/// Ends every delivery whose link or lease has run out. A job calls it; running twice does no harm.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn lapse_overdue(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let overdue = portal.store.read().await?.overdue_deliveries(at).await?;
    let mut ended = 0;
    for delivery in overdue {
        let mut work = portal.store.work().await?;
        let entries = lapse(portal, &mut work, &delivery, at).await?;
        if !entries.is_empty() {
            portal.commit(work, evidence(entries)?).await?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Ends what is open under a grant, without a mail of its own: whoever ends the grant tells.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn end_open(
    work: &mut Work,
    grant: GrantId,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    for delivery in work.deliveries_of_grant(grant).await? {
        entries.extend(cancel(work, &delivery, at, why).await?);
    }
    Ok(entries)
}

/// Ends a delivery whose link was wiped with the mail that could not be sent, and tells the
/// operators, who can send a new one. What was opened stays: an earlier try had arrived.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn end_unmailed(
    portal: &Portal,
    work: &mut Work,
    id: DeliveryId,
    at: Timestamp,
) -> Result<Vec<Entry>, Refusal> {
    let sealed = work
        .delivery(id)
        .await?
        .filter(|delivery| delivery.state.0 == DeliveryCode::Sealed);
    let Some(delivery) = sealed else {
        return Ok(Vec::new());
    };
    let entries = cancel(
        work,
        &delivery,
        at,
        "the mail with its link could not be delivered",
    )
    .await?;
    tell(portal, work, &delivery, Lapse::Mail, at).await?;
    Ok(entries)
}

async fn lapse(
    portal: &Portal,
    work: &mut Work,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<Vec<Entry>, Refusal> {
    let state =
        DeliveryState::from_stored(delivery.state.0, delivery.claimed_by, delivery.lease_until);
    let Some(next) =
        state.and_then(|state| domain::delivery::lapse(&state, at, delivery.expires_at))
    else {
        return Ok(Vec::new());
    };
    let (why, lapse) = match next {
        DeliveryState::Expired => ("nobody opened the link in time", Lapse::Link),
        _ => (
            "it was opened, and nobody said that the key is stored",
            Lapse::Lease,
        ),
    };
    let entries = end(work, delivery, next.code(), at, why).await?;
    if !entries.is_empty() {
        tell(portal, work, delivery, lapse, at).await?;
    }
    Ok(entries)
}

/// Cancels one delivery if it is open.
pub(super) async fn cancel(
    work: &mut Work,
    delivery: &Delivery,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    end(work, delivery, DeliveryCode::Cancelled, at, why).await
}

async fn end(
    work: &mut Work,
    delivery: &Delivery,
    to: DeliveryCode,
    at: Timestamp,
    why: &str,
) -> Result<Vec<Entry>, Refusal> {
    if !work.end_delivery(delivery.id, to, at, why).await? {
        return Ok(Vec::new());
    }
    let key = work.key(delivery.key_id).await?.ok_or(Refusal::NotFound)?;
    if key.state.0 == KeyState::PreActivation {
        let stamp = key.stamp();
        let state = key
            .state
            .0
            .step(KeyStep::Destroy)
            .map_err(Refusal::internal)?;
        let destroyed = KeyRow {
            state: Code(state),
            ended_at: Some(at),
            end_reason: Some(why.to_owned()),
            ..key.into_row()
        };
        work.update_key(destroyed, stamp).await?;
    }
    Ok(vec![by_system(
        at,
        "end-delivery",
        ("delivery", delivery.id.uuid()),
        &json!({ "to": to, "key": delivery.key_id, "why": why }),
    )])
}

async fn tell(
    portal: &Portal,
    work: &mut Work,
    delivery: &Delivery,
    lapse: Lapse,
    when: Timestamp,
) -> Result<(), Refusal> {
    let context = Context::load(work, delivery.grant_id).await?;
    let letter = Letter::DeliveryLapsed {
        partner: context.partner.name.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        lapse,
        when,
    };
    let mut to = staff_with(work, &[Role::Operator]).await?;
    // An address that takes no mail is told nothing by mail.
    if lapse != Lapse::Mail {
        to.push(To::person(work, delivery.recipient_id).await?);
    }
    for to in to {
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}
