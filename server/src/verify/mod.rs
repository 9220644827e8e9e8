//! Verification: may this key make this call, now, from there? Answered from a snapshot in memory,
//! which `service::snapshot` fills and keeps true; nothing here knows the database.

mod decide;
mod freshness;
mod gateway;
mod meters;
mod snapshot;
mod usage;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::grant::LiveGrant;
use domain::id::{GatewayId, GrantId, KeyId};
use domain::keyring::Keyring;
use domain::limit::Spent;
use domain::mac::MacKey;
use domain::time::Timestamp;
use domain::token::{ApiKey, Kid};
use domain::verification::Reason;
use uuid::Uuid;

use crate::chance::Clock;

pub use decide::{Decision, Known, Question, Refused};
pub use freshness::BOUND;
pub use gateway::{
    Gateway, GatewayCredential, GatewayEntry, NotACredential, parse_reach, reach_json,
};
pub use meters::{Limited, MeterId};
pub use snapshot::Held;
pub use usage::{Alike, Counts, Endpoint, SHARDS, Seen};

use decide::{Identity, Spend};
use freshness::{Freshness, Look};
use gateway::Gateways;
use meters::Meters;
use snapshot::Snapshot;
use usage::Usage;

/// Answers gateways. One a process.
pub struct Engine {
    pepper: MacKey,
    snapshot: Snapshot,
    gateways: Gateways,
    freshness: Freshness,
    usage: Usage,
    meters: Meters,
    /// All changes up to this value of the database's counter are in the snapshot.
    position: AtomicI64,
    /// Rows that were reported as not genuine, so that each is once.
    reported: Mutex<HashSet<Uuid>>,
}

/// The snapshot is not loaded, is too old, or a commit's outcome is unknown: refuse to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot cannot be believed now")]
pub struct NotReady;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTried {
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error("This gateway is not registered, or no longer.")]
    NoGateway,
}

/// Which key a call is tried with.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// The key itself, as its holder would send it.
    Text(&'a str),
    /// A key that staff name without having it.
    Kid(Kid),
}

/// A reading of the database that has begun; what it finds is taken over before
/// [`Engine::finish`].
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    look: Look,
    /// Changes after this value of the counter are to be read.
    pub since: i64,
}

/// Before any reading: every change is news.
const NOTHING: i64 = i64::MIN;

impl Engine {
    pub fn new(keyring: &Keyring, clock: Clock) -> Self {
        Self {
            pepper: MacKey::new(&keyring.pepper),
            snapshot: Snapshot::new(),
            gateways: Gateways::default(),
            freshness: Freshness::new(clock),
            usage: Usage::new(),
            meters: Meters::default(),
            position: AtomicI64::new(NOTHING),
            reported: Mutex::default(),
        }
    }

    /// Whether gateways are answered: loaded, fresh, and no commit's outcome unknown.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.freshness.holds(now)
    }

    /// The gateway that a credential belongs to, if any.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn admit(&self, credential: &str, now: Timestamp) -> Result<Option<Gateway>, NotReady> {
        self.ready(now)?;
        let credential: Result<GatewayCredential, _> = credential.parse();
        Ok(credential
            .ok()
            .and_then(|credential| self.gateways.admit(&credential.mac_by(&self.pepper), now)))
    }

    /// The gateway that the way of a question is bound to, unless it is revoked.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn admit_bound(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Option<Gateway>, NotReady> {
        self.ready(now)?;
        Ok(self.gateways.admit_bound(gateway, now))
    }

    /// Answers one question, and counts it as a use of the key.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn verify(
        &self,
        gateway: &Gateway,
        key: &str,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Result<Decision, NotReady> {
        self.ready(now)?;
        let spend = |held: &Held| {
            let entry = &held.entry;
            self.meters
                .spend(&held.limited, entry.key, &entry.grant, now)
        };
        let decision = self.decide(gateway, Subject::Text(key), question, now, &spend)?;
        if let Some(known) = decision.known() {
            let scope = question.call.scope;
            self.usage.count(known, decision.reason(), scope, now);
        }
        Ok(decision)
    }

    /// The same answer for the console of a gateway's page; it is not a use of the key.
    ///
    /// # Errors
    /// [`NotTried`].
    pub fn try_call(
        &self,
        gateway: GatewayId,
        subject: Subject<'_>,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Result<Decision, NotTried> {
        self.ready(now)?;
        let gateway = self.gateways.find(gateway).ok_or(NotTried::NoGateway)?;
        let check = |held: &Held| {
            let entry = &held.entry;
            let checked = self
                .meters
                .check(&held.limited, entry.key, &entry.grant, now);
            checked.map(|()| Vec::new())
        };
        Ok(self.decide(&gateway, subject, question, now, &check)?)
    }

    /// When a gateway last identified itself to this process, at most a second too early.
    pub fn gateway_asked(&self, id: GatewayId) -> Option<Timestamp> {
        self.gateways.asked(id)
    }

    fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        if self.freshness.holds(now) {
            Ok(())
        } else {
            Err(NotReady)
        }
    }

    fn decide(
        &self,
        gateway: &Gateway,
        subject: Subject<'_>,
        question: &Question<'_>,
        now: Timestamp,
        spend: Spend<'_>,
    ) -> Result<Decision, NotReady> {
        let identity = match subject {
            Subject::Kid(kid) => Identity::Named(kid),
            Subject::Text(text) => match ApiKey::parse(text) {
                Ok(key) => Identity::Key(key),
                Err(_) => return Ok(Decision::Refused(Reason::Malformed.into())),
            },
        };
        decide::answer(
            &self.snapshot,
            &self.pepper,
            &identity,
            question,
            gateway.reach(),
            now,
            spend,
        )
    }
}

