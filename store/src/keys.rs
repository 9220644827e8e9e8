//! Keys, what is known of their use, and the counter by which processes follow their changes.

use domain::enc::Digest;
use domain::id::{GrantId, KeyId, PartnerId};
use domain::key::{ExpiryNotice, KeyState};
use domain::time::Timestamp;
use serde::Serialize;

use crate::column::Code;
use crate::conn::{Database, Read};
use crate::error::Error;
use crate::requests::contains;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{json, run, statements};
use crate::work::Work;

row! {
    /// A key: never itself, only its MAC under the pepper.
    sealed struct KeyRow in "api_key" {
        id: KeyId,
        kid: String,
        grant_id: GrantId,
        replaces_id: Option<KeyId>,
        key_mac: Digest,
        prefix: String,
        state: Code<KeyState>,
        created_at: Timestamp,
        activated_at: Option<Timestamp>,
        expires_at: Timestamp,
        ended_at: Option<Timestamp>,
        end_reason: Option<String>,
        /// The last expiry notice that was mailed, in days before the end.
        noticed_days: Option<i64>,
        /// The counter's value when this row last changed.
        change: i64,
    }
}

row! {
    /// What a key's calls left behind. Counted, not proven: no authority rests on it.
    #[derive(Serialize)]
    struct KeyUse in "key_use" {
        id: KeyId,
        accepted: i64,
        refused: i64,
        accepted_at: Option<Timestamp>,
        accepted_from: Option<String>,
        refused_at: Option<Timestamp>,
        refused_from: Option<String>,
        refused_reason: Option<String>,
    }
}

/// What the list of keys shows. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Only this partner's.
    pub partner: Option<PartnerId>,
    /// A state's code, `ended` for all that have ended, `soon` for what ends before `soon_before`,
    /// or empty.
    pub state: String,
    pub soon_before: Option<Timestamp>,
    /// Part of a key's, partner's or service's name, in any case.
    pub search: String,
    pub limit: i64,
    pub offset: i64,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct KeyLine {
    pub key: Stamped<KeyRow>,
    pub names: KeyNames,
}

/// What stands around a key in the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyNames {
    pub partner_name: String,
    pub service_name: String,
    pub environment_name: String,
    /// Microseconds.
    pub used_at: Option<i64>,
    /// Its delivery is opened and waits for the receipt.
    pub is_claimed: i64,
}

#[derive(sqlx::FromRow)]
struct ListedKey {
    #[sqlx(flatten)]
    key: Sealed<KeyRow>,
    #[sqlx(flatten)]
    names: KeyNames,
}

#[derive(sqlx::FromRow)]
struct Counter {
    value: i64,
}

impl Database {
    /// The counter of key changes, read without a transaction of its own making.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn key_counter(&self) -> Result<i64, Error> {
        let mut conn = self.begin_read().await?;
        Ok(run!(&mut conn, COUNTER, [], fetch_one as Counter)?.value)
    }
}

impl Read {
    pub async fn key_counter(&mut self) -> Result<i64, Error> {
        Ok(run!(&mut self.conn, COUNTER, [], fetch_one as Counter)?.value)
    }

    pub async fn key(&mut self, id: KeyId) -> Result<Option<Stamped<KeyRow>>, Error> {
        let row = run!(&mut self.conn, KEY, [id], fetch_optional as Sealed<KeyRow>)?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    pub async fn key_by_kid(&mut self, kid: &str) -> Result<Option<Stamped<KeyRow>>, Error> {
        let row = run!(
            &mut self.conn,
            BY_KID,
            [kid],
            fetch_optional as Sealed<KeyRow>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// A grant's keys, oldest first.
    pub async fn keys_of_grant(&mut self, grant: GrantId) -> Result<Vec<Stamped<KeyRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_GRANT,
            [grant],
            fetch_all as Sealed<KeyRow>
        )?;
        self.open_all(rows)
    }

    pub async fn keys_of_partner(
        &mut self,
        partner: PartnerId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Stamped<KeyRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OF_PARTNER,
            [partner, limit, offset],
            fetch_all as Sealed<KeyRow>
        )?;
        self.open_all(rows)
    }

