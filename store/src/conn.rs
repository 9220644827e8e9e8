//! Opening the database, and what runs statements on it.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::keyring::RowKey;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::error::Error;
use crate::row::{Row, Sealed, Stamped};

/// An open database whose schema is this program's.
#[derive(Clone)]
pub enum Database {
    /// One writer connection and separate readers.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        erasures: Arc<Erasures>,
    },
    Postgres(PgPool),
}

/// A transaction on either engine. All reading statements are methods of this type, in the file of
/// their aggregate; writing ones are methods of [`crate::Work`].
pub enum Conn {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A consistent view of the database, for reading.
pub struct Read {
    pub(crate) conn: Conn,
    pub(crate) row_key: RowKey,
}

/// Erasures that the write-ahead log is to be emptied after, counted as they are asked for.
#[derive(Debug, Default)]
pub struct Erasures {
    asked: AtomicU64,
    /// So many of them are out of the log.
    done: AtomicU64,
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
const BUSY: Duration = Duration::from_secs(10);

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
            .pragma("secure_delete", "ON");
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(BUSY)
                // There is no line that could be cut, asking takes as long as a statement, and a
                // connection that is given back is asked anyway.
                .test_before_acquire(false)
        };
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(|error| Error::Open(error.to_string()))?;
        let readers = pool(4)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(|error| Error::Open(error.to_string()))?;
        Ok(Self::Sqlite {
            writer,
            readers,
            erasures: Arc::default(),
        })
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
            Self::Sqlite {
                writer, readers, ..
            } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) async fn begin_read(&self) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Conn::Sqlite(readers.begin().await?),
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
            Self::Sqlite { writer, .. } => Conn::Sqlite(
                writer
                    .begin_with(match kept {
                        // An acknowledged revocation must survive a power cut.
                        Kept::OnCommit => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
                        Kept::Later => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
                    })
                    .await?,
            ),
            Self::Postgres(pool) => Conn::Postgres(match kept {
                Kept::OnCommit => pool.begin().await?,
                Kept::Later => {
                    pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off")
                        .await?
                }
            }),
        })
    }

    /// After an erasure: empties the write-ahead log, so that what was erased is not left in it.
    /// False while somebody still reads from the log: ask again later. It waits for readers only
    /// briefly, since nobody can write in the meantime. Several who wait for their turn are served at
    /// once.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine fails.
    pub async fn forget_erased(&self) -> Result<bool, Error> {
        let Self::Sqlite {
            writer, erasures, ..
        } = self
        else {
            return Ok(true);
        };
        let ours = erasures.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut conn = writer.acquire().await?;
        if erasures.done.load(Ordering::SeqCst) >= ours {
            return Ok(true);
        }
        // Whoever has asked by now has committed before.
        let all = erasures.asked.load(Ordering::SeqCst);
        sqlx::query("PRAGMA busy_timeout = 100")
            .execute(&mut *conn)
            .await?;
        let outcome: Result<i64, sqlx::Error> =
            sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut *conn)
                .await;
        // `BUSY`, as the connection was opened.
        sqlx::query("PRAGMA busy_timeout = 10000")
            .execute(&mut *conn)
            .await?;
        let is_done = outcome? == 0;
        if is_done {
            erasures.done.store(all, Ordering::SeqCst);
        }
        Ok(is_done)
    }
}

impl Read {
    /// Checks the MACs of rows that were read together; one wrong one refuses them all.
    pub(crate) fn open_all<T: Row>(&self, rows: Vec<Sealed<T>>) -> Result<Vec<Stamped<T>>, Error> {
        rows.into_iter()
            .map(|row| row.open(&self.row_key))
            .collect()
    }
}

impl Conn {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}
