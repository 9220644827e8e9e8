//! Writes what the engine counted: last use and last refusal of each key, and how often. Every two
//! seconds and at shutdown; a crash loses what was counted since (`verify::usage`).

use std::time::Duration;

use domain::id::KeyId;
use store::{KeyUse, Store, Unaudited};
use tokio::time::MissedTickBehavior;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::verify::{Counts, Engine};

const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// So many in one transaction: others want to write too.
const BATCH: usize = 500;

/// Writes batches until told to stop, and one more then.
pub async fn run_flush(portal: Portal, mut stop: Stop) {
    let mut ticks = tokio::time::interval(FLUSH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stopped = tokio::select! {
            _ = ticks.tick() => false,
            () = stop.wait() => true,
        };
        flush(&portal.engine, &portal.store).await;
        if stopped {
            return;
        }
    }
}

/// Writes all that was counted. What cannot be written now waits for the next time.
pub async fn flush(engine: &Engine, store: &Store) {
    let counted = engine.drain_usage();
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
    for (key, counts) in batch {
        work.add_use(&row(*key, counts)).await?;
    }
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
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