    /// All keys, newest first.
    pub async fn keys(&mut self, limit: i64, offset: i64) -> Result<Vec<Stamped<KeyRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            ALL,
            [limit, offset],
            fetch_all as Sealed<KeyRow>
        )?;
        self.open_all(rows)
    }

    /// Keys with the names around them, newest first.
    pub async fn list_keys(&mut self, filter: &KeyFilter) -> Result<Vec<KeyLine>, Error> {
        let search = contains(&filter.search);
        let soon = filter
            .soon_before
            .unwrap_or(Timestamp::from_micros(i64::MIN));
        let rows = run!(
            &mut self.conn,
            LISTED,
            [
                filter.partner,
                filter.state,
                soon,
                search,
                filter.limit,
                filter.offset,
            ],
            fetch_all as ListedKey
        )?;
        rows.into_iter()
            .map(|row| {
                Ok(KeyLine {
                    key: row.key.open(&self.row_key)?,
                    names: row.names,
                })
            })
            .collect()
    }

    /// Keys that changed after `change`, in the order of their changes. A row whose MAC is wrong
    /// comes as its error, with its place: the others must not wait for it.
    pub async fn keys_changed_since(
        &mut self,
        change: i64,
        limit: i64,
    ) -> Result<Vec<Result<Stamped<KeyRow>, Error>>, Error> {
        let rows = run!(
            &mut self.conn,
            CHANGED,
            [change, limit],
            fetch_all as Sealed<KeyRow>
        )?;
        Ok(self.open_each(rows).collect())
    }

    /// Keys in the order of their ids, after `after`: all of them, page by page, whatever the counter
    /// says. As [`Read::keys_changed_since`] for a row whose MAC is wrong.
    pub async fn keys_after(
        &mut self,
        after: KeyId,
        limit: i64,
    ) -> Result<Vec<Result<Stamped<KeyRow>, Error>>, Error> {
        let rows = run!(
            &mut self.conn,
            AFTER,
            [after, limit],
            fetch_all as Sealed<KeyRow>
        )?;
        Ok(self.open_each(rows).collect())
    }

    /// Keys that are not ended and whose time was over at `at`: those that ended first, and no more
    /// than `limit`.
    pub async fn keys_over(
        &mut self,
        at: Timestamp,
        limit: i64,
    ) -> Result<Vec<Stamped<KeyRow>>, Error> {
        let rows = run!(
            &mut self.conn,
            OVER,
            [at, limit],
            fetch_all as Sealed<KeyRow>
        )?;
        self.open_all(rows)
    }

    /// Keys that work, or may again, and of whose end this notice is due at `at`: neither it nor a
    /// later one was given, and the key's life began before it fell due. Those that end first, and no
    /// more than `limit`.
    pub async fn keys_to_notice(
        &mut self,
        at: Timestamp,
        notice: ExpiryNotice,
        limit: i64,
    ) -> Result<Vec<Stamped<KeyRow>>, Error> {
        let (days, horizon) = (notice.days().cast_signed(), at.plus(notice.before()));
        let before = horizon.micros() - at.micros();
        let rows = run!(
            &mut self.conn,
            TO_NOTICE,
            [at, horizon, days, before, limit],
            fetch_all as Sealed<KeyRow>
        )?;
        self.open_all(rows)
    }

    pub async fn key_use(&mut self, id: KeyId) -> Result<Option<KeyUse>, Error> {
        Ok(run!(&mut self.conn, USE, [id], fetch_optional as KeyUse)?)
    }
}

impl Work {
    pub async fn add_key(&mut self, mut key: KeyRow) -> Result<Stamped<KeyRow>, Error> {
        key.change = self.next_change(key.id).await?;
        self.insert_sealed(key).await
    }

    pub async fn update_key(
        &mut self,
        mut key: KeyRow,
        read_at: i64,
    ) -> Result<Stamped<KeyRow>, Error> {
        key.change = self.next_change(key.id).await?;
        self.update_sealed(key, read_at).await
    }

    /// Raises the counter and notes the key for the snapshot's swap after the commit.
    async fn next_change(&mut self, key: KeyId) -> Result<i64, Error> {
        let change = self.raise_key_counter().await?;
        self.touched.push((key, change));
        Ok(change)
    }

    pub(crate) async fn raise_key_counter(&mut self) -> Result<i64, Error> {
        Ok(run!(&mut self.read.conn, RAISE, [], fetch_one as Counter)?.value)
    }

    /// Adds a batch's counts to keys' use, in one statement. A key is in it once.
    pub async fn add_uses(&mut self, batch: &[KeyUse]) -> Result<(), Error> {
        let rows = json(batch)?;
        run!(&mut self.read.conn, ADD_USES, [rows], execute)?;
        Ok(())
    }
}

