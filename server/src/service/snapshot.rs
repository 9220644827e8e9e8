//! Keeps the verification engine true: reads what changed from the database and hands it over as
//! plain entries. Each row's MAC is checked here; a row that is not known to be genuine is left out
//! and its key answers *unknown*, while the others are taken over. A grant counts only with the
//! decisions of its quorum behind it (`snapshot::behind`).
//!
//! What changed is found by the counter and by each row's `change`, which a writer to the database
//! can hold back: by lowering `change` on the row of a key that was just revoked, within the half
//! second before another process polls. Its MAC is wrong then, but nothing leads that process to
//! the row. So every process also reads all keys again, [`RECHECK`] of them with each poll: such a
//! row is found within `keys / 2,000` seconds, and its key answers *unknown*. What no MAC shows is
//! an older genuine row that was put back (DESIGN section 3): who does that to the row and to the
//! counter between a commit and a poll keeps a revoked key alive on the other processes, and after
//! a restart on all. The audit log shows it.

mod behind;
mod following;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::id::{GrantId, KeyId, PartnerId, PolicyId};
use domain::network::Networks;
use domain::state::{GatewayState, PartnerState};
use domain::time::Timestamp;
use domain::verification::KeyEntry;
use store::{KeyRow, Read, Stamped, Store};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::service::quotas;
use crate::verify::{Engine, GatewayEntry, Held, Reading, parse_reach};
use behind::{Behind, Required};

pub use following::{Following, follow};

/// How often the counter of key changes is read. Well within `verify::BOUND`.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// A database that hangs must not stop the polling or hold up commits for ever.
const READING_TIMEOUT: Duration = Duration::from_secs(30);
/// How many keys are read at a time.
const PAGE: i64 = 20_000;
/// How many keys are read again with each poll.
const RECHECK: i64 = 1_000;
const FIRST: KeyId = KeyId::new(Uuid::nil());

/// Why the snapshot could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum NotFollowed {
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Somebody put back an older database under the running program: restart it.
    #[error("the counter of key changes went back from {from} to {to}")]
    WentBack { from: i64, to: i64 },
    #[error("the database did not answer in time")]
    TimedOut,
}

/// Loads the whole key table, at start.
///
/// # Errors
/// [`NotFollowed`].
pub async fn load(portal: &Portal) -> Result<(), NotFollowed> {
    quotas::load(portal).await?;
    refresh(&portal.engine, &portal.store, portal.now(), &[]).await?;
    // What a long load read first is old by now.
    refresh(&portal.engine, &portal.store, portal.now(), &[]).await?;
    tracing::info!(keys = portal.engine.keys_held(), "the snapshot is loaded");
    Ok(())
}

/// Follows the changes of other processes until told to stop.
pub async fn run_poll(portal: Portal, mut stop: Stop) {
    let mut ticks = tokio::time::interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checked = FIRST;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.wait() => return,
        }
        let reading = async {
            let turn = portal.following.turn().await;
            portal
                .following
                .read(&portal.engine, &portal.store, portal.now())
                .await?;
            drop(turn);
            recheck(&portal.engine, &portal.store, portal.now(), checked).await
        };
        let outcome = tokio::time::timeout(READING_TIMEOUT, reading)
            .await
            .unwrap_or(Err(NotFollowed::TimedOut));
        match outcome {
            Ok(last) => checked = last,
            Err(error) => {
                tracing::error!(%error, "the snapshot could not be brought up to date");
            }
        }
    }
}

/// Reads some keys again, after one, whatever the counter says; and says where to go on. A row that
/// is as it was taken over costs no more than its MAC.
///
/// # Errors
/// As [`refresh`].
pub async fn recheck(
    engine: &Engine,
    store: &Store,
    now: Timestamp,
    after: KeyId,
) -> Result<KeyId, NotFollowed> {
    let mut read = store.read().await?;
    let rows = read.keys_after(after, RECHECK).await?;
    let is_last = rows.len() < usize::try_from(RECHECK).unwrap_or(usize::MAX);
    let last = rows.iter().map(id_of).max_by_key(|id| id.uuid());
    let news = rows
        .into_iter()
        .filter(|row| match row {
            Ok(row) => row
                .kid
                .parse()
                .ok()
                .is_none_or(|kid| engine.stamp_of(&kid) != Some(row.stamp())),
            Err(_) => true,
        })
        .collect();
    Loader::new(engine, read, now).take(news).await?;
    // Where no id can be read the round begins anew.
    Ok(last
        .filter(|last| !is_last && last.uuid() > after.uuid())
        .unwrap_or(FIRST))
}

fn id_of(row: &Result<Stamped<KeyRow>, store::Error>) -> KeyId {
    match row {
        Ok(row) => row.id,
        Err(store::Error::Tampered { id, .. }) => KeyId::new(*id),
        Err(_) => FIRST,
    }
}

/// Reads all that changed since the last reading, in one consistent view.
///
/// # Errors
/// [`NotFollowed`]; what was taken over by then is genuine and stays.
pub async fn refresh(
    engine: &Engine,
    store: &Store,
    now: Timestamp,
    touched: &[(KeyId, i64)],
) -> Result<(), NotFollowed> {
    let reading = engine.begin(now);
    let mut read = store.read().await?;
    let counter = read.key_counter().await?;
    if counter < reading.since {
        return Err(NotFollowed::WentBack {
            from: reading.since,
            to: counter,
        });
    }
    let mut loader = Loader::new(engine, read, now);
    if counter > reading.since {
        loader.changed_since(reading.since).await?;
        loader.gateways(counter).await?;
    }
    loader.touched(touched, &reading, counter).await?;
    engine.finish(reading, counter);
    Ok(())
}

