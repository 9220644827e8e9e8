//! Writes the calls that quotas have counted, and reads them at start. A crash forgets what was
//! counted since the last batch that was written: at most what `domain::limit` lets wait, and that
//! much a quota can be overspent by.

use std::time::Duration;

use domain::limit::Spent;
use domain::time::Timestamp;
use store::{Code, Store, Unaudited};
use tokio::time::MissedTickBehavior;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::verify::{Engine, MeterId};

const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// So many in one transaction: others want to write too.
const BATCH: usize = 500;

/// What is spent of this day and month, before the first question is answered.
///
/// # Errors
/// [`store::Error`].
pub async fn load(portal: &Portal) -> Result<(), store::Error> {
    let now = portal.now();
    let (day, month) = (now.calendar_day().0, now.calendar_month().0);
    for row in portal.store.read().await?.spent(day, month).await? {
        let (id, spent) = counted(&row);
        portal.engine.learn_spent(id, spent);
    }
    Ok(())
}

/// Writes batches until told to stop, and one more then.
pub async fn run_flush(portal: Portal, mut stop: Stop) {
    let (engine, store) = (&portal.engine, &portal.store);
    let mut ticks = tokio::time::interval(FLUSH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut can_write = true;
    loop {
        let stopped = tokio::select! {
            _ = ticks.tick() => false,
            () = engine.spent_is_filling(), if can_write => false,
            () = stop.wait() => true,
        };
        can_write = flush(engine, store).await;
        if stopped {
            return;
        }
    }
}

/// Writes all that was counted, if it can. What cannot be written now waits for the next time; what
/// may have been is written again: a quota that ends too early is better than one that is overspent.
async fn flush(engine: &Engine, store: &Store) -> bool {
    let mut can_write = true;
    let mut spent = engine.drain_spent();
    // Two processes that write the same rows take their locks in one order.
    spent.sort_unstable_by_key(|(id, spent)| (id.counted, id.id, spent.period));
    for batch in spent.chunks(BATCH) {
        match write(store, batch).await {
            Ok(totals) => {
                for (id, spent) in batch {
                    engine.saved_spent(*id, *spent);
                }
                for (id, total) in totals {
                    engine.learn_spent(id, total);
                }
            }
            Err(error) => {
                tracing::warn!(%error, quotas = batch.len(), "calls of quotas wait to be written");
                for (id, spent) in batch {
                    engine.return_spent(*id, *spent);
                }
                can_write = false;
            }
        }
    }
    can_write
}

async fn write(
    store: &Store,
    batch: &[(MeterId, Spent)],
) -> Result<Vec<(MeterId, Spent)>, store::Error> {
    let mut work = store.minor_work().await?;
    let rows: Vec<store::Spent> = batch.iter().map(|(id, spent)| row(*id, *spent)).collect();
    let totals = work.spend(&rows).await?;
    work.commit_unaudited(Unaudited::Usage).await?;
    Ok(totals.iter().map(counted).collect())
}

/// Forgets what was spent before this month.
///
/// # Errors
/// [`store::Error`].
pub async fn sweep(store: &Store, now: Timestamp) -> Result<(), store::Error> {
    let mut work = store.minor_work().await?;
    work.sweep_spent(now.calendar_month().0).await?;
    work.commit_unaudited(Unaudited::Usage).await.map(drop)
}

fn row(id: MeterId, spent: Spent) -> store::Spent {
    store::Spent {
        counted: Code(id.counted),
        id: id.id,
        period: Code(spent.period),
        starts_at: spent.starts,
        calls: i64::try_from(spent.calls).unwrap_or(i64::MAX),
    }
}

fn counted(row: &store::Spent) -> (MeterId, Spent) {
    let id = MeterId {
        counted: row.counted.0,
        id: row.id,
    };
    let spent = Spent {
        period: row.period.0,
        starts: row.starts_at,
        calls: u64::try_from(row.calls).unwrap_or_default(),
    };
    (id, spent)
}
