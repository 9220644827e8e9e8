//! Writes what the engine counted: last use and last refusal of each key, and how often, by what the
//! calls were alike in (`verify::usage`). Every two seconds, every ten while many keys are used, and at
//! shutdown; a crash loses what was counted since.

mod fit;
mod period;
mod report;

use std::ops::Range;
use std::time::Duration;

use domain::id::KeyId;
use domain::time::Timestamp;
use store::{CallCount, Database, KeyUse, Store, Unaudited};
use tokio::time::sleep;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::verify::{Counts, Endpoint, Engine, SHARDS};

pub use fit::{Fitted, fit};
pub use period::Period;
pub use report::{Granted, Report, granted_by, granted_of, granted_to, hours, report};

/// How long it takes to write all shards: one at a time, since a burst would take a processor from the
/// calls of that moment.
const ROUND: Duration = Duration::from_secs(2);
/// The same after a round that wrote more keys than [`MANY`]: each row then stands for more calls.
const LONG_ROUND: Duration = Duration::from_secs(10);
const MANY: usize = 2_000;
/// So many in one transaction: others want to write too.
const BATCH: usize = 500;
/// Hours are kept apart for at least so long, and summed up by day then.
const HOURS_KEPT: Duration = Duration::from_hours(48);
/// Days are kept for so long, with today.
const DAYS_KEPT: u32 = 92;
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
/// The name of what is too much to be told apart.
const OTHER: &str = "other";
const ACCEPTED: &str = "ok";
/// Since when calls are counted by all that the pages show; a database that is older was used before.
const SINCE: &str = "usage_since";

/// Writes one shard after the other until told to stop, and all of them then.
pub async fn run_flush(portal: Portal, mut stop: Stop) {
    let (engine, store) = (&portal.engine, &portal.store);
    let mut round = ROUND;
    'running: loop {
        let mut keys = 0;
        for shard in 0..SHARDS {
            tokio::select! {
                () = sleep(round / SHARDS as u32) => keys += write_out(engine, store, shard..shard + 1).await,
                () = stop.wait() => break 'running,
            }
        }
        round = if keys > MANY { LONG_ROUND } else { ROUND };
    }
    flush(engine, store).await;
}

/// Writes all that was counted.
pub async fn flush(engine: &Engine, store: &Store) {
    write_out(engine, store, 0..SHARDS).await;
}

/// Writes what was counted in these shards, and tells of how many keys that was. What cannot be
/// written now waits for the next time.
async fn write_out(engine: &Engine, store: &Store, shards: Range<usize>) -> usize {
    let mut counted = engine.drain_usage(shards);
    // Two processes that write the same rows take their locks in one order.
    counted.sort_unstable_by_key(|(key, _)| key.uuid());
    for batch in counted.chunks(BATCH) {
        match write(store, batch).await {
            Ok(()) => {}
            // It may have been written: a count too few is better than one too many.
            Err(error @ store::Error::CommitUnknown(_)) => {
                tracing::warn!(%error, keys = batch.len(), "counts of use may be lost");
            }
            Err(error) => {
                tracing::warn!(%error, keys = batch.len(), "counts of use wait to be written");
                engine.return_usage(batch.to_vec());
            }
        }
    }
    counted.len()
}

async fn write(store: &Store, batch: &[(KeyId, Counts)]) -> Result<(), store::Error> {
    let mut work = store.minor_work().await?;
    let uses: Vec<KeyUse> = batch
        .iter()
        .map(|(key, counts)| row(*key, counts))
        .collect();
    work.add_uses(&uses).await?;
    let calls: Vec<CallCount> = batch
        .iter()
        .flat_map(|(key, counts)| calls(*key, counts))
        .collect();
    work.add_calls(&calls).await?;
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
}

fn calls(key: KeyId, counts: &Counts) -> impl Iterator<Item = CallCount> {
    counts.alike().map(move |calls| CallCount {
        key_id: key,
        hour: calls.hour,
        outcome: calls.why.map_or(ACCEPTED, |why| why.code()).to_owned(),
        endpoint: match calls.endpoint {
            Endpoint::None => String::new(),
            Endpoint::Rule(name) => name.to_string(),
            Endpoint::Other => OTHER.to_owned(),
        },
        source: calls
            .from
            .map_or_else(|| OTHER.to_owned(), |from| from.to_string()),
        scope: calls.scope.map(String::from).unwrap_or_default(),
        calls: calls.calls.into(),
    })
}

/// Sums old hours up by day, and forgets days that no page shows any more.
///
/// # Errors
/// [`store::Error`].
pub async fn sweep(store: &Store, now: Timestamp) -> Result<(), store::Error> {
    let day = |back: Duration| now.minus(back).calendar_day().0;
    // An hour at a time: others want to write too.
    loop {
        let oldest = store.read().await?.oldest_hour().await?;
        let Some(hour) = oldest.filter(|hour| *hour < day(HOURS_KEPT)) else {
            break;
        };
        let mut work = store.minor_work().await?;
        work.sum_up_calls(hour.plus(HOUR)).await?;
        work.commit_unaudited(Unaudited::Usage).await?;
    }
    let mut work = store.minor_work().await?;
    work.sweep_calls(day(DAY * DAYS_KEPT)).await?;
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
}

/// Notes once that calls are counted from now on.
///
/// # Errors
/// [`store::Error`].
pub async fn begin(database: &Database, now: Timestamp) -> Result<(), store::Error> {
    let since = now.micros().to_string();
    database.settle(SINCE, &since).await.map(drop)
}

fn row(key: KeyId, counts: &Counts) -> KeyUse {
    let (accepted, refused) = (counts.last_accepted(), counts.last_refused());
    KeyUse {
        id: key,
        accepted: counted(counts.accepted()),
        refused: counted(counts.refused()),
        accepted_at: accepted.map(|last| last.0),
        accepted_from: accepted.map(|last| last.1.to_string()),
        refused_at: refused.map(|last| last.0),
        refused_from: refused.map(|last| last.1.to_string()),
        refused_reason: refused.map(|last| last.2.to_string()),
    }
}

fn counted(calls: u64) -> i64 {
    i64::try_from(calls).unwrap_or(i64::MAX)
}
