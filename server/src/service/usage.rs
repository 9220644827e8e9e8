//! Writes what the engine counted: last use and last refusal of each key, and how often, by hour too.
//! Every two seconds and at shutdown; a crash loses what was counted since (`verify::usage`). A batch
//! counts for the hour of its last call, so an hour's figure is true to two seconds.

use std::time::Duration;

use domain::id::KeyId;
use domain::time::Timestamp;
use store::{KeyHour, KeyUse, Read, Store, Unaudited};
use tokio::time::MissedTickBehavior;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::service::quotas;
use crate::verify::{Counts, Engine};

const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// So many in one transaction: others want to write too.
const BATCH: usize = 500;
/// How many hours pages show, and how many are kept.
pub const HOURS_SHOWN: usize = 24;
const HOURS_KEPT: Duration = Duration::from_hours(48);
const HOUR: Duration = Duration::from_hours(1);

/// Writes batches until told to stop, and one more then.
pub async fn run_flush(portal: Portal, mut stop: Stop) {
    let mut ticks = tokio::time::interval(FLUSH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stopped = tokio::select! {
            _ = ticks.tick() => false,
            () = portal.engine.spent_is_full() => false,
            () = stop.wait() => true,
        };
        quotas::flush(&portal.engine, &portal.store).await;
        flush(&portal.engine, &portal.store).await;
        if stopped {
            return;
        }
    }
}

/// Writes all that was counted. What cannot be written now waits for the next time.
pub async fn flush(engine: &Engine, store: &Store) {
    let mut counted = engine.drain_usage();
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
}

async fn write(store: &Store, batch: &[(KeyId, Counts)]) -> Result<(), store::Error> {
    let mut work = store.minor_work().await?;
    let uses: Vec<KeyUse> = batch
        .iter()
        .map(|(key, counts)| row(*key, counts))
        .collect();
    work.add_uses(&uses).await?;
    let hours = batch.iter().flat_map(|(key, counts)| by_hour(*key, counts));
    work.add_key_hours(&hours.collect::<Vec<_>>()).await?;
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
}

/// One row where the last calls of both kinds fall into the same hour.
fn by_hour(key: KeyId, counts: &Counts) -> Vec<KeyHour> {
    let hour = |at: Option<Timestamp>, accepted: u32, refused: u32| {
        Some(KeyHour {
            key_id: key,
            hour: hour_of(at?),
            accepted: accepted.into(),
            refused: refused.into(),
        })
    };
    let accepted = counts.last_accepted.map(|last| last.0);
    let refused = counts.last_refused.map(|last| last.0);
    if accepted.map(hour_of) == refused.map(hour_of) {
        return Vec::from_iter(hour(accepted, counts.accepted, counts.refused));
    }
    let mut hours: Vec<KeyHour> = [
        hour(accepted, counts.accepted, 0),
        hour(refused, 0, counts.refused),
    ]
    .into_iter()
    .flatten()
    .collect();
    hours.sort_unstable_by_key(|row| row.hour);
    hours
}

/// A key's calls in each of the last hours, oldest first: accepted and refused. Empty where none was
/// counted.
///
/// # Errors
/// [`store::Error`].
pub async fn hours(
    read: &mut Read,
    key: KeyId,
    now: Timestamp,
) -> Result<Vec<(u64, u64)>, store::Error> {
    let shown = u32::try_from(HOURS_SHOWN).unwrap_or_default();
    let first = hour_of(now).minus(HOUR * shown.saturating_sub(1));
    let counted = read.key_hours(key, first).await?;
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok((0..shown)
        .map(|at| {
            let hour = first.plus(HOUR * at);
            counted
                .iter()
                .find(|row| row.hour == hour)
                .map_or((0, 0), |row| (count(row.accepted), count(row.refused)))
        })
        .collect())
}

/// Forgets hours that no page shows any more.
///
/// # Errors
/// [`store::Error`].
pub async fn sweep(store: &Store, now: Timestamp) -> Result<(), store::Error> {
    let mut work = store.minor_work().await?;
    work.sweep_key_hours(now.minus(HOURS_KEPT)).await?;
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
}

fn hour_of(at: Timestamp) -> Timestamp {
    let hour = i64::try_from(HOUR.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.micros().div_euclid(hour).saturating_mul(hour))
}

fn row(key: KeyId, counts: &Counts) -> KeyUse {
    KeyUse {
        id: key,
        accepted: counts.accepted.into(),
        refused: counts.refused.into(),
        accepted_at: counts.last_accepted.map(|last| last.0),
        accepted_from: counts.last_accepted.map(|last| last.1.to_string()),
        refused_at: counts.last_refused.map(|last| last.0),
        refused_from: counts.last_refused.map(|last| last.1.to_string()),
        refused_reason: counts.last_refused.map(|last| last.2.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use domain::audit::TruncatedAddress;
    use domain::verification::Reason;
    use uuid::Uuid;

    use super::*;

    const KEY: KeyId = KeyId::new(Uuid::from_u128(5));

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_micros(minute * 60_000_000)
    }

    fn counts(accepted: i64, refused: i64) -> Counts {
        let from = TruncatedAddress::of("192.0.2.7".parse().unwrap());
        Counts {
            accepted: 3,
            refused: 2,
            last_accepted: Some((minute(accepted), from)),
            last_refused: Some((minute(refused), from, Reason::Scope)),
        }
    }

    fn shown(counts: &Counts) -> Vec<(Timestamp, i64, i64)> {
        by_hour(KEY, counts)
            .iter()
            .map(|row| (row.hour, row.accepted, row.refused))
            .collect()
    }

    #[test]
    fn calls_count_for_the_hour_that_they_were_made_in() {
        assert_eq!(shown(&counts(61, 119)), [(minute(60), 3, 2)]);
        assert_eq!(
            shown(&counts(61, 59)),
            [(minute(0), 0, 2), (minute(60), 3, 0)]
        );
        let only = Counts {
            refused: 0,
            last_refused: None,
            ..counts(60, 0)
        };
        assert_eq!(shown(&only), [(minute(60), 3, 0)]);
        assert_eq!(shown(&Counts::default()), []);
    }
}
