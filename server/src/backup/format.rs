//! The file: lines of JSON (`docs/protocol.md`, "Backup file"). A head, then for each table its name
//! and its rows as arrays, and an end with the counts, the SHA-256 of every line before it, and a
//! MAC over that.

use std::collections::BTreeMap;

use domain::base64url;
use domain::enc::{Digest, Enc};
use domain::keyring::RowKey;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Cell, CellKind, Table};
use uuid::Uuid;

/// The one version of the format that there is.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) latchkey_backup: u32,
    pub(super) created: Timestamp,
    pub(super) schema: i64,
    /// Of the database that it was made from; either engine takes it.
    pub(super) engine: String,
    pub(super) origin: String,
    pub(super) profile: String,
    /// The host's public key: which keyring the root key has to open.
    pub(super) host_key: String,
    pub(super) key_counter: i64,
    /// Only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root_key: Option<String>,
}

/// Before the rows of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heading {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) sha256: String,
    pub(super) mac: String,
}

/// Why a file cannot be restored: sentences for who holds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("This is not a backup of Latchkey.")]
    NotABackup,
    #[error(
        "This backup is of format {0}, and this program knows {VERSION}: restore it with the program that made it, or a later one."
    )]
    Format(u32),
    #[error(
        "This backup holds schema {found}, and this program knows {known}: restore it with a program as new as the one that made it."
    )]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "This backup holds schema {found}, and this program makes {known}: restore it with the program that made it, then run `latchkey migrate` with this one."
    )]
    OlderSchema { found: i64, known: i64 },
    #[error("This backup ends too early: it was cut off, or is still being written.")]
    Truncated,
    #[error("This backup was altered or damaged: its checksum does not fit. Take another copy.")]
    Altered,
    #[error(
        "This backup was altered by somebody who made its checksum fit: the portal's own mark on it does not. Do not use it."
    )]
    Forged,
}

impl Heading {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            table: table.name.to_owned(),
            columns: table
                .columns
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        }
    }
}

/// What the portal's mark is made over.
pub(super) fn mark(key: &RowKey, sha256: &Digest) -> Digest {
    key.mac(&Enc::new("latchkey/backup/v1").bytes(sha256).finish())
}

pub(super) fn row_to_json(row: &[Cell]) -> Value {
    let values = row.iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Id(id) => id.to_string().into(),
        Cell::Bytes(bytes) => base64url::encode(bytes).into(),
        Cell::Integer(integer) => (*integer).into(),
        Cell::Text(text) => text.as_str().into(),
        Cell::Truth(truth) => (*truth).into(),
    });
    Value::Array(values.collect())
}

/// # Errors
/// [`Unusable::Altered`] for what [`row_to_json`] does not write.
pub(super) fn row_of_json(table: &Table, line: &str) -> Result<Vec<Cell>, Unusable> {
    let values: Vec<Value> = serde_json::from_str(line).map_err(|_| Unusable::Altered)?;
    if values.len() != table.columns.len() {
        return Err(Unusable::Altered);
    }
    table
        .columns
        .iter()
        .zip(values)
        .map(|((_, kind), value)| cell(*kind, value).ok_or(Unusable::Altered))
        .collect()
}

fn cell(kind: CellKind, value: Value) -> Option<Cell> {
    Some(match (kind, value) {
        (_, Value::Null) => Cell::Null,
        (CellKind::Id, Value::String(text)) => Cell::Id(Uuid::try_parse(&text).ok()?),
        (CellKind::Bytes, Value::String(text)) => Cell::Bytes(base64url::decode(&text).ok()?),
        (CellKind::Integer, Value::Number(number)) => Cell::Integer(number.as_i64()?),
        (CellKind::Text, Value::String(text)) => Cell::Text(text),
        (CellKind::Truth, Value::Bool(truth)) => Cell::Truth(truth),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        let table = Table::named("credential").unwrap();
        let row: Vec<Cell> = table
            .columns
            .iter()
            .map(|(name, kind)| match kind {
                CellKind::Id => Cell::Id(Uuid::from_u128(7)),
                CellKind::Bytes => Cell::Bytes(vec![0, 255, 10]),
                CellKind::Integer if *name == "used_at" => Cell::Null,
                CellKind::Integer => Cell::Integer(i64::MIN),
                CellKind::Text => Cell::Text("“a\nb\"\u{2028}".to_owned()),
                CellKind::Truth => Cell::Truth(true),
            })
            .collect();
        let line = row_to_json(&row).to_string();
        assert!(!line.contains('\n'));
        assert_eq!(row_of_json(table, &line), Ok(row));
    }

    #[test]
    fn a_row_of_another_shape_is_refused() {
        let table = Table::named("setting").unwrap();
        for line in [
            "[]",
            "[\"a\"]",
            "[\"a\",1]",
            "[\"a\",\"b\",\"c\"]",
            "{}",
            "",
        ] {
            assert_eq!(row_of_json(table, line), Err(Unusable::Altered), "{line}");
        }
    }

    #[test]
    fn a_mark_is_of_one_key_and_one_file() {
        let key = |byte| RowKey::new(domain::secret::Secret::new([byte; 32]));
        let first = mark(&key(1), &[1; 32]);
        assert_ne!(first, mark(&key(2), &[1; 32]));
        assert_ne!(first, mark(&key(1), &[2; 32]));
    }
}
