//! Somebody who writes to the portal's database by hand, past the portal: reads what is there as
//! literals of SQL, and changes it.

use anyhow::{Context as _, Result, bail};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    SqliteConnection,
};

use crate::server::Latchkey;

/// A connection on which no foreign key is checked. Tables whose names begin with `kept_` are its own.
pub enum Hand {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A column as the database itself describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub table: String,
    pub name: String,
    pub kind: Kind,
    pub nullable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Id,
    Bytes,
    Integer,
    Text,
    Truth,
}

impl Hand {
    /// On the portal's embedded file, or on the PostgreSQL database that it was started with.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn at(portal: &Latchkey) -> Result<Self> {
        let mut hand = match portal.database_url() {
            Some(url) => Self::Postgres(PgConnection::connect(url).await?),
            None => {
                let options = SqliteConnectOptions::new()
                    .filename(portal.data_folder().join("latchkey.sqlite"))
                    .foreign_keys(false)
                    .busy_timeout(std::time::Duration::from_secs(10));
                Self::Sqlite(options.connect().await?)
            }
        };
        if matches!(hand, Self::Postgres(_)) {
            hand.run("SET session_replication_role = replica").await?;
        }
        Ok(hand)
    }

    /// Runs one statement or several; how many rows the last one changed.
    ///
    /// # Errors
    /// As the database has them.
    pub async fn run(&mut self, sql: &str) -> Result<u64> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => connection.execute(sql).await?.rows_affected(),
            Self::Postgres(connection) => connection.execute(sql).await?.rows_affected(),
        })
    }

    /// The portal can write nothing of what quotas count until [`Hand::let_go`].
    ///
    /// # Errors
    /// As the database has them.
    pub async fn hold_up_quotas(&mut self) -> Result<()> {
        self.run(match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN; LOCK TABLE spent IN EXCLUSIVE MODE",
        })
        .await
        .map(drop)
    }

    /// # Errors
    /// As the database has them.
    pub async fn let_go(&mut self) -> Result<()> {
        self.run("ROLLBACK").await.map(drop)
    }

    /// The one text column of a query.
    ///
    /// # Errors
    /// As the database has them.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = connection.fetch_all(sql).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()?
            }
            Self::Postgres(connection) => {
                let rows = connection.fetch_all(sql).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()?
            }
        })
    }

    /// The value of a column in the one row that `of` chooses, as a literal.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub async fn literal(&mut self, table: &str, column: &str, of: &str) -> Result<String> {
        let quoted = self.quoted(column);
        let found = self
            .texts(&format!("SELECT {quoted} FROM {table} WHERE {of}"))
            .await?;
        match found.as_slice() {
            [value] => Ok(value.clone()),
            values => bail!("{} rows of {table} where {of}", values.len()),
        }
    }

    /// The hyphenated id of the one row that `of` chooses.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub async fn id(&mut self, table: &str, of: &str) -> Result<String> {
        let literal = self.literal(table, "id", of).await?;
        uuid_in(&literal).with_context(|| format!("{literal} is no id"))
    }

    /// An expression that gives a column's value as a literal.
    pub fn quoted(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("quote({column})"),
            Self::Postgres(_) => format!("quote_nullable({column}::text)"),
        }
    }

    /// A hyphenated id as a literal.
    pub fn uuid(&self, id: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{}'", id.replace('-', "")),
            Self::Postgres(_) => format!("'{id}'::uuid"),
        }
    }

    pub fn bytes(&self, hex: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{hex}'"),
            Self::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    /// # Errors
    /// As the database has them.
    pub async fn tables(&mut self) -> Result<Vec<String>> {
        self.texts(match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                 AND name NOT LIKE '_sqlx%' AND name NOT LIKE 'kept_%' ORDER BY name"
            }
            Self::Postgres(_) => {
                "SELECT table_name::text FROM information_schema.tables \
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' \
                 AND table_name NOT LIKE 'kept\\_%' ORDER BY 1"
            }
        })
        .await
    }

    /// Every column of a table, from the schema itself.
    ///
    /// # Errors
    /// As the database has them.
    pub async fn columns(&mut self, table: &str) -> Result<Vec<Column>> {
        let described = match self {
            Self::Sqlite(_) => {
                format!(
                    "SELECT name || ' ' || type || ' ' || \"notnull\" FROM pragma_table_info('{table}')"
                )
            }
            Self::Postgres(_) => format!(
                "SELECT column_name || ' ' || upper(replace(data_type, ' ', '_')) || ' ' || \
                 CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END \
                 FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        let described = self.texts(&described).await?;
        described
            .iter()
            .map(|line| column(table, line).with_context(|| format!("{table}: {line}")))
            .collect()
    }
}

/// `name TYPE notnull`
fn column(table: &str, line: &str) -> Option<Column> {
    let mut words = line.split(' ');
    let name = words.next()?.to_owned();
    let is_id =
        name == "id" || (name.ends_with("_id") && name != "raw_id") || name.ends_with("_by");
    let kind = match words.next()? {
        // SQLite does not tell a UUID from other bytes.
        "UUID" => Kind::Id,
        "BLOB" if is_id => Kind::Id,
        "BLOB" | "BYTEA" => Kind::Bytes,
        "BIGINT" => Kind::Integer,
        "TEXT" => Kind::Text,
        "BOOLEAN" => Kind::Truth,
        _ => return None,
    };
    Some(Column {
        table: table.to_owned(),
        name,
        kind,
        nullable: words.next()? == "0",
    })
}

/// `X'0f…'` or `'0f…-…'`, hyphenated.
fn uuid_in(literal: &str) -> Option<String> {
    let hex: String = literal
        .trim_start_matches('X')
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|digit| digit.to_ascii_lowercase())
        .collect();
    if hex.len() != 32 {
        return None;
    }
    let part = |from, to| hex.get(from..to);
    Some(
        [
            part(0, 8)?,
            part(8, 12)?,
            part(12, 16)?,
            part(16, 20)?,
            part(20, 32)?,
        ]
        .join("-"),
    )
}
