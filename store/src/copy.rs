//! Whole tables, row by row, as a backup holds them: the same on both engines, so that what one
//! gave the other can take.
//!
//! Left out is what must not outlive the database that it was made in: sessions, ceremonies, acts
//! that wait for their passkey, and tries against a limit.

use futures_util::TryStreamExt as _;
use sqlx::{ColumnIndex, Decode, Type};
use uuid::Uuid;

use crate::conn::{Conn, Database, Read};
use crate::error::Error;
use crate::row::row;
use crate::sql::{Statement, run, statements};
use crate::work::Work;

/// What a column holds, on either engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    Id,
    Bytes,
    Integer,
    Text,
    Truth,
}

/// One value of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Id(Uuid),
    Bytes(Vec<u8>),
    Integer(i64),
    Text(String),
    Truth(bool),
}

/// A table that a backup holds.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, CellKind)],
    pub(crate) select: Statement,
    pub(crate) count: Statement,
    pub(crate) insert: Statement,
}

/// Tables in an order in which each row comes after those that it refers to.
macro_rules! tables {
    ($($table:literal by $order:literal { $($column:ident: $kind:ident,)+ })+) => {
        /// Every table that a backup holds, in the order in which they can be filled.
        pub static TABLES: &[Table] = &[$(Table {
            name: $table,
            columns: &[$((stringify!($column), CellKind::$kind)),+],
            select: Statement::both(concat!("SELECT * FROM ", $table, " ORDER BY ", $order), 0),
            count: Statement::both(concat!("SELECT COUNT(*) AS value FROM ", $table), 0),
            insert: row!(@sql insert plain $table [$($column)+]),
        }),+];
    };
}

#[derive(sqlx::FromRow)]
struct Number {
    value: i64,
}

impl Database {
    /// `sqlite` or `postgresql`.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }
}

