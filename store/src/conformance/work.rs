//! A state change, its audit entry and the mail that it causes commit together or not at all.

use uuid::Uuid;

use super::bench::{Bench, entry, on_each_engine};
use super::samples::{ONE, Sample};
use crate::{Error, Evidence, Mail, Partner, Work};

async fn change(work: &mut Work) {
    work.add_partner(Partner::full(ONE)).await.unwrap();
    let mail = Mail {
        person_id: None,
        ..Mail::full(ONE)
    };
    work.queue_mail(&mail).await.unwrap();
}

async fn assert_holds(bench: &Bench, partners: i64, mails: i64, entries: i64) {
    let counts = [("partner", partners), ("outbox", mails), ("audit", entries)];
    for (table, expected) in counts {
        assert_eq!(bench.hand.count(table).await, expected, "{table}");
    }
}

#[tokio::test]
async fn a_commit_leaves_state_and_entry_and_mail() {
    on_each_engine(async |bench: &Bench| {
        bench.write(async |work| change(work).await).await;
        assert_holds(bench, 1, 1, 1).await;
    })
    .await;
}

#[tokio::test]
async fn work_that_is_dropped_leaves_nothing() {
    on_each_engine(async |bench: &Bench| {
        let mut work = bench.store.work().await.unwrap();
        change(&mut work).await;
        drop(work);
        // The next work begins only after the roll-back.
        drop(bench.store.work().await.unwrap());
        assert_holds(bench, 0, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_commit_whose_entry_cannot_be_written_leaves_neither_state_nor_entry_nor_mail() {
    on_each_engine(async |bench: &Bench| {
        // The second entry is refused, after the first one was written.
        bench
            .hand
            .run("CREATE UNIQUE INDEX refuse ON audit (act) WHERE act = 'twice'")
            .await;
        let mut work = bench.store.work().await.unwrap();
        change(&mut work).await;
        let evidence = Evidence::of(entry("once"))
            .and(entry("twice"))
            .and(entry("twice"));
        let refused = work.commit(evidence).await;
        assert!(matches!(refused, Err(Error::Taken(_))), "{refused:?}");
        drop(bench.store.work().await.unwrap());
        assert_holds(bench, 0, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_statement_leaves_nothing_of_the_work() {
    on_each_engine(async |bench: &Bench| {
        let mut work = bench.store.work().await.unwrap();
        change(&mut work).await;
        let other = Partner {
            id: domain::id::PartnerId::new(Uuid::from_u128(2)),
            ..Partner::full(ONE)
        };
        let refused = work.add_partner(other).await;
        assert!(matches!(refused, Err(Error::Taken(_))), "{refused:?}");
        drop(work);
        drop(bench.store.work().await.unwrap());
        assert_holds(bench, 0, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_commit_leaves_nothing() {
    on_each_engine(async |bench: &Bench| {
        // SQLite has no connection that could be lost.
        if bench.engine == super::bench::Engine::Sqlite {
            return;
        }
        let mut work = bench.store.work().await.unwrap();
        change(&mut work).await;
        let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'idle in transaction'";
        assert_eq!(bench.hand.texts(end).await, ["true"]);
        assert!(work.commit(Evidence::of(entry("lost"))).await.is_err());
        assert_holds(bench, 0, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_reader_sees_one_moment() {
    on_each_engine(async |bench: &Bench| {
        let mut read = bench.store.read().await.unwrap();
        assert!(read.partners().await.unwrap().is_empty());
        bench.write(async |work| change(work).await).await;
        assert!(read.partners().await.unwrap().is_empty());
        let mut later = bench.store.read().await.unwrap();
        assert_eq!(later.partners().await.unwrap().len(), 1);
    })
    .await;
}
