//! What keys' calls leave behind, counted in memory and written in batches (`service::usage`). A crash
//! loses the counts since the last batch. No decision rests on them.
//!
//! A call is a number in a sorted list: counting it formats and copies nothing, and takes memory only
//! where it is the first of its kind since the last batch.

mod tally;

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::KeyId;
use domain::time::Timestamp;
use domain::verification::Reason;

use crate::verify::decide::Known;
use crate::verify::snapshot::Held;

pub use tally::{Alike, Counts, Endpoint};

/// A call of a known key.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub at: Timestamp,
    pub from: IpAddr,
    /// Why it was refused, if it was.
    pub why: Option<Reason>,
    /// The rule that opened the endpoint, as its place.
    pub rule: Option<usize>,
    /// The scope that was asked for and had, as its place.
    pub scope: Option<usize>,
}

/// Spreads busy keys over locks that are held for a few instructions, and over batches.
pub const SHARDS: usize = 64;

pub(super) struct Usage {
    shards: Box<[Mutex<HashMap<KeyId, Counts>>]>,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Counts a decision; `scope` is what the gateway asked for.
    pub(super) fn count(
        &self,
        known: &Known,
        why: Option<Reason>,
        scope: Option<&str>,
        at: Timestamp,
    ) {
        let scope = match (why, known.rule, scope) {
            (None, Some(rule), Some(scope)) => known.held.place_of(rule, scope),
            _ => None,
        };
        let seen = Seen {
            at,
            from: known.source,
            why,
            rule: known.rule,
            scope,
        };
        self.add(&known.held, &seen, 1);
    }

    pub(super) fn add(&self, held: &Arc<Held>, seen: &Seen, times: u32) {
        self.of(held.entry.key, |counts| counts.add(held, seen, times));
    }

    /// A batch that could not be written waits for the next one.
    pub(super) fn put_back(&self, key: KeyId, batch: Counts) {
        self.of(key, |counts| counts.merge(batch));
    }

    fn of(&self, key: KeyId, change: impl FnOnce(&mut Counts)) {
        let at = usize::try_from(key.uuid().as_u128() % SHARDS as u128).unwrap_or_default();
        if let Some(shard) = self.shards.get(at) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            change(shard.entry(key).or_default());
        }
    }

    /// Takes out what was counted in some of the shards.
    pub(super) fn drain(&self, shards: Range<usize>) -> Vec<(KeyId, Counts)> {
        self.shards
            .get(shards)
            .into_iter()
            .flatten()
            .flat_map(|shard| {
                std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
