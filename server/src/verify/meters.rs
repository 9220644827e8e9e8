//! The meters behind the limits of grants and keys, which outlive every change of the snapshot: a
//! grant that is narrowed and a key that is resumed go on where they were.

use std::collections::HashMap;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use domain::grant::Grant;
use domain::id::{GrantId, KeyId};
use domain::limit::{Counted, Counts, Exceeded, Left, Meter, Spent, check, spend};
use domain::time::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

/// What counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MeterId {
    pub counted: Counted,
    /// Of the grant or the key.
    pub id: Uuid,
}

struct Shared {
    id: MeterId,
    meter: Mutex<Meter>,
    /// Waits to be written.
    is_listed: AtomicBool,
}

/// The meters that a key's calls are counted by.
#[derive(Clone)]
pub struct Limited {
    grant: Arc<Shared>,
    /// Only where the grant limits each of its keys, and from the key's first call on: most keys of
    /// very many are not in use.
    key: OnceLock<Arc<Shared>>,
}

#[derive(Default)]
pub(super) struct Meters {
    all: Mutex<HashMap<MeterId, Arc<Shared>>>,
    unsaved: Mutex<Vec<Arc<Shared>>>,
    /// So many calls wait to be written that it is time to.
    filling: Notify,
}

impl Meters {
    /// Those of a key under a grant.
    pub(super) fn under(&self, grant: GrantId) -> Limited {
        Limited {
            grant: self.one(MeterId::grant(grant)),
            key: OnceLock::new(),
        }
    }

    /// That of a key whose grant limits each of its keys.
    fn of_key<'a>(
        &self,
        limited: &'a Limited,
        key: KeyId,
        grant: &Grant,
    ) -> Option<&'a Arc<Shared>> {
        let made = || self.one(MeterId::key(key));
        (!grant.limits().key.is_empty()).then(|| limited.key.get_or_init(made))
    }

    fn one(&self, id: MeterId) -> Arc<Shared> {
        let mut all = lock(&self.all);
        let made = || {
            Arc::new(Shared {
                id,
                meter: Mutex::default(),
                is_listed: AtomicBool::new(false),
            })
        };
        Arc::clone(all.entry(id).or_insert_with(made))
    }

    /// Counts a call by every limit of the grant, or by none.
    pub(super) fn spend(
        &self,
        limited: &Limited,
        key: KeyId,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Vec<Left>, Exceeded> {
        let of_key = self.of_key(limited, key, grant);
        let mut left = Vec::with_capacity(2);
        let (spent, is_filling) = with(&limited.grant, of_key, grant, |meters| {
            let spent = spend(meters, now, |one| left.push(one));
            let mut counted = meters.iter();
            (
                spent,
                counted.any(|(_, meter, counts)| meter.is_filling(*counts)),
            )
        });
        for shared in iter::once(&limited.grant).chain(of_key) {
            let is_quota =
                |left: &Left| left.period.is_quota() && left.counted == shared.id.counted;
            if left.iter().any(is_quota) && !shared.is_listed.swap(true, Ordering::AcqRel) {
                lock(&self.unsaved).push(Arc::clone(shared));
            }
        }
        if is_filling {
            self.filling.notify_one();
        }
        spent.map(|()| left)
    }

    /// Whether a call would pass; it counts nothing.
    pub(super) fn check(
        &self,
        limited: &Limited,
        key: KeyId,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(), Exceeded> {
        let of_key = self.of_key(limited, key, grant);
        with(&limited.grant, of_key, grant, |meters| check(meters, now))
    }

    /// Takes out the calls that wait to be written.
    pub(super) fn drain(&self) -> Vec<(MeterId, Spent)> {
        let listed = std::mem::take(&mut *lock(&self.unsaved));
        let mut spent = Vec::new();
        for shared in listed {
            // First the mark: a call that is counted now lists its meter anew.
            shared.is_listed.store(false, Ordering::Release);
            spent.extend(lock(&shared.meter).take().map(|calls| (shared.id, calls)));
        }
        spent
    }

    /// What could not be written waits for the next time.
    pub(super) fn put_back(&self, id: MeterId, spent: Spent) {
        let shared = self.one(id);
        lock(&shared.meter).unsaved(spent);
        if !shared.is_listed.swap(true, Ordering::AcqRel) {
            lock(&self.unsaved).push(shared);
        }
    }

    /// What was drained is in the database.
    pub(super) fn saved(&self, id: MeterId, spent: Spent) {
        lock(&self.one(id).meter).saved(spent);
    }

    /// What the database counts, other processes' calls among them.
    pub(super) fn learn(&self, id: MeterId, total: Spent) {
        lock(&self.one(id).meter).learn(total);
    }

    /// Waits until so many calls are to be written that it is time to.
    pub(super) async fn filling(&self) {
        self.filling.notified().await;
    }
}

impl MeterId {
    pub const fn grant(id: GrantId) -> Self {
        Self {
            counted: Counted::Grant,
            id: id.uuid(),
        }
    }

    pub const fn key(id: KeyId) -> Self {
        Self {
            counted: Counted::Key,
            id: id.uuid(),
        }
    }
}

/// The grant's meter is always locked before the key's.
fn with<T>(
    of_grant: &Shared,
    of_key: Option<&Arc<Shared>>,
    grant: &Grant,
    act: impl FnOnce(&mut [(Counted, &mut Meter, Counts)]) -> T,
) -> T {
    let mut ours = lock(&of_grant.meter);
    let together = (Counted::Grant, &mut *ours, grant.together());
    match of_key {
        None => act(&mut [together]),
        Some(key) => {
            let mut key = lock(&key.meter);
            act(&mut [together, (Counted::Key, &mut *key, grant.limits().key)])
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
