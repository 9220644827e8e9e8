//! Keys, as pages and acts need them: who sees which, what may be done with one.

use app::pages::key::KeyMay;
use domain::audit::{ActorKind, Outcome};
use domain::delivery::{self, DeliveryState, RemakeRefused};
use domain::id::KeyId;
use domain::key::{KeyState, KeyStep, replacement_expires};
use domain::state::{GrantState, PartnerState};
use domain::time::Timestamp;
use store::{Delivery, KeyRow, Read, Stamped};

use crate::auth::actor::{Actor, Side};
use crate::refusal::Refusal;
use crate::service::delivery::Context;
use crate::service::live;

/// Entries of a grant that are looked through for re-made deliveries.
const HISTORY: i64 = 1_000;

/// A key with what it stands in.
pub struct KeyFile {
    pub key: Stamped<KeyRow>,
    pub context: Context,
    /// Oldest first.
    pub deliveries: Vec<Delivery>,
}

/// A key that the actor may see: staff see all, a contact their partner's (never 10).
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Store`].
pub async fn seen(read: &mut Read, actor: &Actor, id: KeyId) -> Result<KeyFile, Refusal> {
    let key = read.key(id).await?.ok_or(Refusal::NotFound)?;
    let context = Context::load(read, key.grant_id).await?;
    match actor.side() {
        Side::Contact { partner, .. } if *partner != context.grant.partner_id => {
            return Err(Refusal::NotFound);
        }
        _ => {}
    }
    Ok(KeyFile {
        deliveries: read.deliveries_of_key(id).await?,
        key,
        context,
    })
}

/// How much of a key may be shown: prefix and kid, never more.
pub fn shown(key: &KeyRow) -> String {
    format!("{}_{}…", key.prefix, key.kid)
}

/// A key as it is signed for.
pub fn lines(key: &KeyRow, context: &Context) -> Vec<(&'static str, String)> {
    vec![
        ("Key", shown(key)),
        ("Partner", context.partner.name.clone()),
        ("Service", context.service.name.clone()),
        ("Environment", context.environment.name.clone()),
        ("Ends", key.expires_at.minute()),
    ]
}

/// # Errors
/// [`Refusal::NotFound`] for other partners and staff, [`Refusal::Forbidden`] for colleagues.
pub fn is_recipient(actor: &Actor, context: &Context) -> Result<(), Refusal> {
    let contact = actor.contact()?;
    if contact.partner() != context.grant.partner_id {
        return Err(Refusal::NotFound);
    }
    if contact.person() == context.grant.recipient_id {
        Ok(())
    } else {
        Err(Refusal::Forbidden(
            "Only the person who receives this key can ask for another one.",
        ))
    }
}

/// # Errors
/// [`Refusal::Conflict`], in the rule's words.
pub async fn may_replace(
    read: &mut Read,
    key: &KeyRow,
    context: &Context,
    now: Timestamp,
) -> Result<(), Refusal> {
    let until = live_until(context)?;
    let siblings = read.keys_of_grant(key.grant_id).await?;
    // A replacement that is stored already counts too: one key has one successor.
    let under_way = siblings
        .iter()
        .any(|other| other.replaces_id == Some(key.id) && !other.state.0.is_ended());
    replacement_expires(key.state.0, until, under_way, now)
        .map(drop)
        .map_err(|refused| Refusal::conflict("no-replacement", refused.to_string()))
}

/// The recipient may have a delivery again that lapsed by itself, at most three times under one
/// grant; what staff cancelled only staff make again.
///
/// # Errors
/// [`Refusal::Conflict`], in the rule's words.
pub async fn may_remake(
    read: &mut Read,
    actor: &Actor,
    key: &KeyRow,
    context: &Context,
    now: Timestamp,
) -> Result<(), Refusal> {
    let refused = |refused: RemakeRefused| Refusal::conflict("no-new-link", refused.to_string());
    if now >= live_until(context)? {
        return Err(Refusal::conflict(
            "grant-expired",
            "The grant has expired. Ask for access again.",
        ));
    }
    let all = read.deliveries_of_grant(key.grant_id).await?;
    let last = all
        .last()
        .filter(|last| last.key_id == key.id)
        .ok_or_else(|| {
            Refusal::conflict("not-the-last", "There is a newer key under this grant.")
        })?;
    let state = DeliveryState::from_stored(last.state.0, last.claimed_by, last.lease_until)
        .ok_or_else(|| Refusal::internal("a delivery's row contradicts itself"))?;
    if actor.staff().is_ok() {
        return delivery::may_remake(&state, 0).map_err(refused);
    }
    delivery::may_remake(&state, remade(read, context).await?).map_err(refused)?;
    if key.state.0 == KeyState::Destroyed && lapsed_by_itself(last) {
        Ok(())
    } else {
        Err(Refusal::conflict(
            "cancelled",
            "This delivery was cancelled. Ask the staff.",
        ))
    }
}

/// What the actor may do with a key now: what the acts would not refuse.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn may(
    read: &mut Read,
    actor: &Actor,
    file: &KeyFile,
    now: Timestamp,
) -> Result<KeyMay, Refusal> {
    let (key, context) = (&file.key, &file.context);
    let revoker = actor.revoker().is_ok();
    let recipient = is_recipient(actor, context).is_ok();
    let step = |step| key.state.0.step(step).is_ok();
    let open = allowed(live::check_open(&context.grant, now))?;
    let active = context.partner.state.0 == PartnerState::Active;
    Ok(KeyMay {
        revoke: revoker && key.state.0.revoke().is_ok(),
        revoke_grant: revoker && crate::service::revoke::is_live(context.grant.state.0),
        suspend: revoker && step(KeyStep::Suspend),
        resume: revoker && step(KeyStep::Resume),
        replace: recipient && allowed(may_replace(read, key, context, now).await)?,
        redeliver: (recipient || actor.operator().is_ok())
            && allowed(may_remake(read, actor, key, context, now).await)?,
        narrow: revoker && open,
        ask_temporary: open && active && actor.contact().is_ok(),
    })
}

fn allowed(answer: Result<(), Refusal>) -> Result<bool, Refusal> {
    match answer {
        Ok(()) => Ok(true),
        Err(Refusal::Conflict { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Until when keys can be had under the grant.
fn live_until(context: &Context) -> Result<Timestamp, Refusal> {
    if context.partner.state.0 != PartnerState::Active {
        return Err(Refusal::conflict(
            "partner-suspended",
            "The partner is suspended. Ask the staff.",
        ));
    }
    context
        .grant
        .valid_until
        .filter(|_| context.grant.state.0 == GrantState::Approved)
        .ok_or_else(|| {
            Refusal::conflict("grant-ended", "The grant has ended. Ask for access again.")
        })
}

async fn remade(read: &mut Read, context: &Context) -> Result<u32, Refusal> {
    let history = read.history(context.grant.id.uuid(), HISTORY).await?;
    let by_recipient = history.iter().filter(|entry| {
        entry.act == domain::act::Act::RemakeDelivery.as_str()
            && entry.actor_kind.0 == ActorKind::Contact
            && entry.outcome.0 == Outcome::Done
    });
    Ok(u32::try_from(by_recipient.count()).unwrap_or(u32::MAX))
}

/// Nobody opened its link, or its lease ran out; staff who cancel do so before.
fn lapsed_by_itself(delivery: &Delivery) -> bool {
    match delivery.state.0 {
        delivery::DeliveryCode::Expired => true,
        delivery::DeliveryCode::Cancelled => match (delivery.lease_until, delivery.ended_at) {
            (Some(lease), Some(ended)) => ended >= lease,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::DeliveryCode;
    use domain::id::{DeliveryId, GrantId, PersonId};
    use store::Code;
    use uuid::Uuid;

    use super::*;

    fn delivery(state: DeliveryCode, lease: Option<i64>, ended: Option<i64>) -> Delivery {
        let id = Uuid::from_u128(1);
        Delivery {
            id: DeliveryId::new(id),
            key_id: KeyId::new(id),
            grant_id: GrantId::new(id),
            recipient_id: PersonId::new(id),
            state: Code(state),
            header: Vec::new(),
            claim_digest: [0; 32],
            created_at: Timestamp::from_micros(0),
            expires_at: Timestamp::from_micros(9),
            claimed_by: None,
            claimed_at: None,
            lease_until: lease.map(Timestamp::from_micros),
            ended_at: ended.map(Timestamp::from_micros),
            end_reason: None,
            receipt: None,
        }
    }

    #[test]
    fn a_recipient_can_have_again_what_lapsed_by_itself() {
        assert!(lapsed_by_itself(&delivery(
            DeliveryCode::Expired,
            None,
            Some(9)
        )));
        assert!(lapsed_by_itself(&delivery(
            DeliveryCode::Cancelled,
            Some(5),
            Some(5)
        )));
    }

    #[test]
    fn what_staff_cancelled_is_not_had_again() {
        assert!(!lapsed_by_itself(&delivery(
            DeliveryCode::Cancelled,
            None,
            Some(5)
        )));
        assert!(!lapsed_by_itself(&delivery(
            DeliveryCode::Cancelled,
            Some(5),
            Some(4)
        )));
    }

    #[test]
    fn what_is_open_or_stored_has_not_lapsed() {
        for state in [
            DeliveryCode::Sealed,
            DeliveryCode::Claimed,
            DeliveryCode::Receipted,
        ] {
            assert!(
                !lapsed_by_itself(&delivery(state, Some(5), Some(6))),
                "{state}"
            );
        }
    }
}