/// What `service::snapshot` keeps the engine true with.
impl Engine {
    /// Deny until a reading that begins after this has finished.
    pub fn distrust(&self) {
        self.freshness.distrust();
    }

    pub fn begin(&self, now: Timestamp) -> Reading {
        Reading {
            look: self.freshness.begin(now),
            since: self.position.load(Ordering::SeqCst),
        }
    }

    /// Takes keys over; one replaces only an older stamp of itself.
    pub fn take(&self, keys: Vec<Held>) {
        self.snapshot.take(keys);
    }

    /// The stamp of a key's row as it was taken over last.
    pub fn stamp_of(&self, kid: &Kid) -> Option<i64> {
        self.snapshot.find(kid).map(|held| held.stamp)
    }

    /// A key whose row is not known to be genuine: it answers *unknown*.
    pub fn leave_out(&self, key: KeyId) {
        self.snapshot.leave_out(key);
    }

    /// Takes all live gateways over, as they were at a value of the counter.
    pub fn take_gateways(&self, as_of: i64, gateways: Vec<GatewayEntry>) {
        self.gateways.take(as_of, gateways);
    }

    /// All changes up to `counter` have been taken over.
    pub fn finish(&self, reading: Reading, counter: i64) {
        self.position.fetch_max(counter, Ordering::SeqCst);
        self.freshness.finish(reading.look);
    }

    /// The one copy of a grant that its keys point to.
    pub fn share(&self, id: GrantId, grant: LiveGrant) -> Arc<LiveGrant> {
        self.snapshot.share(id, grant)
    }

    /// Whether a row was not reported before.
    pub fn is_news(&self, row: Uuid) -> bool {
        self.reported
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(row)
    }

    /// What was counted since the last batch, of some among [`SHARDS`] parts of the keys.
    pub fn drain_usage(&self, shards: Range<usize>) -> Vec<(KeyId, Counts)> {
        self.usage.drain(shards)
    }

    /// Counts that could not be written wait for the next batch.
    pub fn return_usage(&self, batch: Vec<(KeyId, Counts)>) {
        for (key, counts) in batch {
            self.usage.put_back(key, counts);
        }
    }

    /// Counts calls that a story tells of.
    #[cfg(any(test, feature = "demo"))]
    pub fn count_calls(&self, kid: &Kid, seen: &Seen, times: u32) {
        if let Some(held) = self.snapshot.find(kid) {
            self.usage.add(&held, seen, times);
        }
    }

    /// The meters that a key under a grant is counted by.
    pub fn limited(&self, grant: GrantId) -> Limited {
        self.meters.under(grant)
    }

    /// Calls that quotas counted and the database does not hold yet, to be written.
    pub fn drain_spent(&self) -> Vec<(MeterId, Spent)> {
        self.meters.drain()
    }

    /// What was drained is in the database.
    pub fn saved_spent(&self, id: MeterId, spent: Spent) {
        self.meters.saved(id, spent);
    }

    /// What could not be written waits for the next time.
    pub fn return_spent(&self, id: MeterId, spent: Spent) {
        self.meters.put_back(id, spent);
    }

    /// What the database counts of a quota, other processes' calls among them.
    pub fn learn_spent(&self, id: MeterId, total: Spent) {
        self.meters.learn(id, total);
    }

    /// Waits until so many calls of a quota are to be written that it is time to.
    pub async fn spent_is_filling(&self) {
        self.meters.filling().await;
    }

    pub fn keys_held(&self) -> usize {
        self.snapshot.len()
    }
}

/// Holds the pepper and every key's MAC.
impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(…)")
    }
}
