//! Opening the database, and what runs statements on it.

use std::ops::{Deref, DerefMut};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use domain::keyring::RowKey;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::Error;
use crate::row::{Row, Sealed, Stamped};
use crate::writer::{Turn, Writer};

/// An open database whose schema is this program's.
#[derive(Clone)]
pub enum Database {
    /// One writer connection and separate readers.
    Sqlite {
        writer: Writer,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction on either engine. All reading statements are methods of this type, in the file of
/// their aggregate; writing ones are methods of [`crate::Work`].
pub enum Conn {
    Sqlite(SqliteConn),
    Postgres(Transaction<'static, Postgres>),
}

/// One of the readers, or the writer.
pub enum SqliteConn {
    Reading(Transaction<'static, Sqlite>),
    Writing(Turn),
}

/// A consistent view of the database, for reading.
pub struct Read {
    pub(crate) conn: Conn,
    pub(crate) row_key: RowKey,
}

/// When what was committed is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Before the commit returns.
    OnCommit,
    /// With the next commit that waits for it, or a little later. Both engines write their log in
    /// the order of the commits: a power cut undoes the last ones, never one before another that it
    /// leaves.
    Later,
}

/// How long a writer waits for the others before it gives up.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

impl Database {
    /// Opens `sqlite:PATH` (created where missing) or `postgres://…`, and does nothing else.
    ///
    /// # Errors
    /// [`Error::Open`] when the URL or the server is not usable.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::connect_postgres(url).await
        } else {
            Err(Error::Open(
                "the database URL begins with neither sqlite: nor postgres:".to_owned(),
            ))
        }
    }

    async fn connect_sqlite(url: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| Error::Open(error.to_string()))?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON")
            // What it would write beside the database could hold what was erased, and outlive it.
            .pragma("temp_store", "MEMORY");
        let writer = Writer::connect(options.clone())
            .await
            .map_err(|error| Error::Open(error.to_string()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(BUSY)
            // There is no line that could be cut, asking takes as long as a statement, and a
            // connection that is given back is asked anyway.
            .test_before_acquire(false)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(|error| Error::Open(error.to_string()))?;
        Ok(Self::Sqlite { writer, readers })
    }

    async fn connect_postgres(url: &str) -> Result<Self, Error> {
        let options =
            PgConnectOptions::from_str(url).map_err(|error| Error::Open(error.to_string()))?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(BUSY)
            .connect_with(options.application_name("latchkey"))
            .await
            .map_err(|error| Error::Open(error.to_string()))?;
        Ok(Self::Postgres(pool))
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) async fn begin_read(&self) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                Conn::Sqlite(SqliteConn::Reading(readers.begin().await?))
            }
            Self::Postgres(pool) => Conn::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        })
    }

    /// Begins to write. SQLite lets one writer in at a time anyway; `BEGIN IMMEDIATE` makes it wait
    /// its turn at once, where a later upgrade would fail with a stale snapshot.
    pub(crate) async fn begin_write(&self, kept: Kept) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => {
                Conn::Sqlite(SqliteConn::Writing(writer.begin(kept).await?))
            }
            Self::Postgres(pool) => Conn::Postgres(match kept {
                Kept::OnCommit => pool.begin().await?,
                Kept::Later => {
                    pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off")
                        .await?
                }
            }),
        })
    }

    /// Empties the write-ahead log, as is done soon after an erasure, unless somebody reads from it
    /// just then. False while somebody does: ask again later.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine fails.
    pub async fn forget_erased(&self) -> Result<bool, Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(writer.forget_erased().await?),
            Self::Postgres(_) => Ok(true),
        }
    }
}

impl Read {
    /// Checks the MACs of rows that were read together; one wrong one refuses them all.
    pub(crate) fn open_all<T: Row>(&self, rows: Vec<Sealed<T>>) -> Result<Vec<Stamped<T>>, Error> {
        self.open_each(rows).collect()
    }

    /// The same, and each stands for itself.
    pub(crate) fn open_each<T: Row>(
        &self,
        rows: Vec<Sealed<T>>,
    ) -> impl Iterator<Item = Result<Stamped<T>, Error>> {
        rows.into_iter().map(|row| row.open(&self.row_key))
    }
}

impl Conn {
    /// Returns when it is committed. What was `erased` is in no file soon after.
    pub(crate) async fn commit(self, erased: bool) -> Result<(), Error> {
        let outcome = match self {
            Self::Sqlite(SqliteConn::Writing(turn)) => turn.commit(erased).await,
            Self::Sqlite(SqliteConn::Reading(tx)) => tx.commit().await.map_err(Arc::new),
            Self::Postgres(tx) => tx.commit().await.map_err(Arc::new),
        };
        outcome.map_err(Error::uncommitted)
    }

    /// Undoes what was done, and returns when all that was seen is committed.
    pub(crate) async fn leave(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(SqliteConn::Writing(turn)) => {
                turn.leave().await.map_err(Error::uncommitted)
            }
            Self::Sqlite(SqliteConn::Reading(_)) | Self::Postgres(_) => Ok(()),
        }
    }
}

impl Deref for SqliteConn {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Reading(tx) => tx,
            Self::Writing(turn) => turn,
        }
    }
}

impl DerefMut for SqliteConn {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Reading(tx) => tx,
            Self::Writing(turn) => turn,
        }
    }
}
