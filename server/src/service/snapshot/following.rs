//! Commits wait here until the snapshot has taken them over.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::id::KeyId;
use domain::time::Timestamp;
use store::{Committed, Store};

use super::{NotFollowed, READING_TIMEOUT, refresh};
use crate::chance::Clock;
use crate::portal::Portal;
use crate::verify::Engine;

/// Commits that the snapshot has yet to take over.
#[derive(Default)]
pub struct Following {
    commits: Mutex<Commits>,
    turn: tokio::sync::Mutex<()>,
}

/// The first are taken over, up to one; the others wait.
#[derive(Default)]
struct Commits {
    last: u64,
    taken_over: u64,
    /// What those that wait touched: each key with its latest change.
    touched: HashMap<KeyId, i64>,
}

/// After a commit and before its acknowledgement: takes over what it changed. One that changed no
/// key may still answer what another has just changed, so it waits as well. Whoever's turn it is
/// reads for all who wait. If that fails, nothing is answered until a later reading succeeds
/// (never 8).
pub async fn follow(portal: &Portal, committed: Committed) {
    let (engine, store) = (&portal.engine, &portal.store);
    let reading = portal
        .following
        .follow(engine, store, &portal.clock, &committed.touched);
    let outcome = tokio::time::timeout(READING_TIMEOUT, reading).await;
    if let Err(error) = outcome.unwrap_or(Err(NotFollowed::TimedOut)) {
        tracing::error!(%error, "the snapshot could not follow a commit: verification is refused");
        engine.distrust();
    }
}

impl Following {
    /// Returns when a reading that began after this has taken over what the commit touched.
    pub(super) async fn follow(
        &self,
        engine: &Engine,
        store: &Store,
        clock: &Clock,
        touched: &[(KeyId, i64)],
    ) -> Result<(), NotFollowed> {
        let number = self.add(touched);
        let _turn = self.turn().await;
        if self.commits().taken_over >= number {
            return Ok(());
        }
        self.read(engine, store, clock.now()).await
    }

    /// Its number among all commits.
    pub(super) fn add(&self, touched: &[(KeyId, i64)]) -> u64 {
        let mut commits = self.commits();
        commits.last += 1;
        commits.touch(touched.iter().copied());
        commits.last
    }

    /// Reads what changed, and what all of the commits touched.
    pub(super) async fn read(
        &self,
        engine: &Engine,
        store: &Store,
        now: Timestamp,
    ) -> Result<(), NotFollowed> {
        let mut reading = UnderWay::begin(self, engine);
        let touched: Vec<(KeyId, i64)> = reading
            .touched
            .iter()
            .map(|(key, change)| (*key, *change))
            .collect();
        refresh(engine, store, now, &touched).await?;
        reading.touched.clear();
        self.commits().taken_over = reading.last;
        Ok(())
    }

    /// Whoever has it reads.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commits {
    fn touch(&mut self, touched: impl IntoIterator<Item = (KeyId, i64)>) {
        for (key, change) in touched {
            let latest = self.touched.entry(key).or_insert(change);
            *latest = change.max(*latest);
        }
    }
}

/// However a reading ends: commits that it has not taken over wait for the next one, and until then
/// the engine is not to be trusted.
struct UnderWay<'a> {
    following: &'a Following,
    engine: &'a Engine,
    last: u64,
    touched: HashMap<KeyId, i64>,
}

impl<'a> UnderWay<'a> {
    fn begin(following: &'a Following, engine: &'a Engine) -> Self {
        let mut commits = following.commits();
        Self {
            following,
            engine,
            last: commits.last,
            touched: mem::take(&mut commits.touched),
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut commits = self.following.commits();
        if commits.taken_over < self.last {
            commits.touch(self.touched.drain());
            self.engine.distrust();
        }
    }
}
