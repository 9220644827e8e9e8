//! What keys under a live grant are held to: the grant as it was approved, or what it was narrowed to
//! since.

use domain::grant::Grant;
use domain::id::GrantId;
use domain::state::GrantState;
use domain::time::Timestamp;
use store::{GrantRow, Read, Stamped, Work};

use crate::refusal::Refusal;

/// The grant in force.
///
/// # Errors
/// [`Refusal::Internal`] when it is not one that this program wrote, [`Refusal::Store`].
pub async fn in_force(read: &mut Read, row: &GrantRow) -> Result<Grant, Refusal> {
    let approved: Grant = serde_json::from_str(&row.document).map_err(Refusal::internal)?;
    let Some(number) = row.narrowed.0 else {
        return Ok(approved);
    };
    let narrowing = read
        .narrowing(row.id, number)
        .await?
        .ok_or_else(|| Refusal::internal("the narrowing of a grant is gone"))?;
    let grant: Grant = serde_json::from_str(&narrowing.document).map_err(Refusal::internal)?;
    if grant.is_within(&approved) && grant.digest() == narrowing.digest {
        Ok(grant)
    } else {
        Err(Refusal::internal(
            "a grant was narrowed to more than it was",
        ))
    }
}

/// A grant under which keys work now, or can be had.
///
/// # Errors
/// [`Refusal::Conflict`] when it has ended, or was never approved.
pub fn check_open(row: &GrantRow, now: Timestamp) -> Result<(), Refusal> {
    let open = matches!(
        row.state.0,
        GrantState::Approved | GrantState::WaitingForPasskey
    );
    if open && row.valid_until.is_some_and(|until| now < until) {
        Ok(())
    } else {
        Err(Refusal::conflict(
            "grant-ended",
            "This grant has ended. It takes a new request to have access again.",
        ))
    }
}

/// Makes every process read a grant's keys again, and so all that stands behind them; none of them
/// lives longer than `until`.
///
/// # Errors
/// [`Refusal::Conflict`] when one was changed meanwhile, [`Refusal::Store`].
pub async fn touch_keys(
    work: &mut Work,
    grant: GrantId,
    until: Option<Timestamp>,
) -> Result<usize, Refusal> {
    let keys = work.keys_of_grant(grant).await?;
    let mut touched = 0;
    for key in keys.into_iter().filter(|key| !key.state.0.is_ended()) {
        let stamp = key.stamp();
        let mut key = Stamped::into_row(key);
        key.expires_at = until.map_or(key.expires_at, |until| key.expires_at.min(until));
        work.update_key(key, stamp).await?;
        touched += 1;
    }
    Ok(touched)
}
