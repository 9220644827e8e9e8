//! A row that authority rests on does not survive an edit by hand: not of any column, not of its
//! stamp, not by another row's MAC.

use std::cell::Cell;

use domain::decision::DecisionVerdict;
use domain::key::KeyState;
use domain::link::PersonLinkKind;
use domain::state::{
    GatewayKind, GatewayState, GrantState, PartnerState, PersonKind, PersonState, Role,
};
use uuid::Uuid;

use super::bench::{Bench, Engine, on_each_engine};
use super::rows::read;
use super::samples::{ONE, Sample, TWO, fill, for_every_row};
use super::schema::{Column, Kind, columns};
use crate::Error;

/// An id that nothing has.
const STRANGER: Uuid = Uuid::from_u128(0xa5a5);

#[tokio::test]
async fn every_edited_column_is_noticed() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let edits = Cell::new(0);
        for_every_row!(edit_every_column(bench, &edits));
        println!("{:?}: {} edits by hand refused", bench.engine, edits.get());
        assert!(edits.get() > 500, "only {} edits", edits.get());
    })
    .await;
}

async fn edit_every_column<T: Sample>(bench: &Bench, edits: &Cell<usize>) {
    if !T::SEALED {
        return;
    }
    let table = T::TABLE;
    let keep = format!("CREATE TABLE kept AS SELECT * FROM {table}");
    bench.hand.run(&keep).await;
    for column in columns(bench)
        .await
        .into_iter()
        .filter(|c| c.table == table)
    {
        let before = edits.get();
        for (id, other) in [(ONE, TWO), (TWO, ONE)] {
            for value in values(bench, &column, other) {
                if edit(bench, &column, id, &value).await {
                    let at = if column.name == "id" { STRANGER } else { id };
                    assert_tampered::<T>(bench, at, &format!("{} = {value}", column.name)).await;
                    edits.set(edits.get() + 1);
                }
                restore(bench, table).await;
            }
        }
        assert!(
            edits.get() > before,
            "{table}.{} was not edited",
            column.name
        );
    }
    assert!(read::<T>(bench, ONE).await.unwrap().is_some());
    assert!(read::<T>(bench, TWO).await.unwrap().is_some());
    bench.hand.run("DROP TABLE kept").await;
}

/// Whether the database took the edit, and it changed something.
async fn edit(bench: &Bench, column: &Column, id: Uuid, value: &str) -> bool {
    let (table, name, id) = (&column.table, &column.name, bench.literal(id));
    let differs = match bench.engine {
        Engine::Sqlite => "IS NOT",
        Engine::Postgres => "IS DISTINCT FROM",
    };
    let sql = format!(
        "UPDATE {table} SET {name} = {value} WHERE id = {id} AND {name} {differs} ({value})"
    );
    match bench.hand.try_run(&sql).await {
        Ok(changed) => changed == 1,
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => false,
        Err(error) => panic!("{sql}: {error}"),
    }
}

async fn restore(bench: &Bench, table: &str) {
    bench.hand.run(&format!("DELETE FROM {table}")).await;
    let sql = format!("INSERT INTO {table} SELECT * FROM kept");
    bench.hand.run(&sql).await;
}

async fn assert_tampered<T: Sample>(bench: &Bench, at: Uuid, what: &str) {
    match read::<T>(bench, at).await {
        Err(Error::Tampered { table, id }) => assert_eq!((table, id), (T::TABLE, at), "{what}"),
        other => panic!("{}: {what}: {other:?}", T::TABLE),
    }
}

/// What somebody might write into a column.
fn values(bench: &Bench, column: &Column, other: Uuid) -> Vec<String> {
    let (table, name) = (&column.table, &column.name);
    if name == "id" {
        return vec![bench.literal(STRANGER)];
    }
    let mut values = vec![format!(
        "(SELECT t.{name} FROM {table} AS t WHERE t.id = {})",
        bench.literal(other)
    )];
    let bytes = |hex: &str| match bench.engine {
        Engine::Sqlite => format!("X'{hex}'"),
        Engine::Postgres => format!("'\\x{hex}'::bytea"),
    };
    match column.kind {
        Kind::Id => values.push(bench.literal(STRANGER)),
        Kind::Bytes => {
            values.extend([String::new(), "a5".repeat(32), "a5".repeat(64)].map(|hex| bytes(&hex)));
        }
        Kind::Integer => values.extend(["7".to_owned(), "-7".to_owned(), "0".to_owned()]),
        Kind::Text => {
            values.extend(["''".to_owned(), "'x'".to_owned(), format!("{name} || ' '")]);
            if ["state", "kind", "role", "verdict"].contains(&name.as_str()) {
                values.extend(codes().into_iter().map(|code| format!("'{code}'")));
            }
        }
        Kind::Truth => values.push(format!("NOT {name}")),
    }
    if column.nullable {
        values.push("NULL".to_owned());
    }
    if bench.engine == Engine::Sqlite {
        // SQLite stores a value of any type in a column of any type.
        values.extend(["X'ff'", "'text'"].map(str::to_owned));
    }
    values
}

/// Every code of every enumeration that a row may hold.
pub(super) fn codes() -> Vec<String> {
    fn all<T: std::fmt::Display>(codes: &[T]) -> impl Iterator<Item = String> {
        codes.iter().map(ToString::to_string)
    }
    let codes = all(GrantState::ALL)
        .chain(all(PartnerState::ALL))
        .chain(all(PersonKind::ALL))
        .chain(all(PersonState::ALL))
        .chain(all(Role::ALL))
        .chain(all(GatewayKind::ALL))
        .chain(all(GatewayState::ALL))
        .chain(all(KeyState::ALL))
        .chain(all(DecisionVerdict::ALL))
        .chain(all(&PersonLinkKind::ALL))
        .chain(all(domain::state::ProposalState::ALL))
        .chain(all(domain::delivery::DeliveryCode::ALL))
        .chain(all(domain::request::RequestState::ALL));
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    codes.dedup();
    codes
}

#[tokio::test]
async fn macs_that_two_rows_swapped_are_noticed() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        for_every_row!(swap_macs(bench, "mac = kept.mac"));
        for_every_row!(swap_macs(bench, "stamp = kept.stamp + 1, mac = kept.mac"));
    })
    .await;
}

async fn swap_macs<T: Sample>(bench: &Bench, set: &str) {
    if !T::SEALED {
        return;
    }
    let table = T::TABLE;
    let keep = format!("CREATE TABLE kept AS SELECT id, stamp, mac FROM {table}");
    bench.hand.run(&keep).await;
    let swap = format!("UPDATE {table} SET {set} FROM kept WHERE kept.id <> {table}.id");
    assert_eq!(bench.hand.run(&swap).await, 2);
    assert_tampered::<T>(bench, ONE, "the other's MAC").await;
    assert_tampered::<T>(bench, TWO, "the other's MAC").await;
    let back = format!(
        "UPDATE {table} SET stamp = kept.stamp, mac = kept.mac FROM kept WHERE kept.id = {table}.id"
    );
    bench.hand.run(&back).await;
    bench.hand.run("DROP TABLE kept").await;
}

#[tokio::test]
async fn rows_of_another_row_key_are_noticed() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let other = domain::keyring::RowKey::new(domain::secret::Secret::new([8; 32]));
        let store = crate::Store::new(bench.store.database().clone(), other);
        let mut read = store.read().await.unwrap();
        let person = read.person(domain::id::PersonId::new(ONE)).await;
        assert!(matches!(
            person,
            Err(Error::Tampered {
                table: "person",
                ..
            })
        ));
    })
    .await;
}
