//! Other processes follow every change of a key, in order, and a tampered key stops nobody.

use domain::id::{GatewayId, KeyId};
use domain::key::KeyState;
use uuid::Uuid;

use super::bench::{Bench, at, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{Code, Error, Evidence, Gateway, KeyRow, KeyUse};

fn key(number: u128) -> KeyRow {
    KeyRow {
        id: KeyId::new(Uuid::from_u128(number)),
        kid: format!("{number:08}"),
        ..KeyRow::bare(ONE)
    }
}

async fn counter(bench: &Bench) -> i64 {
    bench.store.database().key_counter().await.unwrap()
}

#[tokio::test]
async fn the_counter_rises_with_every_change_of_a_key_or_gateway() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        assert_eq!(counter(bench).await, 0);
        let committed = bench
            .write(async |work| {
                let added = work.add_key(key(10)).await.unwrap();
                assert_eq!(added.change, 1);
                work.add_key(key(11)).await.unwrap();
            })
            .await;
        assert_eq!(committed.touched, [(key(10).id, 1), (key(11).id, 2)]);
        assert_eq!(counter(bench).await, 2);
        let committed = bench
            .write(async |work| {
                let revoked = KeyRow {
                    state: Code(KeyState::Deactivated),
                    ..key(10)
                };
                work.update_key(revoked, 1).await.unwrap();
            })
            .await;
        assert_eq!(committed.touched, [(key(10).id, 3)]);
        let gateway = Gateway {
            id: GatewayId::new(Uuid::from_u128(3)),
            name: "edge".to_owned(),
            ..Gateway::bare(ONE)
        };
        bench
            .write(async |work| drop(work.add_gateway(gateway.clone()).await.unwrap()))
            .await;
        assert_eq!(counter(bench).await, 4);
        bench
            .write(async |work| drop(work.update_gateway(gateway, 1).await.unwrap()))
            .await;
        assert_eq!(counter(bench).await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_not_committed_does_not_raise_the_counter() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let mut work = bench.store.work().await.unwrap();
        work.add_key(key(10)).await.unwrap();
        drop(work);
        drop(bench.store.work().await.unwrap());
        assert_eq!(counter(bench).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_32_works_at_once_have_each_their_own_number() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let add = |store: crate::Store, racer: usize| async move {
            let mut work = store.work().await.unwrap();
            work.add_key(key(10 + racer as u128)).await.unwrap();
            work.commit(Evidence::of(entry("mint")))
                .await
                .unwrap()
                .touched[0]
                .1
        };
        let mut changes = bench.race(32, add).await;
        changes.sort_unstable();
        assert_eq!(changes, (1..=32).collect::<Vec<i64>>());
    })
    .await;
}

#[tokio::test]
async fn changed_keys_come_in_order_and_page_by_page() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        bench.hand.run("DELETE FROM api_key").await;
        bench
            .write(async |work| {
                for number in 10..15 {
                    work.add_key(key(number)).await.unwrap();
                }
                work.update_key(key(10), 1).await.unwrap();
            })
            .await;
        let (mut since, mut seen) = (0, Vec::new());
        loop {
            let mut read = bench.store.read().await.unwrap();
            let page = read.keys_changed_since(since, 2).await.unwrap();
            if page.is_empty() {
                break;
            }
            for row in page {
                let row = row.unwrap();
                since = row.change;
                seen.push((row.id.uuid().as_u128(), row.change));
            }
        }
        assert_eq!(seen, [(11, 2), (12, 3), (13, 4), (14, 5), (10, 6)]);
    })
    .await;
}

#[tokio::test]
async fn a_tampered_key_comes_as_its_own_error_beside_the_others() {
    for edit in ["key_mac = mac", "state = 'active'", "state = 'nonsense'"] {
        on_each_engine(async |bench: &Bench| {
            fill(bench).await;
            bench.hand.run("DELETE FROM api_key").await;
            bench
                .write(async |work| {
                    for number in 10..13 {
                        work.add_key(key(number)).await.unwrap();
                    }
                })
                .await;
            let edit = format!("UPDATE api_key SET {edit} WHERE kid = '00000011'");
            assert_eq!(bench.hand.run(&edit).await, 1);
            let mut read = bench.store.read().await.unwrap();
            let rows = read.keys_changed_since(0, 10).await.unwrap();
            assert!(rows.len() == 3 && rows[0].is_ok() && rows[2].is_ok());
            let forged = rows[1].as_ref().err().unwrap();
            let expected = key(11).id.uuid();
            assert!(
                matches!(forged, Error::Tampered { table: "api_key", id } if *id == expected),
                "{forged}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn batches_of_use_add_up_and_keep_the_last_sight() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let id = KeyId::new(TWO);
        let accepted = KeyUse {
            accepted: 3,
            accepted_at: Some(at(1)),
            accepted_from: Some("192.0.2.0/24".to_owned()),
            ..KeyUse::bare(TWO)
        };
        let refused = KeyUse {
            accepted: 4,
            refused: 5,
            refused_at: Some(at(2)),
            refused_reason: Some("scope".to_owned()),
            ..KeyUse::bare(TWO)
        };
        for batch in [accepted, refused] {
            bench
                .write_minor(async |work| work.add_uses(&[batch]).await.unwrap())
                .await;
        }
        let mut read = bench.store.read().await.unwrap();
        let sum = read.key_use(id).await.unwrap().unwrap();
        assert_eq!((sum.accepted, sum.refused), (7, 5));
        assert_eq!(
            (sum.accepted_at, sum.refused_at),
            (Some(at(1)), Some(at(2)))
        );
        assert_eq!(sum.accepted_from.as_deref(), Some("192.0.2.0/24"));
        assert_eq!(sum.refused_reason.as_deref(), Some("scope"));
    })
    .await;
}

#[tokio::test]
async fn all_keys_are_read_again_page_by_page_and_a_tampered_one_stops_nobody() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        bench
            .write(async |work| {
                for number in 10..15 {
                    work.add_key(key(number)).await.unwrap();
                }
            })
            .await;
        bench
            .hand
            .run("UPDATE api_key SET change = 0 WHERE kid = '00000012'")
            .await;
        let mut read = bench.store.read().await.unwrap();
        let (mut after, mut seen) = (KeyId::new(Uuid::from_u128(9)), Vec::new());
        loop {
            let page = read.keys_after(after, 2).await.unwrap();
            for row in page {
                let (id, genuine) = match row {
                    Ok(row) => (row.id, true),
                    Err(Error::Tampered { id, .. }) => (KeyId::new(id), false),
                    Err(other) => panic!("{other}"),
                };
                after = id;
                seen.push((id.uuid(), genuine));
            }
            if after.uuid() == TWO {
                break;
            }
        }
        let ten_on = (10..15).map(|number| (Uuid::from_u128(number), number != 12));
        let expected: Vec<_> = ten_on.chain([(TWO, true)]).collect();
        assert_eq!(seen, expected);
    })
    .await;
}
