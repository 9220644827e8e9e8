//! The whole key table in memory: immutable maps, replaced as entries change. A reader takes no
//! lock and never waits for a writer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use domain::enc::Digest;
use domain::grant::{LiveGrant, Parts};
use domain::id::{GrantId, KeyId};
use domain::service::ScopeName;
use domain::token::Kid;
use domain::usage::EndpointName;
use domain::verification::KeyEntry;

use crate::verify::meters::Limited;

/// A key as the snapshot holds it.
#[derive(Clone)]
pub struct Held {
    pub kid: Kid,
    /// HMAC-SHA256(pepper, key).
    pub mac: Digest,
    /// Counts the changes of the key's row; it is under the row's MAC.
    pub stamp: i64,
    pub entry: KeyEntry,
    pub limited: Limited,
}

impl Held {
    /// The endpoint that a rule opens, by its place.
    pub fn endpoint(&self, rule: usize) -> Option<EndpointName> {
        self.entry.grant.rule(rule).map(EndpointName::from)
    }

    /// The scope at a place among those that a call has which passed by a rule.
    pub fn scope(&self, rule: usize, at: usize) -> Option<ScopeName> {
        self.entry
            .grant
            .scopes_at(Some(rule))
            .iter()
            .nth(at)
            .cloned()
    }

    pub fn place_of(&self, rule: usize, scope: &str) -> Option<usize> {
        let mut scopes = self.entry.grant.scopes_at(Some(rule)).iter();
        scopes.position(|had| had.as_str() == scope)
    }
}

/// The MAC is left out: it is no secret, and it is nobody's business either.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("kid", &self.kid)
            .field("stamp", &self.stamp)
            .field("state", &self.entry.state)
            .finish_non_exhaustive()
    }
}

/// So many that replacing one key among a million copies a thousand pointers.
const SHARDS: usize = 1024;

pub(super) struct Snapshot {
    shards: Box<[Shard]>,
    grants: Mutex<Grants>,
}

#[derive(Default)]
struct Grants {
    /// Keys of one grant share it.
    shared: HashMap<GrantId, Weak<LiveGrant>>,
    /// Grants share what they have in common.
    parts: Parts,
}

#[derive(Default)]
struct Shard {
    keys: ArcSwap<HashMap<Kid, Arc<Held>>>,
    /// Writers take turns; readers do not notice.
    writing: Mutex<()>,
}

impl Snapshot {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            grants: Mutex::default(),
        }
    }

    pub(super) fn find(&self, kid: &Kid) -> Option<Arc<Held>> {
        self.shards.get(place(kid))?.keys.load().get(kid).cloned()
    }

    /// Takes keys over; one replaces only an older stamp of itself.
    pub(super) fn take(&self, keys: Vec<Held>) {
        let mut by_shard: HashMap<usize, Vec<Held>> = HashMap::new();
        for held in keys {
            by_shard.entry(place(&held.kid)).or_default().push(held);
        }
        for (at, keys) in by_shard {
            if let Some(shard) = self.shards.get(at) {
                shard.change(|map| keys.into_iter().for_each(|held| replace_older(map, held)));
            }
        }
    }

    /// Leaves out a key whose row is not known to be genuine.
    pub(super) fn leave_out(&self, key: KeyId) {
        for shard in &self.shards {
            let is_here = |held: &Arc<Held>| held.entry.key == key;
            if shard.keys.load().values().any(is_here) {
                shard.change(|map| map.retain(|_, held| !is_here(held)));
            }
        }
    }

    /// The one copy of a grant that its keys point to.
    pub(super) fn share(&self, id: GrantId, mut grant: LiveGrant) -> Arc<LiveGrant> {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = grants.shared.get(&id).and_then(Weak::upgrade)
            && *shared == grant
        {
            return shared;
        }
        grant.keep_parts_in(&mut grants.parts);
        let shared = Arc::new(grant);
        grants.shared.insert(id, Arc::downgrade(&shared));
        shared
    }

    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.keys.load().len())
            .sum()
    }
}

impl Shard {
    fn change(&self, change: impl FnOnce(&mut HashMap<Kid, Arc<Held>>)) {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = HashMap::clone(&self.keys.load());
        change(&mut keys);
        self.keys.store(Arc::new(keys));
    }
}

fn replace_older(map: &mut HashMap<Kid, Arc<Held>>, held: Held) {
    let is_newer = map.get(&held.kid).is_none_or(|old| old.stamp < held.stamp);
    if is_newer {
        map.insert(held.kid, Arc::new(held));
    }
}

/// FNV-1a. Only we choose the kids that are put in, so nobody can crowd a shard.
fn place(kid: &Kid) -> usize {
    let hash = kid
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    usize::try_from(hash % 1024).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use domain::grant::Narrowing;
    use domain::key::KeyState;

    use super::*;
    use crate::verify::tests::{grant, held};

    #[test]
    fn an_older_stamp_never_replaces_a_newer_one() {
        let snapshot = Snapshot::new();
        let mut revoked = held("aaaaaaaa", 2);
        revoked.entry.state = KeyState::Deactivated;
        snapshot.take(vec![revoked.clone()]);
        snapshot.take(vec![held("aaaaaaaa", 1), held("aaaaaaaa", 2)]);
        let found = snapshot.find(&revoked.kid).unwrap();
        assert_eq!((found.stamp, found.entry.state), (2, KeyState::Deactivated));
    }

    #[test]
    fn a_newer_stamp_replaces_an_older_one_and_leaves_others_alone() {
        let snapshot = Snapshot::new();
        snapshot.take(vec![held("aaaaaaaa", 1), held("bbbbbbbb", 1)]);
        snapshot.take(vec![held("aaaaaaaa", 2)]);
        let stamp = |kid: &str| snapshot.find(&kid.parse().unwrap()).unwrap().stamp;
        assert_eq!(
            (stamp("aaaaaaaa"), stamp("bbbbbbbb"), snapshot.len()),
            (2, 1, 2)
        );
    }

    #[test]
    fn a_key_that_is_left_out_is_not_found() {
        let snapshot = Snapshot::new();
        let key = held("aaaaaaaa", 1);
        snapshot.take(vec![key.clone(), held("bbbbbbbb", 1)]);
        snapshot.leave_out(key.entry.key);
        assert!(snapshot.find(&key.kid).is_none());
        assert_eq!(snapshot.len(), 1);
    }

    #[test]
    fn keys_of_one_grant_share_it() {
        let snapshot = Snapshot::new();
        let id = GrantId::new(uuid::Uuid::from_u128(1));
        let first = snapshot.share(id, grant().into());
        assert!(Arc::ptr_eq(&first, &snapshot.share(id, grant().into())));
    }

    #[test]
    fn grants_with_the_same_rules_share_those_and_no_more() {
        let snapshot = Snapshot::new();
        let share = |number, rate: u32| {
            let to = Narrowing {
                rate: Some(rate.try_into().unwrap()),
                ..Narrowing::default()
            };
            let id = GrantId::new(uuid::Uuid::from_u128(number));
            snapshot.share(id, grant().narrow(&to).unwrap().into())
        };
        let (first, second) = (share(1, 5), share(2, 6));
        assert!(std::ptr::eq(first.rules(), second.rules()));
        assert!(std::ptr::eq(first.scopes(), second.scopes()));
        assert_ne!(first.rate(), second.rate());
    }

    #[test]
    fn every_shard_is_in_reach() {
        assert_eq!(SHARDS, 1024);
        assert_eq!(Snapshot::new().shards.len(), SHARDS);
    }
}
