//! Units of work that wait for `SQLite`'s one writer share a transaction; `PostgreSQL` gives each its
//! own. What they promise is the same.

use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::bench::{Bench, Engine, at, on_each_engine};
use super::kept::waits;
use crate::conn::Conn;
use crate::error::Error;
use crate::writer::SHARED_FOR;
use crate::{Committed, Store, Unaudited, Work};

type Told = JoinHandle<Result<Committed, Error>>;

/// Begins work, tries at a bucket of this name, and leaves the rest to the test.
async fn tried(store: &Store, bucket: &str) -> Work {
    let mut work = store.minor_work().await.unwrap();
    work.count_try(bucket, at(0)).await.unwrap();
    work
}

/// Waits in the queue for the writer.
fn next(store: &Store, bucket: &'static str) -> JoinHandle<Work> {
    let store = store.clone();
    tokio::spawn(async move { tried(&store, bucket).await })
}

async fn end(work: Work) -> Told {
    let told = tokio::spawn(work.commit_unaudited(Unaudited::Limit));
    yield_now().await;
    told
}

/// The buckets that somebody else sees.
async fn kept(bench: &Bench) -> Vec<String> {
    bench
        .hand
        .texts("SELECT bucket FROM tries ORDER BY bucket")
        .await
}

async fn queued<T>(waits: JoinHandle<T>) -> JoinHandle<T> {
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!waits.is_finished());
    waits
}

#[tokio::test]
async fn nobody_is_told_of_a_commit_before_it_is_done() {
    on_each_engine(async |bench: &Bench| {
        let first = tried(&bench.store, "first").await;
        if bench.engine == Engine::Postgres {
            end(first).await.await.unwrap().unwrap();
            assert_eq!(kept(bench).await, ["first"]);
            return;
        }
        let second = queued(next(&bench.store, "second")).await;
        let first = end(first).await;
        let second = second.await.unwrap();
        assert!(!first.is_finished());
        assert!(kept(bench).await.is_empty());
        let second = end(second).await;
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["first", "second"]);
    })
    .await;
}

#[tokio::test]
async fn who_was_first_does_not_wait_for_all_who_come_after() {
    on_each_engine(async |bench: &Bench| {
        let first = tried(&bench.store, "first").await;
        if bench.engine == Engine::Postgres {
            return;
        }
        let second = queued(next(&bench.store, "second")).await;
        let third = queued(next(&bench.store, "third")).await;
        let first = end(first).await;
        let second = second.await.unwrap();
        sleep(SHARED_FOR * 2).await;
        let second = end(second).await;
        let third = third.await.unwrap();
        let both = timeout(Duration::from_secs(10), async {
            (first.await, second.await)
        });
        let (first, second) = both.await.expect("told while the third is at work");
        first.unwrap().unwrap();
        second.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["first", "second"]);
        drop(third);
    })
    .await;
}

#[tokio::test]
async fn work_that_is_dropped_undoes_nothing_of_the_others() {
    on_each_engine(async |bench: &Bench| {
        let first = tried(&bench.store, "first").await;
        let second = next(&bench.store, "second");
        let third = next(&bench.store, "third");
        let fourth = next(&bench.store, "fourth");
        yield_now().await;
        let first = end(first).await;
        drop(second.await.unwrap());
        let third = end(third.await.unwrap()).await;
        drop(fourth.await.unwrap());
        first.await.unwrap().unwrap();
        third.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["first", "third"]);
        assert_eq!(tries(bench, "second").await, 1, "counted from the start");
    })
    .await;
}

async fn tries(bench: &Bench, bucket: &str) -> i64 {
    let mut work = bench.store.minor_work().await.unwrap();
    let tries = work.count_try(bucket, at(0)).await.unwrap();
    work.commit_unaudited(Unaudited::Limit).await.unwrap();
    tries
}

#[tokio::test]
async fn who_goes_away_holds_up_nobody_and_loses_nothing() {
    on_each_engine(async |bench: &Bench| {
        let first = tried(&bench.store, "first").await;
        let gone = next(&bench.store, "gone");
        let second = next(&bench.store, "second");
        yield_now().await;
        let first = end(first).await;
        gone.abort();
        drop(gone);
        let second = end(second.await.unwrap()).await;
        if bench.engine == Engine::Sqlite {
            first.abort();
            second.abort();
            while kept(bench).await != ["first", "second"] {
                yield_now().await;
            }
        } else {
            first.await.unwrap().unwrap();
            second.await.unwrap().unwrap();
        }
        assert_eq!(tries(bench, "first").await, 2);
    })
    .await;
}

