//! What can go wrong in the database, named after what the caller does about it.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed the row since it was read: load again and decide again.
    #[error("the {table} row {id} was changed by somebody else")]
    Changed { table: &'static str, id: Uuid },

    /// A unique value is taken. The index's name says which.
    #[error("this value is taken already")]
    Taken(#[source] sqlx::Error),

    /// A row that authority rests on is not as this program wrote it: refuse, and tell staff.
    #[error("the {table} row {id} does not carry a valid MAC")]
    Tampered { table: &'static str, id: Uuid },

    /// The commit's outcome is not known: deny until reloaded.
    #[error("it is not known whether the transaction was committed")]
    CommitUnknown(#[source] Arc<sqlx::Error>),

    #[error(
        "the database holds schema {found}, and this program knows {known}: run the version that made it, or a later one"
    )]
    NewerSchema { found: i64, known: i64 },

    #[error("the database cannot be opened: {0}")]
    Open(String),

    #[error("the database did not answer as expected")]
    Database(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Database(error) if error.is_unique_violation() => Self::Taken(source),
            _ => Self::Database(Arc::new(source)),
        }
    }
}

impl Error {
    /// Of a commit. A refusal by the database means that nothing was committed; a lost connection or
    /// a disk that failed means that nobody knows. Several may have waited for it.
    pub(crate) fn uncommitted(source: Arc<sqlx::Error>) -> Self {
        match &*source {
            sqlx::Error::Database(error) if !disk_failed(&**error) => Self::Database(source),
            _ => Self::CommitUnknown(source),
        }
    }
}

/// `SQLITE_IOERR`, in the low byte of the extended code: the write-ahead log may hold the commit all
/// the same, or a part of it.
fn disk_failed(error: &dyn DatabaseError) -> bool {
    const IOERR: u32 = 10;
    error
        .try_downcast_ref::<SqliteError>()
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == IOERR)
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    #[tokio::test]
    async fn a_disk_that_fails_leaves_open_whether_it_was_committed() {
        // Nothing is at its start: reading that fails as a broken disk does.
        let broken = SqliteConnectOptions::new().filename("/proc/self/mem");
        let error = broken.read_only(true).connect().await.unwrap_err();
        let unknown = Error::uncommitted(Arc::new(error));
        assert!(matches!(unknown, Error::CommitUnknown(_)), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_commit_that_the_database_refuses_was_not_done() {
        let memory = SqliteConnectOptions::new().in_memory(true);
        let mut memory = memory.connect().await.unwrap();
        for refused in [
            "CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (1)",
            "PRAGMA max_page_count = 3; CREATE TABLE u AS SELECT randomblob(100000)",
        ] {
            let error = sqlx::raw_sql(refused).execute(&mut memory).await;
            let refused = Error::uncommitted(Arc::new(error.unwrap_err()));
            assert!(matches!(refused, Error::Database(_)), "{refused:?}");
        }
    }
}
