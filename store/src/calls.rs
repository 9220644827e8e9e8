//! Keys' calls, counted by what they were alike in: hour or day, outcome, endpoint, network, scope.

use domain::id::{GrantId, KeyId, PartnerId, ServiceId};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::conn::Read;
use crate::error::Error;
use crate::keys::KeyRow;
use crate::row::{Sealed, Stamped};
use crate::sql::{json, run, statements};
use crate::work::Work;

/// Calls of one hour that were alike, to be added. Counted, not proven: no authority rests on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallCount {
    pub key_id: KeyId,
    /// When the hour begins.
    pub hour: Timestamp,
    /// A reason's code, or `ok`.
    pub outcome: String,
    /// A rule's method and pattern; empty for a call that did not come so far, or `other`.
    pub endpoint: String,
    /// A truncated network, or `other`.
    pub source: String,
    /// The scope that the gateway asked for; empty where it asked for none, or did not get it.
    pub scope: String,
    pub calls: i64,
}

/// Whose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsOf {
    Key(KeyId),
    Grant(GrantId),
    Partner(PartnerId),
    /// Of one partner, or of all.
    Service(ServiceId, Option<PartnerId>),
}

impl CallsOf {
    const fn ids(self) -> (Uuid, Option<PartnerId>) {
        match self {
            Self::Key(key) => (key.uuid(), None),
            Self::Grant(grant) => (grant.uuid(), None),
            Self::Partner(partner) => (partner.uuid(), None),
            Self::Service(service, partner) => (service.uuid(), partner),
        }
    }
}

/// The calls of an hour or day with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallsAt {
    /// Microseconds.
    pub starts_at: i64,
    pub outcome: String,
    pub calls: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallsTo {
    pub service_name: String,
    pub endpoint: String,
    pub accepted: i64,
    pub refused: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallsFrom {
    pub source: String,
    pub accepted: i64,
    pub refused: i64,
}

/// Accepted calls that were alike.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallsAlike {
    pub endpoint: String,
    pub source: String,
    pub scope: String,
    pub calls: i64,
}

/// A key with its calls, and what stands around it.
#[derive(Clone, Debug)]
pub struct CallsBy {
    pub key: Stamped<KeyRow>,
    pub around: CallsAround,
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CallsAround {
    pub partner_name: String,
    pub service_name: String,
    pub environment_name: String,
    pub accepted: i64,
    pub refused: i64,
}

#[derive(sqlx::FromRow)]
struct ListedKey {
    #[sqlx(flatten)]
    key: Sealed<KeyRow>,
    #[sqlx(flatten)]
    around: CallsAround,
}

#[derive(sqlx::FromRow)]
struct Oldest {
    starts_at: Option<i64>,
}

/// When calls were last accepted and last refused. Microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct LastCalls {
    pub accepted_at: Option<i64>,
    pub refused_at: Option<i64>,
}

impl Read {
    /// Calls since a time, by when and with which outcome, oldest first. Where there were none there
    /// is no row.
    pub async fn calls_by_time(
        &mut self,
        of: CallsOf,
        since: Timestamp,
    ) -> Result<Vec<CallsAt>, Error> {
        let (id, partner) = of.ids();
        Ok(run!(
            &mut self.conn,
            BY_TIME,
            [id, partner, since],
            fetch_all as CallsAt
        )?)
    }

    /// By the rule that opened the endpoint, most first.
    pub async fn calls_by_endpoint(
        &mut self,
        of: CallsOf,
        since: Timestamp,
    ) -> Result<Vec<CallsTo>, Error> {
        let (id, partner) = of.ids();
        Ok(run!(
            &mut self.conn,
            BY_ENDPOINT,
            [id, partner, since],
            fetch_all as CallsTo
        )?)
    }

