//! Who changes a row must have seen it as it is.

use domain::id::{PartnerId, PersonLinkId};

use super::bench::{Bench, at, entry, on_each_engine};
use super::samples::{ONE, Sample, TWO, fill};
use crate::{Error, Evidence, Partner, PersonLink};

#[tokio::test]
async fn an_update_on_an_old_stamp_changes_nothing() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let renamed = |name: &str| Partner {
            name: name.to_owned(),
            ..Partner::full(ONE)
        };
        let second = bench
            .store
            .work()
            .await
            .unwrap()
            .update_partner(renamed("not committed"), 1)
            .await
            .unwrap();
        assert_eq!(second.stamp(), 2);
        bench
            .write(async |work| drop(work.update_partner(renamed("new"), 1).await.unwrap()))
            .await;
        for stamp in [1, 0, -1, 3, i64::MAX, i64::MIN] {
            let mut work = bench.store.work().await.unwrap();
            let refused = work.update_partner(renamed("stale"), stamp).await;
            assert!(
                matches!(refused, Err(Error::Changed { table: "partner", id }) if id == ONE),
                "{stamp}: {refused:?}"
            );
            work.commit(Evidence::of(entry("stale"))).await.unwrap();
        }
        let mut read = bench.store.read().await.unwrap();
        let partner = read.partner(PartnerId::new(ONE)).await.unwrap().unwrap();
        assert_eq!((partner.name.as_str(), partner.stamp()), ("new", 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_consume_a_persons_link_one_wins() {
    on_each_engine(async |bench: &Bench| {
        fill(bench).await;
        let won = bench.race(64, |store, _| consume(store)).await;
        assert_eq!(won.len(), 64);
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    })
    .await;
}

/// As a service does: read, decide, write where it is still so.
async fn consume(store: crate::Store) -> bool {
    let id = PersonLinkId::new(TWO);
    let seen = {
        let mut read = store.read().await.unwrap();
        read.person_link(id).await.unwrap().unwrap()
    };
    if seen.consumed_at.is_some() {
        return false;
    }
    let mut work = store.work().await.unwrap();
    let stamp = seen.stamp();
    let consumed = PersonLink {
        consumed_at: Some(at(1)),
        ..seen.into_row()
    };
    match work.update_person_link(consumed, stamp).await {
        Ok(_) => work.commit(Evidence::of(entry("consume"))).await.is_ok(),
        Err(Error::Changed { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}
