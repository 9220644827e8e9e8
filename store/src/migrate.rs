//! The schema: applied on request, and refused where it is newer than this program.

use sqlx::migrate::{MigrateError, Migrator};

use crate::conn::Database;
use crate::error::Error;

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

impl Database {
    /// Brings the schema up to this program's. Several processes may start together.
    ///
    /// # Errors
    /// [`Error::NewerSchema`] when a later program was here, [`Error::Open`] when a migration fails
    /// or was edited after it was applied.
    pub async fn migrate(&self) -> Result<(), Error> {
        let outcome = match self {
            Self::Sqlite { writer, .. } => {
                let mut alone = writer.alone().await?;
                match SQLITE.run_direct(None, &mut **alone, false).await {
                    // sqlx takes no lock here: of two that start together one finds the tables made.
                    Err(MigrateError::ExecuteMigration(..)) => {
                        SQLITE.run_direct(None, &mut **alone, false).await
                    }
                    outcome => outcome,
                }
            }
            Self::Postgres(pool) => POSTGRES.run(pool).await,
        };
        outcome.map_err(|error| match error {
            MigrateError::VersionMissing(found) => Error::NewerSchema {
                found,
                known: newest(&SQLITE),
            },
            other => Error::Open(other.to_string()),
        })
    }

    /// The schema that this program makes and knows.
    pub fn known_schema() -> i64 {
        newest(&SQLITE)
    }

    /// Whether a migration is still to be applied.
    ///
    /// # Errors
    /// As [`Database::schema`].
    pub async fn is_current(&self) -> Result<bool, Error> {
        Ok(self.schema().await? == newest(&SQLITE))
    }

    /// The schema that the database has; 0 before the first migration.
    ///
    /// # Errors
    /// [`Error::NewerSchema`] as in [`Database::migrate`].
    pub async fn schema(&self) -> Result<i64, Error> {
        let applied: Result<Vec<i64>, sqlx::Error> = match self {
            Self::Sqlite { writer, .. } => {
                let mut alone = writer.alone().await?;
                sqlx::query_scalar(APPLIED).fetch_all(&mut **alone).await
            }
            Self::Postgres(pool) => sqlx::query_scalar(APPLIED).fetch_all(pool).await,
        };
        // Before the first migration there is no table of them.
        let found = applied.unwrap_or_default().into_iter().max().unwrap_or(0);
        let known = newest(&SQLITE);
        if found > known {
            return Err(Error::NewerSchema { found, known });
        }
        Ok(found)
    }
}

const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";

fn newest(migrator: &Migrator) -> i64 {
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}
