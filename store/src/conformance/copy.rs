//! What a backup holds, and that one engine takes what the other gave.

use std::cell::RefCell;

use domain::id::DeliveryId;
use uuid::Uuid;

use super::bench::{Bench, on_each_engine};
use super::samples::{ONE, Sample as _, TWO, envelope, fill};
use super::schema::{Kind, columns};
use crate::{Cell, CellKind, Delivery, Error, Read, TABLES, Table};

/// What must not outlive its database, and the counter, which a backup's head holds.
const LEFT_OUT: [&str; 5] = ["ceremony", "key_counter", "pending_act", "session", "tries"];

#[tokio::test]
async fn every_column_is_copied_but_those_of_five_tables() {
    on_each_engine(async |bench: &Bench| {
        let mut seen = 0;
        for column in columns(bench).await {
            let table = Table::named(&column.table);
            assert_eq!(
                table.is_none(),
                LEFT_OUT.contains(&column.table.as_str()),
                "{}",
                column.table
            );
            let Some(table) = table else { continue };
            let copied = table.columns.iter().find(|(name, _)| *name == column.name);
            let (_, kind) = copied.unwrap_or_else(|| panic!("{}.{}", table.name, column.name));
            let wanted = match column.kind {
                Kind::Id => CellKind::Id,
                Kind::Bytes => CellKind::Bytes,
                Kind::Integer => CellKind::Integer,
                Kind::Text => CellKind::Text,
                Kind::Truth => CellKind::Truth,
            };
            assert_eq!(*kind, wanted, "{}.{}", table.name, column.name);
            seen += 1;
        }
        let known: usize = TABLES.iter().map(|table| table.columns.len()).sum();
        assert_eq!(seen, known);
    })
    .await;
}

#[tokio::test]
async fn what_one_engine_gave_the_other_takes() {
    let given = RefCell::new(Vec::new());
    on_each_engine(async |bench: &Bench| {
        let mut read = bench.store.read().await.unwrap();
        assert_eq!(read.first_filled().await.unwrap(), None);
        drop(read);
        fill(bench).await;
        bench
            .write(async |work| {
                let third = DeliveryId::new(Uuid::from_u128(3));
                let delivery = Delivery {
                    id: third,
                    ..Delivery::bare(ONE)
                };
                let sealed = [ONE, TWO].map(|to| envelope(third.uuid(), to, b"sealed"));
                work.add_delivery(&delivery, &sealed).await.unwrap();
            })
            .await;
        let mut read = bench.store.read().await.unwrap();
        assert_eq!(read.first_filled().await.unwrap(), Some("audit"));
        let all = everything(&mut read).await;
        given.borrow_mut().push(all);
    })
    .await;
    let given = given.into_inner();
    let whole = &given[0];
    assert!(whole.iter().filter(|rows| !rows.is_empty()).count() > 20);
    for (one, other) in whole.iter().zip(given.last().unwrap()) {
        assert_eq!(one, other);
    }
    let last = given.last().unwrap();
    on_each_engine(async |bench: &Bench| {
        let mut work = bench.store.work().await.unwrap();
        work.forget_settings().await.unwrap();
        for (table, rows) in TABLES.iter().zip(last) {
            for row in rows {
                work.copy_in(table, row).await.unwrap();
            }
        }
        work.set_key_counter(41).await.unwrap();
        work.commit(crate::Evidence::of(super::bench::entry("restore")))
            .await
            .unwrap();
        let mut read = bench.store.read().await.unwrap();
        let mut taken = everything(&mut read).await;
        let log = TABLES
            .iter()
            .position(|table| table.name == "audit")
            .unwrap();
        let restored = taken[log].pop().unwrap();
        assert_eq!(restored[5], Cell::Text("restore".to_owned()));
        assert_eq!(&taken, last);
        assert_eq!(read.key_counter().await.unwrap(), 41);
        assert!(
            read.key(domain::id::KeyId::new(ONE))
                .await
                .unwrap()
                .is_some()
        );
    })
    .await;
}

async fn everything(read: &mut Read) -> Vec<Vec<Vec<Cell>>> {
    let mut tables = Vec::new();
    for table in TABLES {
        let mut rows = Vec::new();
        let keep = |row: &[Cell]| {
            rows.push(row.to_vec());
            Ok::<_, Error>(())
        };
        let count = read.copy_out(table, keep).await.unwrap();
        assert_eq!(count, rows.len() as u64);
        tables.push(rows);
    }
    tables
}
