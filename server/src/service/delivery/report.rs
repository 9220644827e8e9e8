//! "This was not me": the recipient's passkey kills the key, whatever its delivery's state.

use domain::act::Act;
use domain::id::{CeremonyId, DeliveryId};
use domain::key::{KeyState, KeyStep};
use domain::state::Role;
use serde_json::{Value, json};
use store::{Code, Evidence, KeyRow};

use super::claim::{not_usable, proof};
use super::context::{Context, staff_with};
use crate::auth::session::Origin;
use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;

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