/// One reading. Grants and partners are read once for all of their keys.
struct Loader<'a> {
    engine: &'a Engine,
    read: Read,
    now: Timestamp,
    /// `None` where a row is not known to be genuine.
    grants: HashMap<GrantId, Option<Behind>>,
    partners: HashMap<PartnerId, Option<PartnerState>>,
    /// Approvals that each policy version asks for.
    quorums: HashMap<PolicyId, Option<Required>>,
    /// Grants with temporary access; read when the first grant is.
    overlaid: Option<HashSet<GrantId>>,
}

impl<'a> Loader<'a> {
    fn new(engine: &'a Engine, read: Read, now: Timestamp) -> Self {
        Self {
            engine,
            read,
            now,
            grants: HashMap::new(),
            partners: HashMap::new(),
            quorums: HashMap::new(),
            overlaid: None,
        }
    }

    async fn changed_since(&mut self, since: i64) -> Result<(), NotFollowed> {
        let (mut since, mut limit) = (since, PAGE);
        loop {
            let rows = self.read.keys_changed_since(since, limit).await?;
            let is_last = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            // Rows that share a change may lie on both sides of the page's end: read it again.
            let next = rows
                .iter()
                .filter_map(|row| row.as_ref().ok())
                .map(|row| row.change.saturating_sub(1))
                .max();
            self.take(rows).await?;
            if is_last {
                return Ok(());
            }
            match next.filter(|next| *next > since) {
                Some(next) => since = next,
                None => limit = limit.saturating_mul(2),
            }
        }
    }

    /// Keys that the commit touched, where the counter does not lead to them: a counter that was
    /// edited by hand must not keep a revoked key alive.
    async fn touched(
        &mut self,
        touched: &[(KeyId, i64)],
        reading: &Reading,
        counter: i64,
    ) -> Result<(), NotFollowed> {
        for (id, change) in touched {
            if *change > reading.since && *change <= counter {
                continue;
            }
            let row = self.read.key(*id).await.transpose();
            self.take(row.into_iter().collect()).await?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        rows: Vec<Result<Stamped<KeyRow>, store::Error>>,
    ) -> Result<(), NotFollowed> {
        let mut keys = Vec::with_capacity(rows.len());
        let genuine = rows.iter().filter_map(|row| row.as_ref().ok());
        self.read_behind(genuine.map(|row| row.grant_id)).await?;
        for row in rows {
            let Some(row) = self.genuine(row)? else {
                continue;
            };
            match self.held(&row) {
                Some(held) => keys.push(held),
                None => self.engine.leave_out(row.id),
            }
        }
        self.engine.take(keys);
        Ok(())
    }

    /// Leaves out the key of a row that is not genuine; any other failure ends the reading.
    fn genuine(
        &self,
        row: Result<Stamped<KeyRow>, store::Error>,
    ) -> Result<Option<Stamped<KeyRow>>, store::Error> {
        match row {
            Err(store::Error::Tampered { table, id }) => {
                self.report(table, id);
                self.engine.leave_out(KeyId::new(id));
                Ok(None)
            }
            row => row.map(Some),
        }
    }

    fn report(&self, table: &'static str, id: Uuid) {
        if self.engine.is_news(id) {
            tracing::error!(table, %id, "a row was edited in the database: it does not count");
        }
    }

    /// `None` where what the key rests on is not known to be genuine.
    fn held(&self, row: &Stamped<KeyRow>) -> Option<Held> {
        let kid = row.kid.parse().ok()?;
        let behind = self.grants.get(&row.grant_id)?.clone()?;
        Some(Held {
            kid,
            mac: row.key_mac,
            stamp: row.stamp(),
            limited: self.engine.limited(row.grant_id),
            entry: KeyEntry {
                key: row.id,
                partner: behind.partner,
                state: behind.key_state(row),
                expires: behind.key_expires(row),
                partner_suspended: behind.partner_state == PartnerState::Suspended,
                grant: behind.grant,
            },
        })
    }

    fn if_genuine<T>(
        &self,
        read: Result<Option<T>, store::Error>,
    ) -> Result<Option<T>, store::Error> {
        match read {
            Err(store::Error::Tampered { table, id }) => {
                self.report(table, id);
                Ok(None)
            }
            read => read,
        }
    }

    async fn gateways(&mut self, counter: i64) -> Result<(), store::Error> {
        let mut entries = Vec::new();
        for row in self.read.gateways_one_by_one().await? {
            let Some(row) = self.if_genuine(row.map(Some))? else {
                continue;
            };
            if row.state.0 != GatewayState::Active {
                continue;
            }
            match gateway(&row, self.now) {
                Some(entry) => entries.push(entry),
                None => self.report("gateway", row.id.uuid()),
            }
        }
        self.engine.take_gateways(counter, entries);
        Ok(())
    }
}

fn gateway(row: &store::Gateway, now: Timestamp) -> Option<GatewayEntry> {
    let proxies: Networks = row.proxies.parse().ok()?;
    let old_credential = row
        .old_credential_mac
        .zip(row.old_credential_until)
        .filter(|(_, until)| now < *until);
    Some(GatewayEntry {
        id: row.id,
        kind: row.kind.0,
        reach: parse_reach(&row.reach).ok()?,
        proxies,
        signs: row.signs.0,
        credential_mac: row.credential_mac,
        old_credential,
    })
}

#[cfg(test)]
mod tests;
