//! The wrapped keyring and the settings that the program itself keeps. Read before there is a row
//! key, so they are methods of [`Database`].

use domain::time::Timestamp;

use crate::conn::{Database, Kept};
use crate::error::Error;
use crate::sql::{run, statements};

/// One key of the keyring, wrapped by the root key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WrappedKey {
    pub name: String,
    pub version: i64,
    pub wrapped: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Value {
    value: String,
}

impl Database {
    /// The newest version of each key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn wrapped_keys(&self) -> Result<Vec<WrappedKey>, Error> {
        let mut conn = self.begin_read().await?;
        Ok(run!(&mut conn, KEYS, [], fetch_all as WrappedKey)?)
    }

    /// Stores keys that were not there before; all of them or, where another process was faster,
    /// none.
    ///
    /// # Errors
    /// [`Error::Taken`] when another process was faster.
    pub async fn add_wrapped_keys(&self, keys: &[WrappedKey], now: Timestamp) -> Result<(), Error> {
        let mut conn = self.begin_write(Kept::OnCommit).await?;
        for key in keys {
            run!(
                &mut conn,
                ADD_KEY,
                [key.name, key.version, key.wrapped, now],
                execute
            )?;
        }
        conn.commit(false).await
    }

    /// # Errors
    /// [`Error::Database`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, Error> {
        let mut conn = self.begin_read().await?;
        let value = run!(&mut conn, SETTING, [name], fetch_optional as Value)?;
        Ok(value.map(|value| value.value))
    }

    /// Stores a setting if it has no value yet, and returns the value that it has now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn settle(&self, name: &str, value: &str) -> Result<String, Error> {
        let mut conn = self.begin_write(Kept::OnCommit).await?;
        run!(&mut conn, SETTLE, [name, value], execute)?;
        let settled = run!(&mut conn, SETTING, [name], fetch_one as Value)?;
        conn.commit(false).await?;
        Ok(settled.value)
    }
}

statements! {
    KEYS(0) = "SELECT name, version, wrapped FROM keyring AS k WHERE version = (SELECT MAX(version) FROM keyring AS newer WHERE newer.name = k.name) ORDER BY name";
    ADD_KEY(4) = "INSERT INTO keyring (name, version, wrapped, created_at) VALUES ($1, $2, $3, $4)";
    SETTING(1) = "SELECT value FROM setting WHERE name = $1";
    SETTLE(2) = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
}
