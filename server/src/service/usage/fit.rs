//! A grant compared to the calls that passed under it, and a narrower one that would have been enough.

use domain::grant::{Fit, Grant, Record, Replay};
use domain::time::Timestamp;
use domain::usage::Traffic;
use store::{CallsAlike, Read, Store};

use super::report::counted_since;
use crate::refusal::Refusal;
use crate::service::delivery::Context;

pub struct Fitted {
    pub grant: Grant,
    pub record: Record,
    pub fit: Fit,
    /// What the recorded calls would have met under the proposal, if there is one.
    pub replay: Replay,
}

/// # Errors
/// [`Refusal::Store`], [`Refusal::Internal`].
pub async fn fit(
    store: &Store,
    read: &mut Read,
    context: &Context,
    since: Timestamp,
    now: Timestamp,
) -> Result<Fitted, Refusal> {
    let grant = context.in_force(read).await?;
    let counted = counted_since(store, now).await?;
    let keys = read.keys_of_grant(context.grant.id).await?;
    let record = Record {
        traffic: read
            .accepted_calls(context.grant.id, since)
            .await?
            .into_iter()
            .map(traffic)
            .collect(),
        began_late: counted > since && keys.iter().any(|key| key.created_at < counted),
    };
    let fit = grant.fit(&record);
    let replay = match &fit {
        Fit::Narrower(proposal) => grant.replay(proposal, &record.traffic),
        _ => Replay::default(),
    };
    Ok(Fitted {
        grant,
        record,
        fit,
        replay,
    })
}

/// What cannot be read is as good as not told apart.
fn traffic(calls: CallsAlike) -> Traffic {
    Traffic {
        endpoint: calls.endpoint.parse().ok(),
        source: calls.source.parse().ok(),
        scope: calls.scope.parse().ok(),
        calls: u64::try_from(calls.calls).unwrap_or_default(),
    }
}
