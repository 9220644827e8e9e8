//! What falls due by time alone: mails before a key expires, and the ends of keys and grants. A
//! verification does not wait for these jobs: it compares the times itself.

use std::time::Duration;

use domain::delivery::DeliveryCode;
use domain::key::{ExpiryNotice, KeyState, notice_due};
use domain::state::GrantState;
use domain::time::Timestamp;
use serde_json::json;
use store::{Entry, KeyRow, Stamped, Work};

use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::{Context, by_system, evidence};
use crate::service::revoke;

const DAY: Duration = Duration::from_hours(24);

/// Mails the notices that are due, each once, and notes it on the key in the same transaction.
///
/// # Errors
/// [`Refusal::Store`]. What was done before it stays done.
pub async fn send_due(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let horizon = at.plus(DAY * 30 + Duration::from_secs(1));
    let expiring = portal.store.read().await?.keys_expiring(horizon).await?;
    let mut sent = 0;
    for key in expiring.iter().filter(|key| due(key, at).is_some()) {
        let mut work = portal.store.work().await?;
        let Some(key) = work.key(key.id).await? else {
            continue;
        };
        if let Some(entry) = notify(portal, &mut work, key, at).await? {
            portal.commit(work, evidence(vec![entry])?).await?;
            sent += 1;
        }
    }
    Ok(sent)
}

/// Ends the keys and grants whose time is over. Running twice does no harm.
///
/// # Errors
/// As [`send_due`].
pub async fn expire(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let mut read = portal.store.read().await?;
    let keys = read.keys_expiring(at).await?;
    let mut grants = read.grants_in(GrantState::Approved).await?;
    grants.extend(read.grants_in(GrantState::WaitingForPasskey).await?);
    drop(read);
    let mut ended = 0;
    for key in keys {
        ended += usize::from(expire_key(portal, &key, at).await?);
    }
    for grant in grants {
        if grant.valid_until.is_some_and(|until| until <= at) {
            ended += usize::from(expire_grant(portal, grant.id, at).await?);
        }
    }
    Ok(ended)
}

/// The notice that a key's own row says is to be sent now.
fn due(key: &KeyRow, now: Timestamp) -> Option<ExpiryNotice> {
    if !matches!(key.state.0, KeyState::Active | KeyState::Suspended) {
        return None;
    }
    let lives_since = key.activated_at.unwrap_or(key.created_at);
    // The row keeps which notice was sent; that it was sent when it fell due is what counts.
    let last = key
        .noticed_days
        .and_then(|days| u32::try_from(days).ok())
        .map_or(lives_since, |days| {
            key.expires_at.minus(DAY * days).max(lives_since)
        });
    notice_due(now, key.expires_at, last)
}

async fn notify(
    portal: &Portal,
    work: &mut Work,
    key: Stamped<KeyRow>,
    at: Timestamp,
) -> Result<Option<Entry>, Refusal> {
    let Some(notice) = due(&key, at) else {
        return Ok(None);
    };
    let context = Context::load(work, key.grant_id).await?;
    let letter = Letter::KeyExpiring {
        key: key.id,
        kid: key.kid.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        days: u32::try_from(notice.days()).unwrap_or(u32::MAX),
        expires: key.expires_at,
    };
    for person in revoke::concerned(work, &context.grant).await? {
        let to = To::person(work, person).await?;
        mail::queue(portal, work, letter.clone(), &to).await?;
    }
    let (id, stamp) = (key.id, key.stamp());
    let noticed = KeyRow {
        noticed_days: i64::try_from(notice.days()).ok(),
        ..key.into_row()
    };
    work.update_key(noticed, stamp).await?;
    let about = json!({ "days": notice.days() });
    Ok(Some(by_system(
        at,
        "notify-expiry",
        ("key", id.uuid()),
        &about,
    )))
}

async fn expire_key(portal: &Portal, key: &KeyRow, at: Timestamp) -> Result<bool, Refusal> {
    let mut work = portal.store.work().await?;
    let over = |key: &Stamped<KeyRow>| key.expires_at <= at && !key.state.0.is_ended();
    let Some(key) = work.key(key.id).await?.filter(over) else {
        return Ok(false);
    };
    let entry = by_system(
        at,
        "expire",
        ("key", key.id.uuid()),
        &json!({ "expired": key.expires_at }),
    );
    let mut entries = revoke::end_key(&mut work, key, DeliveryCode::Expired, at, "expired").await?;
    entries.push(entry);
    portal.commit(work, evidence(entries)?).await?;
    Ok(true)
}

async fn expire_grant(
    portal: &Portal,
    id: domain::id::GrantId,
    at: Timestamp,
) -> Result<bool, Refusal> {
    let mut work = portal.store.work().await?;
    let Some(grant) = work.grant(id).await? else {
        return Ok(false);
    };
    let over = grant.valid_until.is_some_and(|until| until <= at);
    if !over || !revoke::is_live(grant.state.0) {
        return Ok(false);
    }
    let entry = by_system(
        at,
        "expire",
        ("grant", id.uuid()),
        &json!({ "valid_until": grant.valid_until }),
    );
    let mut entries = revoke::end_grant(
        &mut work,
        grant,
        GrantState::Expired,
        at,
        "the grant expired",
    )
    .await?;
    entries.push(entry);
    portal.commit(work, evidence(entries)?).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use domain::id::{GrantId, KeyId};
    use store::Code;
    use uuid::Uuid;

    use super::*;

    fn day(n: u32) -> Timestamp {
        Timestamp::from_micros(0).plus(DAY * n)
    }

    fn key(state: KeyState, noticed_days: Option<i64>) -> KeyRow {
        KeyRow {
            id: KeyId::new(Uuid::from_u128(1)),
            kid: "00000000".to_owned(),
            grant_id: GrantId::new(Uuid::from_u128(2)),
            replaces_id: None,
            key_mac: [0; 32],
            prefix: "lk_live".to_owned(),
            state: Code(state),
            created_at: day(0),
            activated_at: Some(day(0)),
            expires_at: day(100),
            ended_at: None,
            end_reason: None,
            noticed_days,
            change: 0,
        }
    }

    #[test]
    fn each_notice_is_due_once() {
        let mut noticed = None;
        let mut sent = Vec::new();
        for now in 0..=120 {
            if let Some(notice) = due(&key(KeyState::Active, noticed), day(now)) {
                sent.push((now, notice.days()));
                noticed = i64::try_from(notice.days()).ok();
            }
        }
        assert_eq!(sent, [(70, 30), (93, 7), (99, 1)]);
    }

    #[test]
    fn a_notice_that_is_noted_is_not_due_again_the_same_day() {
        let noon = day(93).plus(Duration::from_hours(12));
        assert_eq!(due(&key(KeyState::Active, Some(7)), noon), None);
    }

    #[test]
    fn a_key_that_does_not_work_gets_no_notice() {
        for state in [
            KeyState::PreActivation,
            KeyState::Deactivated,
            KeyState::Compromised,
            KeyState::Destroyed,
        ] {
            assert_eq!(due(&key(state, None), day(95)), None, "{state}");
        }
        assert!(due(&key(KeyState::Suspended, None), day(95)).is_some());
    }
}
