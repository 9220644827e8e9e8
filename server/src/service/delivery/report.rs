//! "This was not me": the recipient's passkey kills the key, whatever its delivery's state. Without
//! one it changes nothing, and staff are told.

use domain::act::Act;
use domain::audit::Outcome;
use domain::id::{CeremonyId, DeliveryId};
use domain::key::{KeyState, KeyStep};
use domain::link::ClaimToken;
use domain::mac::same_digest;
use domain::state::Role;
use serde_json::{Value, json};
use store::{Code, Evidence, KeyRow};

use super::claim::{not_usable, proof};
use super::context::{Context, by_contact, staff_with};
use super::notice::is_first_in_hour;
use crate::auth::session::Origin;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;

/// What the log calls it when nobody proved who they are.
pub const ALERT: &str = "report-unproved";

/// Cancels the delivery, marks the key as compromised, and tells staff and the recipient.
///
/// # Errors
/// [`Refusal::Unproven`] for anybody but the recipient.
pub async fn report(
    portal: &Portal,
    id: DeliveryId,
    ceremony: CeremonyId,
    response: Value,
    from: Origin,
) -> Result<(), Refusal> {
    let proof = proof(portal, id, Act::Report, ceremony, response, from).await?;
    let mut work = portal.store.work().await?;
    let delivery = work
        .delivery(id)
        .await?
        .filter(|delivery| delivery.recipient_id == proof.person())
        .ok_or_else(not_usable)?;
    work.end_delivery(
        id,
        domain::delivery::DeliveryCode::Cancelled,
        proof.at,
        "reported: not me",
    )
    .await?;
    let key = work.key(delivery.key_id).await?.ok_or(Refusal::NotFound)?;
    let was: KeyState = key.state.0;
    if let Ok(compromised) = was.step(KeyStep::Compromise) {
        let stamp = key.stamp();
        let ended = KeyRow {
            state: Code(compromised),
            ended_at: Some(proof.at),
            end_reason: Some("The recipient said: this was not me.".to_owned()),
            ..key.into_row()
        };
        work.update_key(ended, stamp).await?;
    }
    let context = Context::load(&mut work, delivery.grant_id).await?;
    let letter = Letter::ReportedNotMe {
        partner: context.partner.name.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        proved: true,
        when: proof.at,
    };
    let mut tell = staff_with(&mut work, &[Role::Operator, Role::Reviewer]).await?;
    tell.push(To::person(&mut work, delivery.recipient_id).await?);
    for to in tell {
        mail::queue(portal, &mut work, letter.clone(), &to).await?;
    }
    let entry = proof.entry(
        "delivery",
        id.uuid(),
        json!({ "key": delivery.key_id, "was": was }),
    );
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}

/// Tells staff that whoever has this delivery's link says that it was not them. It rests on the link
/// alone, so it changes neither delivery nor key; at most once an hour it is told and recorded. The
/// answer is the same for every id and every token.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn alert(
    portal: &Portal,
    id: DeliveryId,
    token: &ClaimToken,
    from: &Origin,
) -> Result<(), Refusal> {
    let now = portal.now();
    let mut work = portal.store.work().await?;
    let delivery = work
        .delivery(id)
        .await?
        .filter(|delivery| same_digest(&token.digest(), &delivery.claim_digest));
    let Some(delivery) = delivery else {
        return Ok(());
    };
    if !is_first_in_hour(portal, &mut work, "alert-notice", id).await? {
        portal.leave(work).await?;
        return Ok(());
    }
    let context = Context::load(&mut work, delivery.grant_id).await?;
    let letter = Letter::ReportedNotMe {
        partner: context.partner.name.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        proved: false,
        when: now,
    };
    for to in staff_with(&mut work, &[Role::Operator, Role::Reviewer]).await? {
        mail::queue(portal, &mut work, letter.clone(), &to).await?;
    }
    let entry = by_contact(
        now,
        ALERT,
        ("delivery", id.uuid()),
        (None, None),
        Outcome::Done,
        &json!({ "key": delivery.key_id }),
        from,
    );
    portal.commit(work, Evidence::of(entry)).await?;
    Ok(())
}
