//! How SQL is written here. A statement is a constant that both engines understand (or a pair that
//! stands side by side where they must differ), declared through [`statements!`], which also lists
//! it for the test that prepares every statement on both engines and counts its placeholders
//! against its binds.

use serde::Serialize;

/// One statement in both dialects. Placeholders are `$1 … $n` on both engines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
    /// How many values the caller binds. SQLite takes a missing bind for NULL without a word.
    pub(crate) binds: usize,
}

impl Statement {
    pub(crate) const fn both(sql: &'static str, binds: usize) -> Self {
        Self {
            sqlite: sql,
            postgres: sql,
            binds,
        }
    }
}

/// A batch of rows as one bind, for statements that take many at once.
pub(crate) fn json(rows: &[impl Serialize]) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Fails the build where a statement is run with more or fewer binds than it was declared with.
pub(crate) const fn same_count(statement: Statement, binds: &[&str]) {
    assert!(
        statement.binds == binds.len(),
        "the binds are not as many as the statement declares"
    );
}

/// Declares `NAME(binds) = "sql";` or `NAME(binds) = sqlite "…", postgres "…";` and lists them all
/// in `STATEMENTS`. `joined ["…", part!(), "…"]` is one statement of parts that several share.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident($binds:literal) = $(sqlite $sqlite:literal, postgres $postgres:literal)? $(joined [$($part:tt)+])? $($sql:literal)?;)+) => {
        $($(#[$meta])* const $name: $crate::sql::Statement =
            statements!(@one $binds, $(sqlite $sqlite, postgres $postgres)? $(joined [$($part)+])? $($sql)?);)+

        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, $crate::sql::Statement)] =
            &[$((stringify!($name), $name)),+];
    };
    (@one $binds:literal, sqlite $sqlite:literal, postgres $postgres:literal) => {
        $crate::sql::Statement { sqlite: $sqlite, postgres: $postgres, binds: $binds }
    };
    (@one $binds:literal, joined [$($part:tt)+]) => {
        $crate::sql::Statement::both(concat!($($part)+), $binds)
    };
    (@one $binds:literal, $sql:literal) => {
        $crate::sql::Statement::both($sql, $binds)
    };
}

/// Runs a statement on whichever engine the connection is of:
/// `run!(conn, STATEMENT, [bind, …], fetch_optional as Row)` or
/// `run!(conn, STATEMENT, [bind, …], execute)`, which yields the number of affected rows.
macro_rules! run {
    ($conn:expr, $statement:expr, [$($bind:expr),* $(,)?], execute) => {{
        const { $crate::sql::same_count($statement, &[$(stringify!($bind)),*]) };
        let result: Result<u64, sqlx::Error> = match $conn {
            $crate::conn::Conn::Sqlite(tx) => sqlx::query($statement.sqlite)
                $(.bind($crate::column::raw(&$bind)))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()),
            $crate::conn::Conn::Postgres(tx) => sqlx::query($statement.postgres)
                $(.bind($crate::column::raw(&$bind)))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()),
        };
        result
    }};
    ($conn:expr, $statement:expr, [$($bind:expr),* $(,)?], $fetch:ident as $row:ty) => {{
        const { $crate::sql::same_count($statement, &[$(stringify!($bind)),*]) };
        match $conn {
            $crate::conn::Conn::Sqlite(tx) => sqlx::query_as::<_, $row>($statement.sqlite)
                $(.bind($crate::column::raw(&$bind)))*
                .$fetch(&mut **tx).await,
            $crate::conn::Conn::Postgres(tx) => sqlx::query_as::<_, $row>($statement.postgres)
                $(.bind($crate::column::raw(&$bind)))*
                .$fetch(&mut **tx).await,
        }
    }};
}

pub(crate) use {run, statements};
