//! Edits of one row or of many, and taking them back.

use std::collections::BTreeSet;

use anyhow::Result;
use tests::hand::{Column, Hand, Kind};

use crate::world::World;

/// An id that nothing has.
pub(crate) const STRANGER: &str = "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5";

const YEAR_2100: &str = "4102444800000000";

/// Codes that somebody might gain by, in columns of these names.
const BETTER: [(&str, &[&str]); 4] = [
    ("kind", &["owner", "production", "staff"]),
    ("role", &["admin", "operator", "owner", "reviewer"]),
    ("state", &["active", "approved", "open", "sealed"]),
    ("verdict", &["approve", "reject"]),
];

/// What was edited so far.
#[derive(Default)]
pub(crate) struct Done {
    columns: BTreeSet<(String, String)>,
    count: usize,
}

impl Done {
    pub(crate) fn note(&mut self, table: &str, column: &str) {
        self.columns.insert((table.to_owned(), column.to_owned()));
        self.count += 1;
    }

    /// An attack on more than one column.
    pub(crate) fn note_other(&mut self) {
        self.count += 1;
    }

    pub(crate) fn touched(&self, table: &str, column: &str) -> bool {
        self.columns
            .contains(&(table.to_owned(), column.to_owned()))
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// Copies of these tables, to put everything back.
pub(crate) struct Kept(Vec<String>);

impl Kept {
    pub(crate) async fn of(hand: &mut Hand, tables: &[&str]) -> Result<Self> {
        for table in tables {
            hand.run(&format!("DROP TABLE IF EXISTS kept_{table}"))
                .await?;
            let copy = format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}");
            hand.run(&copy).await?;
        }
        Ok(Self(tables.iter().map(|&table| table.to_owned()).collect()))
    }

    pub(crate) async fn put_back(&self, hand: &mut Hand) -> Result<()> {
        hand.run("BEGIN").await?;
        for table in &self.0 {
            hand.run(&format!("DELETE FROM {table}")).await?;
            let copy = format!("INSERT INTO {table} SELECT * FROM kept_{table}");
            hand.run(&copy).await?;
        }
        hand.run("COMMIT").await?;
        Ok(())
    }
}

/// Some rows of a table, and those of whose values somebody might be envious.
pub(crate) struct Rows<'a> {
    pub(crate) table: &'a str,
    pub(crate) of: &'a str,
    pub(crate) from: &'a [String],
}

/// Writes every value that may be worth it into each column of some rows, one at a time, with what
/// `more` says of a column. After each edit, of which it is told, `holds` must; then it is taken back.
pub(crate) async fn each_column(
    world: &mut World,
    done: &mut Done,
    kept: &Kept,
    rows: Rows<'_>,
    more: impl Fn(&Column) -> Vec<String>,
    holds: impl AsyncFn(&mut World, &str) -> Result<()>,
) -> Result<()> {
    let Rows { table, of, from } = rows;
    for column in world.hand.columns(table).await? {
        let mut values = values(&mut world.hand, &column, from).await?;
        values.extend(more(&column));
        for value in values {
            if set(&mut world.hand, &column, &value, of).await? {
                let what = format!("{table}.{} = {value}", column.name);
                holds(world, &what).await?;
                done.note(table, &column.name);
                kept.put_back(&mut world.hand).await?;
            }
        }
    }
    Ok(())
}

/// Nothing but the usual.
pub(crate) fn no_more(_: &Column) -> Vec<String> {
    Vec::new()
}

/// The values that somebody might write into a column of the rows of `of`: what the rows of `from`
/// hold there, and what is better or garbled by its type.
pub(crate) async fn values(
    hand: &mut Hand,
    column: &Column,
    from: &[String],
) -> Result<Vec<String>> {
    let mut values = Vec::new();
    for row in from {
        values.push(hand.literal(&column.table, &column.name, row).await?);
    }
    match column.kind {
        Kind::Id => values.push(hand.uuid(STRANGER)),
        Kind::Bytes => values.push(hand.bytes(&"a5".repeat(32))),
        Kind::Integer => {
            values.push(match column.name.as_str() {
                "stamp" | "change" | "version" | "number" => format!("{} + 1", column.name),
                _ => YEAR_2100.to_owned(),
            });
        }
        Kind::Text => match BETTER.iter().find(|(name, _)| *name == column.name) {
            Some((_, codes)) => values.extend(codes.iter().map(|code| format!("'{code}'"))),
            // What is NULL stays so with anything behind it.
            None => values.push(format!("COALESCE({}, '') || 'x'", column.name)),
        },
        Kind::Truth => values.push(format!("NOT {}", column.name)),
    }
    if column.nullable {
        values.push("NULL".to_owned());
    }
    values.sort();
    values.dedup();
    Ok(values)
}

/// Whether the database took the edit, and it changed something.
pub(crate) async fn set(hand: &mut Hand, column: &Column, value: &str, of: &str) -> Result<bool> {
    let (table, name) = (&column.table, &column.name);
    let differs = match hand {
        Hand::Sqlite(_) => "IS NOT",
        Hand::Postgres(_) => "IS DISTINCT FROM",
    };
    let sql =
        format!("UPDATE {table} SET {name} = {value} WHERE ({of}) AND {name} {differs} ({value})");
    match hand.run(&sql).await {
        Ok(changed) => Ok(changed > 0),
        Err(error) => match error.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(refused)) if refused.is_unique_violation() => Ok(false),
            _ => Err(error.context(sql)),
        },
    }
}
