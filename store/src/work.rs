//! The unit of work. It carries its evidence: committing takes the audit entries of what was done,
//! and mail is queued on it, so that a state change, its entry and its mail commit together or not
//! at all (never 7). What may commit without an entry is a closed list, [`Unaudited`].

use std::iter;

use domain::id::KeyId;
use domain::keyring::RowKey;

use crate::audit::Entry;
use crate::conn::{Conn, Database, Kept, Read};
use crate::error::Error;
use crate::row::{PostgresQuery, Row, SqliteQuery, Stamped, mac_input};
use crate::sql::{Statement, run, statements};

/// The database together with the key that its rows are MACed under.
#[derive(Clone)]
pub struct Store {
    database: Database,
    row_key: RowKey,
}

/// A transaction that changes something.
#[must_use = "a unit of work that is not committed is rolled back"]
pub struct Work {
    pub(crate) read: Read,
    /// Keys that this transaction touched, with their new change stamps.
    pub(crate) touched: Vec<(KeyId, i64)>,
    /// The ciphertext of a delivery was erased.
    pub(crate) erased: bool,
    audited: bool,
}

/// At least one audit entry.
pub struct Evidence {
    first: Entry,
    rest: Vec<Entry>,
}

/// What may commit without an audit entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unaudited {
    Draft,
    Ceremony,
    Session,
    Usage,
    Outbox,
    /// Counting tries against a limit.
    Limit,
}

/// What a committed transaction did to keys: what the snapshot has to take over.
#[derive(Debug, Default)]
pub struct Committed {
    pub touched: Vec<(KeyId, i64)>,
}

impl Evidence {
    pub const fn of(entry: Entry) -> Self {
        Self {
            first: entry,
            rest: Vec::new(),
        }
    }

    /// What was done, in the words of the first entry.
    pub fn act(&self) -> &str {
        &self.first.act
    }

    #[must_use]
    pub fn and(mut self, entry: Entry) -> Self {
        self.rest.push(entry);
        self
    }
}

impl Store {
    pub const fn new(database: Database, row_key: RowKey) -> Self {
        Self { database, row_key }
    }

    pub const fn database(&self) -> &Database {
        &self.database
    }

    pub const fn row_key(&self) -> &RowKey {
        &self.row_key
    }

    /// # Errors
    /// [`Error::Database`] when no connection is to be had.
    pub async fn read(&self) -> Result<Read, Error> {
        Ok(Read {
            conn: self.database.begin_read().await?,
            row_key: self.row_key.clone(),
        })
    }

    /// Begins audited work. Audited writes are serialised: the hash chain needs it, and write skew
    /// goes with it.
    ///
    /// # Errors
    /// [`Error::Database`] when no connection is to be had in time.
    pub async fn work(&self) -> Result<Work, Error> {
        let mut work = self.begin(true, Kept::OnCommit).await?;
        if matches!(work.read.conn, Conn::Postgres(_)) {
            run!(&mut work.read.conn, SERIALISE, [], execute)?;
        }
        Ok(work)
    }

    /// Begins work that needs no audit entry.
    ///
    /// # Errors
    /// [`Error::Database`] when no connection is to be had in time.
    pub async fn minor_work(&self) -> Result<Work, Error> {
        self.begin(false, Kept::OnCommit).await
    }

    /// Begins minor work that a power cut may undo, unless a later commit was kept: for what nobody
    /// relies on by itself, such as a counted try, a ceremony or a lease. Others see it as soon as
    /// it is committed, and it outlives this process.
    ///
    /// # Errors
    /// As [`Store::minor_work`].
    pub async fn passing_work(&self) -> Result<Work, Error> {
        self.begin(false, Kept::Later).await
    }

    async fn begin(&self, audited: bool, kept: Kept) -> Result<Work, Error> {
        Ok(Work {
            read: Read {
                conn: self.database.begin_write(kept).await?,
                row_key: self.row_key.clone(),
            },
            touched: Vec::new(),
            erased: false,
            audited,
        })
    }
}

impl Work {
    /// Appends the entries to the audit log and commits.
    ///
    /// # Errors
    /// [`Error::CommitUnknown`] when the commit was sent and no answer came; any other error means
    /// that nothing was changed.
    pub async fn commit(mut self, evidence: Evidence) -> Result<Committed, Error> {
        debug_assert!(self.audited, "audited work begins with Store::work");
        self.append(iter::once(evidence.first).chain(evidence.rest))
            .await?;
        self.finish().await
    }

