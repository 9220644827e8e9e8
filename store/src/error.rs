//! What can go wrong in the database, named after what the caller does about it.

use std::sync::Arc;

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
    /// Of a commit. A refusal by the database means that nothing was committed; a lost connection
    /// means that nobody knows. Several may have waited for it.
    pub(crate) fn uncommitted(source: Arc<sqlx::Error>) -> Self {
        match *source {
            sqlx::Error::Database(_) => Self::Database(source),
            _ => Self::CommitUnknown(source),
        }
    }
}
