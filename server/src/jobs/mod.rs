//! What runs beside the requests. Every job is started here, and ends when it is told to.

use std::future::Future;
use std::time::Duration;

use store::Unaudited;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::mail::{Courier, Unmailable, outbox};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::service::{delivery, notices, overlays, quotas, snapshot, usage};

const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// A lease is ten minutes; who waits for its end is told soon after.
const LAPSE_EVERY: Duration = Duration::from_secs(15);
const EXPIRE_EVERY: Duration = Duration::from_secs(300);
/// Windows of counted tries are kept for longer than any limit looks back.
const TRIES_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The running jobs.
#[must_use = "jobs that are dropped are cut off in the middle"]
pub struct Jobs {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

/// Tells a job when to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Starts all jobs.
///
/// # Errors
/// [`Unmailable`] when the mail settings cannot be used.
pub fn spawn(portal: Portal) -> Result<Jobs, Unmailable> {
    let courier = Courier::of(&portal.config)?;
    let (sender, stop) = watch::channel(false);
    let stop = Stop(stop);
    let mut running = JoinSet::new();
    running.spawn(outbox::run(portal.clone(), courier, stop.clone()));
    running.spawn(snapshot::run_poll(portal.clone(), stop.clone()));
    running.spawn(quotas::run_flush(portal.clone(), stop.clone()));
    running.spawn(usage::run_flush(portal.clone(), stop.clone()));
    running.spawn(every(
        LAPSE_EVERY,
        "end overdue deliveries",
        portal.clone(),
        stop.clone(),
        end_overdue,
    ));
    running.spawn(every(
        EXPIRE_EVERY,
        "end what expired, and tell what will",
        portal.clone(),
        stop.clone(),
        run_out,
    ));
    running.spawn(every(
        SWEEP_EVERY,
        "forget what is erased and what is old",
        portal.clone(),
        stop.clone(),
        forget,
    ));
    running.spawn(every(
        SWEEP_EVERY,
        "sweep the door",
        portal,
        stop,
        sweep_the_door,
    ));
    Ok(Jobs {
        stop: sender,
        running,
    })
}

impl Jobs {
    /// Ends all jobs, each after what it is at.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a job did not end well");
            }
        }
    }
}

impl Stop {
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is time to end. Whoever started the jobs and is gone also ends them.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Does a job now and then. A failure is logged and does not end it.
async fn every<F>(
    period: Duration,
    name: &'static str,
    portal: Portal,
    mut stop: Stop,
    job: impl Fn(Portal) -> F + Send,
) where
    F: Future<Output = Result<(), Refusal>> + Send,
{
    while !stop.is_set() {
        if let Err(error) = job(portal.clone()).await {
            tracing::error!(%error, job = name, "a job failed, and is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = stop.wait() => {}
        }
    }
}

async fn end_overdue(portal: Portal) -> Result<(), Refusal> {
    delivery::lapse_overdue(&portal).await.map(drop)
}

/// Ends keys and grants whose time is over, and mails before it is.
async fn run_out(portal: Portal) -> Result<(), Refusal> {
    notices::expire(&portal).await?;
    overlays::run_out(&portal).await?;
    notices::send_due(&portal).await?;
    Ok(())
}

/// Forgets hours of use that nobody looks at any more, and what an erasure may have left in the
/// write-ahead log because somebody was reading from it.
async fn forget(portal: Portal) -> Result<(), Refusal> {
    usage::sweep(&portal.store, portal.now()).await?;
    quotas::sweep(&portal.store, portal.now()).await?;
    if !portal.store.database().forget_erased().await? {
        tracing::debug!("somebody still reads from the write-ahead log: it is emptied later");
    }
    Ok(())
}

/// Forgets sessions, ceremonies and windows that are over.
async fn sweep_the_door(portal: Portal) -> Result<(), Refusal> {
    let mut work = portal.store.minor_work().await?;
    let now = portal.now();
    work.sweep_the_door(now, now.minus(TRIES_KEPT)).await?;
    work.commit_unaudited(Unaudited::Session).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop() -> (watch::Sender<bool>, Stop) {
        let (sender, receiver) = watch::channel(false);
        (sender, Stop(receiver))
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_the_stop() {
        let (sender, mut stop) = stop();
        assert!(!stop.is_set());
        let waits = tokio::spawn(async move {
            stop.wait().await;
            stop.is_set()
        });
        sender.send_replace(true);
        assert!(waits.await.unwrap());
    }

    #[tokio::test]
    async fn a_stop_that_came_before_is_not_missed() {
        let (sender, mut stop) = stop();
        sender.send_replace(true);
        stop.wait().await;
        assert!(stop.is_set());
    }
}
