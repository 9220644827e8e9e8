//! Keeps the verification engine true: reads what changed from the database and hands it over as
//! plain entries. Each row's MAC is checked here; a row that is not known to be genuine is left out
//! and its key answers *unknown*, while the others are taken over.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::grant::Grant;
use domain::id::{GrantId, KeyId, PartnerId};
use domain::key::KeyState;
use domain::network::Networks;
use domain::state::{GatewayState, GrantState, PartnerState};
use domain::time::Timestamp;
use domain::verification::KeyEntry;
use store::{Committed, GrantRow, KeyRow, Read, Stamped, Store};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::jobs::Stop;
use crate::portal::Portal;
use crate::verify::{Engine, GatewayEntry, Held, Reading, parse_reach};

/// How often the counter of key changes is read. Well within `verify::BOUND`.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// A database that hangs must not stop the polling for ever.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many keys are read at a time.
const PAGE: i64 = 20_000;

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
    refresh(&portal.engine, &portal.store, portal.now(), &[]).await?;
    // What a long load read first is old by now.
    refresh(&portal.engine, &portal.store, portal.now(), &[]).await?;
    tracing::info!(keys = portal.engine.keys_held(), "the snapshot is loaded");
    Ok(())
}

/// After a commit and before its acknowledgement: takes over what it changed. If that fails,
/// nothing is answered until a later reading succeeds (never 8).
pub async fn follow(portal: &Portal, committed: &Committed) {
    let outcome = refresh(
        &portal.engine,
        &portal.store,
        portal.now(),
        &committed.touched,
    )
    .await;
    if let Err(error) = outcome {
        tracing::error!(%error, "the snapshot could not follow a commit: verification is refused");
        portal.engine.distrust();
    }
}

/// Follows the changes of other processes until told to stop.
pub async fn run_poll(portal: Portal, mut stop: Stop) {
    let mut ticks = tokio::time::interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.wait() => return,
        }
        let reading = refresh(&portal.engine, &portal.store, portal.now(), &[]);
        let outcome = tokio::time::timeout(POLL_TIMEOUT, reading)
            .await
            .unwrap_or(Err(NotFollowed::TimedOut));
        if let Err(error) = outcome {
            tracing::error!(%error, "the snapshot could not be brought up to date");
        }
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
    let mut loader = Loader {
        engine,
        read,
        now,
        grants: HashMap::new(),
        partners: HashMap::new(),
    };
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
}

/// What a grant says to each of its keys.
#[derive(Clone)]
struct Behind {
    grant: Arc<Grant>,
    partner: PartnerId,
    partner_state: PartnerState,
    state: GrantState,
    valid_until: Option<Timestamp>,
}

impl Loader<'_> {
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
        for row in rows {
            let Some(row) = self.genuine(row)? else {
                continue;
            };
            match self.held(&row).await? {
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
    async fn held(&mut self, row: &Stamped<KeyRow>) -> Result<Option<Held>, store::Error> {
        let Ok(kid) = row.kid.parse() else {
            return Ok(None);
        };
        let Some(behind) = self.behind(row.grant_id).await? else {
            return Ok(None);
        };
        Ok(Some(Held {
            kid,
            mac: row.key_mac,
            stamp: row.stamp(),
            entry: KeyEntry {
                key: row.id,
                partner: behind.partner,
                state: behind.key_state(row.state.0),
                expires: behind.key_expires(row.expires_at),
                partner_suspended: behind.partner_state == PartnerState::Suspended,
                grant: behind.grant,
            },
        }))
    }

    async fn behind(&mut self, id: GrantId) -> Result<Option<Behind>, store::Error> {
        if let Some(behind) = self.grants.get(&id) {
            return Ok(behind.clone());
        }
        let behind = self.read_behind(id).await?;
        self.grants.insert(id, behind.clone());
        Ok(behind)
    }

    async fn read_behind(&mut self, id: GrantId) -> Result<Option<Behind>, store::Error> {
        let row = self.read.grant(id).await;
        let Some(row) = self.if_genuine(row)? else {
            return Ok(None);
        };
        let Some(partner_state) = self.partner(row.partner_id).await? else {
            return Ok(None);
        };
        let Some(grant) = document(&row) else {
            self.report("access_grant", id.uuid());
            return Ok(None);
        };
        Ok(Some(Behind {
            grant: self.engine.share(id, grant),
            partner: row.partner_id,
            partner_state,
            state: row.state.0,
            valid_until: row.valid_until,
        }))
    }

    async fn partner(&mut self, id: PartnerId) -> Result<Option<PartnerState>, store::Error> {
        if let Some(state) = self.partners.get(&id) {
            return Ok(*state);
        }
        let row = self.read.partner(id).await;
        let state = self.if_genuine(row)?.map(|row| row.state.0);
        self.partners.insert(id, state);
        Ok(state)
    }

    fn if_genuine<T>(
        &self,
        row: Result<Option<Stamped<T>>, store::Error>,
    ) -> Result<Option<Stamped<T>>, store::Error> {
        match row {
            Err(store::Error::Tampered { table, id }) => {
                self.report(table, id);
                Ok(None)
            }
            row => row,
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

impl Behind {
    /// A key works no longer than its grant and its partner do, whatever its own row says.
    fn key_state(&self, state: KeyState) -> KeyState {
        let grant_stands = matches!(self.state, GrantState::Approved | GrantState::Expired);
        let stands = grant_stands && self.partner_state != PartnerState::Ended;
        if stands || state.is_ended() {
            state
        } else {
            KeyState::Deactivated
        }
    }

    /// A grant that says no end has none that could be relied on: its keys have expired.
    fn key_expires(&self, expires: Timestamp) -> Timestamp {
        const LONG_AGO: Timestamp = Timestamp::from_micros(i64::MIN);
        match (self.state, self.valid_until) {
            (GrantState::Expired, _) | (_, None) => LONG_AGO,
            (_, Some(valid_until)) => expires.min(valid_until),
        }
    }
}

/// The grant that was approved: what the digest says, for where the row says.
fn document(row: &GrantRow) -> Option<Grant> {
    let grant: Grant = serde_json::from_str(&row.document).ok()?;
    let is_whole = grant.digest() == row.digest
        && grant.service() == row.service_id
        && grant.environment() == row.environment_id;
    is_whole.then_some(grant)
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
        credential_mac: row.credential_mac,
        old_credential,
    })
}

#[cfg(test)]
mod tests;