#[tokio::test]
async fn who_goes_away_while_others_are_committed_takes_nothing_from_them() {
    on_each_engine(async |bench: &Bench| {
        for steps in 0..20 {
            let work = tried(&bench.store, "kept").await;
            let database = bench.store.database().clone();
            let gone = tokio::spawn(async move { database.schema().await });
            yield_now().await;
            let told = end(work).await;
            for _ in 0..steps {
                yield_now().await;
            }
            gone.abort();
            let told = timeout(Duration::from_secs(10), told).await;
            told.expect("told").unwrap().unwrap();
            assert_eq!(tries(bench, "kept").await, 2 * (steps + 1));
        }
    })
    .await;
}

/// Runs a statement of the engine's own within somebody's turn.
async fn run(work: &mut Work, sql: &'static str) {
    let Conn::Sqlite(conn) = &mut work.read.conn else {
        unreachable!()
    };
    sqlx::raw_sql(sql).execute(&mut **conn).await.unwrap();
}

async fn were_not_kept(all: [Told; 2]) {
    for told in all {
        let error = told.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Database(_)), "{error}");
    }
}

#[tokio::test]
async fn where_the_engine_ends_the_transaction_all_are_told_that_nothing_was_kept() {
    on_each_engine(async |bench: &Bench| {
        if bench.engine == Engine::Postgres {
            return;
        }
        let first = tried(&bench.store, "first").await;
        let second = queued(next(&bench.store, "second")).await;
        let third = queued(next(&bench.store, "third")).await;
        let first = end(first).await;
        let mut second = second.await.unwrap();
        // As a full disk does.
        run(&mut second, "ROLLBACK").await;
        let second = end(second).await;
        let third = end(third.await.unwrap()).await;
        were_not_kept([first, second]).await;
        third.await.unwrap().unwrap();
        let kept = kept(bench).await;
        assert!(kept.contains(&"third".to_owned()), "{kept:?}");
        assert!(!kept.contains(&"first".to_owned()), "{kept:?}");
    })
    .await;
}

#[tokio::test]
async fn work_that_is_to_be_kept_does_not_join_what_a_power_cut_may_undo() {
    on_each_engine(async |bench: &Bench| {
        let mut passing = bench.store.passing_work().await.unwrap();
        passing.count_try("passing", at(0)).await.unwrap();
        let second = next(&bench.store, "second");
        yield_now().await;
        let passing = end(passing).await;
        let mut second = second.await.unwrap();
        if bench.engine == Engine::Sqlite {
            assert!(waits(&mut second).await);
        }
        passing.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["passing"]);
        end(second).await.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["passing", "second"]);
    })
    .await;
}

#[tokio::test]
async fn passing_work_joins_what_is_to_be_kept() {
    on_each_engine(async |bench: &Bench| {
        if bench.engine == Engine::Postgres {
            return;
        }
        let first = tried(&bench.store, "first").await;
        let store = bench.store.clone();
        let passing = queued(tokio::spawn(async move { store.passing_work().await })).await;
        let first = end(first).await;
        let mut passing = passing.await.unwrap().unwrap();
        assert!(waits(&mut passing).await);
        passing.count_try("passing", at(0)).await.unwrap();
        end(passing).await.await.unwrap().unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["first", "passing"]);
    })
    .await;
}

#[tokio::test]
async fn who_leaves_is_told_when_what_it_saw_is_committed_and_changes_nothing() {
    on_each_engine(async |bench: &Bench| {
        let first = tried(&bench.store, "first").await;
        let second = next(&bench.store, "second");
        let third = next(&bench.store, "third");
        yield_now().await;
        let first = end(first).await;
        let left = tokio::spawn(second.await.unwrap().leave());
        let third = third.await.unwrap();
        if bench.engine == Engine::Sqlite {
            assert!(!queued(left).await.is_finished());
        } else {
            left.await.unwrap().unwrap();
        }
        let third = end(third).await;
        first.await.unwrap().unwrap();
        third.await.unwrap().unwrap();
        assert_eq!(kept(bench).await, ["first", "third"]);
    })
    .await;
}

#[tokio::test]
async fn where_the_commit_fails_all_are_told_that_nothing_was_kept() {
    on_each_engine(async |bench: &Bench| {
        if bench.engine == Engine::Postgres {
            return;
        }
        let first = tried(&bench.store, "first").await;
        let second = queued(next(&bench.store, "second")).await;
        let first = end(first).await;
        let mut second = second.await.unwrap();
        // Of all constraints these alone can be left to the commit.
        let orphan = "PRAGMA defer_foreign_keys = ON;
            INSERT INTO envelope (delivery_id, credential_id, ciphertext_digest, opened_digest)
            VALUES (X'01', X'01', X'01', X'01')";
        run(&mut second, orphan).await;
        let second = end(second).await;
        were_not_kept([first, second]).await;
        assert!(kept(bench).await.is_empty());
        assert_eq!(tries(bench, "first").await, 1, "the next one goes on");
    })
    .await;
}