    /// By network, most first.
    pub async fn calls_by_source(
        &mut self,
        of: CallsOf,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<CallsFrom>, Error> {
        let (id, partner) = of.ids();
        Ok(run!(
            &mut self.conn,
            BY_SOURCE,
            [id, partner, since, limit],
            fetch_all as CallsFrom
        )?)
    }

    /// By key, most first.
    pub async fn calls_by_key(
        &mut self,
        of: CallsOf,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<CallsBy>, Error> {
        let (id, partner) = of.ids();
        let rows = run!(
            &mut self.conn,
            BY_KEY,
            [id, partner, since, limit],
            fetch_all as ListedKey
        )?;
        rows.into_iter()
            .map(|row| {
                Ok(CallsBy {
                    key: row.key.open(&self.row_key)?,
                    around: row.around,
                })
            })
            .collect()
    }

    /// What passed under a grant since a time.
    pub async fn accepted_calls(
        &mut self,
        grant: GrantId,
        since: Timestamp,
    ) -> Result<Vec<CallsAlike>, Error> {
        Ok(run!(
            &mut self.conn,
            ACCEPTED,
            [grant, since],
            fetch_all as CallsAlike
        )?)
    }

    /// The oldest hour that is not summed up by day.
    pub async fn oldest_hour(&mut self) -> Result<Option<Timestamp>, Error> {
        let oldest = run!(&mut self.conn, OLDEST, [], fetch_one as Oldest)?;
        Ok(oldest.starts_at.map(Timestamp::from_micros))
    }

    pub async fn last_calls(&mut self, of: CallsOf) -> Result<LastCalls, Error> {
        let (id, partner) = of.ids();
        Ok(run!(
            &mut self.conn,
            LAST,
            [id, partner],
            fetch_one as LastCalls
        )?)
    }
}

impl Work {
    /// Adds a batch of calls, in one statement. Beyond sixteen networks in an hour of a key, calls
    /// from new ones count as from `other`.
    pub async fn add_calls(&mut self, batch: &[CallCount]) -> Result<(), Error> {
        let rows = json(batch)?;
        run!(&mut self.read.conn, ADD, [rows], execute)?;
        Ok(())
    }

    /// Sums hours that began before a time up by day.
    pub async fn sum_up_calls(&mut self, before: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, SUM_UP, [before], execute)?;
        run!(&mut self.read.conn, SWEEP_HOURS, [before], execute)?;
        Ok(())
    }

    /// Forgets days that began before a time.
    pub async fn sweep_calls(&mut self, before: Timestamp) -> Result<(), Error> {
        run!(&mut self.read.conn, SWEEP_DAYS, [before], execute)?;
        Ok(())
    }
}

/// The keys of a key, grant, partner or service ($1): all of them, or those of one partner ($2).
macro_rules! keys {
    () => {
        "(SELECT api_key.id FROM access_grant JOIN api_key ON api_key.grant_id = access_grant.id
            WHERE (access_grant.partner_id = $1 OR access_grant.service_id = $1) AND (access_grant.partner_id = $2 OR $2 IS NULL)
            UNION ALL SELECT id FROM api_key WHERE (id = $1 OR grant_id = $1) AND $2 IS NULL)"
    };
}

/// Their calls since a time ($3).
macro_rules! calls {
    () => {
        concat!(
            "call_count.key_id IN ",
            keys!(),
            " AND call_count.span IN ('hour', 'day') AND call_count.starts_at >= $3"
        )
    };
}

macro_rules! sums {
    () => {
        "CAST(SUM(CASE WHEN call_count.outcome = 'ok' THEN call_count.calls ELSE 0 END) AS BIGINT) AS accepted,
            CAST(SUM(CASE WHEN call_count.outcome = 'ok' THEN 0 ELSE call_count.calls END) AS BIGINT) AS refused"
    };
}

