//! What every part of the running portal shares.

use std::sync::Arc;

use domain::keyring::Keyring;
use domain::time::Timestamp;
use store::{Committed, Evidence, Store, Work};
use webauthn_rs::Webauthn;

use crate::chance::Clock;
use crate::config::Config;
use crate::http::assets::Site;
use crate::refusal::Refusal;
use crate::service::snapshot::{self, Following};
use crate::verify::Engine;

/// Cheap to clone.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

pub struct Inner {
    pub config: Config,
    pub store: Store,
    pub keyring: Keyring,
    pub webauthn: Webauthn,
    pub clock: Clock,
    pub engine: Engine,
    pub following: Following,
    pub site: Site,
    /// Wakes the job that sends mail.
    pub mail_waits: tokio::sync::Notify,
}

impl std::ops::Deref for Portal {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Portal {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Commits, and hands the keys that were touched to the snapshot before anybody is told. It
    /// runs in a task of its own: a client that goes away in the middle cancels nothing.
    ///
    /// # Errors
    /// As [`Work::commit`]; when the outcome is unknown, the engine refuses to answer until it has
    /// reloaded.
    pub async fn commit(&self, work: Work, evidence: Evidence) -> Result<(), Refusal> {
        let portal = self.clone();
        let task = tokio::spawn(async move {
            let act = evidence.act().to_owned();
            let outcome = match work.commit(evidence).await {
                Ok(committed) => {
                    crate::fault::committed(&act);
                    snapshot::follow(&portal, committed).await;
                    Ok(())
                }
                Err(error) => {
                    if matches!(error, store::Error::CommitUnknown(_)) {
                        portal.engine.distrust();
                    }
                    Err(error)
                }
            };
            portal.mail_waits.notify_one();
            outcome
        });
        Ok(task.await.map_err(Refusal::internal)??)
    }

    /// Undoes what was done, and returns when what it saw is committed and followed: for an answer
    /// that rests on what somebody else has just done.
    ///
    /// # Errors
    /// As [`Work::leave`].
    pub async fn leave(&self, work: Work) -> Result<(), Refusal> {
        work.leave().await?;
        snapshot::follow(self, Committed::default()).await;
        Ok(())
    }
}
