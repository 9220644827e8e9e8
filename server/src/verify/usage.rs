//! What keys' calls leave behind, counted in memory and written in batches every two seconds and at
//! shutdown. A crash loses at most the counts since the last batch: two seconds, and the time that
//! one batch takes to write. No decision rests on them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::audit::TruncatedAddress;
use domain::id::KeyId;
use domain::time::Timestamp;
use domain::verification::Reason;

/// One key's counts since the last batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: u32,
    pub refused: u32,
    pub last_accepted: Option<(Timestamp, TruncatedAddress)>,
    pub last_refused: Option<(Timestamp, TruncatedAddress, Reason)>,
}

/// Spreads busy keys over locks that are held for a few instructions.
const SHARDS: u128 = 64;

pub(super) struct Usage {
    shards: Box<[Mutex<HashMap<KeyId, Counts>>]>,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn accepted(&self, key: KeyId, from: IpAddr, now: Timestamp) {
        self.add(
            key,
            Counts {
                accepted: 1,
                last_accepted: Some((now, TruncatedAddress::of(from))),
                ..Counts::default()
            },
        );
    }

    pub(super) fn refused(&self, key: KeyId, from: IpAddr, now: Timestamp, why: Reason) {
        self.add(
            key,
            Counts {
                refused: 1,
                last_refused: Some((now, TruncatedAddress::of(from), why)),
                ..Counts::default()
            },
        );
    }

    /// Counts, or a batch that could not be written: it waits for the next one.
    pub(super) fn add(&self, key: KeyId, counts: Counts) {
        let at = usize::try_from(key.uuid().as_u128() % SHARDS).unwrap_or_default();
        let Some(shard) = self.shards.get(at) else {
            return;
        };
        match shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
        {
            Entry::Occupied(mut held) => held.get_mut().merge(counts),
            Entry::Vacant(room) => {
                room.insert(counts);
            }
        }
    }

    /// Takes out all that was counted.
    pub(super) fn drain(&self) -> Vec<(KeyId, Counts)> {
        self.shards
            .iter()
            .flat_map(|shard| {
                std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .collect()
    }
}

impl Counts {
    fn merge(&mut self, other: Self) {
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.refused = self.refused.saturating_add(other.refused);
        if other.last_accepted.map(|last| last.0) > self.last_accepted.map(|last| last.0) {
            self.last_accepted = other.last_accepted;
        }
        if other.last_refused.map(|last| last.0) > self.last_refused.map(|last| last.0) {
            self.last_refused = other.last_refused;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const KEY: KeyId = KeyId::new(Uuid::from_u128(5));

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn calls_are_counted_with_the_last_of_each_kind() {
        let usage = Usage::new();
        let from: IpAddr = "192.0.2.7".parse().unwrap();
        usage.accepted(KEY, from, at(1));
        usage.accepted(KEY, from, at(2));
        usage.refused(KEY, from, at(3), Reason::Scope);
        let from = TruncatedAddress::of(from);
        let counts = Counts {
            accepted: 2,
            refused: 1,
            last_accepted: Some((at(2), from)),
            last_refused: Some((at(3), from, Reason::Scope)),
        };
        assert_eq!(usage.drain(), [(KEY, counts)]);
        assert_eq!(usage.drain(), []);
    }

    #[test]
    fn addresses_are_kept_truncated() {
        let usage = Usage::new();
        usage.accepted(KEY, "192.0.2.7".parse().unwrap(), at(1));
        let shown = format!("{:?}", usage.drain());
        assert!(
            shown.contains("192.0.2.0/24") && !shown.contains("192.0.2.7"),
            "{shown}"
        );
    }

    #[test]
    fn a_batch_that_comes_back_does_not_hide_what_came_later() {
        let usage = Usage::new();
        let from: IpAddr = "192.0.2.7".parse().unwrap();
        usage.accepted(KEY, from, at(1));
        let batch = usage.drain();
        usage.accepted(KEY, from, at(9));
        for (key, counts) in batch {
            usage.add(key, counts);
        }
        let (_, counts) = usage.drain().pop().unwrap();
        assert_eq!(counts.accepted, 2);
        assert_eq!(counts.last_accepted.map(|last| last.0), Some(at(9)));
    }
}
