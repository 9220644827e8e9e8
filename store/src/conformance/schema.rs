//! The two schemas are one.

use std::collections::BTreeMap;

use super::bench::{Bench, Engine, on_each_engine};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
}

/// What a column's type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Bytes,
    Integer,
    Text,
    Truth,
}

const SQLITE_COLUMNS: &str = r#"SELECT m.name || '|' || p.name || '|' || p.type || '|' || p."notnull"
    FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
    WHERE m.type = 'table' AND m.name NOT IN ('_sqlx_migrations', 'kept') ORDER BY m.name, p.cid"#;
const POSTGRES_COLUMNS: &str = r#"SELECT table_name || '|' || column_name || '|' || data_type || '|' ||
        CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN ('_sqlx_migrations', 'kept')
    ORDER BY table_name COLLATE "C", ordinal_position"#;

const SQLITE_INDEXES: &str =
    "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
const POSTGRES_INDEXES: &str = r#"SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)
    ORDER BY indexname COLLATE "C""#;

const SQLITE_CONSTRAINTS: &str = r#"
    SELECT t || ' PRIMARY KEY (' || group_concat(c, ', ') || ')'
    FROM (SELECT m.name AS t, p.name AS c FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
        WHERE m.type = 'table' AND p.pk > 0 ORDER BY m.name, p.pk)
    WHERE t <> '_sqlx_migrations' GROUP BY t
    UNION ALL
    SELECT m.name || ' UNIQUE (' || (SELECT group_concat(i.name, ', ') FROM pragma_index_info(l.name) AS i) || ')'
    FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS l WHERE m.type = 'table' AND l.origin = 'u'
    UNION ALL
    SELECT m.name || ' FOREIGN KEY (' || f."from" || ') REFERENCES ' || f."table" || '(' || f."to" || ')'
    FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'"#;
const POSTGRES_CONSTRAINTS: &str =
    "SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
    AND conrelid::regclass::text <> '_sqlx_migrations'";

pub(super) async fn columns(bench: &Bench) -> Vec<Column> {
    let sql = match bench.engine {
        Engine::Sqlite => SQLITE_COLUMNS,
        Engine::Postgres => POSTGRES_COLUMNS,
    };
    let lines = bench.hand.texts(sql).await;
    lines.iter().map(|line| column(line)).collect()
}

fn column(line: &str) -> Column {
    let [table, name, kind, not_null] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
    // SQLite has one type for ids and bytes; an authenticator's raw id is bytes.
    let is_id =
        (name == "id" || name.ends_with("_id") || name.ends_with("_by")) && name != "raw_id";
    let kind = match kind {
        "uuid" => Kind::Id,
        "BLOB" if is_id => Kind::Id,
        "BLOB" | "bytea" => Kind::Bytes,
        "BIGINT" | "bigint" => Kind::Integer,
        "TEXT" | "text" => Kind::Text,
        "BOOLEAN" | "boolean" => Kind::Truth,
        other => panic!("{table}.{name} is of type {other}"),
    };
    Column {
        table: table.to_owned(),
        name: name.to_owned(),
        kind,
        nullable: not_null == "0",
    }
}

async fn indexes(bench: &Bench) -> Vec<String> {
    let sql = match bench.engine {
        Engine::Sqlite => SQLITE_INDEXES,
        Engine::Postgres => POSTGRES_INDEXES,
    };
    let definitions = bench.hand.texts(sql).await;
    let plain = |definition: String| {
        let definition = definition
            .replace(" ON public.", " ON ")
            .replace(" USING btree", "");
        match definition.split_once(" WHERE (") {
            Some((index, condition)) => {
                format!("{index} WHERE {}", condition.trim_end_matches(')'))
            }
            None => definition,
        }
    };
    definitions.into_iter().map(plain).collect()
}

async fn constraints(bench: &Bench) -> Vec<String> {
    let sql = match bench.engine {
        Engine::Sqlite => SQLITE_CONSTRAINTS,
        Engine::Postgres => POSTGRES_CONSTRAINTS,
    };
    let mut constraints = bench.hand.texts(sql).await;
    constraints.sort();
    constraints
}

#[tokio::test]
async fn tables_columns_indexes_and_constraints_agree() {
    let seen = std::cell::RefCell::new(Vec::new());
    on_each_engine(async |bench: &Bench| {
        let schema = (
            columns(bench).await,
            indexes(bench).await,
            constraints(bench).await,
        );
        assert!(schema.0.len() > 200 && schema.1.len() > 20 && schema.2.len() > 60);
        seen.borrow_mut().push(schema);
    })
    .await;
    for pair in seen.borrow().windows(2) {
        for (one, other) in pair[0].0.iter().zip(&pair[1].0) {
            assert_eq!(one, other);
        }
        assert_eq!(pair[0].0.len(), pair[1].0.len());
        for (one, other) in pair[0].1.iter().zip(&pair[1].1) {
            assert_eq!(one, other);
        }
        assert_eq!(pair[0].1.len(), pair[1].1.len());
        for (one, other) in pair[0].2.iter().zip(&pair[1].2) {
            assert_eq!(one, other);
        }
        assert_eq!(pair[0].2.len(), pair[1].2.len());
    }
}

/// The same promise where there is no PostgreSQL at hand.
#[test]
fn the_migrations_differ_in_the_names_of_types_alone() {
    let (postgres, sqlite) = (migrations("postgres"), migrations("sqlite"));
    assert_eq!(
        postgres.keys().collect::<Vec<_>>(),
        sqlite.keys().collect::<Vec<_>>()
    );
    for (name, postgres) in postgres {
        let renamed = postgres
            .replace(" UUID", " BLOB")
            .replace(" BYTEA", " BLOB");
        let sqlite = &sqlite[&name];
        for (one, other) in renamed.lines().zip(sqlite.lines()) {
            assert_eq!(one, other, "{name}");
        }
        assert_eq!(renamed.lines().count(), sqlite.lines().count(), "{name}");
    }
}

/// An engine's migrations by their files' names.
fn migrations(engine: &str) -> BTreeMap<String, String> {
    let folder = format!("{}/../migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}