statements! {
    COUNTER(0) = "SELECT value FROM key_counter WHERE id = 1";
    RAISE(0) = "UPDATE key_counter SET value = value + 1 WHERE id = 1 RETURNING value";
    KEY(1) = "SELECT * FROM api_key WHERE id = $1";
    BY_KID(1) = "SELECT * FROM api_key WHERE kid = $1";
    OF_GRANT(1) = "SELECT * FROM api_key WHERE grant_id = $1 ORDER BY created_at, id";
    OF_PARTNER(3) = "SELECT api_key.* FROM api_key JOIN access_grant ON access_grant.id = api_key.grant_id WHERE access_grant.partner_id = $1 ORDER BY api_key.created_at DESC, api_key.id LIMIT $2 OFFSET $3";
    ALL(2) = "SELECT * FROM api_key ORDER BY created_at DESC, id LIMIT $1 OFFSET $2";
    LISTED(6) = r"SELECT api_key.*, partner.name AS partner_name, service.name AS service_name,
            environment.name AS environment_name, key_use.accepted_at AS used_at,
            (SELECT COUNT(*) FROM delivery WHERE delivery.key_id = api_key.id AND delivery.state = 'claimed') AS is_claimed
        FROM api_key
        JOIN access_grant ON access_grant.id = api_key.grant_id
        JOIN partner ON partner.id = access_grant.partner_id
        JOIN service ON service.id = access_grant.service_id
        JOIN environment ON environment.id = access_grant.environment_id
        LEFT JOIN key_use ON key_use.id = api_key.id
        WHERE (access_grant.partner_id = $1 OR $1 IS NULL)
          AND ($2 = '' OR api_key.state = $2
            OR ($2 = 'ended' AND api_key.state IN ('deactivated', 'compromised', 'destroyed'))
            OR ($2 = 'soon' AND api_key.state IN ('active', 'suspended') AND api_key.expires_at < $3))
          AND (LOWER(partner.name) LIKE $4 ESCAPE '\' OR LOWER(service.name) LIKE $4 ESCAPE '\'
            OR LOWER(api_key.prefix || '_' || api_key.kid) LIKE $4 ESCAPE '\')
        ORDER BY api_key.created_at DESC, api_key.id LIMIT $5 OFFSET $6";
    CHANGED(2) = "SELECT * FROM api_key WHERE change > $1 ORDER BY change LIMIT $2";
    AFTER(2) = "SELECT * FROM api_key WHERE id > $1 ORDER BY id LIMIT $2";
    OVER(2) = "SELECT * FROM api_key WHERE state IN ('pre_activation', 'active', 'suspended') AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
    TO_NOTICE(5) = "SELECT * FROM api_key WHERE state IN ('active', 'suspended') AND expires_at > $1 AND expires_at <= $2
            AND (noticed_days IS NULL OR noticed_days > $3) AND COALESCE(activated_at, created_at) < expires_at - $4
        ORDER BY expires_at, id LIMIT $5";
    USE(1) = "SELECT * FROM key_use WHERE id = $1";
    ADD_USES(1) = sqlite "INSERT INTO key_use (id, accepted, refused, accepted_at, accepted_from, refused_at, refused_from, refused_reason)
            SELECT unhex(value ->> 'id', '-'), value ->> 'accepted', value ->> 'refused', value ->> 'accepted_at', value ->> 'accepted_from',
                value ->> 'refused_at', value ->> 'refused_from', value ->> 'refused_reason' FROM jsonb_each($1) WHERE TRUE
            ON CONFLICT (id) DO UPDATE SET accepted = key_use.accepted + excluded.accepted,
                refused = key_use.refused + excluded.refused,
                accepted_at = COALESCE(excluded.accepted_at, key_use.accepted_at),
                accepted_from = COALESCE(excluded.accepted_from, key_use.accepted_from),
                refused_at = COALESCE(excluded.refused_at, key_use.refused_at),
                refused_from = COALESCE(excluded.refused_from, key_use.refused_from),
                refused_reason = COALESCE(excluded.refused_reason, key_use.refused_reason)",
        postgres "INSERT INTO key_use (id, accepted, refused, accepted_at, accepted_from, refused_at, refused_from, refused_reason)
            SELECT id, accepted, refused, accepted_at, accepted_from, refused_at, refused_from, refused_reason FROM jsonb_to_recordset($1::text::jsonb)
                AS batch (id UUID, accepted BIGINT, refused BIGINT, accepted_at BIGINT, accepted_from TEXT, refused_at BIGINT, refused_from TEXT, refused_reason TEXT)
            ON CONFLICT (id) DO UPDATE SET accepted = key_use.accepted + excluded.accepted,
                refused = key_use.refused + excluded.refused,
                accepted_at = COALESCE(excluded.accepted_at, key_use.accepted_at),
                accepted_from = COALESCE(excluded.accepted_from, key_use.accepted_from),
                refused_at = COALESCE(excluded.refused_at, key_use.refused_at),
                refused_from = COALESCE(excluded.refused_from, key_use.refused_from),
                refused_reason = COALESCE(excluded.refused_reason, key_use.refused_reason)";
}