impl Table {
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

impl Read {
    /// Hands out every row of a table, in its columns' order; the answer is how many there were.
    ///
    /// # Errors
    /// [`Error::Database`], or what `each` says.
    pub async fn copy_out<E: From<Error>>(
        &mut self,
        table: &Table,
        mut each: impl FnMut(&[Cell]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut rows = 0;
        // The two arms differ in the types of their rows alone.
        macro_rules! drain {
            ($sql:expr, $tx:expr) => {{
                let mut stream = sqlx::query($sql).fetch(&mut **$tx);
                while let Some(row) = stream.try_next().await.map_err(Error::from)? {
                    each(&cells(&row, table.columns).map_err(Error::from)?)?;
                    rows += 1;
                }
            }};
        }
        match &mut self.conn {
            Conn::Sqlite(tx) => drain!(table.select.sqlite, tx),
            Conn::Postgres(tx) => drain!(table.select.postgres, tx),
        }
        Ok(rows)
    }

    /// The first table that holds a row, if any does. What the program itself settles when it first
    /// opens a database does not count.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn first_filled(&mut self) -> Result<Option<&'static str>, Error> {
        for table in TABLES.iter().filter(|table| table.name != "setting") {
            let count = match &mut self.conn {
                Conn::Sqlite(tx) => {
                    sqlx::query_as::<_, Number>(table.count.sqlite)
                        .fetch_one(&mut **tx)
                        .await?
                }
                Conn::Postgres(tx) => {
                    sqlx::query_as::<_, Number>(table.count.postgres)
                        .fetch_one(&mut **tx)
                        .await?
                }
            };
            if count.value > 0 {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }
}

impl Work {
    /// Forgets the settings of an empty database: a restore brings its own.
    pub async fn forget_settings(&mut self) -> Result<(), Error> {
        run!(&mut self.read.conn, FORGET_SETTINGS, [], execute)?;
        Ok(())
    }

    /// Sets the counter of key changes, which has its one row from the start.
    pub async fn set_key_counter(&mut self, value: i64) -> Result<(), Error> {
        run!(&mut self.read.conn, SET_COUNTER, [value], execute)?;
        Ok(())
    }

    /// Puts a row in as it was handed out: its stamp and MAC with it.
    ///
    /// # Errors
    /// [`Error::Database`] for a row that the table does not take.
    pub async fn copy_in(&mut self, table: &Table, row: &[Cell]) -> Result<(), Error> {
        macro_rules! fill {
            ($sql:expr, $tx:expr) => {{
                let mut query = sqlx::query($sql);
                for ((_, kind), cell) in table.columns.iter().zip(row) {
                    query = match cell {
                        Cell::Id(id) => query.bind(*id),
                        Cell::Bytes(bytes) => query.bind(bytes.clone()),
                        Cell::Integer(integer) => query.bind(*integer),
                        Cell::Text(text) => query.bind(text.clone()),
                        Cell::Truth(truth) => query.bind(*truth),
                        Cell::Null => match kind {
                            CellKind::Id => query.bind(None::<Uuid>),
                            CellKind::Bytes => query.bind(None::<Vec<u8>>),
                            CellKind::Integer => query.bind(None::<i64>),
                            CellKind::Text => query.bind(None::<String>),
                            CellKind::Truth => query.bind(None::<bool>),
                        },
                    };
                }
                query.execute(&mut **$tx).await?;
            }};
        }
        match &mut self.read.conn {
            Conn::Sqlite(tx) => fill!(table.insert.sqlite, tx),
            Conn::Postgres(tx) => fill!(table.insert.postgres, tx),
        }
        Ok(())
    }
}

fn cells<'r, R: sqlx::Row>(
    row: &'r R,
    columns: &[(&'static str, CellKind)],
) -> Result<Vec<Cell>, sqlx::Error>
where
    &'static str: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    columns
        .iter()
        .map(|(name, kind)| {
            let cell = match kind {
                CellKind::Id => row.try_get::<Option<Uuid>, _>(*name)?.map(Cell::Id),
                CellKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(*name)?.map(Cell::Bytes),
                CellKind::Integer => row.try_get::<Option<i64>, _>(*name)?.map(Cell::Integer),
                CellKind::Text => row.try_get::<Option<String>, _>(*name)?.map(Cell::Text),
                CellKind::Truth => row.try_get::<Option<bool>, _>(*name)?.map(Cell::Truth),
            };
            Ok(cell.unwrap_or(Cell::Null))
        })
        .collect()
}

statements! {
    FORGET_SETTINGS(0) = "DELETE FROM setting";
    SET_COUNTER(1) = "UPDATE key_counter SET value = $1 WHERE id = 1";
}

tables! {
    "setting" by "name" {
        name: Text, value: Text,
    }
    "keyring" by "name, version" {
        name: Text, version: Integer, wrapped: Bytes, created_at: Integer,
    }
    "audit" by "seq" {
        seq: Integer, at: Integer, actor_kind: Text, actor_id: Id, credential_id: Id, act: Text,
        subject_kind: Text, subject_id: Id, outcome: Text, evidence: Text, address: Text,
        agent: Text, previous: Bytes, hash: Bytes,
    }
    "partner" by "created_at, id" {
        id: Id, name: Text, state: Text, created_at: Integer, stamp: Integer, mac: Bytes,
    }
    "person" by "created_at, id" {
        id: Id, kind: Text, partner_id: Id, name: Text, state: Text, created_at: Integer,
        stamp: Integer, mac: Bytes,
    }
    "address" by "id" {
        id: Id, email: Text, mailbox: Text, changed_at: Integer, stamp: Integer, mac: Bytes,
    }
    "role" by "id" {
        id: Id, person_id: Id, role: Text, appointed_at: Integer, appointed_by: Id,
        stamp: Integer, mac: Bytes,
    }
    "credential" by "created_at, id" {
        id: Id, person_id: Id, raw_id: Bytes, label: Text, passkey: Text, device_bound: Truth,
        sealing_key: Bytes, signing_key: Bytes, enrolment: Bytes, created_at: Integer,
        used_at: Integer, removed_at: Integer, stamp: Integer, mac: Bytes,
    }
    "person_link" by "created_at, id" {
        id: Id, kind: Text, person_id: Id, secret_digest: Bytes, code_mac: Bytes,
        wrong_codes: Integer, created_by: Id, confirmed_by: Id, lost_credential_id: Id,
        created_at: Integer, expires_at: Integer, consumed_at: Integer, voided_at: Integer,
        stamp: Integer, mac: Bytes,
    }
    "outbox" by "created_at, id" {
        id: Id, template: Text, address: Text, person_id: Id, content: Text, sealed: Bytes,
        created_at: Integer, next_at: Integer, attempts: Integer, sent_at: Integer,
        dead_at: Integer, last_error: Text,
    }
    "service" by "created_at, id" {
        id: Id, slug: Text, name: Text, description: Text, catalogue: Text, version: Integer,
        created_at: Integer, retired_at: Integer,
    }
    "environment" by "created_at, id" {
        id: Id, service_id: Id, name: Text, kind: Text, tag: Text, base_url: Text,
        created_at: Integer, stamp: Integer, mac: Bytes,
    }
    "policy" by "created_at, id" {
        id: Id, environment_id: Id, version: Integer, document: Text, created_at: Integer,
        created_by: Id, stamp: Integer, mac: Bytes,
    }
    "proposal" by "id" {
        id: Id, act: Text, subject_id: Id, input: Text, state: Text, proposed_by: Id,
        proposed_at: Integer, settled_by: Id, settled_at: Integer, stamp: Integer, mac: Bytes,
    }
    "access_request" by "created_at, id" {
        id: Id, partner_id: Id, service_id: Id, requester_id: Id, state: Text, draft: Text,
        draft_version: Integer, revisions: Integer, created_at: Integer, updated_at: Integer,
        submitted_at: Integer,
    }
    "revision" by "id" {
        id: Id, request_id: Id, number: Integer, document: Text, digest: Bytes, submitted_by: Id,
        submitted_at: Integer, stamp: Integer, mac: Bytes,
    }
    "review" by "id" {
        id: Id, request_id: Id, revision_id: Id, section: Text, verdict: Text, comment: Text,
        person_id: Id, at: Integer,
    }
    "recusal" by "id" {
        id: Id, request_id: Id, person_id: Id, reason: Text, at: Integer,
    }
    "access_grant" by "id" {
        id: Id, request_id: Id, revision_id: Id, partner_id: Id, service_id: Id,
        environment_id: Id, policy_id: Id, recipient_id: Id, number: Integer, document: Text,
        digest: Bytes, state: Text, proposed_by: Id, proposed_at: Integer, settled_at: Integer,
        valid_until: Integer, ended_at: Integer, end_reason: Text, stamp: Integer, mac: Bytes,
        narrowed: Integer,
    }
    "decision" by "id" {
        id: Id, grant_id: Id, person_id: Id, credential_id: Id, verdict: Text, reason: Text,
        revision_digest: Bytes, grant_digest: Bytes, policy_digest: Bytes,
        recipient_digest: Bytes, evidence: Text, at: Integer, voided_at: Integer,
        voided_why: Text, stamp: Integer, mac: Bytes,
    }
    "grant_overlay" by "id" {
        id: Id, grant_id: Id, requester_id: Id, policy_id: Id, document: Text, digest: Bytes,
        reason: Text, state: Text, asked_at: Integer, settled_at: Integer, ends_at: Integer,
        ended_at: Integer, end_reason: Text, stamp: Integer, mac: Bytes,
    }
    "overlay_decision" by "id" {
        id: Id, overlay_id: Id, person_id: Id, credential_id: Id, verdict: Text, reason: Text,
        revision_digest: Bytes, grant_digest: Bytes, policy_digest: Bytes,
        recipient_digest: Bytes, evidence: Text, at: Integer, voided_at: Integer,
        voided_why: Text, stamp: Integer, mac: Bytes,
    }
    "narrowing" by "id" {
        id: Id, grant_id: Id, number: Integer, document: Text, digest: Bytes, reason: Text,
        narrowed_by: Id, credential_id: Id, evidence: Text, at: Integer, stamp: Integer,
        mac: Bytes,
    }
    "api_key" by "created_at, id" {
        id: Id, kid: Text, grant_id: Id, replaces_id: Id, key_mac: Bytes, prefix: Text,
        state: Text, created_at: Integer, activated_at: Integer, expires_at: Integer,
        ended_at: Integer, end_reason: Text, noticed_days: Integer, change: Integer,
        stamp: Integer, mac: Bytes,
    }
    "key_use" by "id" {
        id: Id, accepted: Integer, refused: Integer, accepted_at: Integer, accepted_from: Text,
        refused_at: Integer, refused_from: Text, refused_reason: Text,
    }
    "call_count" by "key_id, span, starts_at, outcome, endpoint, source, scope" {
        key_id: Id, span: Text, starts_at: Integer, outcome: Text, endpoint: Text, source: Text,
        scope: Text, calls: Integer,
    }
    "spent" by "counted, id, period, starts_at" {
        counted: Text, id: Id, period: Text, starts_at: Integer, calls: Integer,
    }
    "delivery" by "created_at, id" {
        id: Id, key_id: Id, grant_id: Id, recipient_id: Id, state: Text, header: Bytes,
        claim_digest: Bytes, created_at: Integer, expires_at: Integer, claimed_by: Id,
        claimed_at: Integer, lease_until: Integer, ended_at: Integer, end_reason: Text,
        receipt: Text,
    }
    "envelope" by "delivery_id, credential_id" {
        delivery_id: Id, credential_id: Id, sealed: Bytes, ciphertext_digest: Bytes,
        opened_digest: Bytes,
    }
    "gateway" by "created_at, id" {
        id: Id, name: Text, kind: Text, reach: Text, proxies: Text, credential_mac: Bytes,
        old_credential_mac: Bytes, old_credential_until: Integer, state: Text,
        created_at: Integer, stamp: Integer, mac: Bytes, signs: Truth,
    }
}
