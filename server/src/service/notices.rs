//! What falls due by time alone: mails before a key expires, and the ends of keys and grants. A
//! verification does not wait for these jobs: it compares the times itself.

use std::time::Duration;

use domain::delivery::DeliveryCode;
use domain::id::{GrantId, KeyId};
use domain::key::{ExpiryNotice, KeyState, notice_due};
use domain::state::GrantState;
use domain::time::Timestamp;
use serde_json::json;
use store::{KeyRow, Stamped};

use crate::mail::{self, Letter, To};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::delivery::{Context, by_system, evidence};
use crate::service::revoke;

const DAY: Duration = Duration::from_hours(24);
/// So many rows at a time; few in tests, so that they turn the page.
const PAGE: i64 = if cfg!(test) { 2 } else { 500 };

/// What falls due by time alone.
#[derive(Clone, Copy)]
enum Due {
    Key,
    Grant(GrantState),
    Notice(ExpiryNotice),
}

/// What is to be done about one key or grant.
#[derive(Clone, Copy)]
enum Task {
    EndKey(KeyId),
    EndGrant(GrantId),
    Tell(KeyId),
}

/// Mails the notices that are due, each once, and notes it on the key in the same transaction.
///
/// # Errors
/// [`Refusal::Store`]. What was done before it stays done.
pub async fn send_due(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let mut sent = 0;
    for notice in ExpiryNotice::ALL {
        sent += settle(portal, Due::Notice(*notice), at).await?;
    }
    Ok(sent)
}

/// Ends the keys and grants whose time is over. Running twice does no harm.
///
/// # Errors
/// As [`send_due`].
pub async fn expire(portal: &Portal) -> Result<usize, Refusal> {
    let at = portal.now();
    let mut ended = settle(portal, Due::Key, at).await?;
    for state in [GrantState::Approved, GrantState::WaitingForPasskey] {
        ended += settle(portal, Due::Grant(state), at).await?;
    }
    Ok(ended)
}

/// Page by page: as much may fall due as there is. How much was done.
async fn settle(portal: &Portal, due: Due, at: Timestamp) -> Result<usize, Refusal> {
    let mut done = 0;
    loop {
        let before = done;
        for task in due.page(portal, at).await? {
            done += usize::from(task.run(portal, at).await?);
        }
        // What could not be done would only be read again.
        if done == before {
            return Ok(done);
        }
    }
}

impl Due {
    async fn page(self, portal: &Portal, at: Timestamp) -> Result<Vec<Task>, Refusal> {
        let mut read = portal.store.read().await?;
        let page = match self {
            Self::Key => {
                let keys = read.keys_over(at, PAGE).await?;
                keys.iter().map(|key| Task::EndKey(key.id)).collect()
            }
            Self::Grant(state) => {
                let grants = read.grants_over(state, at, PAGE).await?;
                grants
                    .iter()
                    .map(|grant| Task::EndGrant(grant.id))
                    .collect()
            }
            Self::Notice(notice) => {
                let keys = read.keys_to_notice(at, notice, PAGE).await?;
                keys.iter().map(|key| Task::Tell(key.id)).collect()
            }
        };
        Ok(page)
    }
}

impl Task {
    /// Whether it was still to be done.
    async fn run(self, portal: &Portal, at: Timestamp) -> Result<bool, Refusal> {
        match self {
            Self::EndKey(key) => expire_key(portal, key, at).await,
            Self::EndGrant(grant) => expire_grant(portal, grant, at).await,
            Self::Tell(key) => notify(portal, key, at).await,
        }
    }
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

async fn notify(portal: &Portal, id: KeyId, at: Timestamp) -> Result<bool, Refusal> {
    let mut work = portal.store.work().await?;
    let Some(key) = work.key(id).await? else {
        return Ok(false);
    };
    let Some(notice) = due(&key, at) else {
        return Ok(false);
    };
    let context = Context::load(&mut work, key.grant_id).await?;
    let letter = Letter::KeyExpiring {
        key: key.id,
        kid: key.kid.clone(),
        service: context.service.name.clone(),
        environment: context.environment.name.clone(),
        days: u32::try_from(notice.days()).unwrap_or(u32::MAX),
        expires: key.expires_at,
    };
    for person in revoke::concerned(&mut work, &context.grant).await? {
        let to = To::person(&mut work, person).await?;
        mail::queue(portal, &mut work, letter.clone(), &to).await?;
    }
    let stamp = key.stamp();
    let noticed = KeyRow {
        noticed_days: i64::try_from(notice.days()).ok(),
        ..key.into_row()
    };
    work.update_key(noticed, stamp).await?;
    let about = json!({ "days": notice.days() });
    let entry = by_system(at, "notify-expiry", ("key", id.uuid()), &about);
    portal.commit(work, evidence(vec![entry])?).await?;
    Ok(true)
}

async fn expire_key(portal: &Portal, id: KeyId, at: Timestamp) -> Result<bool, Refusal> {
    let mut work = portal.store.work().await?;
    let over = |key: &Stamped<KeyRow>| key.expires_at <= at && !key.state.0.is_ended();
    let Some(key) = work.key(id).await?.filter(over) else {
        return Ok(false);
    };
    let entry = by_system(
        at,
        "expire",
        ("key", id.uuid()),
        &json!({ "expired": key.expires_at }),
    );
    let mut entries = revoke::end_key(&mut work, key, DeliveryCode::Expired, at, "expired").await?;
    entries.push(entry);
    portal.commit(work, evidence(entries)?).await?;
    Ok(true)
}

async fn expire_grant(portal: &Portal, id: GrantId, at: Timestamp) -> Result<bool, Refusal> {
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
