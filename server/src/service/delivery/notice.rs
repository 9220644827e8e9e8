//! Who is told of what went wrong at a delivery, at most once an hour each.

use std::time::Duration;

use domain::id::{CredentialId, DeliveryId};
use domain::state::Role;
use store::{Delivery, Work};

use super::context::{Context, staff_with};
use crate::mail::{self, Letter, Opened, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::limits::window;

const HOURLY: Duration = Duration::from_secs(3600);

/// Whether this is the first of its kind at this delivery within the hour; counts it.
pub(super) async fn is_first_in_hour(
    portal: &Portal,
    work: &mut Work,
    kind: &str,
    id: DeliveryId,
) -> Result<bool, Refusal> {
    let bucket = format!("{kind}:{id}");
    let tries = work
        .count_try(&bucket, window(HOURLY, portal.now()))
        .await?;
    Ok(tries <= 1)
}

/// Tells the recipient and the operators that the right link met a passkey that may not open it, at
/// most once an hour.
pub(super) async fn notify(
    portal: &Portal,
    work: &mut Work,
    delivery: &Delivery,
    opened: Option<Opened>,
) -> Result<(), Refusal> {
    if !is_first_in_hour(portal, work, "claim-notice", delivery.id).await? {
        return Ok(());
    }
    let context = Context::load(work, delivery.grant_id).await?;
    let letter = Letter::ClaimRefused {
        partner: context.partner.name.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        when: portal.now(),
        opened,
    };
    let recipient = To::person(work, delivery.recipient_id).await?;
    mail::queue(portal, work, letter.clone(), &recipient).await?;
    for to in staff_with(work, &[Role::Operator]).await? {
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    Ok(())
}

pub(super) async fn opened(
    work: &mut Work,
    delivery: &Delivery,
    by: CredentialId,
) -> Result<Opened, Refusal> {
    let label = work.credential(by).await?.map(|row| row.label.clone());
    Ok(Opened {
        passkey: label.unwrap_or_else(|| "a removed passkey".to_owned()),
        at: delivery.claimed_at.unwrap_or(delivery.created_at),
    })
}
