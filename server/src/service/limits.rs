//! How often one client may knock. Tries are counted in the database, so that all processes count
//! together.

use std::net::IpAddr;
use std::time::Duration;

use domain::time::Timestamp;
use store::Unaudited;
use uuid::Uuid;

use crate::portal::Portal;
use crate::refusal::Refusal;

/// At most `tries` in each window of this length.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub tries: i64,
    pub window: Duration,
}

/// Ceremonies that one address may start.
pub const CEREMONIES: Limit = Limit {
    name: "ceremony",
    tries: 60,
    window: Duration::from_secs(60),
};

/// Tries at one delivery by one address: whoever else knows its id cannot lock its recipient out.
pub const CLAIMS: Limit = Limit {
    name: "claim",
    tries: 30,
    window: Duration::from_secs(60),
};

/// Alerts without a passkey by one address, at whatever deliveries.
pub const ALERTS: Limit = Limit {
    name: "alert",
    tries: 10,
    window: Duration::from_secs(3600),
};

/// Invitations that one person may send.
pub const INVITATIONS: Limit = Limit {
    name: "invitation",
    tries: 60,
    window: Duration::from_secs(3600),
};

/// Counts a try by an address.
///
/// # Errors
/// [`Refusal::Limited`] with the time to the next window.
pub async fn count(portal: &Portal, limit: Limit, by: IpAddr) -> Result<(), Refusal> {
    count_for(portal, limit, &by.to_string()).await
}

/// Counts a try by an address at one delivery.
///
/// # Errors
/// As [`count`].
pub async fn count_at(portal: &Portal, limit: Limit, at: Uuid, by: IpAddr) -> Result<(), Refusal> {
    count_for(portal, limit, &format!("{at}:{by}")).await
}

/// Counts a try by or at anything that has a name.
///
/// # Errors
/// As [`count`].
pub async fn count_for(portal: &Portal, limit: Limit, what: &str) -> Result<(), Refusal> {
    let now = portal.now();
    let starts = window(limit.window, now);
    let bucket = format!("{}:{what}", limit.name);
    let mut work = portal.store.passing_work().await?;
    let tries = work.count_try(&bucket, starts).await?;
    work.commit_unaudited(Unaudited::Limit).await?;
    if tries > limit.tries {
        return Err(Refusal::Limited {
            retry_after: starts.plus(limit.window).since(now),
        });
    }
    Ok(())
}

/// When the window of this length began in which `now` is.
pub fn window(length: Duration, now: Timestamp) -> Timestamp {
    let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_micros(now.micros() - now.micros().rem_euclid(length))
}
