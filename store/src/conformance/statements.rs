//! All SQL is in this crate, is understood by both engines, and is bound as it is declared.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::{Either, Executor as _, SqlStr, Statement as _};

use super::bench::{Bench, on_each_engine};
use super::samples::{Sample, for_every_row};
use crate::Database;
use crate::sql::Statement;

/// The statements of every module that declares some.
const MODULES: [(&str, &[(&str, Statement)]); 20] = [
    ("audit", crate::audit::STATEMENTS),
    ("bulk", crate::bulk::STATEMENTS),
    ("calls", crate::calls::STATEMENTS),
    ("copy", crate::copy::STATEMENTS),
    ("credentials", crate::credentials::STATEMENTS),
    ("deliveries", crate::deliveries::STATEMENTS),
    ("gateways", crate::gateways::STATEMENTS),
    ("grants", crate::grants::STATEMENTS),
    ("keyring", crate::keyring::STATEMENTS),
    ("keys", crate::keys::STATEMENTS),
    ("links", crate::links::STATEMENTS),
    ("live", crate::live::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("partners", crate::partners::STATEMENTS),
    ("people", crate::people::STATEMENTS),
    ("requests", crate::requests::STATEMENTS),
    ("services", crate::services::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("spent", crate::spent::STATEMENTS),
    ("work", crate::work::STATEMENTS),
];

fn declared() -> Vec<(String, Statement)> {
    let named = |(module, list): (&str, &'static [(&'static str, Statement)])| {
        let module = module.to_owned();
        list.iter()
            .map(move |(name, statement)| (format!("{module}::{name}"), *statement))
    };
    MODULES.into_iter().flat_map(named).collect()
}

#[tokio::test]
async fn every_statement_prepares_and_has_as_many_placeholders_as_binds() {
    on_each_engine(async |bench: &Bench| {
        let mut all = declared();
        for_every_row!(push_rows(&mut all));
        for (name, statement) in &all {
            let count = placeholders(bench, statement).await;
            assert_eq!(count, statement.binds, "{name}");
        }
        println!("{:?}: {} statements prepared", bench.engine, all.len());
        assert!(all.len() > 130, "{}", all.len());
    })
    .await;
}

async fn push_rows<T: Sample>(all: &mut Vec<(String, Statement)>) {
    all.push((format!("insert {}", T::TABLE), T::INSERT));
    all.push((format!("update {}", T::TABLE), T::UPDATE));
}

async fn placeholders(bench: &Bench, statement: &Statement) -> usize {
    fn count<T>(parameters: Option<Either<&[T], usize>>) -> usize {
        match parameters.unwrap() {
            Either::Left(types) => types.len(),
            Either::Right(count) => count,
        }
    }
    match bench.store.database() {
        Database::Sqlite { writer, .. } => {
            let sql = SqlStr::from_static(statement.sqlite);
            let mut alone = writer.alone().await.unwrap();
            let prepared = (&mut **alone).prepare(sql).await;
            let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.sqlite));
            count(prepared.parameters())
        }
        Database::Postgres(pool) => {
            let sql = SqlStr::from_static(statement.postgres);
            let prepared = pool.prepare(sql).await;
            let prepared =
                prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.postgres));
            count(prepared.parameters())
        }
    }
}

#[test]
fn no_module_with_statements_and_no_row_is_left_out_of_these_tests() {
    let sources = sources("src");
    let own = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str() == "conformance")
    };
    let (mut modules, mut rows) = (Vec::new(), 0);
    for (path, text) in sources.iter().filter(|(path, _)| !own(path)) {
        let lines = || text.lines();
        if lines().any(|line| line.starts_with("statements! {")) {
            modules.push(path.file_stem().unwrap().to_str().unwrap());
        }
        rows += lines()
            .filter(|line| {
                line.trim_start().starts_with("struct ") || line.contains("sealed struct ")
            })
            .filter(|line| line.contains(" in \"") && !line.starts_with("//"))
            .count();
    }
    modules.sort_unstable();
    assert_eq!(modules, MODULES.map(|(name, _)| name));
    let samples = fs::read_to_string(root().join("store/src/conformance/samples.rs")).unwrap();
    assert_eq!(rows, samples.matches("$call::<").count());
    assert_eq!(rows, 27);
}

