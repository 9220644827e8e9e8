//! What stands in the portal's database, for tests that nothing changed there.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::server::Latchkey;

/// Every row of every table, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(BTreeMap<String, Vec<String>>);

impl Rows {
    /// # Errors
    /// When the database cannot be read.
    pub async fn of(portal: &Latchkey) -> Result<Self> {
        match portal.database_url() {
            Some(url) => of_postgres(url).await,
            None => of_sqlite(portal).await,
        }
    }

    /// The tables that are not the same in both, but for those named.
    pub fn changed(&self, after: &Self, but: &[&str]) -> Vec<String> {
        let same = |table: &&String| self.0.get(*table) == after.0.get(*table);
        let names = self.0.keys().filter(|table| !same(table));
        names
            .filter(|table| !but.contains(&table.as_str()))
            .cloned()
            .collect()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> usize {
        self.0.get(table).map_or(0, Vec::len)
    }
}

async fn of_sqlite(portal: &Latchkey) -> Result<Rows> {
    let mut connection = SqliteConnectOptions::new()
        .filename(portal.data_folder().join("latchkey.sqlite"))
        .read_only(true)
        .connect()
        .await?;
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&mut connection)
        .await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut connection)
            .await?;
        let quoted: Vec<String> = columns
            .iter()
            .map(|name| format!("quote(\"{name}\")"))
            .collect();
        let all = format!(
            "SELECT {} AS line FROM \"{table}\" ORDER BY 1",
            quoted.join(" || '|' || ")
        );
        let lines = sqlx::query(AssertSqlSafe(all))
            .fetch_all(&mut connection)
            .await?;
        rows.insert(table, lines.iter().map(|row| row.get("line")).collect());
    }
    connection.close().await?;
    Ok(Rows(rows))
}

async fn of_postgres(url: &str) -> Result<Rows> {
    let mut connection = PgConnection::connect(url).await?;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&mut connection)
        .await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let all = format!("SELECT t::text AS line FROM \"{table}\" t ORDER BY 1");
        let lines = sqlx::query(AssertSqlSafe(all))
            .fetch_all(&mut connection)
            .await
            .with_context(|| table.clone())?;
        rows.insert(table, lines.iter().map(|row| row.get("line")).collect());
    }
    connection.close().await?;
    Ok(Rows(rows))
}
