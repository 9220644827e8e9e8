//! Keys by the thousand, for a database that is only there to be measured.

use domain::enc::Digest;
use uuid::Uuid;

use crate::column::raw;
use crate::conn::Conn;
use crate::error::Error;
use crate::keys::KeyRow;
use crate::row::mac_input;
use crate::sql::statements;
use crate::work::Work;

impl Work {
    /// Adds active keys that replace none, each with its own place in the counter of changes. No
    /// snapshot follows: the portal that serves them is started afterwards.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_active_keys(&mut self, keys: &mut [KeyRow]) -> Result<(), Error> {
        let last = self.raise_key_counter_by(keys.len()).await?;
        for (key, change) in keys.iter_mut().rev().zip((0..=last).rev()) {
            key.change = change;
        }
        let macs: Vec<Digest> = keys
            .iter()
            .map(|key| self.read.row_key.mac(&mac_input(key, STAMP)))
            .collect();
        match &mut self.read.conn {
            Conn::Sqlite(tx) => {
                for (key, mac) in keys.iter().zip(macs) {
                    sqlx::query(ADD.sqlite)
                        .bind(raw(&key.id))
                        .bind(key.kid.as_str())
                        .bind(raw(&key.grant_id))
                        .bind(raw(&key.key_mac))
                        .bind(key.prefix.as_str())
                        .bind(raw(&key.state))
                        .bind(raw(&key.created_at))
                        .bind(raw(&key.activated_at))
                        .bind(raw(&key.expires_at))
                        .bind(key.change)
                        .bind(STAMP)
                        .bind(mac.to_vec())
                        .execute(&mut **tx)
                        .await?;
                }
            }
            Conn::Postgres(tx) => {
                let column = |of: fn(&KeyRow) -> i64| keys.iter().map(of).collect::<Vec<i64>>();
                let ids = |of: fn(&KeyRow) -> Uuid| keys.iter().map(of).collect::<Vec<Uuid>>();
                let texts =
                    |of: fn(&KeyRow) -> String| keys.iter().map(of).collect::<Vec<String>>();
                sqlx::query(ADD.postgres)
                    .bind(ids(|key| raw(&key.id)))
                    .bind(texts(|key| raw(&key.kid)))
                    .bind(ids(|key| raw(&key.grant_id)))
                    .bind(keys.iter().map(|key| raw(&key.key_mac)).collect::<Vec<_>>())
                    .bind(texts(|key| raw(&key.prefix)))
                    .bind(texts(|key| raw(&key.state)))
                    .bind(column(|key| raw(&key.created_at)))
                    .bind(
                        keys.iter()
                            .map(|key| raw(&key.activated_at))
                            .collect::<Vec<_>>(),
                    )
                    .bind(column(|key| raw(&key.expires_at)))
                    .bind(column(|key| key.change))
                    .bind(vec![STAMP; keys.len()])
                    .bind(macs.iter().map(raw).collect::<Vec<_>>())
                    .execute(&mut **tx)
                    .await?;
            }
        }
        Ok(())
    }

    /// The counter's new value; the ones before it, down to the old one, are taken with it.
    async fn raise_key_counter_by(&mut self, keys: usize) -> Result<i64, Error> {
        let by = i64::try_from(keys).unwrap_or(i64::MAX);
        let value: (i64,) = match &mut self.read.conn {
            Conn::Sqlite(tx) => {
                sqlx::query_as(RAISE_BY.sqlite)
                    .bind(by)
                    .fetch_one(&mut **tx)
                    .await?
            }
            Conn::Postgres(tx) => {
                sqlx::query_as(RAISE_BY.postgres)
                    .bind(by)
                    .fetch_one(&mut **tx)
                    .await?
            }
        };
        Ok(value.0)
    }
}

/// A row's first.
const STAMP: i64 = 1;

statements! {
    RAISE_BY(1) = "UPDATE key_counter SET value = value + $1 WHERE id = 1 RETURNING value";
    ADD(12) = sqlite "INSERT INTO api_key (id, kid, grant_id, key_mac, prefix, state, created_at, activated_at, expires_at, change, stamp, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        postgres "INSERT INTO api_key (id, kid, grant_id, key_mac, prefix, state, created_at, activated_at, expires_at, change, stamp, mac) SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[])";
}