statements! {
    BY_TIME(3) = joined ["SELECT starts_at, outcome, CAST(SUM(calls) AS BIGINT) AS calls FROM call_count WHERE ", calls!(),
        " GROUP BY starts_at, outcome ORDER BY starts_at, outcome"];
    BY_ENDPOINT(3) = joined ["SELECT service.name AS service_name, call_count.endpoint, ", sums!(), " FROM call_count
        JOIN api_key ON api_key.id = call_count.key_id
        JOIN access_grant ON access_grant.id = api_key.grant_id
        JOIN service ON service.id = access_grant.service_id
        WHERE ", calls!(), " AND call_count.endpoint <> ''
        GROUP BY service.name, call_count.endpoint ORDER BY SUM(call_count.calls) DESC, service.name, call_count.endpoint"];
    BY_SOURCE(4) = joined ["SELECT source, ", sums!(), " FROM call_count WHERE ", calls!(),
        " GROUP BY source ORDER BY SUM(calls) DESC, source LIMIT $4"];
    BY_KEY(4) = joined ["SELECT api_key.*, partner.name AS partner_name, service.name AS service_name,
            environment.name AS environment_name, counted.accepted, counted.refused
        FROM (SELECT key_id, ", sums!(), " FROM call_count WHERE ", calls!(),
            " GROUP BY key_id ORDER BY SUM(calls) DESC, key_id LIMIT $4) AS counted
        JOIN api_key ON api_key.id = counted.key_id
        JOIN access_grant ON access_grant.id = api_key.grant_id
        JOIN partner ON partner.id = access_grant.partner_id
        JOIN service ON service.id = access_grant.service_id
        JOIN environment ON environment.id = access_grant.environment_id
        ORDER BY counted.accepted + counted.refused DESC, api_key.id"];
    ACCEPTED(2) = "SELECT endpoint, source, scope, CAST(SUM(calls) AS BIGINT) AS calls FROM call_count
        WHERE key_id IN (SELECT id FROM api_key WHERE grant_id = $1)
          AND span IN ('hour', 'day') AND starts_at >= $2 AND outcome = 'ok'
        GROUP BY endpoint, source, scope ORDER BY endpoint, source, scope";
    LAST(2) = joined ["SELECT MAX(accepted_at) AS accepted_at, MAX(refused_at) AS refused_at FROM key_use WHERE id IN ", keys!()];
    ADD(1) = sqlite "INSERT INTO call_count (key_id, span, starts_at, outcome, endpoint, source, scope, calls)
        SELECT key_id, 'hour', hour, outcome, endpoint, place, scope, SUM(calls) FROM (
            SELECT batch.*, CASE WHEN EXISTS (SELECT 1 FROM call_count AS same WHERE same.key_id = batch.key_id AND same.span = 'hour'
                    AND same.starts_at = batch.hour AND same.source = batch.source)
                OR (SELECT COUNT(DISTINCT seen.source) FROM call_count AS seen WHERE seen.key_id = batch.key_id AND seen.span = 'hour'
                    AND seen.starts_at = batch.hour AND seen.source <> 'other') < 16
                THEN source ELSE 'other' END AS place
            FROM (SELECT unhex(value ->> 'key_id', '-') AS key_id, value ->> 'hour' AS hour, value ->> 'outcome' AS outcome,
                value ->> 'endpoint' AS endpoint, value ->> 'source' AS source, value ->> 'scope' AS scope, value ->> 'calls' AS calls
                FROM jsonb_each($1)) AS batch) AS placed
        WHERE TRUE GROUP BY key_id, hour, outcome, endpoint, place, scope
        ON CONFLICT (key_id, span, starts_at, outcome, endpoint, source, scope) DO UPDATE SET calls = call_count.calls + excluded.calls",
        postgres "INSERT INTO call_count (key_id, span, starts_at, outcome, endpoint, source, scope, calls)
        SELECT key_id, 'hour', hour, outcome, endpoint, place, scope, SUM(calls) FROM (
            SELECT batch.*, CASE WHEN EXISTS (SELECT 1 FROM call_count AS same WHERE same.key_id = batch.key_id AND same.span = 'hour'
                    AND same.starts_at = batch.hour AND same.source = batch.source)
                OR (SELECT COUNT(DISTINCT seen.source) FROM call_count AS seen WHERE seen.key_id = batch.key_id AND seen.span = 'hour'
                    AND seen.starts_at = batch.hour AND seen.source <> 'other') < 16
                THEN source ELSE 'other' END AS place
            FROM jsonb_to_recordset($1::text::jsonb) AS batch (key_id UUID, hour BIGINT, outcome TEXT, endpoint TEXT, source TEXT, scope TEXT, calls BIGINT)) AS placed
        GROUP BY key_id, hour, outcome, endpoint, place, scope
        ORDER BY key_id, hour, outcome, endpoint, place, scope
        ON CONFLICT (key_id, span, starts_at, outcome, endpoint, source, scope) DO UPDATE SET calls = call_count.calls + excluded.calls";
    /// PostgreSQL takes the hours away in the same statement: of two processes only one sums an hour up.
    SUM_UP(1) = sqlite "INSERT INTO call_count (key_id, span, starts_at, outcome, endpoint, source, scope, calls)
        SELECT key_id, 'day', starts_at - starts_at % 86400000000, outcome, endpoint, source, scope, SUM(calls)
        FROM call_count WHERE span = 'hour' AND starts_at < $1
        GROUP BY key_id, starts_at - starts_at % 86400000000, outcome, endpoint, source, scope
        ON CONFLICT (key_id, span, starts_at, outcome, endpoint, source, scope) DO UPDATE SET calls = call_count.calls + excluded.calls",
        postgres "WITH hours AS (DELETE FROM call_count WHERE span = 'hour' AND starts_at < $1
            RETURNING key_id, starts_at - starts_at % 86400000000 AS day, outcome, endpoint, source, scope, calls)
        INSERT INTO call_count (key_id, span, starts_at, outcome, endpoint, source, scope, calls)
        SELECT key_id, 'day', day, outcome, endpoint, source, scope, SUM(calls) FROM hours
        GROUP BY key_id, day, outcome, endpoint, source, scope
        ON CONFLICT (key_id, span, starts_at, outcome, endpoint, source, scope) DO UPDATE SET calls = call_count.calls + excluded.calls";
    OLDEST(0) = "SELECT MIN(starts_at) AS starts_at FROM call_count WHERE span = 'hour'";
    SWEEP_HOURS(1) = "DELETE FROM call_count WHERE span = 'hour' AND starts_at < $1";
    SWEEP_DAYS(1) = "DELETE FROM call_count WHERE starts_at < $1 AND span = 'day'";
}