#[test]
fn no_other_crate_holds_sql() {
    let mut files = 0;
    for folder in ["../server/src", "../app/src", "../domain/src"] {
        for (path, text) in sources(folder) {
            files += 1;
            for sql in [
                "SELECT ",
                "INSERT INTO ",
                "DELETE FROM ",
                "PRAGMA ",
                " SET $",
                "sqlx::",
            ] {
                assert!(!text.contains(sql), "{} holds {sql}", path.display());
            }
        }
    }
    assert!(files > 50, "only {files} files were read");
    for manifest in ["server", "app", "domain"] {
        let manifest = fs::read_to_string(root().join(manifest).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("sqlx"));
    }
}

#[test]
fn the_audit_log_is_only_appended_to() {
    let mut appends = 0;
    for (name, statement) in declared() {
        for sql in [statement.sqlite, statement.postgres] {
            let sql = sql.to_lowercase();
            assert!(!sql.contains("update audit"), "{name}");
            assert!(!sql.contains("delete from audit"), "{name}");
            appends += usize::from(sql.contains("insert into audit"));
        }
    }
    assert_eq!(appends, 2, "one statement, in both dialects");
    // Nor is it a row of `row!`, which would come with an update.
    for (path, text) in sources("src") {
        let row = concat!("in ", "\"audit\"");
        assert!(!text.contains(row), "{}", path.display());
    }
}

/// What may go: who is signed in, what is under way, counts; a role that is taken, which the log
/// keeps; the settings that a restored copy brings along.
const DELETED: [&str; 8] = [
    "call_count",
    "ceremony",
    "pending_act",
    "role",
    "session",
    "setting",
    "spent",
    "tries",
];

#[tokio::test]
async fn nothing_that_was_decided_is_deleted() {
    let mut deleted = std::collections::BTreeSet::new();
    let mut all = declared();
    for_every_row!(push_rows(&mut all));
    for (name, statement) in &all {
        for sql in [statement.sqlite, statement.postgres] {
            let sql = sql.to_lowercase();
            let mut rest = sql.as_str();
            while let Some((_, after)) = rest.split_once("delete from ") {
                let table = after.split_whitespace().next().unwrap();
                deleted.insert(table.trim_end_matches(';').to_owned());
                rest = after;
            }
            for way in ["truncate", "drop table", "replace into", "or replace"] {
                assert!(!sql.contains(way), "{name}: {way}");
            }
        }
    }
    assert_eq!(deleted.into_iter().collect::<Vec<_>>(), DELETED);
    // Nor with something else that is.
    let mut migrations = 0;
    for engine in ["sqlite", "postgres"] {
        for file in fs::read_dir(root().join("migrations").join(engine)).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            // Counts, which another table holds now.
            let text = text.to_lowercase().replace("drop table key_hour;", "");
            for way in ["cascade", "delete from", "drop table"] {
                assert!(!text.contains(way), "{engine}: {way}");
            }
            migrations += 1;
        }
    }
    assert!(migrations >= 2, "{migrations}");
}

#[test]
fn a_code_in_a_statement_is_one_that_the_domain_knows() {
    let codes = super::tampering::codes();
    let mut seen = 0;
    for (name, statement) in declared() {
        for sql in [statement.sqlite, statement.postgres] {
            let mut column = "";
            let parts: Vec<&str> = sql.split('\'').collect();
            for pair in parts.chunks_exact(2) {
                let (before, literal) = (pair[0], pair[1]);
                // After a comma it is one of the same list.
                if before.trim() != "," {
                    column = before
                        .trim_end_matches([' ', '(', '=', '<', '>'])
                        .trim_end_matches(" IN")
                        .rsplit([' ', '.', '('])
                        .next()
                        .unwrap();
                }
                if ["state", "kind", "verdict", "role"].contains(&column) && !literal.is_empty() {
                    let known = codes.iter().any(|code| code == literal);
                    assert!(known, "{name}: {literal}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} codes were read");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source file below a folder of this crate.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
