//! Commits wait here until the snapshot has taken them over.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::id::KeyId;
use domain::time::Timestamp;
use store::{Committed, Store};

use super::{NotFollowed, READING_TIMEOUT, refresh};
use crate::portal::Portal;
use crate::verify::Engine;

/// Commits that the snapshot has yet to take over.
#[derive(Default)]
pub struct Following {
    /// What each of them touched.
    commits: Mutex<Vec<Touched>>,
    turn: tokio::sync::Mutex<()>,
}

type Touched = Vec<(KeyId, i64)>;

/// After a commit and before its acknowledgement: takes over what it changed. Whoever's turn it is
/// reads for all who wait. If that fails, nothing is answered until a later reading succeeds
/// (never 8).
pub async fn follow(portal: &Portal, committed: Committed) {
    if !committed.counted {
        return;
    }
    let following = &portal.following;
    following.commits().push(committed.touched);
    let reading = async {
        let _turn = following.turn().await;
        if following.commits().is_empty() {
            return Ok(());
        }
        following
            .read(&portal.engine, &portal.store, portal.now())
            .await
    };
    let outcome = tokio::time::timeout(READING_TIMEOUT, reading).await;
    if let Err(error) = outcome.unwrap_or(Err(NotFollowed::TimedOut)) {
        tracing::error!(%error, "the snapshot could not follow a commit: verification is refused");
        portal.engine.distrust();
    }
}

impl Following {
    /// Reads what changed, and what all of the commits touched.
    pub(super) async fn read(
        &self,
        engine: &Engine,
        store: &Store,
        now: Timestamp,
    ) -> Result<(), NotFollowed> {
        let commits = mem::take(&mut *self.commits());
        let touched = commits.concat();
        let mut reading = UnderWay {
            following: self,
            engine,
            commits,
        };
        refresh(engine, store, now, &touched).await?;
        reading.commits.clear();
        Ok(())
    }

    /// Whoever has it reads.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(super) fn commits(&self) -> MutexGuard<'_, Vec<Touched>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However a reading ends: commits that it has not taken over wait for the next one, and until then
/// the engine is not to be trusted.
struct UnderWay<'a> {
    following: &'a Following,
    engine: &'a Engine,
    commits: Vec<Touched>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.commits.is_empty() {
            self.following.commits().append(&mut self.commits);
            self.engine.distrust();
        }
    }
}