    /// # Errors
    /// As [`Work::commit`].
    pub async fn commit_unaudited(self, why: Unaudited) -> Result<Committed, Error> {
        tracing::trace!(?why, "unaudited commit");
        self.finish().await
    }

    /// Undoes what was done, and returns once all that it saw is committed: for an answer other than
    /// a refusal that rests on what somebody else has just done.
    ///
    /// # Errors
    /// As [`Work::commit`], of what it saw.
    pub async fn leave(self) -> Result<(), Error> {
        self.read.conn.leave().await
    }

    async fn finish(self) -> Result<Committed, Error> {
        self.read.conn.commit(self.erased).await?;
        Ok(Committed {
            touched: self.touched,
        })
    }

    pub(crate) async fn insert<T: Row>(&mut self, row: &T) -> Result<(), Error> {
        match &mut self.read.conn {
            Conn::Sqlite(tx) => {
                let query = row.bind_sqlite(sqlx::query(T::INSERT.sqlite));
                query.execute(&mut **tx).await?;
            }
            Conn::Postgres(tx) => {
                let query = row.bind_postgres(sqlx::query(T::INSERT.postgres));
                query.execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn update<T: Row>(&mut self, row: &T) -> Result<(), Error> {
        let affected = match &mut self.read.conn {
            Conn::Sqlite(tx) => row
                .bind_sqlite(sqlx::query(T::UPDATE.sqlite))
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Conn::Postgres(tx) => row
                .bind_postgres(sqlx::query(T::UPDATE.postgres))
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        };
        changed_one::<T>(affected, row)
    }

    /// Inserts a row with its first stamp and its MAC.
    pub(crate) async fn insert_sealed<T: Row>(&mut self, row: T) -> Result<Stamped<T>, Error> {
        let stamp = 1;
        self.execute_sealed(T::INSERT, &row, stamp, None).await?;
        Ok(Stamped::new(row, stamp))
    }

    /// Writes a row that was read at `old`'s stamp; refuses if it has changed since.
    pub(crate) async fn update_sealed<T: Row>(
        &mut self,
        row: T,
        old_stamp: i64,
    ) -> Result<Stamped<T>, Error> {
        let stamp = old_stamp.saturating_add(1);
        let affected = self
            .execute_sealed(T::UPDATE, &row, stamp, Some(old_stamp))
            .await?;
        changed_one::<T>(affected, &row)?;
        Ok(Stamped::new(row, stamp))
    }

    async fn execute_sealed<T: Row>(
        &mut self,
        statement: Statement,
        row: &T,
        stamp: i64,
        old_stamp: Option<i64>,
    ) -> Result<u64, Error> {
        let mac = self.read.row_key.mac(&mac_input(row, stamp)).to_vec();
        Ok(match &mut self.read.conn {
            Conn::Sqlite(tx) => {
                let mut query: SqliteQuery<'_> = row.bind_sqlite(sqlx::query(statement.sqlite));
                query = query.bind(stamp).bind(mac);
                if let Some(old) = old_stamp {
                    query = query.bind(old);
                }
                query.execute(&mut **tx).await?.rows_affected()
            }
            Conn::Postgres(tx) => {
                let mut query: PostgresQuery<'_> =
                    row.bind_postgres(sqlx::query(statement.postgres));
                query = query.bind(stamp).bind(mac);
                if let Some(old) = old_stamp {
                    query = query.bind(old);
                }
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }
}

impl std::ops::Deref for Work {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

/// What can be read can be read while writing, in the same transaction.
impl std::ops::DerefMut for Work {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

fn changed_one<T: Row>(affected: u64, row: &T) -> Result<(), Error> {
    if affected == 1 {
        Ok(())
    } else {
        Err(Error::Changed {
            table: T::TABLE,
            id: row.id(),
        })
    }
}

statements! {
    /// "latchkey" in ASCII: the advisory lock of audited writes.
    SERIALISE(0) = sqlite "SELECT 1", postgres "SELECT pg_advisory_xact_lock(7809651229001442681)";
}
